// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that save the dataset.
enum SnapshotCommands: CommandFamily {
  static let group = CommandGroup.server

  static let commands: [Command] = [
    Command(
      "lastsave", [.loading, .stale, .fast], categories: [.admin, .dangerous],
      tips: ["nondeterministic_output"], since: "1.0.0", complexity: "O(1)",
      summary: "Tells when the dataset was last saved.", handler: lastSave),
    Command(
      "save", [.admin, .noScript, .noAsyncLoading, .noMulti], since: "1.0.0",
      complexity: "O(N) where N is the number of keys in all databases.",
      summary: "Saves the dataset to disk while all clients wait.", handler: save),
  ]

  // MARK: - LASTSAVE

  static func lastSave(_ call: inout Call) throws(CommandError) {
    call.reply.integer(Int(call.server.lastSave))
  }

  // MARK: - SAVE

  static func save(_ call: inout Call) throws(CommandError) {
    guard call.server.save() else { throw CommandError("ERR") }
    call.reply.ok()
  }
}
