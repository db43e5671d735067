// SPDX-License-Identifier: Apache-2.0

/// A set of commands, one bit for each number of the command table. Subcommands have numbers of
/// their own.
struct CommandSet: Equatable {
  private var words: [UInt64]
  /// Number of commands in the table.
  private let count: Int

  init(count: Int, containsAll: Bool) {
    self.count = count
    words = []
    fill(containsAll)
  }

  func contains(_ id: CommandID) -> Bool {
    guard id >= 0, id < count else { return false }
    return words[id >> 6] & CommandSet.bit(id) != 0
  }

  /// Adds or removes a command.
  mutating func set(_ id: CommandID, _ isMember: Bool) {
    guard id >= 0, id < count else { return }
    if isMember {
      words[id >> 6] |= CommandSet.bit(id)
    } else {
      words[id >> 6] &= ~CommandSet.bit(id)
    }
  }

  /// Adds or removes all commands.
  mutating func fill(_ isMember: Bool) {
    words = Array(repeating: isMember ? .max : 0, count: (count + 63) / 64)
    // Bits beyond the last command stay clear, so that equal sets are equal words.
    if isMember, count & 63 != 0 { words[words.count - 1] = CommandSet.bit(count) - 1 }
  }

  var isFull: Bool { self == CommandSet(count: count, containsAll: true) }

  private static func bit(_ id: CommandID) -> UInt64 { 1 << UInt64(id & 63) }
}
