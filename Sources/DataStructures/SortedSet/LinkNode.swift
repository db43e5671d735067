// SPDX-License-Identifier: Apache-2.0

/// Reference to one node of the levels above the leaves: up to 64 links in order.
///
///     0      8          16       24     25      26      27         28      30     32
///     +------+----------+--------+------+-------+-------+----------+-------+------+
///     | next | previous | parent | hint | level | zero  | capacity | count | zero |
///     +------+----------+--------+------+-------+-------+----------+-------+------+
///     32        + 8 c      + 16 c     + 24 c   + 28 c     with c = capacity
///     +---------+----------+----------+--------+
///     | scores  | prefixes | targets  | counts |
///     +---------+----------+----------+--------+
///
/// - A link leads to a leaf (on level 1) or to a node of the level below. Its score and its prefix,
///   the first eight bytes of the member, are those of the first member behind it, so that a search
///   knows without a look there whether the link leads too far. Its count is the number of members
///   that can be reached through it.
/// - Free slots have the score infinity, behind which no score is.
/// - next, previous: the neighbours on the same level, 0 at the ends.
/// - parent, hint: as in a leaf, at the same offsets.
/// - A level's only node begins with 16 slots.
@safe
struct LinkNode: Equatable {
  /// The node's memory.
  let base: UnsafeMutableRawPointer

  /// Links that fit into a node.
  static var slotMax: Int { 64 }
  /// Slots of a level's first node.
  static var firstCapacity: Int { 16 }

  /// Bytes of a node.
  @inline(__always)
  static func byteCount(capacity: Int) -> Int { 32 &+ 28 &* capacity }

  /// A new node without links and neighbours.
  init(level: Int, capacity: Int, in allocator: Allocator) {
    unsafe base = unsafe allocator.allocate(LinkNode.byteCount(capacity: capacity))
    unsafe base.initializeMemory(as: UInt64.self, repeating: 0, count: 4)
    unsafe base.storeBytes(of: UInt8(level), toByteOffset: 25, as: UInt8.self)
    unsafe base.storeBytes(of: UInt8(capacity), toByteOffset: 27, as: UInt8.self)
    unsafe scores.update(repeating: .infinity, count: capacity)
  }

  /// The node at `address`, nil if that is 0.
  @inline(__always)
  init?(at address: UInt) {
    guard let pointer = unsafe UnsafeMutableRawPointer(bitPattern: address) else { return nil }
    unsafe base = unsafe pointer
  }

  /// Where the node is.
  @inline(__always)
  var address: UInt { UInt(bitPattern: unsafe base) }

  /// Whether both are the same node.
  @inline(__always)
  static func == (left: LinkNode, right: LinkNode) -> Bool { left.address == right.address }

  /// Bytes of the node.
  var byteCount: Int { LinkNode.byteCount(capacity: capacity) }
}

// MARK: - Header

extension LinkNode {
  /// The node behind this one on the same level.
  var next: LinkNode? {
    get { LinkNode(at: unsafe base.load(as: UInt.self)) }
    nonmutating set { unsafe base.storeBytes(of: newValue?.address ?? 0, as: UInt.self) }
  }

  /// The node before this one on the same level.
  var previous: LinkNode? {
    get { LinkNode(at: unsafe base.load(fromByteOffset: 8, as: UInt.self)) }
    nonmutating set {
      unsafe base.storeBytes(of: newValue?.address ?? 0, toByteOffset: 8, as: UInt.self)
    }
  }

  /// The node of the level above that has the link to this one; nil for the top.
  @inline(__always)
  var parent: LinkNode? { child.parent }

  /// The node as what a link leads to.
  @inline(__always)
  var child: LinkChild { LinkChild(at: address) }

  /// Height above the leaves, from 1.
  @inline(__always)
  var level: Int { Int(unsafe base.load(fromByteOffset: 25, as: UInt8.self)) }

  /// Number of slots.
  @inline(__always)
  var capacity: Int { Int(unsafe base.load(fromByteOffset: 27, as: UInt8.self)) }

  /// Number of links.
  @inline(__always)
  var count: Int {
    get { Int(unsafe base.load(fromByteOffset: 28, as: UInt16.self)) }
    nonmutating set {
      assert(newValue >= 0 && newValue <= capacity)
      let count = UInt16(truncatingIfNeeded: newValue)
      unsafe base.storeBytes(of: count, toByteOffset: 28, as: UInt16.self)
    }
  }
}

// MARK: - Links

extension LinkNode {
  /// The scores of all slots.
  @inline(__always)
  var scores: UnsafeMutablePointer<Double> {
    unsafe (base + 32).assumingMemoryBound(to: Double.self)
  }

  /// The first bytes of the first members, as `LinkKey` has them.
  @inline(__always)
  var prefixes: UnsafeMutablePointer<UInt64> {
    unsafe (base + (32 &+ 8 &* capacity)).assumingMemoryBound(to: UInt64.self)
  }

