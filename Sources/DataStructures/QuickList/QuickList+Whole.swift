// SPDX-License-Identifier: Apache-2.0

extension QuickList {
  /// What freeing a node counts in a budget of elements: it costs as much as some small elements.
  private static var nodeCost: Int { 8 }

  /// Frees nodes from the front until `budget`, which is counted down, is used up.
  ///
  /// - Returns: true if nothing is left.
  public mutating func drain(budget: inout Int) -> Bool {
    while budget > 0, let node = head {
      unlinkAndFree(node)
      budget -= QuickList.nodeCost
    }
    return head == nil
  }

  /// A list with the same elements in the same nodes, without the room in them.
  public func copy() -> QuickList {
    var result = QuickList(allocator: allocator)
    var node = head
    while let current = node {
      result.link(current.copy(allocator), before: nil)
      node = current.next
    }
    return result
  }

  /// Bytes that all nodes occupy.
  ///
  /// - Parameter samples: how many nodes between the two ends, which are measured in any case, are
  ///   measured to estimate the others; 0 measures all.
  public func allocatedSize(samples: Int) -> Int {
    guard let head, let tail else { return 0 }
    var size = head.allocatedSize(allocator)
    if head == tail { return size }
    size += tail.allocatedSize(allocator)
    var inner = 0
    var measured = 0
    var node = head.next
    while let current = node, current != tail, samples == 0 || measured < samples {
      inner += current.allocatedSize(allocator)
      measured += 1
      node = current.next
    }
    guard measured > 0, measured < nodeCount - 2 else { return size + inner }
    return size + Int(Double(inner) / Double(measured) * Double(nodeCount - 2))
  }

  /// Stops the process if links, counts or listpacks are wrong; for tests.
  public func checkInvariants() {
    var nodes = 0
    var elements = 0
    var previous: QuickListNode?
    var node = head
    while let current = node {
      precondition(current.previous == previous, "a link back is wrong")
      precondition(current.count > 0, "an empty node")
      if current.isPlain {
        precondition(current.count == 1)
      } else {
        let listpack = current.listpack
        listpack.checkInvariants()
        precondition(listpack.count == current.count, "a node's count is wrong")
        precondition(current.lead + listpack.byteCount <= current.capacity, "no room")
      }
      nodes += 1
      elements += current.count
      previous = current
      node = current.next
    }
    precondition(tail == previous && nodes == nodeCount && elements == count)
  }
}
