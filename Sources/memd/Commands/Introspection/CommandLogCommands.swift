// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// COMMANDLOG: the commands that took longest lately, were longest or got the longest replies.
enum CommandLogCommands: CommandFamily {
  static let group = CommandGroup.server

  private static let flags: CommandFlags = [.admin, .loading, .stale]

  private static let kind: ArgumentSpec = .oneOf(
    "type", [.token("slow"), .token("large-request"), .token("large-reply")])

  static let commands: [Command] = [
    Command(
      "commandlog", [], subcommands: subcommands, since: "8.1.0",
      complexity: "Depends on subcommand.",
      summary: "A container for commands about the logs of slow and of large commands.",
      help: help, handler: showHelp)
  ]

  private static let subcommands: [Command] = [
    Command(
      "get", flags, [.integer("count"), kind],
      tips: ["request_policy:all_nodes", "nondeterministic_output"], since: "8.1.0",
      complexity: "O(N) where N is the number of entries returned",
      summary: "Lists the newest entries of a log.", handler: get),
    Command(
      "help", [.loading, .stale], since: "8.1.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "len", flags, [kind],
      tips: ["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
      since: "8.1.0", complexity: "O(1)", summary: "Counts the entries of a log.", handler: len),
    Command(
      "reset", flags, [kind],
      tips: ["request_policy:all_nodes", "response_policy:all_succeeded"], since: "8.1.0",
      complexity: "O(N) where N is the number of entries of the log",
      summary: "Removes all entries of a log.", handler: reset),
  ]

  private static let help: [StaticString] = [
    "GET <count> <type>",
    "    Answers the newest <count> entries of a log (-1 means all). <type> is slow,",
    "    large-request or large-reply. Entries are made of:",
    "    number, time, microseconds (slow) or bytes (large-request, large-reply),",
    "    arguments, address and client name",
    "LEN <type>",
    "    Answers the length of a log.",
    "RESET <type>",
    "    Remove all entries of a log.",
  ]

  static func get(_ call: inout Call) throws(CommandError) {
    let wrong = CommandError("ERR count should be greater than or equal to -1")
    let count = try call.integer(2, orThrow: wrong)
    guard count >= -1 else { throw wrong }
    let entries = try log(of: call, at: 3).entries
    call.write(entries.prefix(count == -1 ? .max : count))
  }

  static func len(_ call: inout Call) throws(CommandError) {
    call.reply.integer(try log(of: call, at: 2).entries.count)
  }

  static func reset(_ call: inout Call) throws(CommandError) {
    try log(of: call, at: 2).removeAll()
    call.reply.ok()
  }

  static func showHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("COMMANDLOG", help)
  }

  /// The log that an argument names.
  private static func log(
    of call: borrowing Call, at index: Int
  ) throws(CommandError) -> CommandLog {
    let metrics = call.server.metrics
    switch FoldedName(folding: call.arguments[index]) {
    case FoldedName("slow"): return metrics.log(of: .slow)
    case FoldedName("large-request"): return metrics.log(of: .largeRequest)
    case FoldedName("large-reply"): return metrics.log(of: .largeReply)
    default:
      throw CommandError(
        "ERR type should be one of the following: slow, large-request, large-reply")
    }
  }
}

extension Call {
  /// Writes entries of a log as SLOWLOG and COMMANDLOG have them.
  func write(_ entries: ArraySlice<CommandLog.Entry>) {
    reply.array(entries.count)
    for entry in entries {
      reply.array(6)
      reply.integer(entry.id)
      reply.integer(Int(entry.time))
      reply.integer(entry.measure)
      reply.array(entry.arguments.count)
      for argument in entry.arguments { reply.bulk(argument.rawSpan) }
      reply.bulk(entry.clientAddress)
      reply.bulk(entry.clientName.rawSpan)
    }
  }
}
