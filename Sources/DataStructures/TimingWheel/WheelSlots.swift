// SPDX-License-Identifier: Apache-2.0

/// The slots of a timing wheel: heads of chunk lists, and a bit per slot that has any.
///
///     word    0 ..< 2048   four levels of 512 heads: address of the slot's first chunk, or 0
///          2048, 2049      heads of the two overflow lists
///          2050 ..< 2082   four levels of 512 bits: the slot is not empty
@safe @usableFromInline
struct WheelSlots {
  /// The heads, followed by the bits.
  @usableFromInline let words: UnsafeMutablePointer<UInt64>

  /// Slots of a level: two blocks of 256, the one that the clock is in and the next.
  @inlinable static var perLevel: Int { 512 }
  /// Levels with slots of 1 ms, 256 ms, 65.5 s and 4.66 h.
  @inlinable static var levels: Int { 4 }
  /// Index of the first overflow list; the second one follows.
  @inlinable static var overflow: Int { 2048 }
  /// Heads in all.
  @inlinable static var count: Int { 2050 }
  /// Size in bytes.
  @inlinable static var byteCount: Int { (count + levels * perLevel / 64) * 8 }

  /// Empty slots in memory of the allocator's.
  @usableFromInline
  init(allocator: Allocator) {
    let memory = unsafe allocator.allocate(WheelSlots.byteCount)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: WheelSlots.byteCount)
    unsafe words = memory.assumingMemoryBound(to: UInt64.self)
  }

  /// Gives the memory back; the chunks must be gone or known from elsewhere.
  @usableFromInline
  func release(to allocator: Allocator) {
    unsafe allocator.deallocate(UnsafeMutableRawPointer(words), byteCount: WheelSlots.byteCount)
  }

  /// Address of a slot's first chunk, 0 if it is empty.
  @inlinable @inline(__always)
  func head(_ slot: Int) -> UInt64 {
    assert(slot >= 0 && slot < WheelSlots.count)
    return unsafe words[slot]
  }

  /// Sets a slot's first chunk and its bit.
  @inlinable @inline(__always)
  func setHead(_ slot: Int, to address: UInt64) {
    assert(slot >= 0 && slot < WheelSlots.count)
    unsafe words[slot] = address
    guard slot < WheelSlots.overflow else { return }
    let bit: UInt64 = 1 &<< UInt64(slot & 63)
    let word = WheelSlots.count &+ slot &>> 6
    unsafe words[word] = address == 0 ? words[word] & ~bit : words[word] | bit
  }

  /// Number of the first slot of a level that is not empty, `Int64.max` if all are.
  ///
  /// A slot's number is its start divided by its width. The level holds the numbers of the block
  /// of 256 that `clock` is in, and of the next block.
  @inlinable @inline(__always)
  func first(level: Int, clock: Int64) -> Int64 {
    let base = WheelTime.firstNumber(level: level, clock: clock)
    let bits = WheelSlots.count &+ level &* 8
    let start = Int(truncatingIfNeeded: base & 511) &>> 6
    for step in 0..<8 {
      let word = unsafe words[bits &+ (start &+ step) & 7]
      if word != 0 {
        return base &+ Int64(step &* 64 &+ word.trailingZeroBitCount)
      }
    }
    return .max
  }

  /// Index of any slot that is not empty, low levels first; nil if all are empty.
  @usableFromInline
  func anySlot() -> Int? {
    for word in 0..<(WheelSlots.levels * 8) {
      let bits = unsafe words[WheelSlots.count + word]
      if bits != 0 { return word * 64 + bits.trailingZeroBitCount }
    }
    if head(WheelSlots.overflow) != 0 { return WheelSlots.overflow }
    return head(WheelSlots.overflow + 1) != 0 ? WheelSlots.overflow + 1 : nil
  }
}

/// How times map to slots.
@usableFromInline
enum WheelTime {
  /// The wheel's times stay that far inside of Int64, so that no sum of theirs overflows.
  @inlinable static var margin: Int64 { 1 << 40 }
  /// The last time with a slot; later deadlines wait there, in the overflow list, for ever.
  @inlinable static var latest: Int64 { .max - margin }
  /// The first time with a slot.
  @inlinable static var earliest: Int64 { .min + margin }

  /// The time, or the nearest one that has a slot.
  @inlinable @inline(__always)
  static func clamped(_ time: Int64) -> Int64 { max(earliest, min(time, latest)) }

  /// Number of the first slot of the block that a level's clock is in.
  @inlinable @inline(__always)
  static func firstNumber(level: Int, clock: Int64) -> Int64 {
    number(clock, level: level &+ 1) &<< 8
  }

  /// Number of the slot of a level that a time belongs to.
  @inlinable @inline(__always)
  static func number(_ time: Int64, level: Int) -> Int64 { time &>> Int64(8 &* level) }

  /// Start of the slot of a level that has this number.
  @inlinable @inline(__always)
  static func start(_ number: Int64, level: Int) -> Int64 { number &<< Int64(8 &* level) }

  /// The lowest level that has a slot for `time`, which is not before `clock`; 4 for none.
  @inlinable @inline(__always)
  static func level(of time: Int64, clock: Int64) -> Int {
    assert(time >= clock)
    if time &>> 8 &- clock &>> 8 <= 1 { return 0 }
    if time &>> 16 &- clock &>> 16 <= 1 { return 1 }
    if time &>> 24 &- clock &>> 24 <= 1 { return 2 }
    return time &>> 32 &- clock &>> 32 <= 1 ? 3 : 4
  }

  /// Index among the slots of the slot of a level that has this number.
  @inlinable @inline(__always)
  static func slot(_ number: Int64, level: Int) -> Int {
    level &* WheelSlots.perLevel &+ Int(truncatingIfNeeded: number & 511)
  }

  /// When the slot with this index starts.
  @inlinable @inline(__always)
  static func start(ofSlot slot: Int, clock: Int64) -> Int64 {
    let level = slot / WheelSlots.perLevel
    let base = firstNumber(level: level, clock: clock)
    return start(base &+ (Int64(slot) &- base) & 511, level: level)
  }
}
