// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// Stops the process if the set contradicts its own rules; for tests.
  ///
  /// - Complexity: O(n log n).
  public func checkInvariants() {
    table.checkInvariants()
    guard let top else {
      precondition(table.isEmpty && head == nil && tail == nil, "elements without a list")
      precondition(blockBytes == 0, "bytes without blocks")
      return
    }
    precondition(top.parent == nil && top.next == nil && top.previous == nil, "not the top")
    precondition(top.level == 0 || top.count > 1, "a level with one link")
    var bytes = 0
    var level: SkipNode? = top
    while let first = level {
      precondition(first.previous == nil, "the level does not start here")
      var node: SkipNode? = first
      while let current = node {
        check(current, bytes: &bytes)
        if let next = current.next { precondition(next.previous == current, "chain") }
        node = current.next
      }
      if first.level == 0 { precondition(first == head, "head") }
      level = first.level > 0 ? first.target(0) : nil
    }
    precondition(top.elementCount == count, "the counts don't add up")
    precondition(bytes == blockBytes, "blocks are counted wrongly")
    checkOrder()
  }

  /// Checks one node and its links.
  private func check(_ node: SkipNode, bytes: inout Int) {
    unsafe bytes += allocator.allocatedSize(
      of: SkipNode.byteCount(level: node.level), at: node.base)
    precondition(node.count > 0 && node.count <= SkipNode.slotCount, "count out of bounds")
    for slot in node.count..<SkipNode.slotCount {
      precondition(node.score(slot) == .infinity, "a free slot has a score")
    }
    for slot in 0..<node.count {
      let element = node.element(slot)
      precondition(element.score == node.score(slot), "a score differs from the element's")
      guard node.level > 0 else {
        unsafe bytes += allocator.allocatedSize(of: element.byteCount, at: element.block)
        continue
      }
      let child = node.target(slot)
      precondition(child.level == node.level - 1 && child.parent == node, "a link goes astray")
      precondition(element == child.element(0), "a key is not that of the first element")
      precondition(unsafe node.counts[slot] == child.elementCount, "a link counts wrongly")
      if slot + 1 < node.count {
        precondition(child.next == node.target(slot + 1), "links are not in the chain's order")
      }
    }
  }

  /// Checks that the elements are in order, and those that the table knows.
  private func checkOrder() {
    var seen = 0
    var previous: SortedSetElement?
    forEach { element in
      seen += 1
      if let before = previous {
        let isBehind =
          before.score < element.score
          || before.score == element.score && before.member.precedes(element.member)
        precondition(isBehind, "elements are out of order")
      }
      let known = find(element.member, hash: element.hash(table.seed))
      precondition(known == element, "the table does not know an element")
      previous = element
    }
    precondition(seen == count, "the list has another count than the table")
    precondition(last.map { element(at: $0) } == previous, "tail")
  }
}
