// SPDX-License-Identifier: Apache-2.0

extension HashTable {
  /// Adds an element; the caller knows that the table has none with this key.
  ///
  /// - Complexity: O(1); about every seventh insertion splits a bucket.
  @inlinable
  public mutating func insert(_ element: Element, hash: UInt64) {
    if 4 &* elementCount &+ 4 > HashTable.quadrupleCapacity(buckets.count) { grow() }
    elementCount &+= 1
    let head = bucket(hash)
    willChange(head)
    append(element.word, tag: Bucket.tag(hash), to: head)
  }

  /// Adds a word to the chain that starts at `head`.
  @inlinable @inline(__always)
  mutating func append(_ word: UInt64, tag: UInt64, to head: Bucket) {
    let header = head.header
    let used = Bucket.usedCount(header)
    guard used < Bucket.slotCount, header & Bucket.isChained == 0 else {
      return appendBelow(head, word, tag: tag)
    }
    head.header = Bucket.adding(tag, used, to: header)
    head[used] = word
  }

  /// Adds a word to a chain whose first bucket is full or has a child already.
  @inlinable @inline(never)
  mutating func appendBelow(_ head: Bucket, _ word: UInt64, tag: UInt64) {
    var tail = head
    var length = 0
    while tail.isChained {
      tail = tail.child
      length &+= Bucket.slotCount &- 1
    }
    if tail.usedCount == Bucket.slotCount {
      tail = addChild(below: tail)
      length &+= Bucket.slotCount &- 1
    }
    let used = tail.usedCount
    tail.add(word, tag: tag, at: used)
    length &+= used &+ 1
    if length > chainBoundOfSweep { chainBoundOfSweep = length }
    if length > chainBound { chainBound = length }
  }

  /// Gives a full bucket a child, which takes over the element of the last slot.
  @inlinable
  mutating func addChild(below bucket: Bucket) -> Bucket {
    let memory = unsafe buckets.allocator.allocate(Bucket.byteCount)
    let child = Bucket(at: UInt(bitPattern: memory))
    let header = bucket.header
    let last = Bucket.slotCount &- 1
    child.initialize(epoch: 0)
    child.add(bucket[last], tag: Bucket.tag(header, last), at: 0)
    bucket.header = Bucket.removing(last, from: header) | Bucket.isChained
    bucket.child = child
    childCount &+= 1
    return child
  }
}
