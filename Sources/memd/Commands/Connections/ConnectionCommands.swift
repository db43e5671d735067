// SPDX-License-Identifier: Apache-2.0

import RESP

/// Commands about the connection itself.
enum ConnectionCommands: CommandFamily {
  static let group = CommandGroup.connection

  static let commands: [Command] = [
    Command(
      "ping", [.fast], [.string("message").optional], since: "1.0.0", complexity: "O(1)",
      summary: "Answers PONG, or the given message.", handler: ping)
  ]

  // MARK: - PING

  static func ping(_ call: inout Call) throws(CommandError) {
    if call.arguments.count > 1 { call.reply.bulk(call.arguments[1]) } else { call.reply.status("PONG") }
  }
}
