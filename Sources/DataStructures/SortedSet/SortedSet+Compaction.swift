// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// One step of moving what lies in sparse slabs.
  ///
  /// The first step has cursor 0; all is done when 0 is returned. `visit` learns of every element
  /// whether it has moved. Moves the elements of a bucket, and its child buckets. Nodes are
  /// malloc's and stay.
  ///
  /// - Complexity: O(log n) per moved element, of which there are 5 to 10 per call at most.
  public mutating func leaveSparseSlabs(
    _ cursor: UInt64, visit: (_ hasMoved: Bool) -> Void = { _ in }
  ) -> UInt64 {
    guard let top else { return 0 }
    let allocator = allocator
    return table.scanLocations(cursor) { element in
      guard unsafe allocator.isSparse(element.block, byteCount: element.byteCount) else {
        return visit(false)
      }
      let score = element.score
      let node = top.bottom(for: score, element.member, adding: 0)
      let slot = node.slot(of: element, score: score)
      let moved = SortedSetElement(element.member, score: score, in: allocator)
      unsafe node.words[slot] = moved.word
      if slot == 0 { node.updateKey() }
      element.free(to: allocator)
      element = moved
      visit(true)
    }
  }
}
