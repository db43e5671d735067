// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// COMMAND and its subcommands: what the server knows of its own commands.
enum CommandCommands: CommandFamily {
  static let group = CommandGroup.server

  private static let flags: CommandFlags = [.loading, .stale]
  private static let unordered: [StaticString] = ["nondeterministic_output_order"]

  static let commands: [Command] = [
    Command(
      "command", flags, subcommands: subcommands, categories: .connection, tips: unordered,
      since: "2.8.13", complexity: "O(N) where N is the total number of commands",
      summary: "Describes all commands.", arity: -1, help: help, handler: all)
  ]

  private static let subcommands: [Command] = [
    Command(
      "count", flags, categories: .connection, since: "2.8.13", complexity: "O(1)",
      summary: "Counts the commands.", handler: count),
    Command(
      "docs", flags, [.string("command-name").optional.repeated], categories: .connection,
      tips: unordered, since: "7.0.0",
      complexity: "O(N) where N is the number of commands to look up",
      summary: "Documents commands: syntax, history, complexity.", handler: docs),
    Command(
      "getkeys", flags, categories: .connection, secrets: [.request(from: 2)], since: "2.8.13",
      complexity: "O(N) where N is the number of arguments to the command",
      summary: "Extracts the keys of a request.", arity: -4, handler: getKeys),
    Command(
      "getkeysandflags", flags, categories: .connection, secrets: [.request(from: 2)],
      since: "7.0.0",
      complexity: "O(N) where N is the number of arguments to the command",
      summary: "Extracts the keys of a request and what would happen to them.", arity: -4,
      handler: getKeysAndFlags),
    Command(
      "help", flags, categories: .connection, since: "5.0.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "info", flags, [.string("command-name").optional.repeated], categories: .connection,
      tips: unordered, since: "2.8.13",
      complexity: "O(N) where N is the number of commands to look up",
      summary: "Describes some or all commands.",
      history: [("7.0.0", "Describes all commands when none is named.")], handler: info),
    Command(
      "list", flags,
      [
        ArgumentSpec.oneOf(
          "filterby",
          [
            .string("module-name").after("MODULE"), .string("category").after("ACLCAT"),
            .pattern("pattern").after("PATTERN"),
          ]
        ).after("FILTERBY").optional
      ],
      categories: .connection, tips: unordered, since: "7.0.0",
      complexity: "O(N) where N is the total number of commands",
      summary: "Lists the names of commands.", handler: list),
  ]

  private static let help: [StaticString] = [
    "(no subcommand)",
    "    Answers what is known of every command.",
    "COUNT",
    "    Answers how many commands there are.",
    "LIST",
    "    Answers the names of all commands.",
    "INFO [<command-name> ...]",
    "    Answers what is known of the named commands.",
    "    Without command names, details about all commands are returned.",
    "DOCS [<command-name> ...]",
    "    Answers documentation of multiple commands.",
    "    Without command names, documentation of all commands is returned.",
    "GETKEYS <full-command>",
    "    Answers the keys of a full command.",
    "GETKEYSANDFLAGS <full-command>",
    "    Answers the keys of a full command with their access flags.",
  ]

  // MARK: - COMMAND, COMMAND INFO, COMMAND DOCS

  static func all(_ call: inout Call) throws(CommandError) {
    let table = call.server.commands
    let commands = table.topLevel
    call.reply.array(commands.count)
    for command in commands { CommandInformation.write(command, in: table, to: &call.reply) }
  }

  static func info(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count > 2 else { return try all(&call) }
    let table = call.server.commands
    let count = call.arguments.count - 2
    var mark = call.markReply()
    call.reply.array(count)
    for number in 1...count {
      if let command = table.find(fullName: call.arguments[number + 1]) {
        CommandInformation.write(table.description(of: command), in: table, to: &call.reply)
      } else {
        call.reply.null()
      }
      try call.reserveRest(&mark, after: number, of: count)
    }
  }

