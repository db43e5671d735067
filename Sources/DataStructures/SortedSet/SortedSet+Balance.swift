// SPDX-License-Identifier: Apache-2.0

// How nodes get room, split and merge; the same on all levels.

extension SkipNode {
  /// A neighbour takes entries over if that gives each of both at least half of this room.
  static var roomWorthSpilling: Int { 4 }
  /// A node with so few entries is joined with a neighbour, if there is one with room.
  static var sparseCount: Int { 32 }
  /// Entries that a joined node may have.
  static var joinedCount: Int { 60 }

  /// Adds `change` to the counts of all links that lead to this node.
  @usableFromInline
  func adjustCounts(by change: Int) {
    var node = self
    while let parent = node.parent {
      unsafe parent.counts[parent.slot(of: node)] &+= change
      node = parent
    }
  }

  /// Corrects the counts of links after `number` elements moved from this node to `other`.
  func recount(_ number: Int, to other: SkipNode) {
    var (source, target) = (self, other)
    while let parent = source.parent, let otherParent = target.parent {
      unsafe parent.counts[parent.slot(of: source)] &-= number
      unsafe otherParent.counts[otherParent.slot(of: target)] &+= number
      if parent == otherParent { return }
      (source, target) = (parent, otherParent)
    }
  }

  /// Writes the first entry's score and word into the links that this node is the first behind.
  @usableFromInline
  func updateKey() {
    guard count > 0 else { return }
    let score = score(0)
    let word = unsafe words[0]
    var node = self
    while let parent = node.parent {
      let slot = parent.slot(of: node)
      unsafe parent.scores[slot] = score
      unsafe parent.words[slot] = word
      guard slot == 0 else { return }
      node = parent
    }
  }

  /// Gives the last entries to the node behind.
  func spillLast(_ number: Int, to next: SkipNode) {
    let moved = moveLast(number, to: next)
    next.updateKey()
    recount(moved, to: next)
  }

  /// Gives the first entries to the node before.
  func spillFirst(_ number: Int, to previous: SkipNode) {
    let wasEmpty = previous.count == 0
    let moved = moveFirst(number, to: previous)
    updateKey()
    // A node from which `update` just took the only element.
    if wasEmpty { previous.updateKey() }
    recount(moved, to: previous)
  }
}

extension SortedSet {
  /// Where an entry belongs after room was made for it.
  struct Place {
    let node: SkipNode
    let slot: Int
  }

  /// A new node without entries and links.
  mutating func makeNode(level: Int) -> SkipNode {
    let node = SkipNode(level: level, in: allocator)
    unsafe blockBytes &+= allocator.allocatedSize(
      of: SkipNode.byteCount(level: level), at: node.base)
    return node
  }

  /// Gives a node's memory back.
  mutating func free(_ node: SkipNode) {
    unsafe blockBytes &-= allocator.allocatedSize(
      of: SkipNode.byteCount(level: node.level), at: node.base)
    node.free(to: allocator)
  }

  /// Makes room for an entry with this key in slot `slot` of a full node, there or in a neighbour.
  mutating func makeRoom(
    in node: SkipNode, at slot: Int, for score: Double, _ word: UInt64
  ) -> Place {
    let full = SkipNode.slotCount
    if slot == full && node.next == nil {
      // Growth at the end leaves full nodes behind.
      let new = makeNode(level: node.level)
      chain(new, behind: node)
      addLink(to: new, score, word, beside: node, offset: 1)
      return Place(node: new, slot: 0)
    }
    if slot == 0 && node.previous == nil {
      let new = makeNode(level: node.level)
      chain(new, before: node)
      addLink(to: new, score, word, beside: node, offset: 0)
      return Place(node: new, slot: 0)
    }
    if let next = node.next, full - next.count >= SkipNode.roomWorthSpilling {
      willChange(node)
      willChange(next)
      let number = (full - next.count + 1) / 2
      node.spillLast(number, to: next)
      if slot <= node.count { return Place(node: node, slot: slot) }
      return Place(node: next, slot: slot - node.count)
    }
    if let previous = node.previous, full - previous.count >= SkipNode.roomWorthSpilling {
      willChange(node)
      willChange(previous)
      let number = (full - previous.count + 1) / 2
      node.spillFirst(number, to: previous)
      if slot > number { return Place(node: node, slot: slot - number) }
      return Place(node: previous, slot: previous.count - number + slot)
    }
    return split(node, at: slot)
  }

