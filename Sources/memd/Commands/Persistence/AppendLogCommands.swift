// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands about the log of changes.
enum AppendLogCommands: CommandFamily {
  static let group = CommandGroup.server

  static let commands: [Command] = [
    Command(
      "bgrewriteaof", [.admin, .noScript, .noAsyncLoading], since: "1.0.0", complexity: "O(1)",
      summary: "Replaces the append only file by a shorter one while clients go on.",
      handler: rewrite)
  ]

  // MARK: - BGREWRITEAOF

  static func rewrite(_ call: inout Call) throws(CommandError) {
    let server = call.server
    guard server.appendLog.rewriting == nil else {
      throw CommandError("ERR Background append only file rewriting already in progress")
    }
    server.appendLog.rewriteFailuresInARow = 0
    // A unit is in the base as a whole or not at all.
    if server.persistence.backgroundSave != nil || call.client.transaction.isExecuting {
      server.appendLog.isRewriteScheduled = true
      return call.reply.status("Background append only file rewriting scheduled")
    }
    guard server.startRewriting() else {
      throw CommandError(
        """
        ERR Can't execute an AOF background rewriting. Please check the server logs for more \
        information.
        """)
    }
    call.reply.status("Background append only file rewriting started")
  }
}
