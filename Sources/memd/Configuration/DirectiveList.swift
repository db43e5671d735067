// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// All directives in forms that people or programs read.
enum DirectiveList {
  /// The names by topic, in lines of at most 78 columns (`memd --help`).
  static var overview: String {
    var text = "Directives by topic; memd --help NAME, of a directive or a topic, tells more:\n"
    for topic in DirectiveTopic.all {
      text += "\n\(topic.title) (\(topic.name))\n" + wrapped(topic.guides.map(\.name))
    }
    return text
      + "\nAccepted without effect, so that files of other servers can be read (accepted)\n"
      + wrapped(idle.map(\.name))
  }

  /// What is known of a directive, or of all of a topic; nil if there is neither.
  static func description(of name: ByteText) -> String? {
    let word = name.folded.logText
    if let topic = DirectiveTopic.all.first(where: { $0.name == word }) {
      return "\(topic.title)\n" + topic.guides.map { "\n" + text(of: $0) }.joined()
    }
    if word == "accepted" {
      return idle.map { "\($0.name) \($0.defaultText)\n" }.joined()
    }
    let entry = OptionTable.find(name)
    if let guide = DirectiveTopic.guide(to: entry?.option.name ?? word) { return text(of: guide) }
    return entry.map {
      "\($0.option.name) \($0.option.syntax.formText ?? "")\n    Accepted without effect.\n"
    }
  }

  /// One line per directive for programs, fields separated by tabs: topic, its title, name, other
  /// names, values, default, when it may be changed, what it does.
  static var table: String {
    var text = ""
    func add(_ topic: String, _ title: String, _ guide: DirectiveTopic.Guide) {
      let option = guide.option
      let fields = [
        topic, title, guide.name, option?.aliases.joined(separator: " ") ?? "", guide.valueText,
        option?.defaultText ?? "", option?.changeText ?? "at start", guide.summary,
      ]
      text += fields.joined(separator: "\t") + "\n"
    }
    for topic in DirectiveTopic.all {
      for guide in topic.guides { add(topic.name, topic.title, guide) }
    }
    for option in idle {
      add(
        "accepted", "Accepted without effect",
        DirectiveTopic.Guide(option.name, option.syntax.formText, says: idleSummary(option)))
    }
    return text
  }

  /// Options that steer nothing.
  private static let idle = OptionTable.options.filter {
    !$0.steers && !$0.traits.contains(.hidden)
  }

  private static func idleSummary(_ option: Option) -> String {
    option.refusal == nil
      ? "" : "Values that would promise what memd doesn't do stop the start."
  }

  private static func text(of guide: DirectiveTopic.Guide) -> String {
    var text = "\(guide.name) \(guide.valueText)\n" + wrapped(words(guide.summary))
    if let option = guide.option {
      let value = option.defaultText
      text += value.isEmpty ? "    " : "    Default: \(value). "
      text += "Set \(option.changeText).\n"
      if !option.aliases.isEmpty {
        text += "    Also called \(option.aliases.joined(separator: ", ")).\n"
      }
    }
    return text
  }

  private static func words(_ text: String) -> [String] {
    text.split(separator: " ").map(String.init)
  }

  /// Words in indented lines.
  private static func wrapped(_ words: [String]) -> String {
    var text = ""
    var line = "   "
    for word in words {
      if line.utf8.count + word.utf8.count + 1 > 78 {
        text += line + "\n"
        line = "   "
      }
      line += " " + word
    }
    return text + line + "\n"
  }
}
