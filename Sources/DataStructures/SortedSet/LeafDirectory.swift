// SPDX-License-Identifier: Apache-2.0

/// What a directory says of a leaf: where it is, and enough to find a member's bytes without a look
/// at the leaf's header.
///
///     bit   0                   44      51      55      56        64
///           +-------------------+-------+-------+-------+---------+
///           | address / 16      | slots | width | mixed | code    |
///           +-------------------+-------+-------+-------+---------+
///
/// A number that no leaf has stands in a list of such numbers; widths are at most 8:
///
///     bit   0         26         52      53   55           64
///           +---------+----------+-------+----+------------+
///           | next    | previous |   0   | 11 |      0     |
///           +---------+----------+-------+----+------------+
struct LeafWord {
  let rawValue: UInt64

  @inline(__always)
  init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The word of a leaf.
  init(_ leaf: Leaf) {
    let shape = UInt64(leaf.slots) << 44 | UInt64(leaf.width) << 51
    let code = UInt64(leaf.code.rawValue) << 56
    rawValue = UInt64(leaf.address >> 4) | shape | code | (leaf.isMixed ? 1 << 55 : 0)
  }

  /// The word of a free number between two others, or `noNumber`.
  init(freeBefore next: UInt32, behind previous: UInt32) {
    rawValue = UInt64(next) | UInt64(previous) << 26 | 3 << 53
  }

  /// Stands for no number in a list of free ones.
  static var noNumber: UInt32 { UInt32(MemberReference.leafMax) }

  /// Whether no leaf has the number.
  var isFree: Bool { rawValue &>> 53 & 3 == 3 }

  /// The next free number.
  var nextFree: UInt32 { UInt32(truncatingIfNeeded: rawValue & 0x3ff_ffff) }

  /// The free number before.
  var previousFree: UInt32 { UInt32(truncatingIfNeeded: rawValue &>> 26 & 0x3ff_ffff) }

  /// Where the leaf is.
  @inline(__always)
  var address: UInt { UInt(truncatingIfNeeded: rawValue & 0xfff_ffff_ffff) &<< 4 }

  @inline(__always)
  var slots: Int { Int(truncatingIfNeeded: rawValue &>> 44 & 0x7f) }

  @inline(__always)
  var width: Int { Int(truncatingIfNeeded: rawValue &>> 51 & 0xf) }

  @inline(__always)
  var isMixed: Bool { rawValue &>> 55 & 1 != 0 }

  /// The code of the leaf's members.
  @inline(__always)
  var code: MemberCode { MemberCode(rawValue: UInt8(truncatingIfNeeded: rawValue &>> 56)) }

  /// Address of the stored score in a slot.
  @inline(__always)
  func scoreAddress(_ slot: Int) -> UInt {
    address &+ UInt(bitPattern: Leaf.headerByteCount &+ slots &+ slot &* width)
  }

  /// Address of the hash in a slot.
  @inline(__always)
  func hashAddress(_ slot: Int) -> UInt {
    address &+ UInt(bitPattern: Leaf.headerByteCount &+ slots &* (1 &+ width) &+ slot &* 4)
  }

  /// Address of the member in a slot; of a mixed leaf about where it will be.
  @inline(__always)
  func memberAddress(_ slot: Int) -> UInt {
    let perSlot = 5 &+ width &+ (isMixed ? 1 : 0)
    return address
      &+ UInt(bitPattern: Leaf.headerByteCount &+ slots &* perSlot &+ slot &* code.byteCount)
  }
}

extension LeafWord {
  /// Whether all members of the leaf stand in it and have this length.
  @inline(__always)
  func hasShortMembers(_ byteCount: Int) -> Bool {
    rawValue &>> 55 == UInt64(byteCount) &<< 1 && byteCount <= MemberCode.shortMax
  }

  /// Whether the member in a slot has these bytes, as many as all members of the leaf have.
  @inline(__always)
  func holds(_ member: RawSpan, in slot: Int) -> Bool {
    assert(hasShortMembers(member.byteCount))
    // The leaf exists, and so does the slot.
    let start = unsafe UnsafeRawPointer(bitPattern: memberAddress(slot)).unsafelyUnwrapped
    return unsafe member.equals(bytesAt: start)
  }
}

/// A member's place: the number of its leaf, and the slot. Four bytes; they change only when the
/// leaf splits, joins or is made smaller.
struct MemberReference: Equatable {
  let rawValue: UInt32

  /// Leaves that a directory can have.
  static var leafMax: Int { 1 << 26 - 1 }

  @inline(__always)
  init(rawValue: UInt32) { self.rawValue = rawValue }

  @inline(__always)
  init(leaf: UInt32, slot: Int) { rawValue = leaf &<< 6 | UInt32(truncatingIfNeeded: slot) }

  /// Number of the leaf.
  @inline(__always)
  var leaf: UInt32 { rawValue &>> 6 }

  /// Slot in the leaf.
  @inline(__always)
  var slot: Int { Int(rawValue & 63) }
}

/// From the numbers of leaves to the leaves.
@safe
struct LeafDirectory: ~Copyable {
  private let allocator: Allocator
  private(set) var words: UnsafeMutablePointer<UInt64>?
  private var capacity = 0
  /// All numbers of leaves are below this one.
  private(set) var bound: UInt32 = 0
  /// The number freed last.
  private(set) var firstFree = LeafWord.noNumber
  /// How many numbers below `bound` are free.
  private(set) var freeCount: UInt32 = 0

