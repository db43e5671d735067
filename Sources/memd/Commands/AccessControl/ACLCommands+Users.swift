// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// ACL: users are made, changed, shown and removed.

extension ACLCommands {
  static let userSubcommands: [Command] = [
    Command(
      "deluser", adminFlags, [.string("username").repeated], secrets: [.arguments(from: 2)],
      since: "6.0.0", complexity: "O(1) amortized time considering the typical user.",
      summary: "Removes users and disconnects their clients.", handler: deluser),
    Command(
      "getuser", adminFlags, [.string("username")], secrets: [.arguments(from: 2)],
      since: "6.0.0",
      complexity:
        "O(N). Where N is the number of password, command and pattern rules that the user has.",
      summary: "Describes a user.",
      history: [
        ("6.2.0", "Shows patterns of channels."),
        ("7.0.0", "Shows selectors, and patterns as rules."),
      ], handler: getuser),
    Command(
      "list", adminFlags, since: "6.0.0",
      complexity: "O(N). Where N is the number of configured users.",
      summary: "Lists all users in the form of the ACL file.", handler: list),
    Command(
      "setuser", adminFlags, [.string("username"), .string("rule").optional.repeated],
      secrets: [.arguments(from: 2)], since: "6.0.0",
      complexity: "O(N). Where N is the number of rules provided.",
      summary: "Makes a user, or changes one.",
      history: [
        ("6.2.0", "Takes patterns of channels."),
        ("7.0.0", "Takes selectors, and patterns of keys to read or to write."),
      ], handler: setuser),
    Command(
      "users", adminFlags, since: "6.0.0",
      complexity: "O(N). Where N is the number of configured users.",
      summary: "Lists the names of all users.", handler: users),
  ]

  // MARK: - ACL SETUSER

  static func setuser(_ call: inout Call) throws(CommandError) {
    let name = call.arguments[2]
    guard Users.isValid(name: name) else {
      throw CommandError("ERR Usernames can't contain spaces or null characters")
    }
    let server = call.server
    let context = server.ruleContext
    var words: [[UInt8]] = []
    for index in 3..<max(3, call.arguments.count) { words.append(call.arguments[index].copied) }
    var rules = server.users.find(name)?.rules ?? UserRules(context)
    do throws(RuleFailure) {
      try rules.apply(words, context)
    } catch {
      throw call.failure("ERR \(error.message)")
    }
    server.change(name.copied, to: rules, caller: call.client)
    call.reply.ok()
  }

  // MARK: - ACL DELUSER

  static func deluser(_ call: inout Call) throws(CommandError) {
    let users = call.server.users
    for index in 2..<call.arguments.count
    where users.find(call.arguments[index]) === users.defaultUser {
      throw CommandError("ERR The 'default' user cannot be removed")
    }
    var count = 0
    for index in 2..<call.arguments.count {
      guard let user = users.find(call.arguments[index]) else { continue }
      call.server.remove(user, caller: call.client)
      count += 1
    }
    call.reply.integer(count)
  }

  // MARK: - ACL GETUSER

  static func getuser(_ call: inout Call) throws(CommandError) {
    guard let rules = call.server.users.find(call.arguments[2])?.rules else {
      return call.reply.null()
    }
    call.reply.map(6)
    call.reply.bulk("flags")
    call.reply.set(rules.flags.count)
    for flag in rules.flags { call.reply.bulk(flag) }
    call.reply.bulk("passwords")
    call.reply.array(rules.passwords.count)
    for password in rules.passwords {
      let digits = password.text
      call.reply.bulk(digits.rawSpan)
    }
    writeFields(of: rules.selectors[0], to: &call.reply)
    call.reply.bulk("selectors")
    call.reply.array(rules.selectors.count - 1)
    for selector in rules.selectors.dropFirst() {
      call.reply.map(3)
      writeFields(of: selector, to: &call.reply)
    }
  }

  /// Three fields of a map.
  private static func writeFields(of selector: AccessSelector, to reply: inout ReplyWriter) {
    let blank = [UInt8(ascii: " ")]
    let commands = selector.commands.text
    let keys = Array(selector.keys.rules.joined(separator: blank))
    let channels = Array(selector.channels.rules.joined(separator: blank))
    reply.bulk("commands")
    reply.bulk(commands.rawSpan)
    reply.bulk("keys")
    reply.bulk(keys.rawSpan)
    reply.bulk("channels")
    reply.bulk(channels.rawSpan)
  }

  // MARK: - ACL LIST, ACL USERS

  static func list(_ call: inout Call) throws(CommandError) {
    let users = call.server.users.all
    call.reply.array(users.count)
    for user in users {
      let line = user.line
      call.reply.bulk(line.rawSpan)
    }
  }

  static func users(_ call: inout Call) throws(CommandError) {
    let users = call.server.users.all
    call.reply.array(users.count)
    for user in users {
      let name = user.name
      call.reply.bulk(name.rawSpan)
    }
  }
}
