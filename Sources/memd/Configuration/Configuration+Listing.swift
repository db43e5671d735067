// SPDX-License-Identifier: Apache-2.0

import DataStructures

extension Configuration {
  /// The options that some names or patterns select, each once (CONFIG GET).
  ///
  /// A name selects one option, in any case and even if it is hidden, and is repeated as it was
  /// given.
  func list(_ patterns: [ByteText]) -> [(name: ByteText, value: ByteText)] {
    var names: Set<String> = []
    var result: [(name: ByteText, value: ByteText)] = []
    for pattern in patterns {
      guard pattern.bytes.contains(where: Self.isWildcard) else {
        if let entry = OptionTable.find(pattern), names.insert(entry.name).inserted {
          result.append((pattern, entry.option.read(self)))
        }
        continue
      }
      for entry in OptionTable.entries where !entry.option.traits.contains(.hidden) {
        let name = ByteText(entry.name)
        if Self.matches(name, pattern), names.insert(entry.name).inserted {
          result.append((name, entry.option.read(self)))
        }
      }
    }
    return result
  }

  /// Names of the accepted options without effect that have another value than the default.
  var ineffectiveSettings: [String] {
    OptionTable.options.filter { $0.isWithoutEffect && remembered[$0.name] != nil }.map(\.name)
  }

  private static func isWildcard(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "*") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "[")
  }

  private static func matches(_ name: ByteText, _ pattern: ByteText) -> Bool {
    GlobPattern.matches(pattern: pattern.rawSpan, text: name.rawSpan, ignoringCase: true)
  }
}
