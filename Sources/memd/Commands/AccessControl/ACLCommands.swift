// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// ACL: who may do what.
enum ACLCommands: CommandFamily {
  static let group = CommandGroup.server

  static let flags: CommandFlags = [.noScript, .loading, .stale]
  static let adminFlags: CommandFlags = [.admin, .noScript, .loading, .stale]

  static let commands: [Command] = [
    Command(
      "acl", [], subcommands: subcommands + userSubcommands, since: "6.0.0",
      complexity: "Depends on subcommand.",
      summary: "A container for commands about users and what they may do.", help: help,
      handler: showHelp)
  ]

  private static let subcommands: [Command] = [
    Command(
      "cat", flags, [.string("categoryname").optional], since: "6.0.0",
      complexity: "O(1) since the categories and commands are a fixed set.",
      summary: "Lists the categories, or the commands of one.", handler: cat),
    Command(
      "dryrun", adminFlags,
      [.string("username"), .string("command"), .string("arg").optional.repeated],
      secrets: [.request(from: 3)], since: "7.0.0", complexity: "O(1).",
      summary: "Tells whether a user could run a command, without running it.", handler: dryrun),
    Command(
      "genpass", flags, [.integer("bits").optional], since: "6.0.0", complexity: "O(1)",
      summary: "Makes a password that nobody can guess.", handler: genpass),
    Command(
      "help", [.loading, .stale], since: "6.0.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "load", adminFlags, since: "6.0.0",
      complexity: "O(N). Where N is the number of configured users.",
      summary: "Reads the users anew from the ACL file.", handler: load),
    Command(
      "log", adminFlags,
      [.oneOf("operation", [.integer("count"), .token("RESET", "reset")]).optional],
      since: "6.0.0", complexity: "O(N) with N being the number of entries shown.",
      summary: "Lists what was denied lately.",
      history: [("7.2.0", "Entries have a number and the times of their first and last event.")],
      handler: log),
    Command(
      "save", adminFlags, since: "6.0.0",
      complexity: "O(N). Where N is the number of configured users.",
      summary: "Writes the users into the ACL file.", handler: save),
    Command(
      "whoami", flags, since: "6.0.0", complexity: "O(1)",
      summary: "Answers the name of the connection's user.", handler: whoami),
  ]

  private static let help: [StaticString] = [
    "CAT [<category>]",
    "    Answers the names of all categories, or the commands of <category>.",
    "DELUSER <username> [<username> ...]",
    "    Removes users and disconnects their clients.",
    "DRYRUN <username> <command> [<arg> ...]",
    "    Answers whether the user could run the command, which is not run.",
    "GETUSER <username>",
    "    Answers everything that is known of a user.",
    "GENPASS [<bits>]",
    "    Answers a new password of 256 or <bits> random bits.",
    "LIST",
    "    Answers all users as lines of a configuration file.",
    "LOAD",
    "    Reads all users anew from the ACL file.",
    "LOG [<count> | RESET]",
    "    Answers what was denied lately, or forgets it.",
    "SAVE",
    "    Writes all users into the ACL file.",
    "SETUSER <username> <attribute> [<attribute> ...]",
    "    Makes a user, or changes one, by rules.",
    "USERS",
    "    Answers the names of all users.",
    "WHOAMI",
    "    Answers the name of the connection's user.",
  ]

  // MARK: - ACL CAT

  static func cat(_ call: inout Call) throws(CommandError) {
    if call.arguments.count == 2 {
      call.reply.array(ACLCategories.names.count)
      for (_, name) in ACLCategories.names { call.reply.bulk(name) }
      return
    }
    guard call.arguments.count == 3 else { throw call.subcommandFailure("ACL") }
    guard let category = ACLCategories(name: call.arguments[2]) else {
      throw call.failure("ERR Unknown category '\(echo: call.arguments[2])'")
    }
    let members = call.server.commands.descriptions.filter { $0.categories.contains(category) }
    call.reply.array(members.count)
    for member in members { call.reply.bulk(member.fullName) }
  }

  // MARK: - ACL DRYRUN

