// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What helps against a line that is not accepted.
enum DirectiveRemedy {
  static let unbalancedQuotes =
    "close the quote; nothing may follow a closing quote but a blank, and \\\" stands for a quote."

  static let includes =
    "look for files that include each other in a circle; a pattern such as conf.d/*.conf must not"
    + " fit the file that it stands in."

  /// - Parameter name: the directive of the line, in lower case.
  static func text(for name: ByteText) -> String {
    if name == "dir" {
      return "make the directory, for the user who runs memd to write in, or correct the path."
    }
    if name == "loadmodule" { return "remove the line; memd has no modules." }
    if name == "sentinel" { return "that is a file of redis-sentinel's; give it to that program." }
    if let option = OptionTable.find(name)?.option {
      if !option.steers, option.refusal != nil {
        return "remove the line; memd can't keep this promise."
      }
      return "write: \(form(of: option)); memd --help \(option.name) tells more."
    }
    if let guide = DirectiveTopic.guide(to: name.logText) {
      return "write: \(guide.name) \(guide.valueText); memd --help \(guide.name) tells more."
    }
    return "there is no such directive" + (suggestion(for: name).map { "; is it '\($0)'?" } ?? ".")
      + " memd --help lists all."
  }

  /// "port 0..65535 (default 6379)".
  private static func form(of option: Option) -> String {
    let guide = DirectiveTopic.guide(to: option.name)
    let value = guide?.valueText ?? option.syntax.formText ?? "value"
    let unit = option.syntax.takesUnits ? ", such as 100mb or 2gb" : ""
    let usual = option.defaultText.isEmpty ? "" : " (default \(option.defaultText))"
    return "\(option.name) \(value)\(unit)\(usual)"
  }

  /// The directive that is spelled nearly so.
  static func suggestion(for name: ByteText) -> String? {
    let word = Array(name.bytes.prefix(64))
    let names = OptionTable.entries.map(\.name) + ["include", "user", "rename-command"]
    let nearest = names.map { ($0, WordDistance.between(word, Array($0.utf8))) }
      .min { $0.1 < $1.1 }
    guard let nearest, nearest.1 <= max(1, word.count / 4) else { return nil }
    return nearest.0
  }
}

extension DirectiveTopic {
  /// What is said of a directive; nil if it steers nothing, or there is none of the name.
  static func guide(to name: String) -> Guide? {
    for topic in all {
      if let guide = topic.guides.first(where: { $0.name == name }) { return guide }
    }
    return nil
  }
}

extension OptionSyntax {
  /// Whether sizes with units are understood.
  fileprivate var takesUnits: Bool {
    switch self {
    case .memory, .memoryOrPercentage: true
    default: false
    }
  }
}

/// How far words are apart.
enum WordDistance {
  /// The fewest insertions, removals, replacements and swaps of neighbours that make one word of
  /// the other.
  ///
  /// Damerau's distance in the form of Oommen and Loke (no part is changed twice): O(n m) steps,
  /// three rows of memory.
  static func between(_ first: [UInt8], _ second: [UInt8]) -> Int {
    var before: [Int] = []
    var previous = Array(0...second.count)
    for row in first.indices {
      var current = [row + 1]
      for column in second.indices {
        let isSame = first[row] == second[column]
        var best = min(
          previous[column] + (isSame ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, first[row] == second[column - 1],
          first[row - 1] == second[column]
        {
          best = min(best, before[column - 1] + 1)
        }
        current.append(best)
      }
      before = previous
      previous = current
    }
    return previous[second.count]
  }
}
