// SPDX-License-Identifier: Apache-2.0

extension TimingWheel {
  /// The exact sum of all deadlines in milliseconds.
  @inlinable
  public var deadlineSum: Int128 { sum }

  /// The mean of all deadlines in milliseconds, rounded towards zero; nil without elements.
  @inlinable
  public var averageDeadline: Int64? {
    elementCount == 0 ? nil : Int64(sum / Int128(elementCount))
  }

  /// The next time at which `nextDue` may have something to do, not before `now`; nil if never.
  ///
  /// It is a lower bound: at the start of a slot of a higher level there may be nothing due yet.
  @inlinable
  public func earliestEvent(after now: Int64) -> Int64? {
    guard elementCount > 0, let slots = slots else { return nil }
    if retired != nil { return now }
    var earliest = Int64.max
    for level in 0..<WheelSlots.levels {
      let number = slots.first(level: level, clock: clock)
      if number != .max { earliest = min(earliest, WheelTime.start(number, level: level)) }
    }
    if slots.head(overflow) != 0 { earliest = min(earliest, overflowTurn) }
    if slots.head(otherOverflow) != 0 {
      earliest = min(earliest, (clock >> 32 + 1) << 32)
    }
    // The clock is at a time once now is beyond it.
    return max(now, earliest + 1)
  }

  /// One of all elements, each equally likely; nil if there is none.
  ///
  /// - Complexity: O(1) expected; up to thirty tries if most chunks hold a single record.
  @inlinable
  public func random(using generator: inout RandomGenerator) -> Element? {
    guard elementCount > 0, let directory = unsafe directory else { return nil }
    while true {
      let draw = generator.next(below: chunkCount &* WheelChunk.capacity)
      let chunk = WheelChunk(address: unsafe directory[draw / WheelChunk.capacity])
      let position = draw % WheelChunk.capacity
      if position < chunk.count { return Element(word: chunk[position]) }
    }
  }

  /// Frees the memory of up to `limit` records without touching elements; true when all is gone.
  ///
  /// For a wheel that is dropped together with its elements: their notes stay as they are, and
  /// nothing but `drain` and `deinit` may follow until it has returned true.
  public mutating func drain(upTo limit: Int) -> Bool {
    slots?.release(to: allocator)
    retired?.release(to: allocator)
    slots = nil
    retired = nil
    bank = 0
    overflow = WheelSlots.overflow
    overflowFloor = .max
    sum = 0
    stoppedEarly = false
    var freed = 0
    while chunkCount > 0, freed < limit {
      let last = unsafe directory.unsafelyUnwrapped[chunkCount - 1]
      let chunk = WheelChunk(address: last)
      freed += chunk.count
      elementCount -= chunk.count
      removeChunk(chunk)
    }
    guard chunkCount == 0 else { return false }
    if let directory = unsafe directory {
      unsafe allocator.deallocate(
        UnsafeMutableRawPointer(directory), byteCount: directoryCapacity &* 8)
    }
    unsafe directory = nil
    directoryCapacity = 0
    return true
  }
}
