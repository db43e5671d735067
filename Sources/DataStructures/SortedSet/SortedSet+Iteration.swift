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
    if rank == 0 { return first }
    if rank == count &- 1 { return last }
    guard var node = top else {
      return Position(leaf: directory.leaf(head), index: rank)
    }
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

  /// The position of an element.
  ///
  /// - Complexity: O(1).
  public func position(of element: SortedSetElement) -> Position? {
    let leaf = element.leaf
    return Position(leaf: leaf, index: leaf.index(of: element.slot))
  }

  /// The position of the first element.
  public var first: Position? {
    directory.optionalLeaf(head).map { Position(leaf: $0, index: 0) }
  }

  /// The position of the last element.
  public var last: Position? {
    directory.optionalLeaf(tail).map { Position(leaf: $0, index: $0.count &- 1) }
  }

  /// The element at a position.
  @inline(__always)
  public func element(at position: Position) -> SortedSetElement {
    let leaf = position.leaf
    return SortedSetElement(address: leaf.address, slot: leaf.slot(at: position.index))
  }

  /// The score at a position.
  public func score(at position: Position) -> Double {
    position.leaf.score(position.leaf.slot(at: position.index))
  }

  /// The position behind; nil at the end.
  public func next(_ position: Position) -> Position? {
    let leaf = position.leaf
    let index = position.index &+ 1
    let left = leaf.count &- index
    if left == SortedSet.prefetchDistance { prefetch(leaf.next) }
    if left > 0 { return Position(leaf: leaf, index: index) }
    return directory.optionalLeaf(leaf.next).map { Position(leaf: $0, index: 0) }
  }

  /// The position before; nil at the start.
  public func previous(_ position: Position) -> Position? {
    let index = position.index
    if index == SortedSet.prefetchDistance { prefetch(position.leaf.previous) }
    if index > 0 { return Position(leaf: position.leaf, index: index &- 1) }
    return directory.optionalLeaf(position.leaf.previous).map {
      Position(leaf: $0, index: $0.count &- 1)
    }
  }

  /// So many members before a leaf is entered it is asked for.
  private static var prefetchDistance: Int { 12 }

  /// Starts loading a leaf that will be read soon.
  @inline(__always)
  private func prefetch(_ number: UInt32) {
    guard number != Leaf.none else { return }
    directory[number].prefetch()
  }

  /// Visits every element in order; `visit` must not change the set.
  public func forEach(_ visit: (SortedSetElement) -> Void) {
    var leaf = directory.optionalLeaf(head)
    while let current = leaf {
      prefetch(current.next)
      for index in 0..<current.count {
        visit(SortedSetElement(address: current.address, slot: current.slot(at: index)))
      }
      leaf = directory.optionalLeaf(current.next)
    }
  }
}
