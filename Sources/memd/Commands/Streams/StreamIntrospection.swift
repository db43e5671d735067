// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// XINFO: what a stream, its groups and their consumers are like.
enum StreamIntrospection: CommandFamily {
  static let group = CommandGroup.stream

  static let commands: [Command] = [
    Command(
      "xinfo", [], subcommands: subcommands, since: "5.0.0",
      complexity: "Depends on subcommand.",
      summary: "A container for commands that describe streams.", help: help,
      handler: showHelp)
  ]

  private static let subcommands: [Command] = [
    Command(
      "consumers", [.readonly], keys: [.key(2, [.readOnly, .access])],
      [.key(), .string("groupname")], tips: ["nondeterministic_output"], since: "5.0.0",
      complexity: "O(1)", summary: "Lists the consumers of a group.",
      history: [("7.2.0", "Shows for how long a consumer was inactive.")],
      handler: xinfoConsumers),
    Command(
      "groups", [.readonly], keys: [.key(2, [.readOnly, .access])], [.key()], since: "5.0.0",
      complexity: "O(1)", summary: "Lists the groups of a stream.",
      history: [("7.0.0", "Shows how many entries a group has read and has still to read.")],
      handler: xinfoGroups),
    Command(
      "help", [.loading, .stale], since: "5.0.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "stream", [.readonly], keys: [.key(2, [.readOnly, .access])],
      [
        .key(), .block("full", [.integer("count").after("COUNT").optional]).after("FULL").optional,
      ],
      since: "5.0.0", complexity: "O(1)", summary: "Describes a stream.",
      history: [
        ("6.0.0", "Takes `FULL`."),
        ("7.0.0", "Shows what the stream knows about its past."),
        ("7.2.0", "Shows when a consumer was active last."),
        ("8.6.0", "Shows what is remembered of producers."),
        ("8.8.0", "Shows with `FULL` how many entries were given back to a group."),
      ], handler: xinfoStream),
  ]

  private static let help: [StaticString] = [
    "CONSUMERS <key> <groupname>",
    "    Answers the consumers of <groupname>.",
    "GROUPS <key>",
    "    Answers the groups of the stream.",
    "STREAM <key> [FULL [COUNT <count>]",
    "    Answers what is known about the stream.",
  ]