  /// Addresses of the leaves or nodes that the links lead to.
  @inline(__always)
  var targets: UnsafeMutablePointer<UInt> {
    unsafe (base + (32 &+ 16 &* capacity)).assumingMemoryBound(to: UInt.self)
  }

  /// The numbers of members behind the links.
  @inline(__always)
  var counts: UnsafeMutablePointer<UInt32> {
    unsafe (base + (32 &+ 24 &* capacity)).assumingMemoryBound(to: UInt32.self)
  }

  /// What the link in a slot leads to.
  @inline(__always)
  func target(_ slot: Int) -> LinkChild {
    assert(slot >= 0 && slot < count)
    return LinkChild(at: unsafe targets[slot])
  }

  /// The node that the link in a slot leads to, above level 1.
  @inline(__always)
  func node(_ slot: Int) -> LinkNode {
    assert(level > 1)
    // Links are made from nodes.
    return unsafe LinkNode(at: target(slot).address).unsafelyUnwrapped
  }

  /// The leaf that the link in a slot leads to, on level 1.
  @inline(__always)
  func leaf(_ slot: Int) -> Leaf {
    assert(level == 1)
    return Leaf(at: target(slot).address)
  }

  /// The first leaf behind the link in a slot.
  func firstLeaf(_ slot: Int) -> Leaf {
    var node = self
    var slot = slot
    while node.level > 1 {
      node = node.node(slot)
      slot = 0
    }
    return node.leaf(slot)
  }

  /// Number of members behind a link.
  @inline(__always)
  func elementCount(_ slot: Int) -> Int { unsafe Int(counts[slot]) }

  /// Number of members behind the links before a slot.
  @inline(__always)
  func elementCount(before slot: Int) -> Int {
    let counts = unsafe counts
    var sum: UInt32 = 0
    for index in 0..<slot { sum &+= unsafe counts[index] }
    return Int(sum)
  }

  /// Number of members behind all links.
  var elementCount: Int { elementCount(before: count) }

  /// Adds to the number of members behind a link.
  @inline(__always)
  func adjustCount(_ slot: Int, by change: Int) {
    unsafe counts[slot] &+= UInt32(truncatingIfNeeded: change)
  }
}

/// A leaf or a node as the target of a link: both say at the same offsets where the link is.
@safe
struct LinkChild {
  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(at address: UInt) {
    assert(address != 0)
    unsafe base = unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }

  @inline(__always)
  var address: UInt { UInt(bitPattern: unsafe base) }

  /// The node with the link.
  @inline(__always)
  var parent: LinkNode? { LinkNode(at: unsafe base.load(fromByteOffset: 16, as: UInt.self)) }

  /// The slot in which the link was seen last.
  @inline(__always)
  private var hint: Int { Int(unsafe base.load(fromByteOffset: 24, as: UInt8.self)) }

  /// Notes where the link is.
  @inline(__always)
  func setPlace(_ parent: LinkNode?, _ slot: Int) {
    unsafe base.storeBytes(of: parent?.address ?? 0, toByteOffset: 16, as: UInt.self)
    unsafe base.storeBytes(of: UInt8(truncatingIfNeeded: slot), toByteOffset: 24, as: UInt8.self)
  }

  /// Takes the place of another child, whose link is still to be changed.
  func takePlace(of other: LinkChild) { setPlace(other.parent, other.hint) }

  /// The slot of the link in the parent.
  @inline(__always)
  func slot(in parent: LinkNode) -> Int {
    let hint = hint
    if hint < parent.count, unsafe parent.targets[hint] == address { return hint }
    return search(in: parent)
  }

  @inline(never)
  private func search(in parent: LinkNode) -> Int {
    var slot = 0
    while unsafe parent.targets[slot] != address { slot &+= 1 }
    assert(slot < parent.count)
    setPlace(parent, slot)
    return slot
  }

  /// Adds to the counts of all links on the way here.
  @inline(__always)
  func adjustCounts(by change: Int) {
    var child = self
    while let parent = child.parent {
      parent.adjustCount(child.slot(in: parent), by: change)
      child = parent.child
    }
  }

  /// Corrects the counts of links after members moved from here to `other`, on the same level.
  func recount(_ number: Int, to other: LinkChild) {
    var (source, target) = (self, other)
    while let parent = source.parent, let otherParent = target.parent {
      parent.adjustCount(source.slot(in: parent), by: -number)
      otherParent.adjustCount(target.slot(in: otherParent), by: number)
      if parent == otherParent { return }
      (source, target) = (parent.child, otherParent.child)
    }
  }

  /// Writes a new first key into the links that this child is the first behind.
  func updateKey(_ key: LinkKey) {
    var child = self
    while let parent = child.parent {
      let slot = child.slot(in: parent)
      parent.setKey(slot, key)
      guard slot == 0 else { return }
      child = parent.child
    }
  }
}
