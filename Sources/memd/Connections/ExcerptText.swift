// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Foreign bytes as the log shows them: never more than a bit, never a control character.
enum ExcerptText {
  /// The first `limit` bytes in double quotes, with escapes for what can't be printed.
  static func quoted(_ bytes: RawSpan, limit: Int) -> String {
    var text = "\""
    for byte in bytes.extracting(first: min(limit, bytes.byteCount)).copied {
      text += escaped(byte)
    }
    return text + "\""
  }

  /// The bytes with dots for what can't be printed; of more than 128 only both ends.
  static func abridged(_ bytes: RawSpan) -> String {
    let count = bytes.byteCount
    guard count > 128 else { return "'\(dotted(bytes.copied))'" }
    let start = dotted(bytes.extracting(first: 64).copied)
    let end = dotted(bytes.extracting(last: 64).copied)
    return "'\(start)' (... more \(count - 128) bytes ...) '\(end)'"
  }

  private static func dotted(_ bytes: [UInt8]) -> String {
    var text = ""
    for byte in bytes {
      text.unicodeScalars.append(Unicode.Scalar(isPrintable(byte) ? byte : UInt8(ascii: ".")))
    }
    return text
  }

  private static func escaped(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "\\"): return "\\\\"
    case UInt8(ascii: "\""): return "\\\""
    case 0x0A: return "\\n"
    case 0x0D: return "\\r"
    case 0x09: return "\\t"
    case 0x07: return "\\a"
    case 0x08: return "\\b"
    default:
      if isPrintable(byte) { return String(Unicode.Scalar(byte)) }
      let digits = String(byte, radix: 16)
      return digits.utf8.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
    }
  }

  private static func isPrintable(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7F }
}