  static func showHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("XINFO", help)
  }

  private static func stream(_ call: borrowing Call) throws(CommandError) -> Stream {
    guard let stream = try call.database.stream(call.key(2)) else { throw .noSuchKey }
    return stream
  }

  // MARK: - XINFO CONSUMERS

  static func xinfoConsumers(_ call: inout Call) throws(CommandError) {
    guard let group = try stream(call).group(named: call.arguments[3]) else {
      throw call.failure(
        """
        NOGROUP No such consumer group '\(echo: call.arguments[3])' for key name \
        '\(echo: call.arguments[2])'
        """)
    }
    let now = call.moment.milliseconds
    call.reply.array(group.consumerCount)
    for index in 0..<group.consumerCount {
      let consumer = group.consumer(at: index)
      call.reply.map(4)
      call.reply.bulk("name")
      call.reply.bulk(consumer.name)
      call.reply.bulk("pending")
      call.reply.integer(consumer.pendingCount)
      call.reply.bulk("idle")
      // A time from a file may be anything; differences wrap around as Redis's do.
      call.reply.integer(Int(max(0, now &- consumer.seenTime)))
      call.reply.bulk("inactive")
      call.reply.integer(consumer.activeTime == -1 ? -1 : Int(now &- consumer.activeTime))
    }
  }

  // MARK: - XINFO GROUPS

  static func xinfoGroups(_ call: inout Call) throws(CommandError) {
    let stream = try stream(call)
    call.reply.array(stream.groupCount)
    for index in 0..<stream.groupCount {
      let group = stream.group(at: index)
      call.reply.map(6)
      call.reply.bulk("name")
      call.reply.bulk(group.name)
      call.reply.bulk("consumers")
      call.reply.integer(group.consumerCount)
      call.reply.bulk("pending")
      call.reply.integer(group.pendingCount)
      call.reply.bulk("last-delivered-id")
      call.reply.streamID(group.lastID)
      replyProgress(of: group, stream, call)
    }
  }

  /// How far a group has read, as far as that is known.
  private static func replyProgress(
    of group: ConsumerGroup, _ stream: Stream, _ call: borrowing Call
  ) {
    call.reply.bulk("entries-read")
    if group.entriesRead >= 0 {
      call.reply.integer(group.entriesRead)
    } else {
      call.reply.null()
    }
    call.reply.bulk("lag")
    if let lag = stream.lag(of: group) { call.reply.integer(lag) } else { call.reply.null() }
  }

  // MARK: - XINFO STREAM

  static func xinfoStream(_ call: inout Call) throws(CommandError) {
    let stream = try stream(call)
    var limit = 10
    let isFull = call.arguments.count > 3
    if isFull {
      guard case Keyword("full") = call.keyword(3), call.arguments.count != 5,
        call.arguments.count <= 6
      else { throw call.subcommandFailure("XINFO") }
      if call.arguments.count == 6 {
        guard case Keyword("count") = call.keyword(4) else {
          throw call.subcommandFailure("XINFO")
        }
        limit = try call.integer(5)
        if limit < 0 { limit = 10 }
      }
    }
    call.reply.map(isFull ? 15 : 16)
    replyFigures(of: stream, call)
    if isFull {
      call.reply.bulk("entries")
      call.reply.streamEntries(stream.entries(), limit: limit)
      replyGroups(of: stream, limit: limit, call)
      return
    }
    call.reply.bulk("groups")
    call.reply.integer(stream.groupCount)
    call.reply.bulk("first-entry")
    replyFirst(stream.entries(), call)
    call.reply.bulk("last-entry")
    replyFirst(stream.entries(reversed: true), call)
  }

  private static func replyFigures(of stream: Stream, _ call: borrowing Call) {
    call.reply.bulk("length")
    call.reply.integer(stream.length)
    call.reply.bulk("radix-tree-keys")
    call.reply.integer(stream.nodeCount)
    // Compatibility: the index is no radix tree; its pages stand for the tree's inner nodes.
    call.reply.bulk("radix-tree-nodes")
    call.reply.integer(stream.nodeCount + max(1, stream.pageCount))
    call.reply.bulk("last-generated-id")
    call.reply.streamID(stream.lastID)
    call.reply.bulk("max-deleted-entry-id")
    call.reply.streamID(stream.maxDeletedID)
    call.reply.bulk("entries-added")
    call.reply.integer(Int(truncatingIfNeeded: stream.entriesAdded))
    call.reply.bulk("recorded-first-entry-id")
    call.reply.streamID(stream.firstID)
    replyProducers(of: stream, call)
  }

  private static func replyProducers(of stream: Stream, _ call: borrowing Call) {
    let log = stream.producers
    let tracked = log?.tracked(now: call.moment.milliseconds)
    call.reply.bulk("idmp-duration")
    call.reply.integer(log?.duration ?? ProducerLog.defaultDuration)
    call.reply.bulk("idmp-maxsize")
    call.reply.integer(log?.maxCount ?? ProducerLog.defaultMaxCount)
    call.reply.bulk("pids-tracked")
    call.reply.integer(tracked?.producers ?? 0)
    call.reply.bulk("iids-tracked")
    call.reply.integer(tracked?.names ?? 0)
    call.reply.bulk("iids-added")
    call.reply.integer(Int(truncatingIfNeeded: log?.added ?? 0))
    call.reply.bulk("iids-duplicates")
    call.reply.integer(Int(truncatingIfNeeded: log?.duplicates ?? 0))
  }

  private static func replyFirst(_ walk: consuming StreamEntries, _ call: borrowing Call) {
    var entries = walk
    if let entry = entries.next() {
      call.reply.streamEntry(entry)
    } else {
      call.reply.null()
    }
  }

  private static func replyGroups(of stream: Stream, limit: Int, _ call: borrowing Call) {
    call.reply.bulk("groups")
    call.reply.array(stream.groupCount)
    for index in 0..<stream.groupCount {
      let group = stream.group(at: index)
      call.reply.map(8)
      call.reply.bulk("name")
      call.reply.bulk(group.name)
      call.reply.bulk("last-delivered-id")
      call.reply.streamID(group.lastID)
      replyProgress(of: group, stream, call)
      call.reply.bulk("pel-count")
      call.reply.integer(group.pendingCount)
      call.reply.bulk("nacked-count")
      call.reply.integer(group.releasedCount)
      call.reply.bulk("pending")
      let mark = call.reply.beginAggregate()
      var count = 0
      var next: StreamID? = .zero
      while limit == 0 || count < limit, let id = next,
        let entry = group.firstPending(from: id)
      {
        call.reply.array(4)
        call.reply.streamID(entry.id)
        call.reply.consumerName(of: entry)
        call.reply.integer(Int(entry.deliveryTime))
        call.reply.integer(entry.deliveryCount)
        count += 1
        next = entry.id.successor
      }
      call.reply.endArray(mark, count: count)
      call.reply.bulk("consumers")
      call.reply.array(group.consumerCount)
      for index in 0..<group.consumerCount {
        reply(group.consumer(at: index), of: group, limit: limit, call)
      }
    }
  }

  private static func reply(
    _ consumer: Consumer, of group: ConsumerGroup, limit: Int, _ call: borrowing Call
  ) {
    call.reply.map(5)
    call.reply.bulk("name")
    call.reply.bulk(consumer.name)
    call.reply.bulk("seen-time")
    call.reply.integer(Int(consumer.seenTime))
    call.reply.bulk("active-time")
    call.reply.integer(Int(consumer.activeTime))
    call.reply.bulk("pel-count")
    call.reply.integer(consumer.pendingCount)
    call.reply.bulk("pending")
    let mark = call.reply.beginAggregate()
    var count = 0
    var next: StreamID? = .zero
    while limit == 0 || count < limit, let id = next,
      let entry = consumer.firstPending(from: id).flatMap({ group.pending($0) })
    {
      call.reply.array(3)
      call.reply.streamID(entry.id)
      call.reply.integer(Int(entry.deliveryTime))
      call.reply.integer(entry.deliveryCount)
      count += 1
      next = entry.id.successor
    }
    call.reply.endArray(mark, count: count)
  }
}
