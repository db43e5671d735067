// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// A place in the order; valid until the set changes.
  @safe
  public struct Position {
    /// The node of the bottom level.
    @usableFromInline let node: SkipNode
    /// The slot in it, below its count.
    @usableFromInline let slot: Int

    /// A slot of a node.
    @inlinable @inline(__always)
    init(node: SkipNode, slot: Int) {
      self.node = node
      self.slot = slot
    }
  }

  /// The position of the element before which there are `rank` others; nil if there is none.
  ///
  /// - Complexity: O(log n); O(1) for the first and the last.
  public func position(rank: Int) -> Position? {
    guard rank >= 0 && rank < count, var node = top else { return nil }
    if rank == 0 { return first }
    if rank == count &- 1 { return last }
    var left = rank
    while node.level > 0 {
      let counts = unsafe node.counts
      var slot = 0
      while unsafe left >= counts[slot] {
        unsafe left &-= counts[slot]
        slot &+= 1
      }
      node = node.target(slot)
    }
    Prefetch.line(at: node.element(left).address)
    return Position(node: node, slot: left)
  }

  /// The position of an element.
  ///
  /// - Complexity: O(log n).
  public func position(of element: SortedSetElement) -> Position? {
    let score = element.score
    guard let node = top?.bottom(for: score, element.member, adding: 0) else { return nil }
    return Position(node: node, slot: node.slot(of: element, score: score))
  }

  /// The position of the first element.
  @inlinable public var first: Position? {
    guard let head else { return nil }
    return Position(node: head, slot: 0)
  }

  /// The position of the last element.
  @inlinable public var last: Position? {
    guard let tail else { return nil }
    return Position(node: tail, slot: tail.count &- 1)
  }

  /// The element at a position.
  @inlinable @inline(__always)
  public func element(at position: Position) -> SortedSetElement {
    position.node.element(position.slot)
  }

  /// The score at a position, which is cheaper than that of the element.
  @inlinable @inline(__always)
  public func score(at position: Position) -> Double { position.node.score(position.slot) }

  /// The position behind; nil at the end.
  @inlinable @inline(__always)
  public func next(_ position: Position) -> Position? {
    let node = position.node
    let slot = position.slot &+ 1
    if slot < node.count {
      // Elements lie anywhere in memory: load those that come soon.
      if slot &+ 4 < node.count { Prefetch.line(at: node.element(slot &+ 4).address) }
      return Position(node: node, slot: slot)
    }
    guard let next = node.next else { return nil }
    SortedSet.prefetch(next, at: 0)
    if let second = next.next { second.prefetchScores() }
    return Position(node: next, slot: 0)
  }

  /// The position before; nil at the start.
  @inlinable @inline(__always)
  public func previous(_ position: Position) -> Position? {
    let node = position.node
    if position.slot > 0 {
      let slot = position.slot &- 1
      if slot >= 4 { Prefetch.line(at: node.element(slot &- 4).address) }
      return Position(node: node, slot: slot)
    }
    guard let previous = node.previous else { return nil }
    SortedSet.prefetch(previous, at: max(previous.count &- 4, 0))
    if let second = previous.previous { second.prefetchScores() }
    return Position(node: previous, slot: previous.count &- 1)
  }

  /// Starts loading the up to four elements from a slot on.
  @inlinable
  static func prefetch(_ node: SkipNode, at start: Int) {
    for slot in start..<min(start &+ 4, node.count) {
      Prefetch.line(at: node.element(slot).address)
    }
  }

  /// Visits every element in order; `visit` must not change the set.
  @inlinable
  public func forEach(_ visit: (SortedSetElement) -> Void) {
    var node = head
    while let current = node {
      current.next?.prefetchWords()
      for slot in 0..<current.count {
        if slot &+ 4 < current.count { current.element(slot &+ 4).prefetch() }
        visit(current.element(slot))
      }
      node = current.next
    }
  }
}
