// SPDX-License-Identifier: Apache-2.0

// A cursor is the number of a bucket at the current level, and it counts with its bits reversed
// (Noordhuis's order). Read from the lowest bit, a hash is a binary fraction; a bucket holds
// an interval of such fractions, splitting halves the interval, and the cursor says up to which
// fraction everything was visited. That holds whatever the level is when the scan goes on; after
// merging the interval around the cursor is visited from its start, so some elements come twice.

extension HashTable {
  /// Visits the elements of one bucket (and of its split-off half) and returns the next cursor.
  ///
  /// A scan starts with cursor 0 and is complete when 0 is returned. An element that is in
  /// the table during the whole scan is visited at least once; one that comes or goes meanwhile
  /// may be visited. Any cursor is accepted; those returned are below 2^48. `visit` must not
  /// change the table.
  ///
  /// - Complexity: O(1): 7 to 14 elements on average.
  @inlinable
  public func scan(_ cursor: UInt64, visit: (Element) -> Void) -> UInt64 {
    guard elementCount != 0 else { return 0 }
    let index = cursor & (buckets.mask &>> 1)
    HashTable.forEach(inChainOf: bucket(at: Int(index)), visit)
    let half = Int(index &+ buckets.mask &>> 1 &+ 1)
    if half < buckets.count { HashTable.forEach(inChainOf: bucket(at: half), visit) }
    return buckets.scanCursor(after: index)
  }

  /// As `scan`, but each element may be replaced by one with the same key at another address.
  ///
  /// Child buckets that lie in sparse slabs are moved by the table itself. The closure must not use
  /// the table.
  @inlinable
  public mutating func scanLocations(
    _ cursor: UInt64, visit: (inout Element) -> Void
  ) -> UInt64 {
    guard elementCount != 0 else { return 0 }
    let index = cursor & (buckets.mask &>> 1)
    if index == 0 { buckets.leaveSparseSlabs() }
    rewriteChain(of: bucket(at: Int(index)), visit)
    let half = Int(index &+ buckets.mask &>> 1 &+ 1)
    if half < buckets.count { rewriteChain(of: bucket(at: half), visit) }
    return buckets.scanCursor(after: index)
  }

  /// Visits every element once, in no particular order; `visit` must not change the table.
  @inlinable
  public func forEach(_ visit: (Element) -> Void) {
    var index = 0
    while index < buckets.count {
      HashTable.forEach(inChainOf: bucket(at: index), visit)
      index &+= 1
    }
  }

  /// Visits the elements of a bucket and its children.
  @inlinable
  static func forEach(inChainOf head: Bucket, _ visit: (Element) -> Void) {
    head.forEachInChain { visit(Element(word: $0)) }
  }

  /// Lets `visit` replace the elements of a chain, and moves its child buckets out of sparse slabs.
  @inlinable
  mutating func rewriteChain(of head: Bucket, _ visit: (inout Element) -> Void) {
    var bucket = head
    while true {
      for slot in 0..<bucket.usedCount { Element(word: bucket[slot]).prefetch() }
      for slot in 0..<bucket.usedCount {
        let word = bucket[slot]
        var element = Element(word: word)
        visit(&element)
        if element.word != word { bucket[slot] = element.word }
      }
      guard bucket.isChained else { return }
      let child = bucket.child
      let allocator = buckets.allocator
      if unsafe allocator.isSparse(child.base, byteCount: Bucket.byteCount) {
        let memory = unsafe allocator.allocate(Bucket.byteCount)
        unsafe memory.copyMemory(from: child.base, byteCount: Bucket.byteCount)
        unsafe allocator.deallocate(child.base, byteCount: Bucket.byteCount)
        bucket.child = Bucket(at: UInt(bitPattern: memory))
      }
      bucket = bucket.child
    }
  }
}
