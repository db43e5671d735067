// SPDX-License-Identifier: Apache-2.0

// From the hash of a member to its place. A second, smaller kind of hash table beside `HashTable`:
// an entry is a reference of four bytes and no address, and the hash of an entry that a bucket
// split asks for is read in the leaf, where four bytes of it stand beside each member. Growth is
// the same linear hashing over the same arrays of buckets, and so are the cursors of a scan: a
// member is in the bucket that its hash says, whatever leaf it is in.

/// An index of references to members by their hashes; it owns no members.
///
/// - Complexity: all operations on one member are O(1). About 8.4 bytes per member.
@safe
struct MemberIndex: ~Copyable {
  /// The buckets that are nobody's child.
  private(set) var buckets: BucketArray
  /// Number of references.
  private(set) var count = 0
  /// Number of child buckets.
  private(set) var childCount = 0

  /// References per bucket that the index aims at.
  static var meanFill: Int { 9 }

  /// An index that owns no memory.
  init(allocator: Allocator) { buckets = BucketArray(allocator: allocator) }

  deinit {
    var remaining = childCount
    var index = 0
    while remaining > 0 && index < buckets.count {
      remaining -= freeChildren(of: IndexBucket(at: buckets.address(of: index)))
      index += 1
    }
  }

  /// Bytes of all buckets.
  var byteCount: Int { (buckets.count + childCount) * IndexBucket.byteCount }

  /// The bucket where members with this hash belong; there must be one.
  @inline(__always)
  func bucket(_ hash: UInt64) -> IndexBucket { bucket(at: buckets.index(hash)) }

  /// The bucket with a number.
  @inline(__always)
  func bucket(at index: Int) -> IndexBucket { IndexBucket(at: buckets.address(of: index)) }

  /// Starts loading the bucket of a hash.
  @inline(__always) @discardableResult
  func prefetch(_ hash: UInt64) -> UInt {
    guard count > 0 else { return 0 }
    let address = bucket(hash).address
    Prefetch.line(at: address)
    return address
  }

  // MARK: - Changes

  /// Adds a reference; the bucket that is split for it asks `directory` for hashes.
  @inline(__always)
  mutating func insert(
    _ reference: MemberReference, hash: UInt64, _ directory: borrowing LeafDirectory
  ) {
    if count >= buckets.count &* MemberIndex.meanFill { grow(directory) }
    count &+= 1
    append(reference, tag: IndexBucket.tag(hash), to: bucket(hash))
  }

  /// Makes buckets for references that are to come into an empty index, so that they split none.
  mutating func reserve(_ wanted: Int) {
    assert(count == 0)
    while buckets.count * MemberIndex.meanFill < wanted {
      buckets.append()
      bucket(at: buckets.count - 1).clear()
    }
  }

  /// Lets the entry of a member, which must be there, say another place.
  @inline(__always)
  func replace(_ old: MemberReference, hash: UInt64, with new: MemberReference) {
    var bucket = bucket(hash)
    while true {
      for slot in 0..<bucket.usedCount where bucket[slot] == old {
        bucket[slot] = new
        return
      }
      // The caller's reference is in the index.
      bucket = unsafe bucket.child.unsafelyUnwrapped
    }
  }

  /// Takes the entry of a member, which must be there, out.
  @inline(__always)
  mutating func remove(_ reference: MemberReference, hash: UInt64) {
    let head = bucket(hash)
    var bucket = head
    var slot = 0
    while true {
      let used = bucket.usedCount
      slot = 0
      while slot < used, bucket[slot] != reference { slot &+= 1 }
      if slot < used { break }
      bucket = unsafe bucket.child.unsafelyUnwrapped
    }
    fill(bucket, slot, inChainOf: head)
    count &-= 1
    // Two buckets' worth of slack, or an insertion and a removal in turn would split and merge.
    if count &+ 2 &* MemberIndex.meanFill <= buckets.count &* MemberIndex.meanFill { merge() }
  }

