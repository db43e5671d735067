// SPDX-License-Identifier: Apache-2.0

/// All options, by name. The tables are beside this file, one per theme.
enum OptionTable {
  /// Every option once, in the order in which CONFIG GET lists them.
  static let options: [Option] =
    networkOptions + accessOptions + generalOptions + memoryOptions + encodingOptions
    + observationOptions + persistenceOptions + replicationOptions + clusterOptions + tlsOptions
    + acceptedOptions

  /// A name under which an option is known; aliases stand behind the name proper.
  struct Entry: Sendable {
    let name: String
    let option: Option
    let isAlias: Bool
  }

  /// Every name, in order.
  static let entries: [Entry] = options.flatMap { option in
    [Entry(name: option.name, option: option, isAlias: false)]
      + option.aliases.map { Entry(name: $0, option: option, isAlias: true) }
  }

  private static let indices: [String: Int] = Dictionary(
    entries.enumerated().map { ($0.element.name, $0.offset) },
    uniquingKeysWith: { first, _ in first })

  /// The option known under a name, in any case.
  static func find(_ name: String) -> Entry? { indices[name.lowercased()].map { entries[$0] } }

  /// Directives that once meant something; they are skipped, so that old files can be read.
  static let obsolete: [String] = [
    "list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands",
  ]
}
