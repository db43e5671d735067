// SPDX-License-Identifier: Apache-2.0

import DataStructures

extension Entry {
  /// Bytes that a table's bucket takes per element, at its usual fill.
  private static let bucketShare = 13

  /// Memory of the key with its value, its share of the table, and its record in the timing wheel.
  ///
  /// - Parameter samples: how many elements of a large collection are measured; 0 measures all.
  func memoryUsage(_ allocator: Allocator, samples: Int) -> Int {
    var total = unsafe allocator.allocatedSize(of: byteCount, at: pointer)
    total += Entry.bucketShare
    if header.hasDeadline { total += MemoryFigures.wheelByteCount }
    return total + valueAllocatedSize(allocator, samples: samples)
  }
}
