// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Directives that belong together, each with what people should know of it.
///
/// `memd --help`, memd.conf(5) and docs/configuration.md are made of these and of the option table.
struct DirectiveTopic: Sendable {
  /// What is said of one directive.
  struct Guide: Sendable {
    let name: String
    /// What stands behind the name, where the option's syntax doesn't tell.
    let form: String?
    /// What the directive does, with units; one or two sentences.
    let summary: String

    init(_ name: String, _ form: String? = nil, says summary: String) {
      self.name = name
      self.form = form
      self.summary = summary
    }
  }

  /// One word, by which `memd --help` is asked for the topic.
  let name: String
  let title: String
  let guides: [Guide]

  /// All topics, what everybody needs first. Directives that steer nothing in memd are in none.
  static let all: [DirectiveTopic] =
    [network, access, memory, snapshots, log]
    + [replication, promises, observation, process, encodings]
    + [tls].filter { topic in topic.guides.contains { $0.option?.steers ?? false } }
}

extension DirectiveTopic.Guide {
  /// The option of the name; nil for directives that are no parameter of CONFIG.
  var option: Option? { OptionTable.find(ByteText(name))?.option }

  /// What stands behind the name: "yes|no", "0..65535".
  var valueText: String { form ?? option?.syntax.formText ?? "" }
}

extension Option {
  /// Something in memd depends on the option; others are only accepted.
  var steers: Bool {
    if case .remembered = storage { return false }
    return true
  }

  /// When the value may be changed.
  var changeText: String {
    if traits.contains(.immutable) { return "at start" }
    return traits.contains(.protected)
      ? "at any time where enable-protected-configs allows it" : "at any time"
  }

  /// The default as a line of redis.conf has it behind the name; several lines are joined.
  var defaultText: String {
    let configuration = Configuration()
    let lines = fileLines(configuration).map { ByteText($0.bytes.dropFirst(name.utf8.count + 1)) }
    let text = lines.map(\.logText).joined(separator: " ")
    let isBareWord = !text.contains { $0 == " " || $0 == "#" || $0 == "\\" } && text.utf8.count > 2
    return isBareWord && text.first == "\"" ? String(text.dropFirst().dropLast()) : text
  }
}

extension OptionSyntax {
  /// How a value is written, in a few characters; nil if only the option knows.
  var formText: String? {
    switch self {
    case .flag: "yes|no"
    case .integer(let range), .octal(let range): rangeText(range)
    case .memory: "bytes"
    case .memoryOrPercentage: "bytes|percentage%"
    case .choice(let choices): choices.joined(separator: "|")
    case .text: "text"
    case .special: nil
    }
  }

  /// "0..65535"; without an upper bound where that is only the largest number there is.
  private func rangeText(_ range: ClosedRange<Int>) -> String {
    let bound = range.upperBound >= Int(Int32.max) ? "" : text(of: range.upperBound)
    return "\(text(of: range.lowerBound)).." + bound
  }
}
