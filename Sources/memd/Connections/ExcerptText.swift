// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Foreign bytes as the log shows them: never more than a bit, never a control character.
enum ExcerptText {
  /// The first `limit` bytes in double quotes, with escapes for what can't be printed.
  static func quoted(_ bytes: RawSpan, limit: Int) -> String {
    let beginning = ByteText(bytes.extracting(first: min(limit, bytes.byteCount)))
    return DirectiveText.quoted(beginning).rawSpan.logText()
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

  private static func isPrintable(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7F }
}
