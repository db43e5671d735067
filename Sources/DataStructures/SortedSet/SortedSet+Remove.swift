// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// Removes a member; false if it is absent.
  ///
  /// - Complexity: O(log n).
  @discardableResult
  public mutating func remove(_ member: RawSpan, hash: UInt64) -> Bool {
    guard let top, let location = table.locate(member, hash: hash) else { return false }
    let element = table.element(at: location)
    let score = element.score
    let node = top.bottom(for: score, element.member, adding: -1)
    willChange(node)
    table.remove(at: location)
    let slot = node.slot(of: element, score: score)
    node.remove(slot..<slot &+ 1)
    if slot == 0 { node.updateKey() }
    free(element)
    if node.count <= SkipNode.sparseCount { settle(node) }
    return true
  }

  /// Gives an element's memory back.
  @inline(__always)
  mutating func free(_ element: SortedSetElement) {
    unsafe blockBytes &-= allocator.allocatedSize(of: element.byteCount, at: element.block)
    element.free(to: allocator)
  }

  /// Removes the members with these ranks; `visit` gets each before it is freed, lowest first.
  ///
  /// Ranks outside the set are ignored. `visit` must not use the set.
  ///
  /// - Complexity: O(log n + k).
  public mutating func removeRange(
    _ ranks: Range<Int>, visit: (RawSpan, Double) -> Void = { _, _ in }
  ) {
    let ranks = ranks.clamped(to: 0..<count)
    var left = ranks.count
    while left > 0, let position = position(rank: ranks.lowerBound) {
      let number = min(left, position.node.count - position.slot)
      let slots = position.slot..<position.slot + number
      takeOut(slots, of: position.node) { visit($0.member, $0.score) }
      left -= number
    }
  }

  /// Removes the `number` last members, or all.
  ///
  /// `visit` gets each before it is freed, highest first.
  ///
  /// `visit` must not use the set.
  public mutating func removeLast(
    _ number: Int, visit: (RawSpan, Double) -> Void = { _, _ in }
  ) {
    var left = min(number, count)
    while left > 0, let node = tail {
      let number = min(left, node.count)
      let slots = node.count - number..<node.count
      for slot in slots.reversed() {
        let element = node.element(slot)
        visit(element.member, element.score)
      }
      takeOut(slots, of: node) { _ in }
      left -= number
    }
  }

  /// Removes the elements in some slots of a node of the bottom level.
  private mutating func takeOut(
    _ slots: Range<Int>, of node: SkipNode, visit: (SortedSetElement) -> Void
  ) {
    guard !slots.isEmpty else { return }
    willChange(node)
    for slot in slots { node.element(slot).prefetch() }
    var hash = node.element(slots.lowerBound).hash(table.seed)
    for slot in slots {
      let element = node.element(slot)
      let current = hash
      if slot &+ 1 < slots.upperBound {
        // The bucket of the next member is loaded while this one is removed.
        hash = node.element(slot &+ 1).hash(table.seed)
        table.prefetchBucket(hash)
      }
      visit(element)
      table.remove(element.member, hash: current)
    }
    node.adjustCounts(by: -slots.count)
    // The words are still needed, so the elements are freed before the slots are closed.
    for slot in slots { free(node.element(slot)) }
    node.remove(slots)
    if slots.lowerBound == 0 { node.updateKey() }
    settle(node)
  }
}