  /// Adds an entry to the chain that starts at `head`.
  @inline(__always)
  private mutating func append(
    _ reference: MemberReference, tag: UInt8, to head: IndexBucket
  ) {
    let used = head.usedCount
    guard used < head.room else { return appendBelow(head, reference, tag) }
    head.set(used, tag, reference)
  }

  /// Adds an entry to a chain whose first bucket is full.
  @inline(never)
  private mutating func appendBelow(
    _ head: IndexBucket, _ reference: MemberReference, _ tag: UInt8
  ) {
    var tail = head
    while let child = tail.child { tail = child }
    if tail.usedCount == IndexBucket.slotCount {
      let memory = unsafe buckets.allocator.allocate(IndexBucket.byteCount)
      let child = IndexBucket(at: UInt(bitPattern: memory))
      child.clear()
      // The child takes over the entry whose slot its address needs.
      let last = IndexBucket.slotCount - 1
      child.set(0, tail.tag(last), tail[last])
      tail.free(last)
      tail.child = child
      childCount += 1
      tail = child
    }
    tail.set(tail.usedCount, tag, reference)
  }

  /// Fills a slot with the last entry of the chain, and frees a child that isn't needed then.
  @inline(__always)
  private mutating func fill(_ bucket: IndexBucket, _ slot: Int, inChainOf head: IndexBucket) {
    var parent = head
    var tail = head
    while let child = tail.child {
      parent = tail
      tail = child
    }
    let last = tail.usedCount &- 1
    bucket.set(slot, tail.tag(last), tail[last])
    tail.free(last)
    guard last == 1, tail.address != head.address else { return }
    let (tag, reference) = (tail.tag(0), tail[0])
    free(child: tail)
    parent.child = nil
    parent.set(IndexBucket.slotCount &- 1, tag, reference)
  }

  private mutating func free(child: IndexBucket) {
    MemberIndex.free(child, buckets.allocator)
    childCount -= 1
  }

  private static func free(_ child: IndexBucket, _ allocator: Allocator) {
    let memory = unsafe UnsafeMutableRawPointer(bitPattern: child.address).unsafelyUnwrapped
    unsafe allocator.deallocate(memory, byteCount: IndexBucket.byteCount)
  }

  // MARK: - Growing

  /// Makes the first bucket, or splits the next one.
  @inline(never)
  private mutating func grow(_ directory: borrowing LeafDirectory) {
    buckets.append()
    let index = buckets.count - 1
    let added = bucket(at: index)
    added.clear()
    guard index > 0 else { return }
    let sibling = MemberIndex.sibling(of: index)
    divide(bucket(at: sibling), with: added, by: UInt64(index - sibling), directory)
    prefetchForSplit(of: sibling + 1, directory)
  }

  /// Moves those entries of a chain whose hashes have `bit` set to an empty bucket.
  private mutating func divide(
    _ old: IndexBucket, with added: IndexBucket, by bit: UInt64,
    _ directory: borrowing LeafDirectory
  ) {
    // Emptied in place: an entry that stays never moves behind the slot it was read from.
    var bucket: IndexBucket? = old
    while let current = bucket {
      let (used, child) = (current.usedCount, current.child)
      let tags = current.takeTags()
      let isFirst = current.address == old.address
      if isFirst && child != nil { old.child = nil }
      for slot in 0..<used {
        let reference = current[slot]
        let moves = directory[reference.leaf].hash(reference.slot) & bit != 0
        append(reference, tag: tags[slot], to: moves ? added : old)
      }
      if !isFirst { free(child: current) }
      bucket = child
    }
  }

  /// Moves the entries of the last bucket to the one that they were once split from.
  @inline(never)
  private mutating func merge() {
    guard buckets.count > 1 else { return }
    let index = buckets.count - 1
    let target = bucket(at: MemberIndex.sibling(of: index))
    let last = bucket(at: index)
    var bucket: IndexBucket? = last
    while let current = bucket {
      for slot in 0..<current.usedCount {
        append(current[slot], tag: current.tag(slot), to: target)
      }
      bucket = current.child
      if current.address != last.address { free(child: current) }
    }
    last.clear()
    // Behind the rest, as bucket 0 moves when it becomes the only one.
    buckets.removeLast()
  }

