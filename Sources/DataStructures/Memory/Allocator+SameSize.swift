// SPDX-License-Identifier: Apache-2.0

extension Allocator {
  /// Whether blocks of these two sizes are interchangeable: a block made for one holds the other,
  /// and may be given back as either.
  @inlinable @inline(__always)
  public static func sameSize(_ left: Int, _ right: Int) -> Bool {
    (left &+ 7) & ~7 == (right &+ 7) & ~7 && left <= largestSlabBlock && right <= largestSlabBlock
  }
}
