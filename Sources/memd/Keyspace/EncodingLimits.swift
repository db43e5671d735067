// SPDX-License-Identifier: Apache-2.0

/// Up to where collections stay packed, as the `*-max-*` options say; one object for all databases.
final class EncodingLimits {
  var hashMaxListpackEntries = 512
  var hashMaxListpackValue = 64
  /// Positive: items per block; -1 to -5: a size of 4, 8, 16, 32 or 64 KB.
  var listMaxListpackSize = -2
  /// List elements of so many bytes stand alone (DEBUG QUICKLIST-PACKED-THRESHOLD); 0: as usual.
  var listPackedThreshold = 0
  var setMaxIntsetEntries = 512
  var setMaxListpackEntries = 128
  var setMaxListpackValue = 64
  var zsetMaxListpackEntries = 128
  var zsetMaxListpackValue = 64
  var hllSparseMaxBytes = 3000
  var streamNodeMaxBytes = 4096
  var streamNodeMaxEntries = 100
  /// A packed value never grows beyond a gigabyte, whatever the options say: its bytes move with
  /// every edit, and its own count of them has 32 bits. No option; tests make it small.
  var packedByteCountMax = 1 << 30

  /// Most members of a packed set of integers, of eight bytes each.
  var intsetEntriesMax: Int { min(setMaxIntsetEntries, packedByteCountMax / 8 - 1) }

  /// Whether a packed value of `byteCount` bytes may grow by texts of `added` bytes: with the
  /// lengths around three entries, one of which may be a number.
  @inline(__always)
  func packs(_ byteCount: Int, adding added: Int) -> Bool {
    byteCount &+ added &+ 48 <= packedByteCountMax
  }
}
