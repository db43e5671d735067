// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A report as JSON, for the live page.
struct LiveFigures {
  private(set) var text = "{"

  init(_ report: FigureReport) {
    text += "\"time\":\(report.wallMilliseconds),\"info\":{"
    for (index, field) in report.fields.enumerated() {
      text += "\(index > 0 ? "," : "")\(Self.quoted(field.name)):\(Self.quoted(field.text))"
    }
    text += "},\"commands\":["
    for (index, command) in report.commands.enumerated() {
      text +=
        "\(index > 0 ? "," : ""){\"name\":\(Self.quoted(command.name)),\"calls\":\(command.calls),"
        + "\"us\":\(Int(command.microseconds)),\"failed\":\(command.failedCalls),"
        + "\"rejected\":\(command.rejectedCalls),\"steps\":\(Self.steps(command.durations))}"
    }
    text += "],\"turns\":\(Self.steps(report.turns)),\"lag\":\(Self.steps(report.expiryLag))"
    text += ",\"slow\":["
    for (index, command) in report.slowCommands.enumerated() {
      text +=
        "\(index > 0 ? "," : ""){\"id\":\(command.id),\"time\":\(command.time),"
        + "\"us\":\(command.microseconds),\"text\":\(Self.quoted(command.text)),"
        + "\"client\":\(Self.quoted(command.client))}"
    }
    text += "]}\n"
  }

  private static func steps(_ durations: FigureReport.Durations) -> String {
    "[" + durations.steps.map { "[\($0.microseconds),\($0.count)]" }.joined(separator: ",") + "]"
  }

  /// A text in quotes; nothing in it can end the string, or a script that it might stand in.
  static func quoted(_ text: some StringProtocol) -> String {
    "\"" + QuotedText.escaped(text) { $0 == "<" || $0 == "\u{2028}" || $0 == "\u{2029}" } + "\""
  }
}
