// SPDX-License-Identifier: Apache-2.0

extension HashTable {
  /// Splits or merges per insertion or removal at most; more than one only to catch up after
  /// resizing was disabled for a while.
  @inlinable static var stepLimit: Int { 4 }

  /// Makes the first bucket, or splits so many that there is room for one more element.
  @inlinable @inline(never)
  mutating func grow() {
    if buckets.count == 0 { return buckets.append() }
    guard resizingEnabled else { return }
    var steps = HashTable.stepLimit
    while steps > 0 && elementCount >= buckets.count &* HashTable.meanFill {
      split()
      steps &-= 1
    }
  }

  /// Merges buckets while the elements would fit into two fewer.
  @inlinable @inline(never)
  mutating func shrink() {
    guard resizingEnabled && mergingEnabled else { return }
    let slack = 2 &* HashTable.meanFill
    var steps = HashTable.stepLimit
    while steps > 0 && buckets.count > 1
      && elementCount &+ slack <= buckets.count &* HashTable.meanFill
    {
      merge()
      steps &-= 1
    }
  }

  /// Divides the elements of the next unsplit bucket between it and a new last bucket.
  @inlinable
  mutating func split() {
    buckets.append()
    let added = buckets[buckets.count &- 1]
    let sibling = HashTable.sibling(of: buckets.count &- 1)
    let old = buckets[sibling]
    willChange(old)
    let bit = UInt64(buckets.count &- 1 &- sibling)
    // Emptied in place: an element that stays never moves behind the slot it was read from.
    var bucket = old
    var header = old.header
    var child = header & Bucket.isChained != 0 ? old[6] : 0
    old.header = header & Bucket.epochBits
    while true {
      let used = Bucket.usedCount(header)
      for slot in 0..<used {
        let word = bucket[slot]
        let tag = header &>> UInt64(truncatingIfNeeded: slot &* 8) & 0xff
        let moves = Element(word: word).hash(seed) & bit != 0
        append(word, tag: tag, to: moves ? added : old)
      }
      if bucket.address != old.address { free(child: bucket) }
      guard child != 0 else { break }
      bucket = Bucket(at: UInt(truncatingIfNeeded: child))
      header = bucket.header
      child = header & Bucket.isChained != 0 ? bucket[6] : 0
    }
    noteSweep()
    prefetchForSplit(of: sibling &+ 1)
  }

  /// Moves the elements of the last bucket to the bucket that they were once split from.
  @inlinable
  mutating func merge() {
    let index = buckets.count &- 1
    let target = buckets[HashTable.sibling(of: index)]
    var bucket = buckets[index]
    willChange(bucket)
    willChange(target)
    var isFirst = true
    while true {
      let header = bucket.header
      for slot in 0..<Bucket.usedCount(header) {
        let tag = header &>> UInt64(truncatingIfNeeded: slot &* 8) & 0xff
        append(bucket[slot], tag: tag, to: target)
      }
      let isChained = header & Bucket.isChained != 0
      let next = isChained ? bucket.child : bucket
      if !isFirst { free(child: bucket) }
      isFirst = false
      guard isChained else { break }
      bucket = next
    }
    buckets[index].header = 0
    noteLength(ofChain: target)
    // Last, as bucket 0 moves when it becomes the only one.
    buckets.removeLast()
    noteSweep()
    if buckets.count > 1 {
      let next = buckets.count &- 1
      Prefetch.line(at: buckets[HashTable.sibling(of: next)].address)
      Prefetch.line(at: buckets[next].address)
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
    Prefetch.line(at: buckets[index &+ 2].address)
    let second = buckets[index &+ 1]
    if second.isChained { Prefetch.line(at: second.child.address) }
    var bucket = buckets[index]
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
