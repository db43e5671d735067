// SPDX-License-Identifier: Apache-2.0

/// How much goes into one listpack of a list: bytes, entries, and from where on text stands alone.
@frozen
public struct QuickListLimit {
  /// Most bytes of a listpack; one with a single entry may have a few more.
  public var byteCountMax: Int
  /// Most entries of a listpack.
  public var entryCountMax: Int
  /// Text with more bytes gets a node of its own.
  public var packedTextMax: Int

  /// Most bytes of a listpack whose entries are limited.
  @inlinable static var safeByteCount: Int { 8192 }

  /// The limit that a value of `list-max-listpack-size` stands for.
  ///
  /// Positive: so many entries, up to 8 KB. -1 to -5: 4, 8, 16, 32 or 64 KB.
  ///
  /// - Parameter packedThreshold: text of so many bytes stands alone; 0: as the size says.
  @inlinable
  public init(listMaxListpackSize size: Int, packedThreshold: Int = 0) {
    if size >= 0 {
      entryCountMax = min(max(size, 1), 32767)
      byteCountMax = QuickListLimit.safeByteCount
    } else {
      entryCountMax = .max
      byteCountMax = 4096 << (min(-1 &- max(size, -5), 4))
    }
    packedTextMax = packedThreshold > 0 ? min(packedThreshold &- 1, 1 << 30) : byteCountMax
  }

  /// Whether a listpack of this size is within the limit.
  @inlinable @inline(__always)
  public func allows(byteCount: Int, entryCount: Int) -> Bool {
    byteCount <= byteCountMax && entryCount <= entryCountMax
  }
}
