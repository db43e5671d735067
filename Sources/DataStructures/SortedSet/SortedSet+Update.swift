// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// Gives a member another score.
  ///
  /// Both ways through the list, to the old and to the new place, are searched before either is
  /// changed, so that the misses of both overlap.
  ///
  /// - Complexity: O(log n).
  public mutating func update(_ element: SortedSetElement, to score: Double) {
    assert(!score.isNaN)
    guard let top else { return }
    let old = element.score
    let source = top.bottom(for: old, element.member, adding: -1)
    let target = top.bottom(for: score, element.member, adding: 1)
    let slot = source.slot(of: element, score: old)
    willChange(source)
    element.score = score
    if source == target { return move(element, from: slot, to: score, old, in: source) }
    source.remove(slot..<slot &+ 1)
    if slot == 0 { source.updateKey() }
    place(element, score, in: target, at: target.countUpTo(score, element.member))
    if source.count <= SkipNode.sparseCount { settle(source) }
  }

  /// As above; the interface says the hash, which is not needed as the table refers to the element.
  public mutating func update(_ element: SortedSetElement, hash: UInt64, to score: Double) {
    update(element, to: score)
  }

  /// Moves an element within its node.
  @inline(__always)
  private func move(
    _ element: SortedSetElement, from slot: Int, to score: Double, _ old: Double, in node: SkipNode
  ) {
    let (scores, words) = unsafe (node.scores, node.words)
    var target = slot
    if score != old {
      target = node.countUpTo(score, element.member)
      if score > old { target &-= 1 }
    }
    if target > slot {
      unsafe (scores + slot).update(from: scores + (slot &+ 1), count: target &- slot)
      unsafe (words + slot).update(from: words + (slot &+ 1), count: target &- slot)
    } else if target < slot {
      unsafe (scores + (target &+ 1)).update(from: scores + target, count: slot &- target)
      unsafe (words + (target &+ 1)).update(from: words + target, count: slot &- target)
    }
    unsafe scores[target] = score
    unsafe words[target] = element.word
    if target == 0 || slot == 0 { node.updateKey() }
  }
}
