// SPDX-License-Identifier: Apache-2.0

import RESP

/// A command as COMMAND DOCS documents it: its full name, then a map of what is known.
enum CommandDocumentation {
  static func write(
    _ description: CommandTable.Description, in table: CommandTable,
    to reply: inout ReplyWriter
  ) {
    let command = description.command
    reply.bulk(description.fullName)
    var fields = Fields(reply)
    fields.text("summary", command.summary, to: &reply)
    fields.text("since", command.since, to: &reply)
    fields.text("group", description.group.rawValue, to: &reply)
    if command.complexity.utf8CodeUnitCount > 0 {
      fields.text("complexity", command.complexity, to: &reply)
    }
    writeFlags(command, &fields, to: &reply)
    if let since = command.deprecatedSince {
      fields.text("deprecated_since", since, to: &reply)
    }
    if let other = command.replacedBy { fields.text("replaced_by", other, to: &reply) }
    if !command.history.isEmpty {
      fields.name("history", to: &reply)
      reply.set(command.history.count)
      for (version, change) in command.history {
        reply.array(2)
        reply.bulk(version)
        reply.bulk(change)
      }
    }
    if !command.arguments.isEmpty {
      fields.name("arguments", to: &reply)
      write(command.arguments, to: &reply)
    }
    if !description.subcommands.isEmpty {
      fields.name("subcommands", to: &reply)
      reply.map(description.subcommands.count)
      for id in description.subcommands { write(table.descriptions[id], in: table, to: &reply) }
    }
    fields.end(&reply)
  }

  private static func writeFlags(
    _ command: Command, _ fields: inout Fields, to reply: inout ReplyWriter
  ) {
    var flags: [StaticString] = []
    if command.deprecatedSince != nil { flags.append("deprecated") }
    if command.flags.contains(.system) { flags.append("syscmd") }
    guard !flags.isEmpty else { return }
    fields.name("doc_flags", to: &reply)
    reply.set(flags.count)
    for flag in flags { reply.status(flag) }
  }

  // MARK: - Arguments

  private static func write(_ arguments: [ArgumentSpec], to reply: inout ReplyWriter) {
    reply.array(arguments.count)
    for argument in arguments { write(argument, to: &reply) }
  }

  private static func write(_ argument: ArgumentSpec, to reply: inout ReplyWriter) {
    var fields = Fields(reply)
    // A word that was given no name of its own is called like itself, in lower case.
    let name = argument.name.description
    fields.text(
      "name", argument.kind == .pureToken ? name.lowercased() : name, to: &reply)
    fields.text("type", argument.kind.rawValue, to: &reply)
    if let spec = argument.keySpecIndex {
      fields.name("key_spec_index", to: &reply)
      reply.integer(spec)
    }
    if let token = argument.token {
      fields.text("token", token.description.uppercased(), to: &reply)
    }
    if let summary = argument.summary { fields.text("summary", summary, to: &reply) }
    if let since = argument.since { fields.text("since", since, to: &reply) }
    if let since = argument.deprecatedSince {
      fields.text("deprecated_since", since, to: &reply)
    }
    writeFlags(argument, &fields, to: &reply)
    if !argument.members.isEmpty {
      fields.name("arguments", to: &reply)
      write(argument.members, to: &reply)
    }
    fields.end(&reply)
  }

  private static func writeFlags(
    _ argument: ArgumentSpec, _ fields: inout Fields, to reply: inout ReplyWriter
  ) {
    var flags: [StaticString] = []
    if argument.isOptional { flags.append("optional") }
    if argument.isMultiple { flags.append("multiple") }
    if argument.repeatsToken { flags.append("multiple_token") }
    guard !flags.isEmpty else { return }
    fields.name("flags", to: &reply)
    reply.set(flags.count)
    for flag in flags { reply.status(flag) }
  }
}

/// A map under way whose number of fields is known at its end.
private struct Fields {
  private let mark: ReplyWriter.Mark
  private var count = 0

  init(_ reply: borrowing ReplyWriter) { mark = reply.beginAggregate() }

  /// The name of a field; its value follows.
  mutating func name(_ name: StaticString, to reply: inout ReplyWriter) {
    reply.bulk(name)
    count += 1
  }

  mutating func text(_ name: StaticString, _ value: StaticString, to reply: inout ReplyWriter) {
    self.name(name, to: &reply)
    reply.bulk(value)
  }

  mutating func text(_ name: StaticString, _ value: String, to reply: inout ReplyWriter) {
    self.name(name, to: &reply)
    reply.bulk(value)
  }

  func end(_ reply: inout ReplyWriter) { reply.endMap(mark, count: count) }
}
