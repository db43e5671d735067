// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// XGROUP, XACK and XACKDEL: groups, their consumers, and what these have done with.
enum ConsumerGroupCommands: CommandFamily {
  static let group = CommandGroup.stream

  static let commands: [Command] = [
    Command(
      "xgroup", [], subcommands: subcommands, since: "5.0.0",
      complexity: "Depends on subcommand.",
      summary: "A container for commands on consumer groups.", help: help, handler: showHelp),
    Command(
      "xack", [.write, .fast], keys: [.key(1, [.readWrite, .update])],
      [.key(), .string("group"), .string("id").repeated], since: "5.0.0",
      complexity: "O(log(N)) for each id, with N pending entries",
      summary: "Acknowledges entries and returns how many of them were pending.",
      handler: xack),
    Command(
      "xackdel", [.write, .fast], keys: [.key(1, [.readWrite, .update, .delete])],
      [
        .key(), .string("group"), StreamCommands.policyArguments, StreamCommands.idArguments,
      ], effect: .rewritten("XACK and XDEL"), since: "8.2.0",
      complexity: "O(log(N)) for each id, with N pending entries",
      summary: "Acknowledges entries and deletes them from the stream.", handler: xackdel),
  ]

  private static let subcommands: [Command] = [
    Command(
      "create", [.write, .denyOOM], keys: [.key(2, [.readWrite, .insert])],
      [
        .key(), .string("groupname"), .oneOf("id", [.string("id"), .token("$", "new_id")]),
        .token("MKSTREAM", "mkstream").optional,
        .integer("entries_read").after("ENTRIESREAD").optional,
      ],
      since: "5.0.0", complexity: "O(1)", summary: "Makes a consumer group.",
      history: [("7.0.0", "Takes the number of entries that the group has read.")],
      handler: xgroupCreate),
    Command(
      "createconsumer", [.write, .denyOOM], keys: [.key(2, [.readWrite, .insert])],
      [.key(), .string("groupname"), .string("consumername")], since: "6.2.0",
      complexity: "O(1)", summary: "Makes a consumer in a group.",
      handler: xgroupCreateConsumer),
    Command(
      "delconsumer", [.write], keys: [.key(2, [.readWrite, .delete])],
      [.key(), .string("groupname"), .string("consumername")], since: "5.0.0",
      complexity: "O(N) for N entries that the consumer has pending",
      summary: "Removes a consumer and what it has pending.", handler: xgroupDelConsumer),
    Command(
      "destroy", [.write], keys: [.key(2, [.readWrite, .delete])],
      [.key(), .string("groupname")], since: "5.0.0",
      complexity: "O(N) for N pending entries of the group", summary: "Removes a group.",
      handler: xgroupDestroy),
    Command(
      "help", [.loading, .stale], since: "5.0.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "setid", [.write], keys: [.key(2, [.readWrite, .update])],
      [
        .key(), .string("groupname"), .oneOf("id", [.string("id"), .token("$", "new_id")]),
        .integer("entries_read").after("ENTRIESREAD").optional,
      ],
      since: "5.0.0", complexity: "O(1)", summary: "Sets up to where a group has read.",
      history: [("7.0.0", "Takes the number of entries that the group has read.")],
      handler: xgroupSetID),
  ]

  private static let help: [StaticString] = [
    "CREATE <key> <groupname> <id|$> [option]",
    "    Make a consumer group that has read up to an id. Options are:",
    "    * MKSTREAM",
    "      Make the stream, too, if there is none.",
    "    * ENTRIESREAD entries_read",
    "      How many entries the group has read (for replication).",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Make a consumer in a group.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Remove a consumer from a group.",
    "DESTROY <key> <groupname>",
    "    Remove a group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Set up to where a group has read, and how many entries that were.",
  ]

