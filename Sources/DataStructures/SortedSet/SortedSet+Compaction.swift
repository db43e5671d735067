// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// One step of moving what lies in sparse slabs.
  ///
  /// The first step has cursor 0; all is done when 0 is returned. `visit` learns of every leaf and
  /// every long member whether it has moved. Looks at one leaf, or at some buckets of the index.
  /// Nodes are malloc's and stay.
  ///
  /// - Complexity: O(1).
  public mutating func leaveSparseSlabs(
    _ cursor: UInt64, visit: (_ hasMoved: Bool) -> Void = { _ in }
  ) -> UInt64 {
    guard count > 0 else { return 0 }
    let bound = UInt64(directory.bound)
    if cursor < bound {
      if cursor == 0 { directory.leaveSparseSlab() }
      moveLeaf(UInt32(cursor), visit)
      return cursor + 1
    }
    let first = Int(cursor - bound)
    let end = min(first + SortedSet.bucketsPerStep, index.buckets.count)
    for bucket in first..<max(first, end) { index.leaveSparseSlabs(bucket) }
    return end >= index.buckets.count ? 0 : bound + UInt64(end)
  }

  /// Buckets that one step looks at.
  private static var bucketsPerStep: Int { 8 }

  private mutating func moveLeaf(_ number: UInt32, _ visit: (Bool) -> Void) {
    let word = directory[number]
    guard !word.isFree else { return }
    var leaf = Leaf(at: word.address)
    let isSparse = unsafe allocator.isSparse(run: leaf.base)
    if isSparse {
      move(leaf)
      leaf = directory.leaf(number)
    }
    visit(isSparse)
    guard leaf.isMixed || leaf.code.isLong else { return }
    for index in 0..<leaf.count {
      let slot = leaf.slot(at: index)
      if leaf.code(slot).isLong { visit(leaf.moveLongMember(slot, allocator)) }
    }
  }
}

extension Leaf {
  /// Moves a long member's block if it lies in a sparse slab; whether it did.
  fileprivate func moveLongMember(_ slot: Int, _ allocator: Allocator) -> Bool {
    let long = longMember(slot)
    guard unsafe allocator.isSparse(long.base, byteCount: long.byteCount) else { return false }
    let moved = LongMember(member(slot), in: allocator)
    long.free(to: allocator)
    unsafe place(slot).storeBytes(of: moved.address, as: UInt.self)
    return true
  }
}
