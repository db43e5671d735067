// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// SLOWLOG: the commands that took longest lately.
enum SlowLogCommands: CommandFamily {
  static let group = CommandGroup.server

  private static let flags: CommandFlags = [.admin, .loading, .stale]

  static let commands: [Command] = [
    Command(
      "slowlog", [], subcommands: subcommands, since: "2.2.12",
      complexity: "Depends on subcommand.",
      summary: "A container for commands about the log of slow commands.", help: help,
      handler: showHelp)
  ]

  private static let subcommands: [Command] = [
    Command(
      "get", flags, [.integer("count").optional],
      tips: ["request_policy:all_nodes", "nondeterministic_output"], since: "2.2.12",
      complexity: "O(N) where N is the number of entries returned",
      summary: "Lists the newest entries.",
      history: [("4.0.0", "Shows the client's address and name.")], handler: get),
    Command(
      "help", [.loading, .stale], since: "6.2.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "len", flags,
      tips: ["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
      since: "2.2.12", complexity: "O(1)", summary: "Counts the entries.", handler: len),
    Command(
      "reset", flags, tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
      since: "2.2.12", complexity: "O(N) where N is the number of entries in the slowlog",
      summary: "Removes all entries.", handler: reset),
  ]

  private static let help: [StaticString] = [
    "GET [<count>]",
    "    Answers the newest <count> entries of the slow log (default: 10, -1 means all).",
    "    Entries are made of:",
    "    number, time, microseconds, arguments, address and",
    "    client name",
    "LEN",
    "    Answers the length of the slow log.",
    "RESET",
    "    Reset the slow log.",
  ]

  static func get(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count <= 3 else { throw call.subcommandFailure("SLOWLOG") }
    var limit = 10
    if call.arguments.count == 3 {
      let wrong = CommandError("ERR count should be greater than or equal to -1")
      limit = try call.integer(2, orThrow: wrong)
      guard limit >= -1 else { throw wrong }
      if limit == -1 { limit = .max }
    }
    call.write(call.server.metrics.slowLog.entries.prefix(limit))
  }

  static func len(_ call: inout Call) throws(CommandError) {
    call.reply.integer(call.server.metrics.slowLog.entries.count)
  }

  static func reset(_ call: inout Call) throws(CommandError) {
    call.server.metrics.slowLog.removeAll()
    call.reply.ok()
  }

  static func showHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("SLOWLOG", help)
  }
}
