// SPDX-License-Identifier: Apache-2.0

/// The twenty bytes of a SHA-1.
public struct SHA1Digest: Sendable {
  /// The bytes in the order in which they are printed.
  public var bytes: [20 of UInt8]

  /// The digest of these bytes.
  @inlinable
  public init(bytes: [20 of UInt8]) { self.bytes = bytes }

  /// Forty lower case hexadecimal digits as ASCII.
  public var hex: [40 of UInt8] {
    [40 of UInt8] { index in HexDigit.of(byte: bytes[index >> 1], isHigh: index & 1 == 0) }
  }
}

/// The thirty-two bytes of a SHA-256.
public struct SHA256Digest: Sendable {
  /// The bytes in the order in which they are printed.
  public var bytes: [32 of UInt8]

  /// The digest of these bytes.
  @inlinable
  public init(bytes: [32 of UInt8]) { self.bytes = bytes }

  /// Sixty-four lower case hexadecimal digits as ASCII.
  public var hex: [64 of UInt8] {
    [64 of UInt8] { index in HexDigit.of(byte: bytes[index >> 1], isHigh: index & 1 == 0) }
  }
}

extension SHA1Digest: CustomStringConvertible {
  /// The hexadecimal digits as text.
  public var description: String {
    let digits = hex
    return String(decoding: digits.indices.map { digits[$0] }, as: UTF8.self)
  }
}

extension SHA256Digest: CustomStringConvertible {
  /// The hexadecimal digits as text.
  public var description: String {
    let digits = hex
    return String(decoding: digits.indices.map { digits[$0] }, as: UTF8.self)
  }
}

private enum HexDigit {
  /// The digit of the high or the low half of `byte`.
  static func of(byte: UInt8, isHigh: Bool) -> UInt8 {
    let value = isHigh ? byte >> 4 : byte & 15
    return value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}
