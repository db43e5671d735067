// SPDX-License-Identifier: Apache-2.0

import DataStructures

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

  private static let indices: [ByteText: Int] = Dictionary(
    entries.enumerated().map { (ByteText($0.element.name), $0.offset) },
    uniquingKeysWith: { first, _ in first })

  /// Bytes of the longest name: a client's word is not folded and hashed if it has more.
  private static let nameByteCountMax = entries.map(\.name.utf8.count).max() ?? 0

  /// The option known under a name, in any case.
  static func find(_ name: ByteText) -> Entry? { find(name.rawSpan) }

  /// The option known under a name, in any case.
  static func find(_ name: RawSpan) -> Entry? {
    guard name.byteCount <= nameByteCountMax else { return nil }
    return indices[ByteText(name).folded].map { entries[$0] }
  }

  /// Directives that once meant something; they are skipped, so that old files can be read.
  static let obsolete: [ByteText] = [
    "list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands",
  ]
}
