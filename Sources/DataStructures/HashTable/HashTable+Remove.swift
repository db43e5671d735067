// SPDX-License-Identifier: Apache-2.0

extension HashTable {
  /// Takes the element with this key out of the table; nil if there is none.
  ///
  /// - Complexity: O(1); every `meanFill`th removal merges two buckets.
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
      let slot = HashTable.slot(of: location)
      HashTable.moveLast(of: location.head, last, to: location.head, slot)
    }
    elementCount &-= 1
    // Two buckets' worth of slack: at the border a removal and an insertion in turn must not make
    // the table merge and split each time.
    if elementCount &+ 2 &* HashTable.meanFill <= buckets.count &* HashTable.meanFill { shrink() }
    return removed
  }

  /// The number of the slot in its bucket.
  @inlinable @inline(__always)
  static func slot(of location: Location) -> Int {
    Int(truncatingIfNeeded: unsafe UInt(bitPattern: location.slot) & 63) &>> 3 &- 1
  }

  /// The bucket that contains the slot.
  @inlinable @inline(__always)
  static func bucket(of location: Location) -> Bucket {
    Bucket(at: unsafe UInt(bitPattern: location.slot) & ~63)
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
    let bucket = HashTable.bucket(of: location)
    HashTable.moveLast(of: tail, last, to: bucket, HashTable.slot(of: location))
    guard last == 1 else { return }
    // One element is left in the last bucket: its parent's last slot has room for it.
    let slot = Bucket.slotCount &- 1
    let tag = tail.header & 0xff
    parent.header = parent.header & ~Bucket.isChained | tag &<< UInt64(slot &* 8)
    parent[slot] = tail[0]
    free(child: tail)
  }

  /// Moves the last used slot `last` of `source` over a slot of `target`, which may be the same.
  @inlinable @inline(__always)
  static func moveLast(of source: Bucket, _ last: Int, to target: Bucket, _ slot: Int) {
    let word = source[last]
    let shift = UInt64(truncatingIfNeeded: last &* 8)
    let tag = source.header &>> shift & 0xff
    let hole = UInt64(truncatingIfNeeded: slot &* 8)
    target.header = target.header & ~(0xff &<< hole) | tag &<< hole
    target[slot] = word
    source.header &= ~(0xff &<< shift)
  }

  /// Gives the memory of a child bucket back.
  @inlinable
  mutating func free(child: Bucket) {
    unsafe buckets.allocator.deallocate(child.words, byteCount: Bucket.byteCount)
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
      if freed > 0 { unsafe allocator.deallocate(bucket.words, byteCount: Bucket.byteCount) }
      freed &+= 1
      bucket = child
    }
    if freed > 0 { unsafe allocator.deallocate(bucket.words, byteCount: Bucket.byteCount) }
    return freed
  }
}
