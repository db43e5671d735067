// SPDX-License-Identifier: Apache-2.0

extension HashTable {
  /// Splits or merges per insertion or removal at most; more than one only to catch up after
  /// resizing was disabled for a while.
  @inlinable static var stepLimit: Int { 4 }

  /// Makes the first bucket, or splits so many that there is room for one more element.
  @inlinable @inline(never)
  mutating func grow() {
    if buckets.count == 0 {
      buckets.append()
      return bucket(at: 0).initialize(epoch: buckets.allocator.epoch)
    }
    guard resizingEnabled else { return }
    var steps = HashTable.stepLimit
    while steps > 0 && 4 &* elementCount &+ 4 > HashTable.quadrupleCapacity(buckets.count) {
      split()
      steps &-= 1
    }
  }

  /// Makes buckets for elements that are to come, so that later insertions split none. Does nothing
  /// unless the table is empty.
  ///
  /// - Parameters:
  ///   - count: number of elements.
  ///   - limit: number of buckets to make at most.
  /// - Returns: true if there are enough.
  @inlinable
  public mutating func reserve(_ count: Int, atMost limit: Int) -> Bool {
    guard elementCount == 0, resizingEnabled else { return true }
    let wanted = 4 &* count
    var remaining = limit
    while HashTable.quadrupleCapacity(buckets.count) < wanted {
      if remaining == 0 { return false }
      if buckets.count == 0 { grow() } else { split() }
      remaining &-= 1
    }
    return true
  }

  /// Merges buckets while the elements would fit into two fewer.
  @inlinable @inline(never)
  mutating func shrink() {
    guard resizingEnabled && mergingEnabled else { return }
    var steps = HashTable.stepLimit
    while steps > 0 && buckets.count > 1
      && 4 &* elementCount <= HashTable.quadrupleCapacity(buckets.count &- 2)
    {
      merge()
      steps &-= 1
    }
  }

  /// Divides the elements of the next unsplit bucket between it and a new last bucket.
  @inlinable
  mutating func split() {
    buckets.append()
    let index = buckets.count &- 1
    let added = bucket(at: index)
    added.initialize(epoch: buckets.allocator.epoch)
    let sibling = HashTable.sibling(of: index)
    let old = bucket(at: sibling)
    willChange(old)
    let bit = UInt64(truncatingIfNeeded: index &- sibling)
    var bucket = old
    while true {
      let child = bucket.isChained ? bucket.child : nil
      divide(bucket, between: old, and: added, by: bit)
      if bucket.address != old.address { free(child: bucket) }
      guard let child else { break }
      bucket = child
    }
    noteSweep()
    prefetchForSplit(of: sibling &+ 1)
  }

  /// Takes all elements out of a bucket and appends each to one of two chains, of which the bucket
  /// itself may be one.
  @inlinable
  mutating func divide(_ bucket: Bucket, between old: Bucket, and added: Bucket, by bit: UInt64) {
    let header = bucket.header
    let used = Bucket.usedCount(header)
    // Everything is read before the first store. A load that overlaps with a store on its way, as
    // those of neighbouring slots do, waits until that is in the cache; stores get there in order,
    // so it would wait for the line of the new bucket, too.
    var words = InlineArray<9, UInt64>(repeating: 0)
    for slot in 0..<used { words[slot] = bucket[slot] }
    bucket.header = Bucket.emptied(header)
    for slot in 0..<used {
      let word = words[slot]
      let moves = Element(word: word).hash(seed) & bit != 0
      append(word, tag: Bucket.tag(header, slot), to: moves ? added : old)
    }
  }

  /// Moves the elements of the last bucket to the bucket that they were once split from.
  @inlinable
  mutating func merge() {
    let index = buckets.count &- 1
    let target = bucket(at: HashTable.sibling(of: index))
    var bucket = bucket(at: index)
    willChange(bucket)
    willChange(target)
    var isFirst = true
    while true {
      let header = bucket.header
      for slot in 0..<Bucket.usedCount(header) {
        append(bucket[slot], tag: Bucket.tag(header, slot), to: target)
      }
      let isChained = header & Bucket.isChained != 0
      let next = isChained ? bucket.child : bucket
      if !isFirst { free(child: bucket) }
      isFirst = false
      guard isChained else { break }
      bucket = next
    }
    noteLength(ofChain: target)
    // Last, as bucket 0 moves when it becomes the only one.
    buckets.removeLast()
    noteSweep()
    if buckets.count > 1 {
      let next = buckets.count &- 1
      Prefetch.line(at: buckets.address(of: HashTable.sibling(of: next)))
      Prefetch.line(at: buckets.address(of: next))
    }
  }

  /// The bucket that bucket `index` is split from: `index` without its highest bit.
  @inlinable @inline(__always)
  static func sibling(of index: Int) -> Int {
    index & ~(1 &<< (63 &- (index | 1).leadingZeroBitCount))
  }

  /// Loads what the next splits will read: the entries of the next bucket, and the lines that lead
  /// to the entries of the two buckets behind it.
  @inlinable
  func prefetchForSplit(of index: Int) {
    // At the end of a sweep the next bucket to split is bucket 0.
    guard index &+ 2 < levelBucketCount else { return }
    Prefetch.line(at: buckets.address(of: index &+ 2))
    let second = bucket(at: index &+ 1)
    if second.isChained { Prefetch.line(at: second.child.address) }
    var bucket = bucket(at: index)
    while true {
      let header = bucket.header
      for slot in 0..<Bucket.usedCount(header) { Element(word: bucket[slot]).prefetch() }
      guard header & Bucket.isChained != 0 else { return }
      bucket = bucket.child
    }
  }

  /// Lets the bounds on chains know a chain to which nothing may have been added.
  @inlinable
  mutating func noteLength(ofChain head: Bucket) {
    var length = head.usedCount
    var bucket = head
    while bucket.isChained {
      bucket = bucket.child
      length &+= bucket.usedCount
    }
    if length > chainBoundOfSweep { chainBoundOfSweep = length }
  }

  /// At a power of two whose sweep touched every bucket the bound on chains is known anew.
  @inlinable
  mutating func noteSweep() {
    let count = buckets.count
    guard count & (count &- 1) == 0, count != sweepStart else { return }
    sweepStart = count
    chainBound = chainBoundOfSweep
    chainBoundOfSweep = Bucket.slotCount
  }
}
