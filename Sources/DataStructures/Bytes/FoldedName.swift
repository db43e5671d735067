// SPDX-License-Identifier: Apache-2.0

/// A name of at most sixteen bytes, folded to lower case, that compares as two numbers.
public struct FoldedName: Hashable, Sendable {
  /// Bytes 0 to 7, the first in the lowest bits.
  public let low: UInt64
  /// Bytes 8 to 15; zero if there are none.
  public let high: UInt64

  /// The name of a literal, which is lower case ASCII of at most sixteen bytes.
  @inlinable @inline(__always)
  public init(_ literal: StaticString) {
    precondition(literal.utf8CodeUnitCount <= 16, "a folded name has at most sixteen bytes")
    low = FoldedLiteral.word(of: literal, from: 0)
    high = FoldedLiteral.word(of: literal, from: 8)
  }

  /// The name that a client's bytes spell; more than sixteen bytes equal no literal.
  @inlinable @inline(__always)
  public init(folding bytes: RawSpan) {
    let count = bytes.byteCount
    guard count > 0, count <= 16, bytes.octet(at: count &- 1) != 0 else {
      low = count == 0 ? 0 : .max
      high = low
      return
    }
    low = FoldedLiteral.fold(bytes.octets(at: 0, count: min(count, 8)))
    high = count > 8 ? FoldedLiteral.fold(bytes.octets(at: 8, count: count &- 8)) : 0
  }

  /// Whether the bytes can't be the name of any literal: too many, or NUL at their end.
  @inlinable
  public var isUnmatchable: Bool { low == .max && high == .max }

  /// Whether a client's name is the pattern's literal.
  @inlinable @inline(__always)
  public static func ~= (pattern: FoldedName, value: FoldedName) -> Bool {
    pattern.low == value.low && pattern.high == value.high
  }
}