  static func docs(_ call: inout Call) throws(CommandError) {
    let table = call.server.commands
    guard call.arguments.count > 2 else {
      let commands = table.topLevel
      call.reply.map(commands.count)
      for command in commands { CommandDocumentation.write(command, in: table, to: &call.reply) }
      return
    }
    let count = call.arguments.count - 2
    var replyMark = call.markReply()
    let mark = call.reply.beginAggregate()
    var found = 0
    for number in 1...count {
      guard let command = table.find(fullName: call.arguments[number + 1]) else { continue }
      CommandDocumentation.write(table.description(of: command), in: table, to: &call.reply)
      found += 1
      try call.reserveRest(&replyMark, after: number, of: count)
    }
    call.reply.endMap(mark, count: found)
  }

  // MARK: - COMMAND COUNT, COMMAND LIST, COMMAND HELP

  static func count(_ call: inout Call) throws(CommandError) {
    call.reply.integer(call.server.commands.topLevel.count)
  }

  static func list(_ call: inout Call) throws(CommandError) {
    let filter = try listFilter(call)
    let mark = call.reply.beginAggregate()
    var shown = 0
    let table = call.server.commands
    for description in table.descriptions
    where table.isReachable(description) && filter.admits(description) {
      call.reply.bulk(description.fullName)
      shown += 1
    }
    call.reply.endArray(mark, count: shown)
  }

  private static func listFilter(_ call: borrowing Call) throws(CommandError) -> CommandFilter {
    let count = call.arguments.count
    if count == 2 { return .everything }
    guard count == 5, FoldedName("filterby") ~= FoldedName(folding: call.arguments[2]) else {
      throw .syntax
    }
    switch call.keyword(3) {
    // There are no modules, so nothing belongs to one.
    case Keyword("module"): return .nothing
    case Keyword("aclcat"): return CommandFilter(category: call.arguments[4])
    case Keyword("pattern"): return .pattern(call.arguments[4].copied)
    default: throw .syntax
    }
  }

  static func showHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("COMMAND", help)
  }

  // MARK: - COMMAND GETKEYS, COMMAND GETKEYSANDFLAGS

  static func getKeys(_ call: inout Call) throws(CommandError) {
    let keys = try foundKeys(call)
    call.reply.array(keys.count)
    for key in keys { call.reply.bulk(call.arguments[key.index + 2]) }
  }

  static func getKeysAndFlags(_ call: inout Call) throws(CommandError) {
    let keys = try foundKeys(call)
    call.reply.array(keys.count)
    for key in keys {
      call.reply.array(2)
      call.reply.bulk(call.arguments[key.index + 2])
      CommandInformation.write(key.access, to: &call.reply)
    }
  }

  /// The keys of the request behind the subcommand's name; indices count from that request's name.
  private static func foundKeys(
    _ call: borrowing Call
  ) throws(CommandError) -> [KeyFinder.Found] {
    let request = call.arguments.dropFirst(2)
    let table = call.server.commands
    guard let reference = table.find(request) else {
      throw CommandError("ERR Invalid command specified")
    }
    let description = table.description(of: reference)
    let command = description.command
    guard command.keys.contains(where: { !$0.access.contains(.notKey) }) else {
      throw CommandError("ERR The command has no key arguments")
    }
    guard reference.accepts(request.count) else {
      throw CommandError("ERR Invalid number of arguments specified for command")
    }
    if let keys = KeyFinder.keys(of: command, depth: description.depth, in: request), !keys.isEmpty
    {
      return keys.filter { !$0.isOverridden }.map { key in
        KeyFinder.Found(
          index: key.index, access: KeyAccess.refined(key.access, of: command, in: request))
      }
    }
    if command.flags.contains(.noMandatoryKeys) { return [] }
    throw CommandError("ERR Invalid arguments specified for command")
  }
}

extension CommandTable {
  /// The command with a name such as "get" or "client|list", in any case.
  func find(fullName bytes: RawSpan) -> CommandReference? {
    guard let bar = (0..<bytes.byteCount).first(where: { bytes.byte($0) == UInt8(ascii: "|") })
    else { return find(name: bytes) }
    guard let container = find(name: bytes.extracting(first: bar)) else { return nil }
    return findSubcommand(bytes.extracting(droppingFirst: bar + 1), of: container)
  }
}
