// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// Frees about `budget` members, which is counted down; true when nothing is left.
  ///
  /// Empties the set in slices. From the first call until one returns true nothing but `drain`
  /// may be used; afterwards the set is like a new one.
  ///
  /// - Complexity: O(budget).
  public mutating func drain(budget: inout Int) -> Bool {
    guard freeUpperLevels(budget: &budget) else { return false }
    while let node = head {
      guard budget > 0 else { return false }
      willChange(node)
      node.next?.prefetchWords()
      for slot in 0..<node.count { Prefetch.line(at: node.element(slot).address) }
      for slot in 0..<node.count { free(node.element(slot)) }
      budget -= node.count + SortedSet.nodeCost
      head = node.next
      free(node)
    }
    tail = nil
    guard !table.isEmpty || table.bucketCount > 0 else { return true }
    // The elements are gone: the table drops words that lead nowhere, a fifth of a bucket each.
    guard budget > 0 else { return false }
    let before = table.bucketCount
    let isDrained = table.drain(upTo: budget) { _ in }
    budget -= min(budget, before - table.bucketCount)
    return isDrained
  }

  /// What freeing a node counts in a budget of elements: it is malloc's.
  private static var nodeCost: Int { 8 }

  /// Frees nodes above the bottom level, of which there is one for 2500 members; true when none is
  /// left.
  ///
  /// Between two calls `top` is the first node of the highest level that is still there, and the
  /// nodes behind it are those of the level that were not freed yet.
  private mutating func freeUpperLevels(budget: inout Int) -> Bool {
    while let first = top, first.level > 0 {
      guard budget > 0 else { return false }
      budget -= SortedSet.nodeCost
      if let second = first.next {
        first.next = second.next
        free(second)
      } else {
        top = first.target(0)
        free(first)
      }
    }
    top = nil
    return true
  }

  /// Gives the memory of elements and nodes back, also of a set that was drained in part.
  func release() {
    var level = top
    while let first = level, first.level > 0 {
      level = first.target(0)
      var node: SkipNode? = first
      while let current = node {
        node = current.next
        current.free(to: allocator)
      }
    }
    var node = head
    while let current = node {
      for slot in 0..<current.count { current.element(slot).free(to: allocator) }
      node = current.next
      current.free(to: allocator)
    }
  }
}
