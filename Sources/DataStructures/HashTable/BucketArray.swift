// SPDX-License-Identifier: Apache-2.0

/// Owner of a growing array of buckets, in segments of doubling size.
///
///     segment     0        1         2                 s
///     buckets     0, 1     2, 3      4 ... 7   ...     2^s ..< 2^(s+1)
///
/// Growing and shrinking move no bucket but the first. Segments small enough come from slabs, which
/// compaction may move; large ones are mapped: of those only the buckets in use are resident, and
/// counted; those between come from malloc. Bucket 0 alone (a table of up to six elements) has 64
/// bytes; it moves when bucket 1 comes or goes.
///
/// What is in a bucket is the owner's affair: it makes a new one empty.
@safe @usableFromInline
struct BucketArray: ~Copyable {
  /// Bytes in a bucket: one cache line.
  @inlinable static var bucketByteCount: Int { 64 }

  /// Where segments and the directory come from.
  @usableFromInline let allocator: Allocator
  /// Number of buckets.
  @usableFromInline private(set) var count: Int
  /// 2^(L+1) - 1 where 2^L <= `count` < 2^(L+1); 1 if there is no bucket.
  @usableFromInline private(set) var mask: UInt64
  /// For each segment the address at which bucket 0 would lie if the segment reached down to it.
  @usableFromInline private(set) var directory: UnsafeMutablePointer<UInt>?
  /// Number of segments for which the directory has room.
  private var directoryCapacity: Int

  /// In mapped segments memory is given back in pieces of this many buckets.
  private static var bucketsPerRelease: Int { 1024 }

  /// An array without buckets, which owns no memory.
  @usableFromInline
  init(allocator: Allocator) {
    self.allocator = allocator
    count = 0
    mask = 1
    unsafe directory = nil
    directoryCapacity = 0
  }

  // Must be inlinable: the optimiser of Swift 6.3.1 fails an assertion when it inlines a plain one
  // into the setter of an inlinable generic's property.
  @inlinable deinit { release() }

  /// Gives all memory back.
  @usableFromInline @inline(never)
  func release() {
    guard count > 0 else { return }
    for segment in 0...BucketArray.segment(of: count - 1) {
      freeSegment(segment, bucketsInUse: bucketsInUse(in: segment))
    }
    unsafe allocator.deallocate(directory.unsafelyUnwrapped, byteCount: directoryCapacity * 8)
  }

  /// Where the bucket with the number `index`, which must be below `count`, is.
  @inlinable @inline(__always)
  func address(of index: Int) -> UInt {
    assert(index >= 0 && index < count)
    let segment = BucketArray.segment(of: index)
    let origin = unsafe directory.unsafelyUnwrapped[segment]
    return origin &+ UInt(bitPattern: index) &* 64
  }

  /// The number of the bucket where elements with this hash belong; there must be a bucket.
  @inlinable @inline(__always)
  func index(_ hash: UInt64) -> Int {
    let index = Int(truncatingIfNeeded: hash & mask)
    return index < count ? index : index & Int(truncatingIfNeeded: mask &>> 1)
  }

  /// The segment that bucket `index` is in.
  @inlinable @inline(__always)
  static func segment(of index: Int) -> Int {
    // Bit 0 is set so that buckets 0 and 1 share a segment and the count of zeros is below 64.
    63 &- (index | 1).leadingZeroBitCount
  }

  /// Number of the first bucket of a segment.
  private static func firstIndex(of segment: Int) -> Int { segment == 0 ? 0 : 1 << segment }

  /// Number of buckets that a segment has room for.
  private static func capacity(of segment: Int) -> Int { segment == 0 ? 2 : 1 << segment }

  /// Number of buckets in use in a segment.
  private func bucketsInUse(in segment: Int) -> Int {
    let used = count - BucketArray.firstIndex(of: segment)
    return max(0, min(used, BucketArray.capacity(of: segment)))
  }

  // MARK: Growing

  /// Adds a bucket at the end, with anything in it.
  @usableFromInline @inline(never)
  mutating func append() {
    let segment = BucketArray.segment(of: count)
    if count == 0 {
      growDirectory()
      unsafe setOrigin(of: 0, to: allocator.allocate(64))
    } else if count == 1 {
      unsafe moveBucketZero(to: allocator.allocateSegment(bucketCount: 2), freeing: 1)
    } else if count == BucketArray.firstIndex(of: segment) {
      if segment == directoryCapacity { growDirectory() }
      let capacity = BucketArray.capacity(of: segment)
      unsafe setOrigin(of: segment, to: allocator.allocateSegment(bucketCount: capacity))
    }
    if Allocator.isMapped(bucketCount: BucketArray.capacity(of: segment)) {
      allocator.account(BucketArray.bucketByteCount)
    }
    count += 1
    if UInt64(count) > mask { mask = mask << 1 | 1 }
  }

  /// Removes the last bucket and forgets what is in it.
  @usableFromInline @inline(never)
  mutating func removeLast() {
    assert(count > 0)
    count -= 1
    if count > 0 && UInt64(count) <= mask >> 1 { mask >>= 1 }
    let segment = BucketArray.segment(of: count)
    let isMapped = Allocator.isMapped(bucketCount: BucketArray.capacity(of: segment))
    if isMapped { allocator.account(-BucketArray.bucketByteCount) }
    if count == 0 {
      unsafe allocator.deallocate(self.origin(of: 0), byteCount: 64)
      unsafe allocator.deallocate(directory.unsafelyUnwrapped, byteCount: directoryCapacity * 8)
      unsafe directory = nil
      directoryCapacity = 0
    } else if count == 1 {
      unsafe moveBucketZero(to: allocator.allocate(64), freeing: 2)
    } else if count == BucketArray.firstIndex(of: segment) {
      freeSegment(segment, bucketsInUse: 0)
    } else if isMapped && count % BucketArray.bucketsPerRelease == 0 {
      releaseTail(of: segment)
    }
  }

