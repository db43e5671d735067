// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A condition on the string that a key holds: IFEQ, IFNE, IFDEQ, IFDNE.
struct ValueCondition {
  /// What is compared, and how.
  enum Kind {
    case equal
    case notEqual
    case digestEqual
    case digestNotEqual
  }

  let kind: Kind
  /// Where the other value or digest stands among the arguments.
  let argument: Int

  /// True if a key that doesn't exist meets the condition.
  var admitsMissing: Bool { kind == .notEqual || kind == .digestNotEqual }

  /// Whether `value` meets the condition; throws if the digest can't be one.
  ///
  /// - Complexity: O(n)
  func isMet(by value: StringValue, _ call: borrowing Call) throws(CommandError) -> Bool {
    let other = call.arguments[argument]
    switch kind {
    case .equal: return value.equals(other)
    case .notEqual: return !value.equals(other)
    case .digestEqual: return try value.hasDigest(other)
    case .digestNotEqual: return try value.hasDigest(other) == false
    }
  }
}

extension StringValue {
  /// True if the text is `bytes`.
  ///
  /// - Complexity: O(n)
  func equals(_ bytes: RawSpan) -> Bool {
    var scratch = DecimalScratch()
    return text(&scratch).equals(bytes)
  }

  /// The XXH3 hash of the text.
  ///
  /// - Complexity: O(n)
  var digest: UInt64 {
    var scratch = DecimalScratch()
    return XXH3.hash64(text(&scratch))
  }

  /// True if `digits` are the hexadecimal digits of `digest`, in any case.
  fileprivate func hasDigest(_ digits: RawSpan) throws(CommandError) -> Bool {
    guard digits.byteCount == HexadecimalDigest.byteCount else { throw .digestLength }
    return HexadecimalDigest.parse(digits) == digest
  }
}

/// A 64-bit hash as sixteen hexadecimal digits, the highest first.
enum HexadecimalDigest {
  /// Number of digits.
  static let byteCount = 16

  /// Reads sixteen digits in any case; nil if one of them is none.
  static func parse(_ digits: RawSpan) -> UInt64? {
    var value: UInt64 = 0
    for index in 0..<byteCount {
      guard let digit = digits.byte(index).hexadecimalValue else { return nil }
      value = value << 4 | UInt64(digit)
    }
    return value
  }

  /// Appends the digits in lower case.
  static func append(_ value: UInt64, to buffer: inout ByteBuffer) {
    for index in 0..<byteCount {
      let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * index) & 15)
      buffer.append(byte: digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
    }
  }
}

extension CommandError {
  /// A digest that is compared has not sixteen digits.
  fileprivate static var digestLength: CommandError {
    CommandError("ERR must be exactly 16 hexadecimal characters")
  }
}