  static func showHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("XGROUP", help)
  }

  // MARK: - XGROUP

  /// The options behind the id of CREATE and SETID.
  private struct Options {
    var makesStream = false
    /// -1: not known.
    var entriesRead = -1

    init(_ call: borrowing Call, creates: Bool) throws(CommandError) {
      var index = 5
      while index < call.arguments.count {
        let name = FoldedName(folding: call.arguments[index])
        switch name {
        case FoldedName("mkstream") where creates: makesStream = true
        case FoldedName("entriesread") where index + 1 < call.arguments.count:
          index += 1
          entriesRead = try call.integer(index)
          guard entriesRead >= -1 else {
            throw CommandError("ERR value for ENTRIESREAD must be positive or -1")
          }
        default: throw call.subcommandFailure("XGROUP")
        }
        index += 1
      }
    }
  }

  private static func stream(_ call: borrowing Call) throws(CommandError) -> WritableStream {
    guard let stream = try call.database.streamForWriting(call.key(2)) else {
      throw CommandError(
        """
        ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want \
        to use the MKSTREAM option to create an empty stream automatically.
        """)
    }
    return stream
  }

  private static func group(
    of stream: WritableStream, _ call: borrowing Call
  ) throws(CommandError) -> WritableConsumerGroup {
    guard let group = stream.group(named: call.arguments[3]) else {
      throw call.failure(
        """
        NOGROUP No such consumer group '\(echo: call.arguments[3])' for key name \
        '\(echo: call.arguments[2])'
        """)
    }
    return group
  }

  /// One change, which is none of the value for those who watch the key.
  private static func changed(_ event: KeyEvent, _ call: borrowing Call) {
    call.effects.countChanges(1)
    call.effects.notify(event, call.key(2), in: call.database)
  }

  static func xgroupCreate(_ call: inout Call) throws(CommandError) {
    let options = try Options(call, creates: true)
    let key = call.key(2)
    let old = try options.makesStream ? call.database.streamForWriting(key) : stream(call)
    guard call.arguments.count <= 8 else { throw call.subcommandFailure("XGROUP") }
    let id =
      call.isCharacter(4, "$") ? old?.reading.lastID ?? .zero : try call.streamID(4)
    let target = old ?? call.database.addStream(key)
    if old == nil {
      call.effects.touched(key, in: call.database)
      call.signalReady(key)
    }
    let group = target.addGroup(
      call.arguments[3], lastID: id,
      entriesRead: target.reading.possibleEntriesRead(options.entriesRead))
    guard group != nil else {
      throw CommandError("BUSYGROUP Consumer Group name already exists")
    }
    changed(.groupCreate, call)
    call.reply.ok()
  }

  static func xgroupSetID(_ call: inout Call) throws(CommandError) {
    let options = try Options(call, creates: false)
    let stream = try stream(call)
    let group = try group(of: stream, call)
    guard call.arguments.count <= 7 else { throw call.subcommandFailure("XGROUP") }
    if call.isCharacter(4, "$") {
      group.lastID = stream.reading.lastID
    } else if call.isCharacter(4, "-") {
      group.lastID = .zero
    } else if call.isCharacter(4, "+") {
      group.lastID = .maximum
    } else {
      group.lastID = try call.streamID(4)
    }
    group.entriesRead = stream.reading.possibleEntriesRead(options.entriesRead)
    changed(.groupSetID, call)
    call.reply.ok()
  }

  static func xgroupDestroy(_ call: inout Call) throws(CommandError) {
    let stream = try stream(call)
    guard let remains = stream.detachGroup(call.arguments[3]) else { return call.reply.integer(0) }
    call.database.unlinked.discard(UnlinkedValue(remains))
    changed(.groupDestroy, call)
    // Who waits for entries of the group learns that it is gone.
    call.signalReady(call.key(2))
    call.reply.integer(1)
  }

  static func xgroupCreateConsumer(_ call: inout Call) throws(CommandError) {
    let group = try group(of: stream(call), call)
    guard group.reading.consumer(named: call.arguments[4]) == nil else {
      return call.reply.integer(0)
    }
    _ = group.addConsumer(call.arguments[4], seenTime: call.moment.milliseconds)
    changed(.consumerCreate, call)
    call.reply.integer(1)
  }

  static func xgroupDelConsumer(_ call: inout Call) throws(CommandError) {
    let group = try group(of: stream(call), call)
    guard let pending = group.removeConsumer(call.arguments[4]) else {
      return call.reply.integer(0)
    }
    changed(.consumerDelete, call)
    call.reply.integer(pending)
  }

  // MARK: - XACK, XACKDEL

  static func xack(_ call: inout Call) throws(CommandError) {
    let group = try call.database.streamForClaiming(call.key(1))?.group(named: call.arguments[2])
    guard let group else { return call.reply.integer(0) }
    for index in 3..<call.arguments.count { _ = try call.streamID(index) }
    var count = 0
    for index in 3..<call.arguments.count where group.acknowledge(try call.streamID(index)) {
      count += 1
    }
    call.effects.countChanges(count)
    call.reply.integer(count)
  }

  static func xackdel(_ call: inout Call) throws(CommandError) {
    let list = try StreamIDList(call, from: 3)
    let key = call.key(1)
    guard let stream = try call.database.streamForWriting(key),
      let group = stream.group(named: call.arguments[2])
    else { return list.replyMissing(call) }
    for index in list.indices { _ = try call.streamID(index) }
    var result = StreamDeletion()
    var acknowledged: [StreamID] = []
    call.reply.array(list.count)
    for index in list.indices {
      let id = try call.streamID(index)
      var outcome = StreamDeletion.Outcome.missing
      if group.acknowledge(id) {
        acknowledged.append(id)
        outcome = stream.delete(id, list.policy, &result)
        // The entry may have gone before: nothing is left of it in any case.
        if outcome == .missing { outcome = .deleted }
      }
      call.reply.integer(outcome.rawValue)
    }
    guard !acknowledged.isEmpty else { return }
    call.effects.countChanges(acknowledged.count)
    call.effects.rewrite("XACK", argumentCount: 2 + acknowledged.count)
    call.effects.append(key.bytes)
    call.effects.append(call.arguments[2])
    for id in acknowledged { call.effects.append(id) }
    call.countDeleted(result.count, key)
    call.propagateDeletion(result, from: stream.reading)
  }
}
