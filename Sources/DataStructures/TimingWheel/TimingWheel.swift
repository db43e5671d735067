// SPDX-License-Identifier: Apache-2.0
//
// The index of deadlines: which keys of one database expire next.
//
// Level 0 has a slot for each millisecond, level 1 for 256 ms, level 2 for 65.5 s, level 3 for
// 4.66 h; what is later than level 3 reaches waits in an overflow list. A level covers the block
// of 256 slots that the clock is in and the block behind it. When the clock enters a slot of a
// higher level, the slot's records move to the levels below (they "cascade").
//
//                 clock
//     level 0   ----|#####|##########|            each # a list of records due in that ms
//     level 1       |#|##########|##########|
//     level 2       |#          |           ...
//
// Because a level covers the next block too, a slot can cascade before the clock gets there, as
// work of low priority: at its start it is usually empty already, and a million records in one
// slot neither stall the loop nor delay keys that are due. What is due is served first, then slots
// that should have cascaded (their due records are handed out at once), then the clock moves, and
// only then comes the work ahead of time.
//
// What a newcomer gets wrong:
// - A record is only a hint where to look. The deadline is read from the entry when its slot comes
//   up. So a later deadline costs nothing: the record is filed anew when it is met. An earlier one
//   must be told, by `deadlineChanged`.
// - The clock stays at least one millisecond behind the latest `now`, so that a deadline in the
//   past, filed in the clock's slot, is met at once, and one equal to `now` is not.
// - Wall time may go back. Up to a second the wheel waits; beyond that all slots retire, and their
//   records are filed anew, a few at a time.
//
// 25 bytes per key: 8 for the deadline and 8 for the note in the entry, 8.5 for the record in a
// chunk of thirty, and the directory of chunks, which makes a uniform choice of a key possible.

/// Elements with deadlines, handed out when their deadline has passed.
///
/// - Complexity: insert, remove and change are O(1). A record is touched once per level at most,
///   and again for every later deadline it is met with and about every 50 days while it waits.
@safe
public struct TimingWheel<Element: TimingWheelElement>: ~Copyable {
  /// How many elements there are.
  @inlinable public var count: Int { elementCount }

  /// Whether the last `nextDue` stopped for lack of work units with elements that may be due.
  @inlinable public var hasBacklog: Bool { stoppedEarly }

  @usableFromInline let allocator: Allocator
  /// The slot of level 0 that is served next; at least one millisecond behind the latest now.
  @usableFromInline var clock: Int64
  @usableFromInline var elementCount = 0
  @usableFromInline var sum: Int128 = 0
  @usableFromInline var stoppedEarly = false

  /// The slots; nil before the first element.
  @usableFromInline var slots: WheelSlots?
  /// The slots from before the wall clock went back, while they still hold records.
  @usableFromInline var retired: WheelSlots?
  /// Bit 15 of the slot of the chunks that hang in `slots`; in those of `retired` it is the other.
  @usableFromInline var bank = 0
  /// The overflow list that receives records; the other one is being sorted into the levels.
  @usableFromInline var overflow = WheelSlots.overflow
  /// No record of the receiving overflow list was filed for a time before this.
  @usableFromInline var overflowFloor: Int64 = .max

  /// Addresses of all chunks without gaps.
  @usableFromInline var directory: UnsafeMutablePointer<UInt64>?
  @usableFromInline var directoryCapacity = 0
  @usableFromInline var chunkCount = 0

  /// Where the walk out of sparse slabs is: a slot in use or, from `WheelSlots.count` on, retired.
  @usableFromInline var walkPosition = 0
  /// Address of the last chunk of that slot which the walk has passed; 0 before the first.
  @usableFromInline var walkPredecessor: UInt64 = 0

  /// An empty wheel at the wall time `now` in milliseconds; allocates nothing.
  @inlinable
  public init(allocator: Allocator, now: Int64) {
    self.allocator = allocator
    clock = WheelTime.clamped(now) &- 1
    slots = nil
    retired = nil
    unsafe directory = nil
  }

  deinit {
    for index in 0..<chunkCount {
      let address = unsafe directory.unsafelyUnwrapped[index]
      let chunk = WheelChunk(address: address)
      unsafe allocator.deallocate(
        UnsafeMutableRawPointer(chunk.words), byteCount: WheelChunk.byteCount)
    }
    if let directory = unsafe directory {
      unsafe allocator.deallocate(
        UnsafeMutableRawPointer(directory), byteCount: directoryCapacity &* 8)
    }
    slots?.release(to: allocator)
    retired?.release(to: allocator)
  }

  /// Adds an element that is in no wheel, with any deadline, also one that has passed.
  @inlinable
  public mutating func insert(_ element: Element) {
    let deadline = element.deadline
    elementCount &+= 1
    sum += Int128(deadline)
    file(element, deadline: deadline)
  }

  /// Takes out an element that is in this wheel.
  @inlinable
  public mutating func remove(_ element: Element) {
    elementCount &-= 1
    sum -= Int128(element.deadline)
    removeRecord(of: element)
    element.wheelRecord = 0
  }

  /// Must be told after the deadline of an element of this wheel has changed.
  @inlinable
  public mutating func deadlineChanged(_ element: Element, from old: Int64) {
    let deadline = element.deadline
    sum += Int128(deadline) - Int128(old)
    // A later deadline is found out when the record is met.
    guard deadline < old else { return }
    // So is an earlier one if the record's slot starts before it all the same.
    let reference = WheelChunk(address: element.wheelRecord).slot
    let slot = reference ^ bank
    if slot < WheelSlots.overflow, WheelTime.start(ofSlot: slot, clock: clock) <= deadline {
      return
    }
    removeRecord(of: element)
    file(element, deadline: deadline)
  }

  /// Must be told after an element's entry has moved, with its note, and so its word is another.
  @inlinable
  public func relocated(_ element: Element) {
    let note = element.wheelRecord
    WheelChunk(address: note)[WheelChunk.position(of: note)] = element.word
  }
}
