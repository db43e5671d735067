// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// Number of elements before `element`.
  ///
  /// Climbs from the leaf: nothing is compared.
  ///
  /// - Complexity: O(log n).
  public func rank(of element: SortedSetElement) -> Int {
    let leaf = element.leaf
    return leaf.index(of: element.slot) &+ rank(ofFirstIn: leaf)
  }

  /// Number of elements before the first one of a leaf.
  @inline(__always)
  private func rank(ofFirstIn leaf: Leaf) -> Int {
    var rank = 0
    var child = LinkChild(at: leaf.address)
    while let parent = child.parent {
      rank &+= parent.elementCount(before: child.slot(in: parent))
      child = parent.child
    }
    return rank
  }

  /// Number of elements with a score below `score`, or not above it if `exclusive`.
  ///
  /// That is the rank of the first element at or behind (`exclusive`: only behind) the score, and
  /// `count` if there is none.
  ///
  /// - Complexity: O(log n).
  public func lowerBound(score: Double, exclusive: Bool) -> Int {
    // Not above x is below the number behind x; only infinity has none.
    if exclusive && score == .infinity { return count }
    let bound = exclusive ? score.nextUp : score
    guard var node = top else { return onlyLeaf?.countBelow(ScoreKey.lowest(bound)) ?? 0 }
    var rank = 0
    while true {
      let slot = max(node.countBelow(bound) &- 1, 0)
      Prefetch.line(at: node.target(slot).address)
      rank &+= node.elementCount(before: slot)
      if node.level == 1 { return rank &+ node.leaf(slot).countBelow(ScoreKey.lowest(bound)) }
      node = node.node(slot)
      node.prefetchScores()
    }
  }

  /// Number of elements whose member is before `bound`, or also `bound` if `exclusive`.
  ///
  /// Meaningful if all scores are equal.
  ///
  /// - Complexity: O(log n).
  public func lowerBound(member bound: RawSpan, exclusive: Bool) -> Int {
    guard var node = top else { return onlyLeaf?.countBelow(bound, inclusive: exclusive) ?? 0 }
    var rank = 0
    while true {
      let slot = max(node.countBelow(bound, inclusive: exclusive) &- 1, 0)
      rank &+= node.elementCount(before: slot)
      if node.level == 1 {
        return rank &+ node.leaf(slot).countBelow(bound, inclusive: exclusive)
      }
      node = node.node(slot)
    }
  }

  /// The leaf of a set without levels above; nil if it is empty.
  private var onlyLeaf: Leaf? { directory.optionalLeaf(head) }
}
