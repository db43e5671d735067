// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// Frees about `budget` members, which is counted down; true when nothing is left.
  ///
  /// Empties the set in slices. From the first call until one returns true nothing but `drain`
  /// may be used; afterwards the set is like a new one.
  ///
  /// - Complexity: O(budget).
  public mutating func drain(budget: inout Int) -> Bool {
    guard freeNodes(budget: &budget) else { return false }
    while directory.bound > 0 {
      guard budget > 0 else { return false }
      let word = directory[directory.bound - 1]
      if word.isFree {
        budget -= 1
      } else {
        let leaf = Leaf(at: word.address)
        willChange(leaf)
        budget -=
          SortedSet.leafCost + leaf.freeLongMembers(to: allocator) / SortedSet.bytesPerBudget
        unsafe allocator.deallocateRun(leaf.base, byteCount: leaf.byteCount)
      }
      directory.removeLast()
    }
    guard index.drain(budget: &budget) else { return false }
    directory.release()
    head = Leaf.none
    tail = Leaf.none
    blockBytes = 0
    return true
  }

  /// What freeing a node or a leaf counts in a budget of members.
  private static var leafCost: Int { 8 }
  /// Freeing so many bytes of long members counts as much as freeing a member.
  private static var bytesPerBudget: Int { 128 }

  /// Frees the nodes above the leaves, of which there is one for 2000 members; true when none is
  /// left.
  ///
  /// Between two calls `top` is the first node of the highest level that is still there, and the
  /// nodes behind it are those of the level that were not freed yet.
  private mutating func freeNodes(budget: inout Int) -> Bool {
    while let first = top {
      guard budget > 0 else { return false }
      budget -= SortedSet.leafCost
      if let second = first.next {
        first.next = second.next
        unsafe allocator.deallocate(second.base, byteCount: second.byteCount)
      } else {
        top = first.level > 1 ? first.node(0) : nil
        unsafe allocator.deallocate(first.base, byteCount: first.byteCount)
      }
    }
    return true
  }

  /// Gives the memory of leaves and nodes back, also of a set that was drained in part.
  func release() {
    var level = top
    while let first = level {
      level = first.level > 1 ? first.node(0) : nil
      var node: LinkNode? = first
      while let current = node {
        node = current.next
        unsafe allocator.deallocate(current.base, byteCount: current.byteCount)
      }
    }
    for number in 0..<directory.bound {
      let word = directory[number]
      guard !word.isFree else { continue }
      let leaf = Leaf(at: word.address)
      _ = leaf.freeLongMembers(to: allocator)
      unsafe allocator.deallocateRun(leaf.base, byteCount: leaf.byteCount)
    }
  }
}
