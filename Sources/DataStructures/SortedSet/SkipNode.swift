// SPDX-License-Identifier: Apache-2.0

/// Reference to one node of a skip list: up to 64 entries in order, on one of the levels.
///
///     0      8          16       24      26      27      28     30     32        544       1056
///     +------+----------+--------+-------+-------+-------+------+------+---------+---------+
///     | next | previous | parent | count | level | epoch | hint | zero | scores  | words   |
///     +------+----------+--------+-------+-------+-------+------+------+---------+---------+
///
///     and on the levels above the bottom                                1056      1568      2080
///                                                                       +---------+---------+
///                                                                       | targets | counts  |
///                                                                       +---------+---------+
///
/// - On the bottom level an entry is an element: its score and its word.
/// - Above, an entry is a link to a node of the level below: the score and the word of that node's
///   first element (so that a search knows whether the link leads too far without a look at the
///   node), the node, and the number of elements that can be reached through it.
/// - Free slots have the score infinity, behind which no score is.
/// - next, previous: the neighbours on the same level, 0 at the ends.
/// - parent: the node with the link to this one; hint: where in it that link was seen last.
/// - epoch: that in which a node of the bottom level was made or last announced.
@safe @usableFromInline
struct SkipNode: Equatable {
  /// The node's memory.
  @usableFromInline let base: UnsafeMutableRawPointer

  /// Entries that fit into a node.
  ///
  /// With 64, headers and links cost less than two bytes per member.
  @inlinable static var slotCount: Int { 64 }

  /// Bytes of a node of a level.
  @inlinable @inline(__always)
  static func byteCount(level: Int) -> Int { level == 0 ? 1056 : 2080 }

  /// A new node without entries and neighbours.
  @usableFromInline
  init(level: Int, in allocator: Allocator) {
    unsafe base = unsafe allocator.allocate(SkipNode.byteCount(level: level))
    unsafe base.initializeMemory(as: UInt64.self, repeating: 0, count: 4)
    unsafe base.storeBytes(of: UInt8(level), toByteOffset: 26, as: UInt8.self)
    epoch = allocator.epoch
    unsafe scores.update(repeating: .infinity, count: SkipNode.slotCount)
  }

  /// The node at `address`, nil if that is 0.
  @inlinable @inline(__always)
  init?(at address: UInt) {
    guard let pointer = unsafe UnsafeMutableRawPointer(bitPattern: address) else { return nil }
    unsafe base = unsafe pointer
  }

  /// Where the node is.
  @inlinable @inline(__always)
  var address: UInt { UInt(bitPattern: unsafe base) }

  /// Whether both are the same node.
  @inlinable @inline(__always)
  static func == (left: SkipNode, right: SkipNode) -> Bool { left.address == right.address }

  /// Gives the memory back.
  @usableFromInline
  func free(to allocator: Allocator) {
    unsafe allocator.deallocate(base, byteCount: SkipNode.byteCount(level: level))
  }
}

// MARK: - Header

extension SkipNode {
  /// The node behind this one on the same level.
  @inlinable @inline(__always)
  var next: SkipNode? {
    get { SkipNode(at: unsafe base.load(as: UInt.self)) }
    nonmutating set { unsafe base.storeBytes(of: newValue?.address ?? 0, as: UInt.self) }
  }

  /// The node before this one on the same level.
  @inlinable @inline(__always)
  var previous: SkipNode? {
    get { SkipNode(at: unsafe base.load(fromByteOffset: 8, as: UInt.self)) }
    nonmutating set {
      unsafe base.storeBytes(of: newValue?.address ?? 0, toByteOffset: 8, as: UInt.self)
    }
  }

  /// The node of the level above that has the link to this one; nil for the top.
  @inlinable @inline(__always)
  var parent: SkipNode? {
    get { SkipNode(at: unsafe base.load(fromByteOffset: 16, as: UInt.self)) }
    nonmutating set {
      unsafe base.storeBytes(of: newValue?.address ?? 0, toByteOffset: 16, as: UInt.self)
    }
  }

  /// Number of entries.
  @inlinable @inline(__always)
  var count: Int {
    get { Int(unsafe base.load(fromByteOffset: 24, as: UInt16.self)) }
    nonmutating set {
      assert(newValue >= 0 && newValue <= SkipNode.slotCount)
      let count = UInt16(truncatingIfNeeded: newValue)
      unsafe base.storeBytes(of: count, toByteOffset: 24, as: UInt16.self)
    }
  }

  /// Height above the bottom level.
  @inlinable @inline(__always)
  var level: Int { Int(unsafe base.load(fromByteOffset: 26, as: UInt8.self)) }

  /// The epoch in which the node was made or last announced.
  @inlinable @inline(__always)
  var epoch: UInt8 {
    get { unsafe base.load(fromByteOffset: 27, as: UInt8.self) }
    nonmutating set { unsafe base.storeBytes(of: newValue, toByteOffset: 27, as: UInt8.self) }
  }

  /// The slot of the parent's link to this node when it was last looked for.
  @inlinable @inline(__always)
  var hint: Int {
    get { Int(unsafe base.load(fromByteOffset: 28, as: UInt16.self)) }
    nonmutating set {
      let hint = UInt16(truncatingIfNeeded: newValue)
      unsafe base.storeBytes(of: hint, toByteOffset: 28, as: UInt16.self)
    }
  }
}

// MARK: - Entries

extension SkipNode {
  /// The scores of all slots.
  @inlinable @inline(__always)
  var scores: UnsafeMutablePointer<Double> {
    unsafe (base + 32).assumingMemoryBound(to: Double.self)
  }

  /// The elements' words of all slots.
  @inlinable @inline(__always)
  var words: UnsafeMutablePointer<UInt64> {
    unsafe (base + 544).assumingMemoryBound(to: UInt64.self)
  }

  /// Addresses of the nodes that the links of all slots lead to; not on the bottom level.
  @inlinable @inline(__always)
  var targets: UnsafeMutablePointer<UInt> {
    unsafe (base + 1056).assumingMemoryBound(to: UInt.self)
  }

  /// The numbers of elements behind the links of all slots; not on the bottom level.
  @inlinable @inline(__always)
  var counts: UnsafeMutablePointer<Int> {
    unsafe (base + 1568).assumingMemoryBound(to: Int.self)
  }

  /// The score in slot `slot`.
  @inlinable @inline(__always)
  func score(_ slot: Int) -> Double { unsafe scores[slot] }

  /// The element in slot `slot`, or the first one behind its link.
  @inlinable @inline(__always)
  func element(_ slot: Int) -> SortedSetElement { SortedSetElement(word: unsafe words[slot]) }

  /// The node that the link in slot `slot` leads to.
  @inlinable @inline(__always)
  func target(_ slot: Int) -> SkipNode {
    assert(level > 0 && slot >= 0 && slot < count)
    // Links are made from nodes.
    return unsafe SkipNode(at: targets[slot]).unsafelyUnwrapped
  }

  /// Number of elements in this node and below.
  @usableFromInline
  var elementCount: Int {
    guard level > 0 else { return count }
    var sum = 0
    for slot in 0..<count { sum &+= unsafe counts[slot] }
    return sum
  }

  /// The slot of the link to `node`, whose parent this is.
  @usableFromInline
  func slot(of node: SkipNode) -> Int {
    let hint = node.hint
    if hint < count, unsafe targets[hint] == node.address { return hint }
    var slot = 0
    while unsafe targets[slot] != node.address { slot &+= 1 }
    assert(slot < count)
    node.hint = slot
    return slot
  }
}
