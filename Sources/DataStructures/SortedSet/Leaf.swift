// SPDX-License-Identifier: Apache-2.0

/// Reference to one leaf of a sorted set: up to 64 members with their scores, in one block.
///
///     0        4      8          12      13      14      15     16       24
///     +--------+------+----------+-------+-------+-------+------+--------+
///     | number | next | previous | slots | width | shift | code | parent |
///     +--------+------+----------+-------+-------+-------+------+--------+
///     24     25      26      27     28             30         32     40     48
///     +------+-------+-------+------+--------------+----------+------+------+
///     | hint | epoch | mixed | count| member bytes | granules | base | used |
///     +------+-------+-------+------+--------------+----------+------+------+
///     48           48 + slots                + width x slots  + 4 x slots
///     +------------+-------------------------+----------------+---------+--------------+
///     | order: the | scores: `width` bytes   | hashes: 4      | lengths | member bytes |
///     | slots in   | per slot                | bytes per slot | 1 byte  | by slot      |
///     | order      |                         |                | per slot|              |
///     +------------+-------------------------+----------------+---------+--------------+
///
/// - A member stays in its slot until the leaf splits, joins or is made smaller; `used` has a bit
///   for each slot that is taken. `order` lists the taken slots in order of score and member.
/// - A score is `base + (difference << shift)` as an integer (see ScoreKey.swift).
/// - code: length of every member, and how far apart they stand. A leaf with members of different
///   lengths is mixed: it has a code per slot in `lengths`, and its members stand without gaps. Bit
///   7 set: the members are long, eight bytes lead to the block of each, which is [length | bytes].
/// - member bytes: how many a mixed leaf has. granules: size of the block in 64 bytes.
/// - parent, hint: the node with the link to this leaf, and in which slot it was last seen.
/// - number: the leaf's own in the directory; next, previous: its neighbors', 2^32 - 1 at the ends.
///
/// Apart from parent and neighbours a leaf refers to nothing but its long members: a copy of the
/// block can be read by itself.
@safe
struct Leaf: Equatable {
  /// The leaf's memory.
  let base: UnsafeMutableRawPointer

  /// Members that fit into a leaf.
  static var slotMax: Int { 64 }
  /// Bytes before the arrays.
  static var headerByteCount: Int { 48 }
  /// Bytes that a leaf has at most.
  static var byteCountMax: Int { Allocator.longestRun }
  /// The number that stands for no leaf.
  static var none: UInt32 { .max }

  /// The leaf at `address`.
  @inline(__always)
  init(at address: UInt) {
    assert(address != 0)
    unsafe base = unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }

  /// The leaf whose block this is.
  @inline(__always)
  init(_ block: UnsafeMutableRawPointer) { unsafe base = unsafe block }

  /// Where the leaf is.
  @inline(__always)
  var address: UInt { UInt(bitPattern: unsafe base) }

  /// Whether both are the same leaf.
  @inline(__always)
  static func == (left: Leaf, right: Leaf) -> Bool { left.address == right.address }

  @inline(__always)
  private func byte(_ offset: Int) -> Int {
    Int(unsafe base.load(fromByteOffset: offset, as: UInt8.self))
  }

  @inline(__always)
  private func setByte(_ offset: Int, _ value: Int) {
    unsafe base.storeBytes(
      of: UInt8(truncatingIfNeeded: value), toByteOffset: offset, as: UInt8.self)
  }
}

// MARK: - Header

extension Leaf {
  /// The leaf's own number.
  @inline(__always)
  var number: UInt32 {
    get { unsafe base.load(as: UInt32.self) }
    nonmutating set { unsafe base.storeBytes(of: newValue, as: UInt32.self) }
  }

  /// The number of the leaf behind this one.
  @inline(__always)
  var next: UInt32 {
    get { unsafe base.load(fromByteOffset: 4, as: UInt32.self) }
    nonmutating set { unsafe base.storeBytes(of: newValue, toByteOffset: 4, as: UInt32.self) }
  }

  /// The number of the leaf before this one.
  @inline(__always)
  var previous: UInt32 {
    get { unsafe base.load(fromByteOffset: 8, as: UInt32.self) }
    nonmutating set { unsafe base.storeBytes(of: newValue, toByteOffset: 8, as: UInt32.self) }
  }

  /// Number of slots, taken and free.
  @inline(__always)
  var slots: Int {
    get { byte(12) }
    nonmutating set { setByte(12, newValue) }
  }

  /// Bytes per stored score.
  @inline(__always)
  var width: Int {
    get { byte(13) }
    nonmutating set { setByte(13, newValue) }
  }

  /// By how many bits a stored score is shifted.
  @inline(__always)
  var shift: Int {
    get { byte(14) }
    nonmutating set { setByte(14, newValue) }
  }

  /// The code of all members; that of an average one if the leaf is mixed.
  @inline(__always)
  var code: MemberCode {
    get { MemberCode(rawValue: UInt8(truncatingIfNeeded: byte(15))) }
    nonmutating set { setByte(15, Int(newValue.rawValue)) }
  }

  /// The node with the link to this leaf; nil if there is none.
  @inline(__always)
  var parent: LinkNode? { LinkChild(at: address).parent }

