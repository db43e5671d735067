// SPDX-License-Identifier: Apache-2.0

extension QuickList {
  /// Where a new element may go: between two neighbouring nodes, either of which may be missing.
  @usableFromInline
  struct Gap {
    /// The node in front.
    @usableFromInline var left: QuickListNode?
    /// The node behind.
    @usableFromInline var right: QuickListNode?
  }

  // MARK: - Single elements

  /// Puts an element in front of the one at `cursor`.
  public mutating func insert(
    _ text: RawSpan, before cursor: ListCursor, limit: QuickListLimit
  ) {
    guard let node = cursor.node else { return }
    let isFirst = cursor.position <= Listpack.headerCount
    if !node.isPlain, text.byteCount <= limit.packedTextMax {
      let form = ListpackForm(text)
      if QuickList.hasRoom(node, form, limit) {
        elementCount += 1
        if isFirst {
          node.prepend(text, form: form, limit: limit.byteCountMax, allocator: allocator)
          return
        }
        var pack = QuickListPack(node, allocator)
        pack.insert(text, at: cursor.position)
        node.count += 1
        return
      }
    }
    let gap =
      isFirst ? Gap(left: node.previous, right: node) : split(node, at: cursor.position)
    fill(gap, text, limit)
  }

  /// Puts an element behind the one at `cursor`.
  public mutating func insert(
    _ text: RawSpan, after cursor: ListCursor, limit: QuickListLimit
  ) {
    guard let node = cursor.node else { return }
    if !node.isPlain, let next = node.listpack.next(cursor.position) {
      return insert(text, before: ListCursor(node, at: next), limit: limit)
    }
    fill(Gap(left: node, right: node.next), text, limit)
  }

  /// Gives the element at `cursor` another value.
  public mutating func replace(
    at cursor: ListCursor, with text: RawSpan, limit: QuickListLimit
  ) {
    guard let node = cursor.node else { return }
    if !node.isPlain, text.byteCount <= limit.packedTextMax {
      let listpack = node.listpack
      let difference =
        ListpackForm(text).entryCount - listpack.entryCount(at: cursor.position)
      if difference <= 0
        || limit.allows(byteCount: listpack.byteCount + difference, entryCount: node.count)
      {
        var pack = QuickListPack(node, allocator)
        pack.replace(at: cursor.position, with: text)
        return
      }
    }
    fill(openGap(at: cursor), text, limit)
  }

  /// Removes the element at `cursor`.
  ///
  /// - Returns: the element behind it. Cursors to elements in front of it stay valid if this
  ///   element was not the first one of its node.
  @discardableResult
  public mutating func remove(at cursor: ListCursor) -> ListCursor? {
    guard let node = cursor.node else { return nil }
    let next = node.next
    if node.count == 1 {
      unlinkAndFree(node)
      return next.map { ListCursor(firstOf: $0) }
    }
    let position = cursor.position
    let listpack = node.listpack
    elementCount -= 1
    if position == Listpack.headerCount {
      node.removeFirst(1, to: position + listpack.entryCount(at: position), allocator)
      return ListCursor(firstOf: node)
    }
    guard listpack.next(position) != nil else {
      node.removeLast(1, from: position, allocator)
      return next.map { ListCursor(firstOf: $0) }
    }
    node.count -= 1
    var pack = QuickListPack(node, allocator)
    pack.remove(at: position)
    return ListCursor(node, at: position)
  }

  /// Removes the element at `cursor`.
  ///
  /// - Returns: the element in front of it.
  public mutating func removeBackwards(at cursor: ListCursor) -> ListCursor? {
    guard let node = cursor.node else { return nil }
    let previous =
      cursor.position > Listpack.headerCount ? node.listpack.previous(cursor.position) : nil
    let previousNode = node.previous
    remove(at: cursor)
    if let previous { return ListCursor(node, at: previous) }
    return previousNode.map { ListCursor(lastOf: $0) }
  }

  // MARK: - Gaps

  /// Puts an element into a gap: into the node in front if there is room, into the one behind, or
  /// into a node of its own. Small neighbours are joined then.
  private mutating func fill(_ gap: Gap, _ text: RawSpan, _ limit: QuickListLimit) {
    let form = ListpackForm(text)
    let fits = text.byteCount <= limit.packedTextMax
    if fits, let left = gap.left, QuickList.hasRoom(left, form, limit) {
      left.append(text, form: form, limit: limit.byteCountMax, allocator: allocator)
      elementCount += 1
    } else if fits, let right = gap.right, QuickList.hasRoom(right, form, limit) {
      right.prepend(text, form: form, limit: limit.byteCountMax, allocator: allocator)
      elementCount += 1
    } else {
      link(newNode(text, limit), before: gap.right)
    }
    joinSmall(from: gap.left ?? gap.right, limit)
  }

