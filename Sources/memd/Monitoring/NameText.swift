// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Names of keys as a page and labels show them: different names are different texts, none is long,
/// and none holds control characters.
enum NameText {
  static let byteCountMax = 128

  /// The text of a name.
  ///
  /// - Parameter byteCount: the length of the whole name, if `name` is only its beginning.
  /// - Returns: UTF-8 as it is but for control characters and backslashes, anything else with
  ///   `\xHH` for what is not ASCII; of a long name the beginning, three dots and its length.
  static func of(_ name: [UInt8], byteCount: Int? = nil) -> String {
    let whole = byteCount ?? name.count
    guard whole > byteCountMax else { return text(name[...]) }
    return "\(text(wholeCharacters(name.prefix(byteCountMax))))... (\(whole) bytes)"
  }

  /// The bytes without a character in UTF-8 that is cut at their end.
  private static func wholeCharacters(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let trailing = bytes.suffix(3).reversed().prefix { $0 & 0xC0 == 0x80 }.count
    guard let lead = bytes.dropLast(trailing).last, lead >= 0xC0 else { return bytes }
    let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
    return trailing + 1 < length ? bytes.dropLast(trailing + 1) : bytes
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    let bytes = Array(bytes)
    guard let text = bytes.rawSpan.text(ofAtMost: byteCountMax) else {
      let quoted = DirectiveText.quoted(ByteText(bytes)).rawSpan.logText()
      return String(quoted.dropFirst().dropLast())
    }
    var shown = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        shown += "\\u{\(String(scalar.value, radix: 16))}"
      default:
        if scalar == "\\" { shown += "\\" }
        shown.unicodeScalars.append(scalar)
      }
    }
    return shown
  }
}