  /// The epoch in which the leaf was made or last announced.
  @inline(__always)
  var epoch: UInt8 {
    get { UInt8(truncatingIfNeeded: byte(25)) }
    nonmutating set { setByte(25, Int(newValue)) }
  }

  /// Whether each slot has a length of its own.
  @inline(__always)
  var isMixed: Bool {
    get { byte(26) != 0 }
    nonmutating set { setByte(26, newValue ? 1 : 0) }
  }

  /// Bytes of all members of a mixed leaf.
  @inline(__always)
  var memberByteCount: Int {
    get { Int(unsafe base.load(fromByteOffset: 28, as: UInt16.self)) }
    nonmutating set {
      unsafe base.storeBytes(
        of: UInt16(truncatingIfNeeded: newValue), toByteOffset: 28, as: UInt16.self)
    }
  }

  /// Bytes of the block.
  @inline(__always)
  var byteCount: Int {
    get { Int(unsafe base.load(fromByteOffset: 30, as: UInt16.self)) &* 64 }
    nonmutating set {
      assert(newValue % 64 == 0)
      let granules = UInt16(truncatingIfNeeded: newValue / 64)
      unsafe base.storeBytes(of: granules, toByteOffset: 30, as: UInt16.self)
    }
  }

  /// The key from which stored scores count.
  @inline(__always)
  var baseKey: UInt64 {
    get { unsafe base.load(fromByteOffset: 32, as: UInt64.self) }
    nonmutating set { unsafe base.storeBytes(of: newValue, toByteOffset: 32, as: UInt64.self) }
  }

  /// A bit for each slot that is taken.
  @inline(__always)
  var used: UInt64 {
    get { unsafe base.load(fromByteOffset: 40, as: UInt64.self) }
    nonmutating set { unsafe base.storeBytes(of: newValue, toByteOffset: 40, as: UInt64.self) }
  }

  /// Number of members.
  @inline(__always)
  var count: Int {
    get { byte(27) }
    nonmutating set { setByte(27, newValue) }
  }
}

// MARK: - Arrays

extension Leaf {
  /// The slots in order.
  @inline(__always)
  var order: UnsafeMutablePointer<UInt8> {
    unsafe (base + Leaf.headerByteCount).assumingMemoryBound(to: UInt8.self)
  }

  /// The slot of the member at a place in the order.
  @inline(__always)
  func slot(at index: Int) -> Int {
    assert(index >= 0 && index < count)
    return unsafe Int(order[index])
  }

  /// Stored scores.
  @inline(__always)
  var scores: UnsafeMutableRawPointer { unsafe base + (Leaf.headerByteCount &+ slots) }

  /// Where the hashes begin.
  @inline(__always)
  var hashesOffset: Int { Leaf.headerByteCount &+ slots &* (1 &+ width) }

  /// The codes of a mixed leaf's members.
  @inline(__always)
  var lengths: UnsafeMutableRawPointer {
    unsafe base + (Leaf.headerByteCount &+ slots &* (5 &+ width))
  }

  /// Where the members begin.
  @inline(__always)
  var membersOffset: Int {
    Leaf.headerByteCount &+ slots &* (5 &+ width &+ (isMixed ? 1 : 0))
  }

  /// What of eight bytes read at a stored score belongs to it.
  @inline(__always)
  var scoreMask: UInt64 {
    // Two shifts, as one by 64 would be none.
    let half = UInt64(width &* 4)
    return (1 &<< half) &<< half &- 1
  }

  /// The key of the score in a slot.
  @inline(__always)
  func key(_ slot: Int) -> UInt64 {
    let word = unsafe scores.loadUnaligned(fromByteOffset: slot &* width, as: UInt64.self)
    return baseKey &+ (word & scoreMask) &<< UInt64(shift)
  }

  /// The score in a slot.
  @inline(__always)
  func score(_ slot: Int) -> Double { ScoreKey.score(key(slot)) }

  /// Stores a score, which `canHold` accepts.
  @inline(__always)
  func setKey(_ slot: Int, _ key: UInt64) {
    assert(canHold(key))
    let target = unsafe scores + slot &* width
    let mask = scoreMask
    // Eight bytes are rewritten; those that belong to others keep their value.
    let word = unsafe target.loadUnaligned(as: UInt64.self)
    let difference = (key &- baseKey) &>> UInt64(shift)
    unsafe target.storeBytes(of: word & ~mask | difference, as: UInt64.self)
  }

  /// Whether a score can be stored as base, shift and width are.
  @inline(__always)
  func canHold(_ key: UInt64) -> Bool {
    let (base, shift) = (baseKey, UInt64(shift))
    let difference = (key &- base) &>> shift
    return key >= base && difference & ~scoreMask == 0 && difference &<< shift == key &- base
  }

  /// The lowest 32 bits of the hash of the member in a slot.
  @inline(__always)
  func hash(_ slot: Int) -> UInt64 {
    UInt64(unsafe base.loadUnaligned(fromByteOffset: hashesOffset &+ slot &* 4, as: UInt32.self))
  }

  /// Stores the lowest 32 bits of a hash.
  @inline(__always)
  func setHash(_ slot: Int, _ hash: UInt64) {
    unsafe base.storeBytes(
      of: UInt32(truncatingIfNeeded: hash), toByteOffset: hashesOffset &+ slot &* 4,
      as: UInt32.self)
  }
}
