// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that save the dataset.
enum SnapshotCommands: CommandFamily {
  static let group = CommandGroup.server

  static let commands: [Command] = [
    Command(
      "bgsave", [.admin, .noScript, .noAsyncLoading],
      [
        .oneOf(
          "operation", [.token("schedule").since("3.2.2"), .token("cancel").since("8.1.0")]
        ).optional
      ],
      since: "1.0.0", complexity: "O(1)", summary: "Saves the dataset to disk while clients go on.",
      history: [("3.2.2", "Takes `SCHEDULE`."), ("8.1.0", "Takes `CANCEL`.")], handler: bgsave),
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

  // MARK: - BGSAVE

  static func bgsave(_ call: inout Call) throws(CommandError) {
    let server = call.server
    var schedules = false
    if call.arguments.count > 1 {
      switch call.keyword(1) {
      case Keyword("schedule") where call.arguments.count == 2: schedules = true
      case Keyword("cancel") where call.arguments.count == 2: return try cancel(call)
      default: throw .syntax
      }
    }
    guard server.persistence.rdbSave == nil else {
      throw CommandError("ERR Background save already in progress")
    }
    // A unit is in the snapshot as a whole or not at all.
    if call.client.transaction.isExecuting {
      server.persistence.isSaveScheduled = true
      return call.reply.status("Background saving scheduled")
    }
    if server.persistence.backgroundSave != nil {
      guard schedules else {
        throw CommandError(
          """
          ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE \
          in order to schedule a BGSAVE whenever possible.
          """)
      }
      server.persistence.isSaveScheduled = true
      return call.reply.status("Background saving scheduled")
    }
    server.startBackgroundSave()
    call.reply.status("Background saving started")
  }

  private static func cancel(_ call: borrowing Call) throws(CommandError) {
    let isScheduled =
      call.server.persistence.snapshot == nil && call.server.persistence.isSaveScheduled
    guard call.server.cancelBackgroundSave() else {
      throw CommandError("ERR Background saving is currently not in progress or scheduled")
    }
    call.reply.status(
      isScheduled ? "Scheduled background saving cancelled" : "Background saving cancelled")
  }

  // MARK: - SAVE

  static func save(_ call: inout Call) throws(CommandError) {
    guard call.server.persistence.rdbSave == nil else {
      throw CommandError("ERR Background save already in progress")
    }
    call.server.statistics.saves += 1
    guard call.server.save() else { throw CommandError("ERR") }
    call.reply.ok()
  }
}
