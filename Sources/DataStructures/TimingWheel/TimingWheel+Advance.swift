// SPDX-License-Identifier: Apache-2.0

// How time passes. The clock never passes a slot of level 0 that has records. On higher levels it
// may leave slots behind that have not cascaded (they are "late"), but only within the level's
// block of 256: before the clock enters the next block, late slots must be empty, since their
// places are needed for the block after that.

extension TimingWheel {
  /// An element whose deadline is before `now`, taken out of the wheel; nil if none is due.
  ///
  /// Each record looked at takes 1 from `work`. Nothing is done once it is used up, and
  /// `hasBacklog` then tells whether elements may be due. What is left of it when nothing is due
  /// is spent on moving records ahead of time; that costs as much again as serving them.
  ///
  /// - Complexity: O(records looked at); some ten nanoseconds if nothing is due.
  @inlinable
  public mutating func nextDue(now: Int64, work: inout Int) -> Element? {
    stoppedEarly = false
    let limit = WheelTime.clamped(now)
    guard elementCount > 0 else {
      settleEmpty(limit: limit)
      return nil
    }
    if limit <= clock { goBack(to: limit &- 1) }
    while let reference = urgentSlot(before: limit) {
      guard work > 0 else {
        stoppedEarly = true
        return nil
      }
      if let element = serve(reference, now: now, work: &work) { return element }
    }
    while work > 0, let reference = slotAhead() {
      if let element = serve(reference, now: now, work: &work) { return element }
    }
    return nil
  }

  /// Looks at the records of a slot until it is empty, one is due or the work is used up.
  @inlinable
  mutating func serve(_ reference: Int, now: Int64, work: inout Int) -> Element? {
    let slots = slots(of: reference)
    while work > 0 {
      let address = slots.head(reference & ~WheelReference.bankBit)
      guard address != 0 else { return nil }
      work &-= 1
      let chunk = WheelChunk(address: address)
      let position = chunk.count &- 1
      let element = Element(word: chunk[position])
      // Four entries ahead hide most of a cache miss behind the work on these.
      if position >= 4 { Element(word: chunk[position &- 4]).prefetch() }
      let deadline = element.deadline
      dropLast(of: chunk, slot: reference)
      if deadline < now {
        elementCount &-= 1
        sum -= Int128(deadline)
        element.wheelRecord = 0
        return element
      }
      file(element, deadline: deadline)
    }
    return nil
  }

  /// The slot whose records must be looked at next, after moving the clock to it; nil if time has
  /// come to `limit`.
  @inlinable
  mutating func urgentSlot(before limit: Int64) -> Int? {
    guard let slots = slots else { return nil }
    while true {
      let due = slots.first(level: 0, clock: clock)
      if due < limit, mayEnter(due, slots) {
        clock = due
        return WheelTime.slot(due, level: 0) | bank
      }
      if retired != nil, let slot = retiredSlot() { return slot }
      for level in 1..<WheelSlots.levels {
        let number = slots.first(level: level, clock: clock)
        if number <= WheelTime.number(clock, level: level) {
          return WheelTime.slot(number, level: level) | bank
        }
      }
      guard clock < limit &- 1 else { return nil }
      if let slot = advance(to: limit &- 1, slots) { return slot }
    }
  }

  /// Moves the clock to the next slot that has records, at most to `target`. If the overflow list
  /// that is being sorted stands in the way, the clock stays and the list is returned.
  @inlinable @inline(never)
  mutating func advance(to target: Int64, _ slots: WheelSlots) -> Int? {
    var goal = target
    for level in 0..<WheelSlots.levels {
      let number = slots.first(level: level, clock: clock)
      if number != .max { goal = min(goal, WheelTime.start(number, level: level)) }
    }
    let hasOverflow = slots.head(overflow) != 0
    if hasOverflow { goal = min(goal, overflowTurn) }
    if goal &>> 32 != clock &>> 32, slots.head(otherOverflow) != 0 { return otherOverflow | bank }
    clock = goal
    if hasOverflow, goal >= overflowTurn {
      overflow = otherOverflow
      overflowFloor = .max
    }
    return nil
  }

  /// The overflow list that receives nothing.
  @inlinable
  var otherOverflow: Int { overflow ^ 1 }

  /// When the first record of the receiving overflow list may fit into level 3.
  @inlinable
  var overflowTurn: Int64 { (overflowFloor &>> 32 &- 1) &<< 32 }

  /// Whether no late slot would lose its place if the clock moved to `time`.
  @inlinable @inline(__always)
  func mayEnter(_ time: Int64, _ slots: WheelSlots) -> Bool {
    time &>> 16 == clock &>> 16 || mayLeaveBlock(for: time, slots)
  }

  /// The same if the clock leaves its block of level 1 at least.
  @inlinable @inline(never)
  func mayLeaveBlock(for time: Int64, _ slots: WheelSlots) -> Bool {
    for level in 1..<WheelSlots.levels {
      let base = WheelTime.firstNumber(level: level, clock: clock)
      if WheelTime.firstNumber(level: level, clock: time) == base { return true }
      let number = slots.first(level: level, clock: clock)
      if number <= WheelTime.number(clock, level: level) { return false }
    }
    // Beyond level 3's block the overflow lists take turns, which `advance` sees to.
    return slots.head(otherOverflow) == 0 && slots.head(overflow) == 0
  }

  /// A slot that the clock enters next on its level and that may cascade now; low levels first.
  @inlinable
  func slotAhead() -> Int? {
    guard let slots = slots else { return nil }
    for level in 1..<WheelSlots.levels {
      let number = slots.first(level: level, clock: clock)
      if number == WheelTime.number(clock, level: level) &+ 1 {
        return WheelTime.slot(number, level: level) | bank
      }
    }
    return slots.head(otherOverflow) != 0 ? otherOverflow | bank : nil
  }
}

// MARK: - Wall time that goes back

extension TimingWheel {
  /// How far wall time may go back, in milliseconds, before all records are filed anew.
  @inlinable static var patience: Int64 { 1000 }

  /// Moves the clock back to `time`, or as near as the slots allow.
  @usableFromInline @inline(never)
  mutating func goBack(to time: Int64) {
    // Within a block of level 0 all slots keep their meaning, and those passed are empty.
    let block = clock & ~255
    if time >= block || time >= clock - TimingWheel.patience || retired != nil {
      clock = min(clock, max(time, block))
      return
    }
    clock = time
    restartWalk()
    retired = slots
    slots = WheelSlots(allocator: allocator)
    bank ^= WheelReference.bankBit
    overflow = WheelSlots.overflow
    overflowFloor = .max
  }

  /// A retired slot that still has records; frees the retired slots when none has.
  @usableFromInline @inline(never)
  mutating func retiredSlot() -> Int? {
    guard let old = retired else { return nil }
    if let slot = old.anySlot() { return slot | (bank ^ WheelReference.bankBit) }
    old.release(to: allocator)
    retired = nil
    return nil
  }

  /// Sets the clock of a wheel without elements, which may go anywhere.
  @usableFromInline
  mutating func settleEmpty(limit: Int64) {
    clock = limit &- 1
    guard retired != nil else { return }
    _ = retiredSlot()
  }
}
