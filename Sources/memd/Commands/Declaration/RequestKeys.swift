// SPDX-License-Identifier: Apache-2.0

import RESP

/// The keys of a request, with what the request does to each: the one place that looks at a
/// command's record where that says it all, and asks `KeyFinder` where it doesn't.
///
/// Valid as long as the request's arguments. Without keys if the request's form doesn't tell them.
struct RequestKeys: RandomAccessCollection {
  /// Keys at fixed distances, as the record has them.
  private var first = 0
  private var step = 1
  private var fixedCount = 0
  private var access: KeySpec.Access = []
  /// All others, in their order.
  private var found: [KeyFinder.Found] = []

  /// - Complexity: O(1) for commands with keys at fixed places, nothing is allocated; else O(n) for
  ///   n arguments.
  init(_ command: CommandReference, _ arguments: Arguments, in table: CommandTable) {
    if command.hasPlainKeys {
      let positions = command.keys.positions(in: arguments.count)
      first = Int(command.keys.first)
      step = Swift.max(1, Int(command.keys.step))
      fixedCount = positions.underestimatedCount
      access = KeyAccess.refined(command.keyAccess, command.keyVariation, in: arguments)
      return
    }
    guard command.hasKeys else { return }
    let description = table.description(of: command)
    let keys = KeyFinder.keys(
      of: description.command, depth: description.depth, in: arguments)
    found = (keys ?? []).map { key in
      var key = key
      key.access = KeyAccess.refined(key.access, command.keyVariation, in: arguments)
      return key
    }
  }

  var startIndex: Int { 0 }
  var endIndex: Int { fixedCount + found.count }

  /// A key's place among the arguments, and what the request does to it.
  subscript(position: Int) -> KeyFinder.Found {
    position < fixedCount
      ? KeyFinder.Found(index: first + position * step, access: access)
      : found[position - fixedCount]
  }
}
