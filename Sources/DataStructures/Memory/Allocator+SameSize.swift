// SPDX-License-Identifier: Apache-2.0

extension Allocator {
  /// Whether blocks of these two sizes are interchangeable: a block made for one holds the other,
  /// and may be given back as either.
  @inlinable @inline(__always)
  public static func sameSize(_ left: Int, _ right: Int) -> Bool {
    #if MEMD_MALLOC_ONLY
      // There each block is as long as was asked for, or the sanitizer would miss an overflow.
      left == right
    #else
      (left &+ 7) & ~7 == (right &+ 7) & ~7
        && left <= largestSlabBlock && right <= largestSlabBlock
    #endif
  }
}
