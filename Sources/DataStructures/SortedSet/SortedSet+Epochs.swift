// SPDX-License-Identifier: Apache-2.0

/// A node of a sorted set that is about to change, or is looked at; valid until the set changes.
@safe
public struct SortedSetNode {
  private let node: SkipNode

  init(_ node: SkipNode) { self.node = node }

  /// The epoch in which the node was made or last announced.
  public var epoch: UInt8 { node.epoch }

  /// Visits the elements in order.
  public func forEach(_ visit: (SortedSetElement) -> Void) {
    for slot in 0..<node.count { visit(node.element(slot)) }
  }
}

extension SortedSet {
  /// Must be called before the elements of a node change or leave it. Nodes above the bottom level
  /// hold nothing of their own.
  @inline(__always)
  func willChange(_ node: SkipNode) {
    if node.epoch != allocator.epoch { SortedSet.announce(node, allocator) }
  }

  @inline(never)
  private static func announce(_ node: SkipNode, _ allocator: Allocator) {
    guard node.level == 0 else { return }
    node.epoch = allocator.announce(.sortedSetNode(SortedSetNode(node)))
  }

  /// Visits the nodes in order.
  public func forEachNode(_ visit: (SortedSetNode) -> Void) {
    var node = head
    while let current = node {
      visit(SortedSetNode(current))
      node = current.next
    }
  }
}
