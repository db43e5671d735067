// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Memory for the buckets of hash tables: arrays of 64-byte buckets, aligned to 64.
///
/// Small arrays are slab blocks, middle ones malloc's, large ones pages of their own, which become
/// resident only when a bucket is touched. Those are counted bucket by bucket by the table.
extension Allocator {
  /// From this size in bytes on, a segment is mapped and untouched buckets cost no memory.
  @usableFromInline static var mappedSegmentBytes: Int { 1 << 16 }

  /// Whether a segment of `bucketCount` buckets is mapped, so that the table counts its buckets.
  @usableFromInline
  static func isMapped(bucketCount: Int) -> Bool {
    #if MEMD_MALLOC_ONLY
      return false
    #else
      return bucketCount * 64 >= mappedSegmentBytes
    #endif
  }

  /// Uninitialised memory for `bucketCount` buckets.
  @usableFromInline
  func allocateSegment(bucketCount: Int) -> UnsafeMutableRawPointer {
    let byteCount = bucketCount * 64
    if Allocator.isMapped(bucketCount: bucketCount) { return unsafe Allocator.map(byteCount) }
    #if !MEMD_MALLOC_ONLY
      // Slabs start at multiples of 64, so blocks of 64, 128 and 256 bytes do as well.
      if byteCount <= Allocator.largestSlabBlock { return unsafe allocate(byteCount) }
    #endif
    guard let segment = unsafe aligned_alloc(64, byteCount) else {
      Allocator.outOfMemory(byteCount)
    }
    account(unsafe malloc_usable_size(segment))
    return unsafe segment
  }

  /// Gives back what `allocateSegment` handed out for the same `bucketCount`.
  @usableFromInline
  func deallocateSegment(_ segment: UnsafeMutableRawPointer, bucketCount: Int) {
    let byteCount = bucketCount * 64
    if Allocator.isMapped(bucketCount: bucketCount) {
      unsafe munmap(segment, byteCount)
      return
    }
    unsafe deallocate(segment, byteCount: byteCount)
  }

  /// Returns the pages of a piece of a mapped segment that no bucket uses for now.
  @usableFromInline
  func releasePages(_ start: UnsafeMutableRawPointer, byteCount: Int) {
    _ = unsafe madvise(start, byteCount, MADV_DONTNEED)
  }
}
