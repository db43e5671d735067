// SPDX-License-Identifier: Apache-2.0

extension TimingWheel {
  /// Traps unless slots, chunks, directory, notes and counters agree; for tests.
  ///
  /// - Complexity: O(n).
  @inlinable
  public func checkInvariants() {
    var records = 0
    var total: Int128 = 0
    for index in 0..<chunkCount {
      let chunk = WheelChunk(address: unsafe directory.unsafelyUnwrapped[index])
      precondition(chunk.directoryIndex == index)
      precondition(chunk.count > 0 && chunk.count <= WheelChunk.capacity)
      for position in 0..<chunk.count {
        let element = Element(word: chunk[position])
        precondition(element.wheelRecord == chunk.note(position: position))
        total += Int128(element.deadline)
      }
      records += chunk.count
    }
    precondition(records == elementCount)
    precondition(total == sum)
    var linked = 0
    if let slots { linked += checkLists(of: slots, bank: bank) }
    if let retired { linked += checkLists(of: retired, bank: bank ^ WheelReference.bankBit) }
    precondition(linked == chunkCount, "a chunk is in no slot")
    checkTimes()
  }

  /// Number of chunks that hang in these slots.
  @inlinable
  func checkLists(of slots: WheelSlots, bank: Int) -> Int {
    var chunks = 0
    for slot in 0..<WheelSlots.count {
      var address = slots.head(slot)
      var isFirst = true
      while address != 0 {
        let chunk = WheelChunk(address: address)
        precondition(chunk.slot == slot | bank)
        precondition(isFirst || chunk.count == WheelChunk.capacity, "only the first has room")
        isFirst = false
        chunks += 1
        address = chunk.next
      }
      guard slot < WheelSlots.overflow else { continue }
      let bits = unsafe slots.words[WheelSlots.count + slot / 64]
      precondition((bits >> UInt64(slot % 64) & 1 == 1) == (slots.head(slot) != 0))
    }
    return chunks
  }

  /// Level 0 is empty before the clock, and no record is met later than its deadline demands.
  @inlinable
  func checkTimes() {
    guard let slots else { return }
    precondition(slots.first(level: 0, clock: clock) >= clock)
    precondition(slots.head(overflow) == 0 || overflowTurn > clock, "the lists took no turn")
    for slot in 0..<WheelSlots.count {
      var address = slots.head(slot)
      while address != 0 {
        let chunk = WheelChunk(address: address)
        for position in 0..<chunk.count {
          let deadline = Element(word: chunk[position]).deadline
          // A deadline in the past is filed in the clock's slot of level 0 of that time, which
          // may lie ahead again after the clock went back.
          if slot < WheelSlots.perLevel { continue }
          if slot < WheelSlots.overflow {
            precondition(WheelTime.start(ofSlot: slot, clock: clock) <= deadline)
          } else if slot == overflow {
            precondition(min(deadline, WheelTime.latest) >= overflowFloor)
          } else {
            precondition(min(deadline, WheelTime.latest) >> 32 > clock >> 32)
          }
        }
        address = chunk.next
      }
    }
  }
}