  /// Splits a full node; with a neighbour, which is full as well, two nodes become three.
  private mutating func split(_ node: SkipNode, at slot: Int) -> Place {
    let new = makeNode(level: node.level)
    let third = SkipNode.slotCount / 3
    willChange(node)
    if let next = node.next {
      willChange(next)
      splitLast(third, of: node, to: new)
      next.spillFirst(third, to: new)
    } else if let previous = node.previous {
      willChange(previous)
      splitLast(third, of: previous, to: new)
      node.spillFirst(third, to: new)
      if slot > third { return Place(node: node, slot: slot - third) }
      return Place(node: new, slot: new.count - third + slot)
    } else {
      splitLast(SkipNode.slotCount / 2, of: node, to: new)
    }
    if slot <= node.count { return Place(node: node, slot: slot) }
    return Place(node: new, slot: slot - node.count)
  }

  /// Moves the last entries of a node into a new one behind it.
  private mutating func splitLast(_ number: Int, of node: SkipNode, to new: SkipNode) {
    // The count of a link that comes into being is that of the whole node.
    if node.parent == nil { raise(above: node) }
    chain(new, behind: node)
    let moved = node.moveLast(number, to: new)
    addLink(to: new, new.score(0), unsafe new.words[0], beside: node, offset: 1)
    node.recount(moved, to: new)
  }

  /// Puts a node into its level's chain.
  private mutating func chain(_ new: SkipNode, behind node: SkipNode) {
    let next = node.next
    new.previous = node
    new.next = next
    node.next = new
    next?.previous = new
    if tail == node { tail = new }
  }

  /// Puts a node into its level's chain.
  private mutating func chain(_ new: SkipNode, before node: SkipNode) {
    let previous = node.previous
    new.next = node
    new.previous = previous
    node.previous = new
    previous?.next = new
    if head == node { head = new }
  }

  /// Promotes a node: adds a link with this key to the level above, beside that to `node`.
  ///
  /// `offset` is 0 for before it, 1 for behind it.
  private mutating func addLink(
    to new: SkipNode, _ score: Double, _ word: UInt64, beside node: SkipNode, offset: Int
  ) {
    let parent = node.parent ?? raise(above: node)
    var place = Place(node: parent, slot: parent.slot(of: node) + offset)
    if parent.count == SkipNode.slotCount {
      place = makeRoom(in: parent, at: place.slot, for: score, word)
    }
    place.node.insertLink(to: new, score: score, word: word, at: place.slot)
    if place.slot == 0 { place.node.updateKey() }
  }

  /// Adds a level with a link to `node`, which was the top.
  @discardableResult
  private mutating func raise(above node: SkipNode) -> SkipNode {
    let new = makeNode(level: node.level + 1)
    new.insertLink(to: node, score: node.score(0), word: unsafe node.words[0], at: 0)
    unsafe new.counts[0] = node.elementCount
    top = new
    return new
  }

  // MARK: Becoming fewer

  /// Looks after a node that was announced and lost entries: frees it if it is empty, joins it if
  /// it is sparse.
  mutating func settle(_ node: SkipNode) {
    if node.count == 0 { return drop(node) }
    if node.level > 0 && node.count == 1 && node == top { return lower() }
    guard node.count <= SkipNode.sparseCount else { return }
    if let next = node.next, node.count + next.count <= SkipNode.joinedCount {
      willChange(next)
      next.spillFirst(next.count, to: node)
      drop(next)
    } else if let previous = node.previous,
      node.count + previous.count <= SkipNode.joinedCount
    {
      willChange(previous)
      node.spillFirst(node.count, to: previous)
      drop(node)
    }
  }

  /// Frees a node without entries and the link to it.
  private mutating func drop(_ node: SkipNode) {
    let (next, previous, parent) = (node.next, node.previous, node.parent)
    previous?.next = next
    next?.previous = previous
    if head == node { head = next }
    if tail == node { tail = previous }
    if let parent {
      let slot = parent.slot(of: node)
      free(node)
      parent.remove(slot..<slot + 1)
      if slot == 0 { parent.updateKey() }
      settle(parent)
    } else {
      top = nil
      free(node)
    }
  }

  /// Takes levels with a single link away.
  private mutating func lower() {
    while let old = top, old.level > 0, old.count == 1 {
      let node = old.target(0)
      node.parent = nil
      top = node
      free(old)
    }
  }
}
