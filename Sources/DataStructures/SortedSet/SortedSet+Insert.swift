// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// Adds a member, which must be absent, and returns its element.
  ///
  /// - Complexity: O(log n); O(1) for what goes behind or before everything else.
  @discardableResult
  public mutating func insert(
    _ member: RawSpan, hash: UInt64, score: Double
  ) -> SortedSetElement {
    assert(!score.isNaN)
    table.prefetchBucket(hash)
    let node = bottom(for: score, member)
    let element = SortedSetElement(member, score: score, in: allocator)
    unsafe blockBytes &+= allocator.allocatedSize(of: element.byteCount, at: element.block)
    table.insert(element, hash: hash)
    let slot = node.countUpTo(score, element.member)
    place(element, score, in: node, at: slot)
    return element
  }

  /// The bottom node where a newcomer belongs, already counted by the links to it.
  @inline(__always)
  private mutating func bottom(for score: Double, _ member: RawSpan) -> SkipNode {
    guard let top else { return makeFirstNode() }
    if let tail, score > tail.score(tail.count &- 1) {
      tail.adjustCounts(by: 1)
      return tail
    }
    return top.bottom(for: score, member, adding: 1)
  }

  /// The first node of an empty list.
  @inline(never)
  private mutating func makeFirstNode() -> SkipNode {
    let node = makeNode(level: 0)
    top = node
    head = node
    tail = node
    return node
  }

  /// Puts an element that the links to `node` count already into its slot there.
  @inline(__always)
  mutating func place(
    _ element: SortedSetElement, _ score: Double, in node: SkipNode, at slot: Int
  ) {
    guard node.count < SkipNode.slotCount else {
      return placeInFull(element, score, in: node, at: slot)
    }
    willChange(node)
    node.insert(score: score, word: element.word, at: slot)
    if slot == 0 { node.updateKey() }
  }

  /// As `place`, for a node without room.
  @inline(never)
  private mutating func placeInFull(
    _ element: SortedSetElement, _ score: Double, in node: SkipNode, at slot: Int
  ) {
    node.adjustCounts(by: -1)
    let place = makeRoom(in: node, at: slot, for: score, element.word)
    place.node.insert(score: score, word: element.word, at: place.slot)
    if place.slot == 0 { place.node.updateKey() }
    place.node.adjustCounts(by: 1)
  }
}
