// SPDX-License-Identifier: Apache-2.0

import DataStructures

extension Configuration {
  /// The options that some names or patterns select, each once (CONFIG GET).
  ///
  /// A name selects one option, in any case and even if it is hidden, and is repeated as it was
  /// given.
  func list(_ patterns: [String]) -> [(name: String, value: String)] {
    var names: Set<String> = []
    var result: [(name: String, value: String)] = []
    for pattern in patterns {
      guard pattern.contains(where: { "*?[".contains($0) }) else {
        if let entry = OptionTable.find(pattern), names.insert(entry.name).inserted {
          result.append((pattern, entry.option.read(self)))
        }
        continue
      }
      for entry in OptionTable.entries where !entry.option.traits.contains(.hidden) {
        if Self.matches(entry.name, pattern), names.insert(entry.name).inserted {
          result.append((entry.name, entry.option.read(self)))
        }
      }
    }
    return result
  }

  /// Names of the accepted options without effect that have another value than the default.
  var ineffectiveSettings: [String] {
    OptionTable.options.filter { $0.isWithoutEffect && remembered[$0.name] != nil }.map(\.name)
  }

  private static func matches(_ name: String, _ pattern: String) -> Bool {
    let name = Array(name.utf8)
    let pattern = Array(pattern.utf8)
    return GlobPattern.matches(
      pattern: pattern.rawSpan, text: name.rawSpan, ignoringCase: true)
  }
}
