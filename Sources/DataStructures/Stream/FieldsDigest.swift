// SPDX-License-Identifier: Apache-2.0

/// A short name for fields with values, the same in whatever order they come: the sum of the SHA-1
/// digests of all pairs.
public struct FieldsDigest {
  private var low: UInt64 = 0
  private var high: UInt64 = 0

  /// The digest of no fields.
  public init() {}

  /// Takes in a field.
  public mutating func add(_ name: RawSpan, _ value: RawSpan) {
    var hash = SHA1()
    // The length says where the name ends and the value begins.
    var rest = UInt64(name.byteCount)
    let length = [8 of UInt8] { _ in
      defer { rest >>= 8 }
      return UInt8(truncatingIfNeeded: rest)
    }
    hash.update(unsafe length.span.bytes)
    hash.update(name)
    hash.update(value)
    let digest = hash.finish().bytes
    low = unsafe low &+ digest.span.bytes.octets8(at: 0)
    high = unsafe high &+ digest.span.bytes.octets8(at: 8)
  }

  /// The sixteen bytes of the digest.
  public var bytes: [UInt8] {
    (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? low : high) >> UInt64(8 * ($0 & 7))) }
  }
}
