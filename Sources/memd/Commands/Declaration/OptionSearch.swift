// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Finds where an option stands in a request, by the command's declared syntax: a word that is the
/// value of another option is no option, however it reads (`SORT k BY store STORE dst`).
struct OptionSearch {
  /// A word of the syntax, and how many arguments belong to it.
  private struct Token {
    let word: StaticString
    let valueCount: Int
  }

  /// Position of the first argument that may be an option.
  private let start: Int
  private var tokens: [Token] = []

  /// - Parameter depth: 1 for a command, 2 for a subcommand.
  init(_ command: Command, depth: Int) {
    let leading = command.arguments.prefix { !$0.isOptional && !$0.isMultiple && $0.token == nil }
    start = leading.reduce(depth) { $0 + $1.minimumCount }
    collect(command.arguments[leading.endIndex...])
  }

  private mutating func collect(_ specs: some Sequence<ArgumentSpec>) {
    for spec in specs {
      if let token = spec.token, token.utf8CodeUnitCount > 0 {
        tokens.append(Token(word: token, valueCount: OptionSearch.valueCount(of: spec)))
      }
      collect(spec.members)
    }
  }

  private static func valueCount(of spec: ArgumentSpec) -> Int {
    switch spec.kind {
    case .pureToken: 0
    case .block: spec.members.reduce(0) { $0 + $1.minimumCount }
    case .oneOf: spec.members.map(\.minimumCount).min() ?? 0
    default: 1
    }
  }

  /// How many values belong to a word of the syntax; none if it is no such word.
  private func valueCount(behind word: RawSpan) -> Int {
    for token in tokens where word.spells(token.word) { return token.valueCount }
    return 0
  }

  /// Where `token` stands as an option, in order.
  func positions(of token: StaticString, in arguments: Arguments) -> [Int] {
    var positions: [Int] = []
    var index = start
    while index < arguments.count {
      if arguments[index].spells(token) { positions.append(index) }
      index += 1 + valueCount(behind: arguments[index])
    }
    return positions
  }
}
