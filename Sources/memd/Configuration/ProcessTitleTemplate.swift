// SPDX-License-Identifier: Apache-2.0

/// The template of the process title (`proc-title-template`): text with names in braces.
enum ProcessTitleTemplate {
  /// The names that may stand in braces.
  private static let names = [
    "title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file",
  ]

  /// Whether all braces close and all names are known, and something is left to show.
  static func isValid(_ template: String) -> Bool {
    expand(template) { name in names.contains(name) ? (name == "title" ? "" : name) : nil }
      .map { !$0.isEmpty } ?? false
  }

  /// The template with its names replaced and blanks at its ends removed; nil if a brace doesn't
  /// close or `value` doesn't know a name.
  static func expand(_ template: String, value: (String) -> String?) -> String? {
    var rest = template[...]
    var text = ""
    while let brace = rest.firstIndex(of: "{") {
      text += rest[..<brace]
      guard let end = rest[brace...].firstIndex(of: "}") else { return nil }
      guard let replacement = value(String(rest[rest.index(after: brace)..<end])) else {
        return nil
      }
      text += replacement
      rest = rest[rest.index(after: end)...]
    }
    text += rest
    let trimmed = text.drop { $0 == " " }
    let last = trimmed.lastIndex { $0 != " " }
    return last.map { String(trimmed[...$0]) } ?? ""
  }
}
