// SPDX-License-Identifier: Apache-2.0

extension HashTable {
  /// Takes the element with this key out of the table; nil if there is none.
  ///
  /// - Complexity: O(1); about every seventh removal merges two buckets.
  @inlinable
  @discardableResult
  public mutating func remove(_ key: RawSpan, hash: UInt64) -> Element? {
    guard let location = locate(key, hash: hash) else { return nil }
    return remove(at: location)
  }

  /// Takes the element at a place out of the table and returns it.
  ///
  /// - Complexity: O(1).
  @inlinable
  @discardableResult
  public mutating func remove(at location: Location) -> Element {
    let removed = element(at: location)
    willChange(location.head)
    if location.head.isChained {
      removeFromChain(location)
    } else {
      let last = location.head.usedCount &- 1
      HashTable.moveLast(of: location.head, last, to: location.head, location.place.slot)
    }
    elementCount &-= 1
    // Two buckets' worth of slack: at the border a removal and an insertion in turn must not make
    // the table merge and split each time.
    if 4 &* elementCount <= HashTable.quadrupleCapacity(buckets.count &- 2) { shrink() }
    return removed
  }

  /// Fills the place with the last element of the chain and frees a child that isn't needed then.
  @inlinable @inline(never)
  mutating func removeFromChain(_ location: Location) {
    var parent = location.head
    var tail = parent.child
    while tail.isChained {
      parent = tail
      tail = tail.child
    }
    let last = tail.usedCount &- 1
    HashTable.moveLast(of: tail, last, to: location.place.bucket, location.place.slot)
    guard last == 1 else { return }
    // One element is left in the last bucket: its parent's last slot has room for it.
    parent.header &= ~Bucket.isChained
    parent.add(tail[0], tag: Bucket.tag(tail.header, 0), at: Bucket.slotCount &- 1)
    free(child: tail)
  }

  /// Moves the last used slot `last` of `source` over a slot of `target`, which may be the same.
  @inlinable @inline(__always)
  static func moveLast(of source: Bucket, _ last: Int, to target: Bucket, _ slot: Int) {
    let word = source[last]
    let tag = Bucket.tag(source.header, last)
    target.header = Bucket.removing(slot, from: target.header)
    target.add(word, tag: tag, at: slot)
    source.header = Bucket.removing(last, from: source.header)
  }

  /// Gives the memory of a child bucket back.
  @inlinable
  mutating func free(child: Bucket) {
    unsafe buckets.allocator.deallocate(child.base, byteCount: Bucket.byteCount)
    childCount &-= 1
  }

  /// Frees all buckets below `head` and returns how many there were; `head` is not changed.
  @inlinable
  static func freeChildren(of head: Bucket, to allocator: Allocator) -> Int {
    var freed = 0
    var bucket = head
    var isChained = head.isChained
    while isChained {
      let child = bucket.child
      isChained = child.isChained
      if freed > 0 { unsafe allocator.deallocate(bucket.base, byteCount: Bucket.byteCount) }
      freed &+= 1
      bucket = child
    }
    if freed > 0 { unsafe allocator.deallocate(bucket.base, byteCount: Bucket.byteCount) }
    return freed
  }
}