  /// A directory without leaves, which owns no memory.
  init(allocator: Allocator) {
    self.allocator = allocator
    unsafe words = nil
  }

  deinit { freeWords() }

  /// Bytes that the directory occupies.
  var byteCount: Int {
    guard let words = unsafe words else { return 0 }
    return unsafe allocator.allocatedSize(of: capacity * 8, at: words)
  }

  /// What is said of a number, which must be below `bound`.
  @inline(__always)
  subscript(number: UInt32) -> LeafWord {
    assert(number < bound)
    return LeafWord(rawValue: unsafe words.unsafelyUnwrapped[Int(number)])
  }

  /// Where it is said, to be loaded early.
  @inline(__always)
  func address(of number: UInt32) -> UInt {
    UInt(bitPattern: unsafe words) &+ UInt(number) &* 8
  }

  /// All words, those of free numbers included.
  var allWords: [UInt64] {
    guard let words = unsafe words else { return [] }
    return unsafe Array(UnsafeBufferPointer(start: words, count: Int(bound)))
  }

  /// The leaf with a number, which must exist.
  @inline(__always)
  func leaf(_ number: UInt32) -> Leaf { Leaf(at: self[number].address) }

  /// The leaf with a number; nil if that is `none`.
  @inline(__always)
  func optionalLeaf(_ number: UInt32) -> Leaf? { number == Leaf.none ? nil : leaf(number) }

  /// Enters where a leaf is and what it looks like.
  func enter(_ leaf: Leaf) {
    assert(leaf.number < bound)
    unsafe words.unsafelyUnwrapped[Int(leaf.number)] = LeafWord(leaf).rawValue
  }

  /// A number for a new leaf.
  mutating func takeNumber() -> UInt32 {
    if firstFree != LeafWord.noNumber {
      let number = firstFree
      unlink(number)
      return number
    }
    precondition(bound < MemberReference.leafMax, "more leaves than a sorted set can have")
    if bound == capacity { grow() }
    bound += 1
    return bound - 1
  }

  /// Gives back the number of a leaf that is gone.
  mutating func free(_ number: UInt32) {
    set(number, LeafWord(freeBefore: firstFree, behind: LeafWord.noNumber))
    if firstFree != LeafWord.noNumber {
      set(firstFree, LeafWord(freeBefore: self[firstFree].nextFree, behind: number))
    }
    firstFree = number
    freeCount += 1
  }

  /// Takes a number out of the list of free ones.
  private mutating func unlink(_ number: UInt32) {
    let (next, previous) = (self[number].nextFree, self[number].previousFree)
    if next != LeafWord.noNumber {
      set(next, LeafWord(freeBefore: self[next].nextFree, behind: previous))
    }
    if previous != LeafWord.noNumber {
      set(previous, LeafWord(freeBefore: next, behind: self[previous].previousFree))
    } else {
      firstFree = next
    }
    freeCount -= 1
  }

  private func set(_ number: UInt32, _ word: LeafWord) {
    assert(number < bound)
    unsafe words.unsafelyUnwrapped[Int(number)] = word.rawValue
  }

  /// Whether so few numbers are those of leaves that the last leaves should get lower ones.
  var isSparse: Bool { bound > 64 && (bound - freeCount) < bound / 4 }

  /// Forgets the last number if it is free.
  mutating func removeLastIfFree() -> Bool {
    guard bound > 0, self[bound - 1].isFree else { return false }
    unlink(bound - 1)
    removeLast()
    return true
  }

  /// Forgets the last number, whatever it stands for; there must be one.
  mutating func removeLast() { bound -= 1 }

  /// Gives half of the memory back if a quarter would do.
  mutating func giveBackUnused() {
    if capacity > 64 && Int(bound) <= capacity / 4 { resize(capacity / 2) }
  }

  /// Gives all memory back.
  mutating func release() {
    freeWords()
    unsafe words = nil
    capacity = 0
    bound = 0
    firstFree = LeafWord.noNumber
    freeCount = 0
  }

  private func freeWords() {
    if let words = unsafe words { unsafe allocator.deallocate(words, byteCount: capacity * 8) }
  }

  /// Makes room for more numbers; small directories grow by a half only.
  private mutating func grow() {
    resize(capacity < 4 ? 4 : capacity < 1024 ? capacity + capacity / 2 : capacity * 2)
  }

  private mutating func resize(_ newCapacity: Int) {
    let memory: UnsafeMutableRawPointer
    if let old = unsafe words {
      unsafe memory = unsafe allocator.reallocate(
        old, from: capacity * 8, to: newCapacity * 8)
    } else {
      unsafe memory = unsafe allocator.allocate(newCapacity * 8)
    }
    unsafe words = unsafe memory.bindMemory(to: UInt64.self, capacity: newCapacity)
    capacity = newCapacity
  }

  /// Moves the words out of a slab that compaction wants to empty.
  mutating func leaveSparseSlab() {
    let byteCount = capacity * 8
    guard let old = unsafe words, unsafe allocator.isSparse(old, byteCount: byteCount) else {
      return
    }
    let moved = unsafe allocator.allocate(byteCount)
    unsafe moved.copyMemory(from: old, byteCount: byteCount)
    unsafe allocator.deallocate(old, byteCount: byteCount)
    unsafe words = unsafe moved.bindMemory(to: UInt64.self, capacity: capacity)
  }
}