  /// Removes the element at `cursor` and leaves a gap in its place.
  private mutating func openGap(at cursor: ListCursor) -> Gap {
    guard let node = cursor.node else { return Gap() }
    let gap = Gap(left: node.previous, right: node.next)
    if node.count == 1 {
      unlinkAndFree(node)
      return gap
    }
    let isFirst = cursor.position == Listpack.headerCount
    let isLast = node.listpack.next(cursor.position) == nil
    if isFirst || isLast {
      remove(at: cursor)
      return isFirst
        ? Gap(left: node.previous, right: node) : Gap(left: node, right: node.next)
    }
    let parts = split(node, at: cursor.position)
    if let right = parts.right { remove(at: ListCursor(firstOf: right)) }
    return parts
  }

  /// Divides a node in front of the entry at `position`, which is not its first one.
  private mutating func split(_ node: QuickListNode, at position: Int) -> Gap {
    let listpack = node.listpack
    let moved = listpack.countedEntries(from: position)
    let right = QuickListNode(
      entriesOf: listpack, from: position, to: listpack.end, count: moved, allocator)
    // Counted twice until they are gone on the left.
    link(right, before: node.next)
    node.removeLast(moved, from: position, allocator)
    elementCount -= moved
    node.trim(allocator)
    return Gap(left: node, right: right)
  }

  /// Joins the nodes around an edit where two together are within the limit.
  private mutating func joinSmall(from node: QuickListNode?, _ limit: QuickListLimit) {
    var node = node
    // In front of the new element, its own node, behind it: there are no more than three.
    for _ in 0..<3 {
      guard let current = node, let next = current.next else { return }
      if canJoin(current, next, limit) { join(current, next) } else { node = next }
    }
  }

  private func canJoin(
    _ left: QuickListNode, _ right: QuickListNode, _ limit: QuickListLimit
  ) -> Bool {
    guard !left.isPlain && !right.isPlain else { return false }
    let byteCount =
      left.listpack.byteCount + right.listpack.byteCount - Listpack.emptyByteCount
    return limit.allows(byteCount: byteCount, entryCount: left.count + right.count)
  }

  /// Moves the entries of `right` to the end of `left`, its neighbour, and frees it.
  private mutating func join(_ left: QuickListNode, _ right: QuickListNode) {
    let other = right.listpack
    let moved = right.count
    var pack = QuickListPack(left, allocator)
    pack.insert(
      entriesOf: other, from: Listpack.headerCount, to: other.end, count: moved,
      at: left.listpack.end)
    left.count += moved
    elementCount += moved
    unlinkAndFree(right)
  }

  // MARK: - Ranges

  /// Removes `removed` elements from the one with index `start` on, all of which exist.
  ///
  /// Nodes that go as a whole are put behind the elements of `dropped`, which has the same
  /// allocator: who asked for the removal decides when they are freed.
  public mutating func removeRange(
    from start: Int, count removed: Int, into dropped: inout QuickList
  ) {
    guard removed > 0, start >= 0, removed <= count - start,
      let (first, skipped) = locate(start)
    else { return }
    var node: QuickListNode? = first
    var offset = skipped
    var rest = removed
    while rest > 0, let current = node {
      let next = current.next
      let affected = min(rest, current.count - offset)
      if affected == current.count {
        unlink(current)
        dropped.link(current, before: nil)
      } else {
        remove(affected, from: offset, in: current)
      }
      rest -= affected
      offset = 0
      node = next
    }
  }

  /// Removes some, but not all elements of a node.
  private mutating func remove(_ removed: Int, from offset: Int, in node: QuickListNode) {
    let listpack = node.listpack
    guard let position = listpack.position(at: offset) else { return }
    elementCount -= removed
    if offset + removed == node.count {
      return node.removeLast(removed, from: position, allocator)
    }
    let stop = listpack.position(at: offset + removed) ?? listpack.end
    if offset == 0 { return node.removeFirst(removed, to: stop, allocator) }
    var pack = QuickListPack(node, allocator)
    pack.remove(from: position, to: stop, count: removed)
    node.count -= removed
  }
}
