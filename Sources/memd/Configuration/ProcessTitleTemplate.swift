// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The template of the process title (`proc-title-template`): text with names in braces.
enum ProcessTitleTemplate {
  /// The names that may stand in braces.
  private static let names: [ByteText] = [
    "title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file",
  ]

  /// Whether all braces close and all names are known, and something is left to show.
  static func isValid(_ template: ByteText) -> Bool {
    expand(template) { name in names.contains(name) ? (name == "title" ? "" : name) : nil }
      .map { !$0.isEmpty } ?? false
  }

  /// The template with its names replaced and blanks at its ends removed; nil if a brace doesn't
  /// close or `value` doesn't know a name.
  static func expand(_ template: ByteText, value: (ByteText) -> ByteText?) -> ByteText? {
    var rest = template.bytes[...]
    var text: [UInt8] = []
    while let brace = rest.firstIndex(of: UInt8(ascii: "{")) {
      text += rest[..<brace]
      guard let end = rest[brace...].firstIndex(of: UInt8(ascii: "}")),
        let replacement = value(ByteText(rest[(brace + 1)..<end]))
      else { return nil }
      text += replacement.bytes
      rest = rest[(end + 1)...]
    }
    text += rest
    let trimmed = text.drop { $0 == UInt8(ascii: " ") }
    let last = trimmed.lastIndex { $0 != UInt8(ascii: " ") }
    return last.map { ByteText(trimmed[...$0]) } ?? ""
  }
}
