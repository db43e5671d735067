// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// A place in the order; valid until the set changes.
  public struct Position {
    /// The leaf.
    let leaf: Leaf
    /// The place in its order, below its count.
    let index: Int
  }

  /// The position of the element before which there are `rank` others; nil if there is none.
  ///
  /// - Complexity: O(log n); O(1) for the first and the last.
  public func position(rank: Int) -> Position? {
    guard rank >= 0 && rank < count else { return nil }
    if rank == 0 || top == nil { return Position(leaf: directory.leaf(head), index: rank) }
    let last = directory.leaf(tail)
    if rank == count &- 1 { return Position(leaf: last, index: last.count &- 1) }
    guard var node = top else { return nil }
    var left = rank
    while true {
      let slot = node.slot(ofRank: &left)
      if node.level == 1 {
        let leaf = node.leaf(slot)
        leaf.prefetchScores()
        return Position(leaf: leaf, index: left)
      }
      node = node.node(slot)
    }
  }

  /// The element at a position.
  @inline(__always)
  public func element(at position: Position) -> SortedSetElement {
    let leaf = position.leaf
    return SortedSetElement(address: leaf.address, slot: leaf.slot(at: position.index))
  }

  /// Visits every element in order; `visit` must not change the set.
  public func forEach(_ visit: (SortedSetElement) -> Void) {
    var leaf = directory.optionalLeaf(head)
    while let current = leaf {
      if current.next != Leaf.none { directory[current.next].prefetch() }
      for index in 0..<current.count {
        visit(SortedSetElement(address: current.address, slot: current.slot(at: index)))
      }
      leaf = directory.optionalLeaf(current.next)
    }
  }
}