  /// The bucket that bucket `index` is split from: `index` without its highest bit.
  @inline(__always)
  static func sibling(of index: Int) -> Int {
    index & ~(1 &<< (63 &- (index | 1).leadingZeroBitCount))
  }

  /// Loads what the next split will read: the hashes of the next bucket's entries, and the bucket
  /// behind it.
  private func prefetchForSplit(of index: Int, _ directory: borrowing LeafDirectory) {
    // Behind the end of a sweep nothing is known of the next one.
    guard index + 1 < buckets.count else { return }
    Prefetch.line(at: buckets.address(of: index + 1))
    var bucket: IndexBucket? = self.bucket(at: index)
    while let current = bucket {
      for slot in 0..<current.usedCount {
        let reference = current[slot]
        Prefetch.line(at: directory[reference.leaf].hashAddress(reference.slot))
      }
      bucket = current.child
    }
  }

  // MARK: - Everything

  /// Visits the entries of one bucket and its children.
  @inline(__always)
  func forEach(inChainOf head: IndexBucket, _ visit: (MemberReference) -> Void) {
    var bucket: IndexBucket? = head
    while let current = bucket {
      for slot in 0..<current.usedCount { visit(current[slot]) }
      bucket = current.child
    }
  }

  /// Visits the entries of one bucket, and of its split-off half, and returns the next cursor; with
  /// the guarantees of `HashTable.scan`.
  func scan(_ cursor: UInt64, visit: (MemberReference) -> Void) -> UInt64 {
    guard count > 0 else { return 0 }
    let index = cursor & (buckets.mask &>> 1)
    forEach(inChainOf: bucket(at: Int(index)), visit)
    let half = Int(index &+ buckets.mask &>> 1 &+ 1)
    if half < buckets.count { forEach(inChainOf: bucket(at: half), visit) }
    return buckets.scanCursor(after: index)
  }

  /// Frees buckets from the end, each at the price of one; true when none is left.
  ///
  /// From the first call on nothing else may be used until all are gone.
  mutating func drain(budget: inout Int) -> Bool {
    while buckets.count > 0 {
      guard budget > 0 else { return false }
      budget -= 1
      let last = bucket(at: buckets.count - 1)
      childCount -= freeChildren(of: last)
      last.clear()
      buckets.removeLast()
    }
    count = 0
    return true
  }

  /// Frees the buckets below `head` and returns their number; `head` is not changed.
  private func freeChildren(of head: IndexBucket) -> Int {
    var freed = 0
    var bucket = head.child
    while let current = bucket {
      bucket = current.child
      MemberIndex.free(current, buckets.allocator)
      freed += 1
    }
    return freed
  }

  /// Moves the children of a bucket, and before the first one the array's own blocks, out of slabs
  /// that compaction wants to empty.
  mutating func leaveSparseSlabs(_ index: Int) {
    if index == 0 { buckets.leaveSparseSlabs() }
    let allocator = buckets.allocator
    var bucket = bucket(at: index)
    while let child = bucket.child {
      let old = unsafe UnsafeMutableRawPointer(bitPattern: child.address).unsafelyUnwrapped
      if unsafe allocator.isSparse(old, byteCount: IndexBucket.byteCount) {
        let moved = unsafe allocator.allocate(IndexBucket.byteCount)
        unsafe moved.copyMemory(from: old, byteCount: IndexBucket.byteCount)
        unsafe allocator.deallocate(old, byteCount: IndexBucket.byteCount)
        bucket.child = IndexBucket(at: UInt(bitPattern: moved))
      }
      bucket = unsafe bucket.child.unsafelyUnwrapped
    }
  }
}

extension LeafWord {
  /// The lowest 32 bits of the hash of the member in a slot.
  @inline(__always)
  func hash(_ slot: Int) -> UInt64 {
    let address = unsafe UnsafeRawPointer(bitPattern: hashAddress(slot)).unsafelyUnwrapped
    return UInt64(unsafe address.loadUnaligned(as: UInt32.self))
  }
}
