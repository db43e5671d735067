// SPDX-License-Identifier: Apache-2.0

// How the nodes above the leaves get links, split and join.

extension SortedSet {
  /// A node with so few links is joined with a neighbor, if both together have few enough.
  private static var sparseLinks: Int { 24 }
  /// Links that a joined node may have.
  private static var joinedLinks: Int { 48 }

  /// A new node without links.
  private mutating func makeNode(level: Int, capacity: Int = LinkNode.slotMax) -> LinkNode {
    let node = LinkNode(level: level, capacity: capacity, in: allocator)
    unsafe blockBytes &+= allocator.allocatedSize(of: node.byteCount, at: node.base)
    return node
  }

  /// Gives a node's memory back.
  mutating func free(_ node: LinkNode) {
    unsafe blockBytes &-= allocator.allocatedSize(of: node.byteCount, at: node.base)
    unsafe allocator.deallocate(node.base, byteCount: node.byteCount)
  }

  /// Adds a level with a link to a leaf, which was the only one.
  mutating func raise(above leaf: Leaf) -> LinkNode {
    raise(above: LinkChild(at: leaf.address), LinkKey(leaf), count: leaf.count, level: 1)
  }

  private mutating func raise(
    above child: LinkChild, _ key: LinkKey, count: Int, level: Int
  ) -> LinkNode {
    let node = makeNode(level: level, capacity: LinkNode.firstCapacity)
    node.insert(child, key, count: count, at: 0)
    top = node
    return node
  }

  /// Puts a link into a slot of a node, which may be full. No member is counted behind it yet:
  /// those that are there already are moved by `recount`.
  mutating func addLink(
    to child: LinkChild, _ key: LinkKey, in node: LinkNode, at slot: Int
  ) {
    var (node, slot) = (node, slot)
    if node.count == node.capacity {
      if node.capacity < LinkNode.slotMax {
        node = grow(node)
      } else if slot == node.count && node.next == nil {
        // Growth at the end leaves full nodes behind.
        let new = makeNode(level: node.level)
        new.insert(child, key, count: 0, at: 0)
        return promote(new, behind: node, count: node.elementCount)
      } else {
        let upper = split(node)
        if slot > node.count { (node, slot) = (upper, slot - node.count) }
      }
    }
    node.insert(child, key, count: 0, at: slot)
    if slot == 0 { node.child.updateKey(key) }
  }

  /// Gives a level's first node more slots.
  private mutating func grow(_ old: LinkNode) -> LinkNode {
    assert(old == top)
    let new = makeNode(level: old.level, capacity: old.capacity * 2)
    old.moveLinks(from: 0, to: new)
    free(old)
    top = new
    return new
  }

  /// Moves the upper half of a full node's links to a new one behind it.
  private mutating func split(_ node: LinkNode) -> LinkNode {
    let new = makeNode(level: node.level)
    let count = node.elementCount
    let moved = node.moveLinks(from: LinkNode.slotMax / 2, to: new)
    promote(new, behind: node, count: count)
    node.child.recount(moved, to: new.child)
    return new
  }

  /// Adds a node to its level and a link to it to the level above.
  ///
  /// `count` is the number of members that the link to `node` counts, or is to count if there was
  /// none.
  private mutating func promote(_ new: LinkNode, behind node: LinkNode, count: Int) {
    new.previous = node
    new.next = node.next
    node.next?.previous = new
    node.next = new
    let parent =
      node.parent ?? raise(above: node.child, node.key(0), count: count, level: node.level + 1)
    addLink(to: new.child, new.key(0), in: parent, at: node.child.slot(in: parent) + 1)
  }

  // MARK: Becoming fewer

  /// Takes the link to a child out, behind which nothing is counted any more.
  mutating func removeLink(to child: LinkChild) {
    guard let parent = child.parent else { return }
    let slot = child.slot(in: parent)
    parent.remove(slot)
    if slot == 0 && parent.count > 0 { parent.child.updateKey(parent.key(0)) }
    settle(parent)
  }

  /// Looks after a node that lost links.
  private mutating func settle(_ node: LinkNode) {
    if node.count == 0 { return drop(node) }
    if node == top { return lower() }
    guard node.count <= SortedSet.sparseLinks else { return }
    if let next = node.next, node.count + next.count <= SortedSet.joinedLinks {
      join(node, with: next)
    } else if let previous = node.previous, node.count + previous.count <= SortedSet.joinedLinks {
      join(previous, with: node)
    }
  }

  /// Moves the links of `second` into the node before it.
  private mutating func join(_ first: LinkNode, with second: LinkNode) {
    let moved = second.moveLinks(from: 0, to: first)
    second.child.recount(moved, to: first.child)
    drop(second)
  }

  /// Frees a node without links and the link to it.
  private mutating func drop(_ node: LinkNode) {
    node.previous?.next = node.next
    node.next?.previous = node.previous
    removeLink(to: node.child)
    if node == top { top = nil }
    free(node)
  }

  /// Takes levels with a single link away.
  private mutating func lower() {
    while let old = top, old.count == 1 {
      let child = old.target(0)
      top = old.level > 1 ? old.node(0) : nil
      child.setPlace(nil, 0)
      free(old)
    }
  }
}

extension LinkNode {
  /// Lets a link lead to a child that takes another's place.
  @inline(__always)
  func retarget(_ slot: Int, to child: LinkChild) {
    unsafe targets[slot] = child.address
    child.setPlace(self, slot)
  }
}
