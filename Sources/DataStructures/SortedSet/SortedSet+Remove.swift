// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// Removes a member; false if it is absent.
  ///
  /// - Complexity: O(log n).
  @discardableResult
  public mutating func remove(_ member: RawSpan, hash: UInt64) -> Bool {
    guard let element = find(member, hash: hash) else { return false }
    let (leaf, slot) = (element.leaf, element.slot)
    willChange(leaf)
    index.remove(element.reference, hash: hash)
    if leaf.code(slot).isLong { freeLongMember(leaf.longMember(slot)) }
    takeOut(slot, at: leaf.index(of: slot), of: leaf)
    return true
  }

  private mutating func freeLongMember(_ long: LongMember) {
    unsafe blockBytes &-= allocator.allocatedSize(of: long.byteCount, at: long.base)
    long.free(to: allocator)
  }

  /// Takes a member that the index doesn't know any more out of a leaf that was announced.
  @inline(__always)
  mutating func takeOut(_ slot: Int, at index: Int, of leaf: Leaf) {
    LinkChild(at: leaf.address).adjustCounts(by: -1)
    leaf.remove(slot, at: index)
    let count = leaf.count
    if index == 0 && count > 0 { LinkChild(at: leaf.address).updateKey(LinkKey(leaf)) }
    if count <= SortedSet.sparseCount || leaf.slots >= count &+ SortedSet.spareCount {
      settle(leaf)
    }
  }

  /// Removes the members with these ranks; `visit` gets each before it is freed, lowest first.
  ///
  /// Ranks outside the set are ignored. `visit` must not use the set.
  ///
  /// - Complexity: O(log n + k).
  public mutating func removeRange(
    _ ranks: Range<Int>, visit: (RawSpan, Double) -> Void = { _, _ in }
  ) {
    let ranks = ranks.clamped(to: 0..<count)
    var left = ranks.count
    while left > 0, let position = position(rank: ranks.lowerBound) {
      let number = min(left, position.leaf.count - position.index)
      let indices = position.index..<position.index + number
      takeOut(indices, of: position.leaf, isReversed: false, visit)
      left -= number
    }
  }

  /// Removes the `number` last members, or all.
  ///
  /// `visit` gets each before it is freed, highest first, and must not use the set.
  public mutating func removeLast(
    _ number: Int, visit: (RawSpan, Double) -> Void = { _, _ in }
  ) {
    var left = min(number, count)
    while left > 0, let leaf = directory.optionalLeaf(tail) {
      let number = min(left, leaf.count)
      takeOut(leaf.count - number..<leaf.count, of: leaf, isReversed: true, visit)
      left -= number
    }
  }

  /// Removes the members at some places in the order of a leaf.
  private mutating func takeOut(
    _ indices: Range<Int>, of leaf: Leaf, isReversed: Bool, _ visit: (RawSpan, Double) -> Void
  ) {
    guard !indices.isEmpty else { return }
    willChange(leaf)
    let number = leaf.number
    for index in indices { self.index.prefetch(leaf.hash(leaf.slot(at: index))) }
    for offset in 0..<indices.count {
      let index = isReversed ? indices.upperBound - 1 - offset : indices.lowerBound + offset
      let slot = leaf.slot(at: index)
      visit(leaf.member(slot), leaf.score(slot))
      self.index.remove(MemberReference(leaf: number, slot: slot), hash: leaf.hash(slot))
      if leaf.code(slot).isLong { freeLongMember(leaf.longMember(slot)) }
    }
    LinkChild(at: leaf.address).adjustCounts(by: -indices.count)
    for index in indices.reversed() { leaf.remove(leaf.slot(at: index), at: index) }
    if indices.lowerBound == 0 && leaf.count > 0 {
      LinkChild(at: leaf.address).updateKey(LinkKey(leaf))
    }
    settle(leaf)
  }
}
