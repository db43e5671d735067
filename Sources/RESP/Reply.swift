// SPDX-License-Identifier: Apache-2.0

/// One reply as a value: what MIGRATE hears from another server, and tests from this one.
public indirect enum Reply: Equatable, Sendable {
  /// A status line, `+`.
  case status(String)
  /// An error, `-` or `!`.
  case error(String)
  /// An integer, `:`.
  case integer(Int)
  /// A bulk string, `$`.
  case bulk([UInt8])
  /// No value: `$-1` or `_`.
  case null
  /// No array: `*-1`.
  case nullArray
  /// An array, `*`.
  case array([Reply])
  /// A map, `%`: keys and values in turn, as they came.
  case map([Reply])
  /// A set, `~`, in the order in which it came.
  case set([Reply])
  /// A push message, `>`.
  case push([Reply])
  /// A reply that an attribute precedes, `|`: keys and values in turn, then the reply.
  case attributed([Reply], Reply)
  /// A floating-point number, `,`, as its text.
  case double(String)
  /// True or false, `#`.
  case boolean(Bool)
  /// An integer of any size, `(`, as its digits.
  case bigNumber(String)
  /// Text for people, `=`, with the three letters of its format.
  case verbatim(format: String, text: [UInt8])

  /// A bulk string from text.
  public static func bulk(_ text: String) -> Reply { .bulk(Array(text.utf8)) }

  /// The text of a status, error, bulk string, number or verbatim string; nil for anything else.
  public var text: String? {
    switch self {
    case .status(let text), .error(let text), .double(let text), .bigNumber(let text): text
    case .bulk(let bytes), .verbatim(_, let bytes): String(decoding: bytes, as: UTF8.self)
    case .integer(let value): String(value)
    default: nil
    }
  }

  /// The elements of an array, map, set or push message; nil for anything else.
  public var elements: [Reply]? {
    switch self {
    case .array(let elements), .map(let elements), .set(let elements), .push(let elements):
      elements
    default: nil
    }
  }
}

/// What keeps bytes from being a reply.
public enum ReplyError: Error, Equatable, Sendable {
  /// No reply type starts with this byte.
  case unknownType(UInt8)
  /// A count or length is not a number, or out of range.
  case invalidLength
  /// The text of an integer, boolean, null or verbatim string is malformed.
  case invalidValue
  /// A line has no end within 64 KiB.
  case tooLongLine
  /// A string is not followed by a line end.
  case missingLineEnd
  /// Aggregates are nested too deeply.
  case tooDeep
}