  static func dryrun(_ call: inout Call) throws(CommandError) {
    guard let user = call.server.users.find(call.arguments[2]) else {
      throw call.failure("ERR User '\(echo: call.arguments[2])' not found")
    }
    let request = call.arguments.dropFirst(3)
    let table = call.server.commands
    guard let command = table.find(request) ?? table.find(name: request[0]),
      !command.flags.contains(.container) || request.count == 1 || table.find(request) != nil
    else { throw call.failure("ERR Command '\(echo: request[0])' not found") }
    let name = table.descriptions[command.id].fullName
    guard command.accepts(request.count) else {
      throw call.failure("ERR wrong number of arguments for '\(name)' command")
    }
    guard let denial = call.server.denial(of: command, request, for: user) else {
      return call.reply.ok()
    }
    let object = request[denial.position].echo(ofAtMost: .max)
    let answer: ByteText =
      switch denial.reason {
      case .command: "This user has no permissions to run the '\(name)' command"
      case .key: "This user has no permissions to access the '\(whole: object)' key"
      case .channel: "This user has no permissions to access the '\(whole: object)' channel"
      }
    call.reply.bulk(answer.rawSpan)
  }

  // MARK: - ACL GENPASS

  private static let passwordBitsMax = 4096

  static func genpass(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count <= 3 else { throw call.subcommandFailure("ACL") }
    let bits = call.arguments.count == 3 ? try call.integer(2) : 256
    guard bits > 0, bits <= passwordBitsMax else {
      throw call.failure(
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive"
          + " number up to \(passwordBitsMax)")
    }
    let digits = Array("0123456789abcdef".utf8)
    var password: [UInt8] = []
    var word: UInt64 = 0
    for index in 0..<(bits + 3) / 4 {
      if index.isMultiple(of: 16) { word = call.server.world.secretWord() }
      password.append(digits[Int(word & 15)])
      word >>= 4
    }
    call.reply.bulk(password.rawSpan)
  }

  // MARK: - ACL WHOAMI, ACL HELP

  static func whoami(_ call: inout Call) throws(CommandError) {
    guard let user = call.client.user else { return call.reply.null() }
    let name = user.name
    call.reply.bulk(name.rawSpan)
  }

  static func showHelp(_ call: inout Call) throws(CommandError) { call.writeHelp("ACL", help) }

  // MARK: - ACL LOG

  static func log(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count <= 3 else { throw call.subcommandFailure("ACL") }
    let log = call.server.users.accessLog
    var limit = 10
    if call.arguments.count == 3 {
      if call.keyword(2) == Keyword("reset") {
        log.removeAll()
        return call.reply.ok()
      }
      limit = max(0, try call.integer(2))
    }
    let entries = log.entries.prefix(limit)
    call.reply.array(entries.count)
    for entry in entries { write(entry, now: call.moment.milliseconds, to: &call.reply) }
  }

  private static func write(
    _ entry: AccessLog.Entry, now: Int64, to reply: inout ReplyWriter
  ) {
    reply.map(10)
    reply.bulk("count")
    reply.integer(entry.count)
    reply.bulk("reason")
    reply.bulk(entry.reason.name)
    reply.bulk("context")
    reply.bulk(entry.context.name)
    reply.bulk("object")
    reply.bulk(entry.object.rawSpan)
    reply.bulk("username")
    reply.bulk(entry.user.rawSpan)
    reply.bulk("age-seconds")
    reply.double(Double(now - entry.updatedAt) / 1000)
    reply.bulk("client-info")
    reply.bulk(entry.client.rawSpan)
    reply.bulk("entry-id")
    reply.integer(entry.id)
    reply.bulk("timestamp-created")
    reply.integer(Int(entry.createdAt))
    reply.bulk("timestamp-last-updated")
    reply.integer(Int(entry.updatedAt))
  }

  // MARK: - ACL LOAD, ACL SAVE

  private static let noFile = CommandError(
    """
    ERR This Redis instance is not configured to use an ACL file. You may want to specify users \
    via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis \
    configuration file set) in order to store users in the Redis configuration.
    """)

  static func load(_ call: inout Call) throws(CommandError) {
    guard !call.server.configuration.aclFile.isEmpty else { throw noFile }
    do throws(UserFileError) {
      try call.server.loadUserFile(caller: call.client)
    } catch {
      throw call.failure("ERR \(error.message)")
    }
    call.reply.ok()
  }

  static func save(_ call: inout Call) throws(CommandError) {
    guard !call.server.configuration.aclFile.isEmpty else { throw noFile }
    do throws(DiskError) {
      try call.server.saveUserFile()
    } catch {
      call.server.log.warning("ACL SAVE failed: \(error)")
      throw CommandError(
        """
        ERR There was an error trying to save the ACLs. Please check the server logs for more \
        information
        """)
    }
    call.reply.ok()
  }
}
