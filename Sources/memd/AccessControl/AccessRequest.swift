// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Why a request is denied, and the argument because of which it is.
struct AccessDenial: Equatable {
  /// In the order in which one tells more than another when several selectors deny.
  enum Reason: Int {
    case command, key, channel
  }

  let reason: Reason
  let position: Int

  /// Whether this one is named rather than the other.
  func isMoreTelling(than other: AccessDenial) -> Bool {
    (reason.rawValue, position) > (other.reason.rawValue, other.position)
  }
}

/// A request whose keys and channels are asked for, perhaps by several selectors.
///
/// What they are follows from the command's declaration alone. A request whose form doesn't tell
/// its keys (a bad count) passes: its handler refuses it for the same reason.
struct AccessRequest {
  let command: CommandReference
  let arguments: Arguments
  private let table: CommandTable
  /// Found once, where the command's record doesn't say it all.
  private var found: RequestKeys?

  init(_ command: CommandReference, _ arguments: Arguments, in table: CommandTable) {
    self.command = command
    self.arguments = arguments
    self.table = table
  }

  /// The first key that the patterns don't allow to be used as the command would.
  mutating func firstKey(notIn patterns: KeyPatterns) -> Int? {
    if command.keyUse == .varies { return firstFoundKey(notIn: patterns) }
    for position in command.keys.positions(in: arguments.count)
    where !patterns.allow(command.keyUse, of: arguments[position]) {
      return position
    }
    return nil
  }

  private mutating func firstFoundKey(notIn patterns: KeyPatterns) -> Int? {
    let keys = found ?? RequestKeys(command, arguments, in: table)
    found = keys
    for key in keys where !patterns.allow(KeyUse(key.access), of: arguments[key.index]) {
      return key.index
    }
    return nil
  }

  /// The first channel that the patterns don't allow.
  func firstChannel(notIn patterns: ChannelPatterns) -> Int? {
    guard let spec = table.descriptions[command.id].command.channels else { return nil }
    let last = spec.last >= 0 ? spec.last : arguments.count + spec.last
    var position = spec.first
    while position <= last, position < arguments.count {
      let isAllowed =
        switch spec.use {
        case .publish, .subscribe: patterns.allow(channel: arguments[position])
        case .subscribePattern: patterns.allow(pattern: arguments[position])
        case .unsubscribe: true
        }
      if !isAllowed { return position }
      position += 1
    }
    return nil
  }
}