  /// Returns the pages behind the last bucket but one piece, which is kept in case buckets return.
  private func releaseTail(of segment: Int) {
    let piece = BucketArray.bucketsPerRelease
    let end = BucketArray.firstIndex(of: segment) + BucketArray.capacity(of: segment)
    guard count + 2 * piece <= end else { return }
    let first = unsafe origin(of: segment) + (count - BucketArray.firstIndex(of: segment)) * 64
    unsafe allocator.releasePages(first + piece * 64, byteCount: piece * 64)
  }

  /// Bucket 0 changes between a block of its own and segment 0; `freeing` buckets were there.
  private func moveBucketZero(to block: UnsafeMutableRawPointer, freeing oldCount: Int) {
    let old = unsafe origin(of: 0)
    unsafe block.copyMemory(from: old, byteCount: BucketArray.bucketByteCount)
    unsafe allocator.deallocate(old, byteCount: oldCount * BucketArray.bucketByteCount)
    unsafe setOrigin(of: 0, to: block)
  }

  /// Start of a segment.
  private func origin(of segment: Int) -> UnsafeMutableRawPointer {
    let address = unsafe directory.unsafelyUnwrapped[segment]
    let start = address &+ UInt(BucketArray.firstIndex(of: segment) * BucketArray.bucketByteCount)
    return unsafe UnsafeMutableRawPointer(bitPattern: start).unsafelyUnwrapped
  }

  /// Enters a segment that starts at `memory` into the directory.
  private func setOrigin(of segment: Int, to memory: UnsafeMutableRawPointer) {
    let skipped = UInt(BucketArray.firstIndex(of: segment) * BucketArray.bucketByteCount)
    unsafe directory.unsafelyUnwrapped[segment] = UInt(bitPattern: memory) &- skipped
  }

  /// Gives a segment's memory back.
  private func freeSegment(_ segment: Int, bucketsInUse: Int) {
    var capacity = BucketArray.capacity(of: segment)
    if Allocator.isMapped(bucketCount: capacity) {
      allocator.account(-bucketsInUse * BucketArray.bucketByteCount)
    }
    if segment == 0 && count == 1 { capacity = 1 }
    unsafe allocator.deallocateSegment(origin(of: segment), bucketCount: capacity)
  }

  /// Doubles the directory's room; it starts with four segments, enough for 16 buckets.
  private mutating func growDirectory() {
    let capacity = max(4, directoryCapacity * 2)
    let memory = unsafe allocator.allocate(capacity * 8)
    let grown = unsafe memory.bindMemory(to: UInt.self, capacity: capacity)
    if let old = unsafe directory {
      unsafe grown.update(from: old, count: directoryCapacity)
      unsafe allocator.deallocate(old, byteCount: directoryCapacity * 8)
    }
    unsafe directory = unsafe grown
    directoryCapacity = capacity
  }

  // MARK: Scanning

  /// The cursor of a scan behind bucket `index` of the current level, 0 at the end (see
  /// HashTable+Scan.swift).
  @inlinable
  func scanCursor(after index: UInt64) -> UInt64 {
    // Set the bits above the level, so that the carry of the reversed number runs through them.
    let reversed = BucketArray.reverse(index | ~(mask &>> 1))
    let next = BucketArray.reverse(reversed &+ 1)
    if next != 0 { Prefetch.line(at: address(of: Int(next))) }
    return next
  }

  /// `word` with its 64 bits in opposite order.
  @inlinable
  static func reverse(_ word: UInt64) -> UInt64 {
    var bits = word.byteSwapped
    bits = (bits &>> 4) & 0x0f0f_0f0f_0f0f_0f0f | (bits & 0x0f0f_0f0f_0f0f_0f0f) &<< 4
    bits = (bits &>> 2) & 0x3333_3333_3333_3333 | (bits & 0x3333_3333_3333_3333) &<< 2
    return (bits &>> 1) & 0x5555_5555_5555_5555 | (bits & 0x5555_5555_5555_5555) &<< 1
  }

  // MARK: Compaction

  /// Moves directory and segments that lie in slabs which compaction wants to empty.
  @usableFromInline
  mutating func leaveSparseSlabs() {
    guard count > 0, let old = unsafe directory else { return }
    let byteCount = directoryCapacity * 8
    if unsafe allocator.isSparse(old, byteCount: byteCount) {
      let moved = unsafe allocator.allocate(byteCount)
      unsafe moved.copyMemory(from: old, byteCount: byteCount)
      unsafe allocator.deallocate(old, byteCount: byteCount)
      unsafe directory = unsafe moved.bindMemory(to: UInt.self, capacity: directoryCapacity)
    }
    for segment in 0...min(2, BucketArray.segment(of: count - 1)) {
      let capacity = count == 1 ? 1 : BucketArray.capacity(of: segment)
      let start = unsafe origin(of: segment)
      guard unsafe allocator.isSparse(start, byteCount: capacity * 64) else { continue }
      let moved = unsafe allocator.allocateSegment(bucketCount: capacity)
      unsafe moved.copyMemory(from: start, byteCount: bucketsInUse(in: segment) * 64)
      unsafe allocator.deallocateSegment(start, bucketCount: capacity)
      unsafe setOrigin(of: segment, to: moved)
    }
  }
}
