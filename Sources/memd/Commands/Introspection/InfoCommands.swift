// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// INFO: figures about the server for people and monitors.
enum InfoCommands: CommandFamily {
  static let group = CommandGroup.server

  static let commands: [Command] = [
    Command(
      "info", [.loading, .stale], [.string("section").optional.repeated],
      categories: .dangerous,
      tips: [
        "nondeterministic_output", "request_policy:all_shards", "response_policy:special",
      ], since: "1.0.0", complexity: "O(1)",
      summary: "Shows figures about the server and what it has done.",
      history: [("7.0.0", "Takes several section names.")], handler: info)
  ]

  static func info(_ call: inout Call) throws(CommandError) {
    call.reply.verbatim(call.server.info(call.arguments), format: "txt")
  }
}
