// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The bytes of an intset, as they stand in RDB files:
///
///     0       4       8
///     +-------+-------+--------------------------------------------+
///     | width | count | `count` integers, ascending, lowest byte first
///     +-------+-------+--------------------------------------------+
///
/// All integers have the same width of 2, 4 or 8 bytes.
struct IntsetBytes {
  let width: Int
  let count: Int

  static let headerCount = 8

  /// Checks everything; nil unless the integers are sorted, each is there once, and their width is
  /// one of the three.
  init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= IntsetBytes.headerCount else { return nil }
    width = bytes.little(4, at: 0)
    count = bytes.little(4, at: 4)
    guard width == 2 || width == 4 || width == 8,
      bytes.byteCount == IntsetBytes.headerCount + width * count
    else { return nil }
    for index in 1..<max(1, count)
    where integer(bytes, at: index - 1) >= integer(bytes, at: index) { return nil }
  }

  /// The integer with this index, which exists.
  func integer(_ bytes: RawSpan, at index: Int) -> Int {
    bytes.signedLittle(width, at: IntsetBytes.headerCount + width * index)
  }
}
