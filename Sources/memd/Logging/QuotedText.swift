// SPDX-License-Identifier: Apache-2.0

/// Texts between quotes, as JSON and logfmt have them: control characters, quotes and backslashes
/// are escaped, and what lies beyond ASCII stays as it is.
enum QuotedText {
  /// The text without its quotes.
  ///
  /// - Parameter isEscapedToo: further characters that must not stand there.
  /// - Complexity: O(n)
  static func escaped(
    _ text: some StringProtocol, _ isEscapedToo: (Unicode.Scalar) -> Bool = { _ in false }
  ) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": escaped += "\\\""
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\r": escaped += "\\r"
      case "\t": escaped += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F || isEscapedToo(scalar):
        let digits = String(scalar.value, radix: 16)
        escaped += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
