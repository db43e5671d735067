// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// Gives a member another score.
  ///
  /// - Complexity: O(log n); O(1) if it stays between two members of its leaf.
  public mutating func update(_ element: SortedSetElement, to score: Double) {
    assert(!score.isNaN)
    let (leaf, slot) = (element.leaf, element.slot)
    let index = leaf.index(of: slot)
    willChange(leaf)
    if top == nil || leaf.surrounds(score) {
      return move(element, at: index, to: score)
    }
    guard let target = top?.leaf(for: score, element.member, adding: 1) else { return }
    if target == leaf {
      LinkChild(at: leaf.address).adjustCounts(by: -1)
      return move(element, at: index, to: score)
    }
    let hash = leaf.hash(slot)
    let place = Place(leaf: target, index: target.countUpTo(score, element.member))
    let moved = put(leaf.leafMember(slot), hash: hash, score, at: place)
    self.index.replace(element.reference, hash: hash, with: moved.reference)
    takeOut(slot, at: index, of: leaf)
  }

  /// Gives a member, which is at `index` in the order of its leaf, a score with which it stays in
  /// that leaf.
  @inline(__always)
  private mutating func move(_ element: SortedSetElement, at index: Int, to score: Double) {
    let key = ScoreKey.make(score)
    let old = element.score
    var place = Place(leaf: element.leaf, index: index)
    if !place.leaf.canHold(key) {
      guard place.leaf.count < Leaf.slotMax,
        reshape(&place, for: place.leaf.code(element.slot), key)
      else {
        return reinsert(element, to: score)
      }
    }
    // A span of a variable would put that on the heap.
    let leaf = place.leaf
    let slot = leaf.slot(at: index)
    var target = index
    if score != old {
      target = leaf.countUpTo(score, leaf.member(slot))
      if score > old { target &-= 1 }
    }
    leaf.move(from: index, to: target, key: key)
    if target == 0 || index == 0 { LinkChild(at: leaf.address).updateKey(LinkKey(leaf)) }
  }

  /// Removes a member and adds it again, as its leaf has no room for another shape.
  @inline(never)
  private mutating func reinsert(_ element: SortedSetElement, to score: Double) {
    let member = element.member.copied
    let hash = element.hash(seed)
    remove(member.rawSpan, hash: hash)
    insert(member.rawSpan, hash: hash, score: score)
  }
}

extension Leaf {
  /// Whether a score is strictly between that of the first and that of the last member.
  @inline(__always)
  fileprivate func surrounds(_ score: Double) -> Bool {
    key(slot(at: 0)) < ScoreKey.lowest(score)
      && ScoreKey.highest(score) < key(slot(at: count &- 1))
  }
}
