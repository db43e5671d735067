// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// Number of elements before `element`.
  ///
  /// - Complexity: O(log n).
  public func rank(of element: SortedSetElement) -> Int {
    guard var node = top else { return 0 }
    let score = element.score
    var rank = 0
    while node.level > 0 {
      let slot = max(node.countUpTo(score, element.member) &- 1, 0)
      let target = node.target(slot)
      target.prefetchScores()
      if target.level == 0 { target.prefetchWords() }
      rank &+= node.elementCount(before: slot)
      node = target
    }
    return rank &+ node.slot(of: element, score: score)
  }

  /// Number of elements before a position.
  ///
  /// - Complexity: O(log n).
  public func rank(of position: Position) -> Int {
    var rank = position.slot
    var node = position.node
    while let parent = node.parent {
      rank &+= parent.elementCount(before: parent.slot(of: node))
      node = parent
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
    let bound = exclusive ? score.nextUp : score
    if exclusive && score == .infinity { return count }
    return lowerBound { $0.countBelow(bound) }
  }

  /// Number of elements whose member is before `bound`, or also `bound` if `exclusive`.
  ///
  /// Meaningful if all scores are equal.
  ///
  /// - Complexity: O(log n).
  public func lowerBound(member bound: RawSpan, exclusive: Bool) -> Int {
    guard var node = top else { return 0 }
    var rank = 0
    while node.level > 0 {
      let slot = max(node.countBelow(bound, inclusive: exclusive) &- 1, 0)
      rank &+= node.elementCount(before: slot)
      node = node.target(slot)
    }
    return rank &+ node.countBelow(bound, inclusive: exclusive)
  }

  /// Number of elements before a bound, which `countBelow` finds in each node on the way.
  @inline(__always)
  private func lowerBound(_ countBelow: (SkipNode) -> Int) -> Int {
    guard var node = top else { return 0 }
    var rank = 0
    while node.level > 0 {
      let slot = max(countBelow(node) &- 1, 0)
      let target = node.target(slot)
      target.prefetchScores()
      rank &+= node.elementCount(before: slot)
      node = target
    }
    return rank &+ countBelow(node)
  }
}
