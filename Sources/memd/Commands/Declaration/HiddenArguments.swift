// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Which arguments of a request SLOWLOG and MONITOR must not show, by its command's declaration.
struct HiddenArguments {
  /// What is shown instead.
  static let substitute = Array("(redacted)".utf8)

  private var secrets: [SecretSpec]
  /// Where the request begins that the declaration is about: behind 0 if another one is around it.
  private var start = 0
  private let arguments: Arguments

  init(_ command: CommandReference, _ arguments: Arguments, in table: CommandTable) {
    self.arguments = arguments
    secrets = table.description(of: command).command.secrets
    // A client decides how often a request is wrapped, so this is a loop.
    while case .request(let index)? = secrets.first {
      start += index
      let inner = start < arguments.count ? table.find(arguments.dropFirst(start)) : nil
      secrets = inner.map { table.description(of: $0).command.secrets } ?? []
    }
  }

  func contains(_ index: Int) -> Bool {
    for secret in secrets where hides(secret, index) { return true }
    return false
  }

  private func hides(_ secret: SecretSpec, _ index: Int) -> Bool {
    switch secret {
    case .arguments(let first): return index >= start + first
    case .values(let word, let count):
      for distance in 1...count where index - distance > start {
        if arguments[index - distance].spells(word) { return true }
      }
      return false
    case .settings(let first):
      let distance = index - start - first
      guard distance > 0, !distance.isMultiple(of: 2) else { return false }
      let option = OptionTable.find(arguments[index - 1])?.option
      return option?.traits.contains(.sensitive) ?? false
    case .request: return false
    }
  }
}
