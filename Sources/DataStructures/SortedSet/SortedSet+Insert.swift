// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// Adds a member, which must be absent, and returns its element.
  ///
  /// - Complexity: O(log n).
  @discardableResult
  public mutating func insert(_ member: RawSpan, hash: UInt64, score: Double) -> SortedSetElement {
    assert(!score.isNaN)
    index.prefetch(hash)
    let leaf = counted(for: score, member)
    let place = Place(leaf: leaf, index: leaf.countUpTo(score, member))
    return insert(member, hash, score, at: place)
  }

  /// Adds an absent member that belongs behind all others, without a search.
  ///
  /// - Complexity: one step per level, whose counts grow; O(1) but for that.
  @discardableResult
  public mutating func append(_ member: RawSpan, hash: UInt64, score: Double) -> SortedSetElement {
    index.prefetch(hash)
    guard tail != Leaf.none else { return insert(member, hash: hash, score: score) }
    let leaf = directory.leaf(tail)
    LinkChild(at: leaf.address).adjustCounts(by: 1)
    return insert(member, hash, score, at: Place(leaf: leaf, index: leaf.count))
  }

  /// Where in the order of which leaf something is or belongs.
  struct Place {
    var leaf: Leaf
    var index: Int
  }

  /// Adds a member that the links to its place count already.
  @inline(__always)
  private mutating func insert(
    _ member: RawSpan, _ hash: UInt64, _ score: Double, at place: Place
  ) -> SortedSetElement {
    let leafMember = leafMember(member)
    let element = put(leafMember, hash: hash, score, at: place)
    index.insert(element.reference, hash: hash, directory)
    return element
  }

  /// A member's bytes, for as long as its span is valid, or a new block with them.
  @inline(__always)
  mutating func leafMember(_ member: RawSpan) -> LeafMember {
    let code = MemberCode(memberByteCount: member.byteCount)
    if code.isLong { return longMember(member) }
    // Only read while the caller holds the span.
    let start = unsafe member.withUnsafeBytes { $0.baseAddress }
    return unsafe LeafMember(
      start: start ?? UnsafeRawPointer(allocator.state), block: 0, code: code)
  }

  @inline(never)
  private mutating func longMember(_ member: RawSpan) -> LeafMember {
    let long = LongMember(member, in: allocator)
    unsafe blockBytes += allocator.allocatedSize(of: long.byteCount, at: long.base)
    return unsafe LeafMember(start: UnsafeRawPointer(long.base), block: long.address, code: .long)
  }

  /// The leaf where a newcomer belongs, already counted by the links to it.
  @inline(__always)
  private mutating func counted(for score: Double, _ member: RawSpan) -> Leaf {
    guard let top else { return head == Leaf.none ? makeFirstLeaf() : directory.leaf(head) }
    return top.leaf(for: score, member, adding: 1)
  }

  /// The first leaf of an empty set.
  @inline(never)
  private mutating func makeFirstLeaf() -> Leaf {
    let shape = LeafShape(
      slots: 1, width: 0, shift: 0, base: 0, code: MemberCode(rawValue: 0), isMixed: false,
      memberByteCount: 0)
    let leaf = makeLeaf(shape)
    head = leaf.number
    tail = leaf.number
    return leaf
  }

  /// Puts a member into a leaf whose links count it already; the index is not told.
  @inline(__always)
  mutating func put(
    _ member: LeafMember, hash: UInt64, _ score: Double, at place: Place
  ) -> SortedSetElement {
    let key = ScoreKey.make(score)
    var place = place
    willChange(place.leaf)
    if !place.leaf.hasRoom(for: member.code, key) {
      makeRoom(at: &place, for: member.code, key)
    }
    let slot = place.leaf.insert(member, hash: hash, key: key, at: place.index)
    if place.index == 0 { LinkChild(at: place.leaf.address).updateKey(LinkKey(place.leaf)) }
    return SortedSetElement(address: place.leaf.address, slot: slot)
  }
}

extension LinkNode {
  /// The leaf where `member` with `score` is or belongs; this is the top node.
  ///
  /// `change` is added to the counts of the links that the way follows.
  @inline(__always)
  func leaf(for score: Double, _ member: RawSpan, adding change: Int) -> Leaf {
    var node = self
    while true {
      let slot = max(node.countUpTo(score, member) &- 1, 0)
      if change != 0 { node.adjustCount(slot, by: change) }
      if node.level == 1 {
        let leaf = node.leaf(slot)
        leaf.prefetchScores()
        return leaf
      }
      node = node.node(slot)
      node.prefetchScores()
    }
  }
}
