// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that read or replace the strings of many keys at once.
enum MultipleStringCommands: CommandFamily {
  static let group = CommandGroup.string

  static let commands: [Command] = [
    Command(
      "mget", [.readonly, .fast], keys: [.keys(from: 1, [.readOnly, .access])],
      [.key().repeated], tips: ["request_policy:multi_shard"], since: "1.0.0",
      complexity: "O(N) for N keys",
      summary: "Returns the string values of keys, nil for those that hold none.", handler: mget),
    Command(
      "mset", [.write, .denyOOM], keys: [.keys(from: 1, step: 2, [.overwrite, .update])],
      [.block("key_value", [.key(), .string("value")]).repeated],
      tips: ["request_policy:multi_shard", "response_policy:all_succeeded"], since: "1.0.1",
      complexity: "O(N) for N keys", summary: "Sets the string values of keys.", handler: mset),
    Command(
      "msetnx", [.write, .denyOOM], keys: [.keys(from: 1, step: 2, [.overwrite, .insert])],
      [.block("key_value", [.key(), .string("value")]).repeated],
      tips: ["request_policy:multi_shard", "response_policy:agg_min"], since: "1.0.1",
      complexity: "O(N) for N keys",
      summary: "Sets the string values of keys, if none of them exists.", handler: msetnx),
    Command(
      "msetex", [.write, .denyOOM, .movableKeys],
      keys: [.counted(at: 1, step: 2, [.overwrite, .update])],
      [
        .integer("numkeys"), .block("data", [.key(), .string("value")]).repeated,
        .oneOf("condition", [.token("NX", "nx"), .token("XX", "xx")]).optional,
        .oneOf(
          "expiration",
          [
            .integer("seconds").after("EX"), .integer("milliseconds").after("PX"),
            .unixTime("unix-time-seconds").after("EXAT"),
            .unixTime("unix-time-milliseconds").after("PXAT"), .token("KEEPTTL", "keepttl"),
          ]
        ).optional,
      ],
      effect: .rewritten("MSET, or SET with PXAT or KEEPTTL for each key"),
      tips: ["request_policy:multi_shard", "response_policy:all_succeeded"], since: "8.4.0",
      complexity: "O(N) for N keys",
      summary: "Sets the string values of keys, all or none, and when they expire.",
      handler: msetex),
  ]

  // MARK: - MGET

  static func mget(_ call: inout Call) throws(CommandError) {
    let count = call.arguments.count
    var mark = call.markReply()
    call.reply.array(count - 1)
    var index = 1
    while index < count {
      replyString(index, call)
      index &+= 1
      if call.isLong(mark) { try reserveRest(&mark, from: index, call) }
    }
  }

  /// A request can name a large value many times: before the reply becomes long, the rest is added
  /// up once.
  @inline(never)
  private static func reserveRest(
    _ mark: inout Call.ReplyMark, from first: Int, _ call: borrowing Call
  ) throws(CommandError) {
    var bytes = 0
    for index in first..<call.arguments.count {
      guard let entry = call.database.find(call.key(index)), entry.header.isString else { continue }
      bytes += StringValue(entry).count
    }
    try call.reserveRest(&mark, bytes: bytes)
  }

  /// One element of MGET's reply.
  ///
  /// A function of its own, since within the loop the optimiser would retain the database per key.
  @inline(never)
  private static func replyString(_ index: Int, _ call: borrowing Call) {
    let key = call.key(index)
    guard let entry = call.database.read(key), entry.header.isString else {
      return call.reply.null()
    }
    call.reply.bulk(StringValue(entry))
  }

  // MARK: - MSET, MSETNX

  static func mset(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count % 2 == 1 else { throw call.wrongArgumentCount() }
    assignPairs(call, from: 1, to: call.arguments.count)
    call.reply.ok()
  }

  static func msetnx(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count % 2 == 1 else { throw call.wrongArgumentCount() }
    for index in stride(from: 1, to: call.arguments.count, by: 2) {
      if exists(index, call) { return call.reply.integer(0) }
    }
    assignPairs(call, from: 1, to: call.arguments.count)
    call.reply.integer(1)
  }

  private static func assignPairs(
    _ call: borrowing Call, from start: Int, to end: Int, deadline: DeadlineChange = .clear
  ) {
    var index = start
    while index < end {
      assignPair(index, deadline, call)
      index &+= 2
    }
  }

  /// Stores one key's value. A function of its own for the same reason as `replyString`.
  @inline(never)
  private static func assignPair(
    _ index: Int, _ deadline: DeadlineChange, _ call: borrowing Call
  ) {
    let key = call.key(index)
    call.replaces(key, by: .string)
    call.database.setString(key, call.arguments[index &+ 1], deadline: deadline)
    call.changed(key, .set)
    if case .at = deadline { call.effects.notify(.expire, key, in: call.database) }
  }

  /// Whether a key is there, due ones being removed. A function of its own, as above.
  @inline(never)
  private static func exists(_ index: Int, _ call: borrowing Call) -> Bool {
    call.database.write(call.key(index)) != nil
  }

  // MARK: - MSETEX

  static func msetex(_ call: inout Call) throws(CommandError) {
    guard let keyCount = DecimalText.parse(call.arguments[1]), keyCount > 0,
      keyCount <= Int(Int32.max)
    else { throw CommandError("ERR invalid numkeys value") }
    let end = 2 + 2 * keyCount
    guard end <= call.arguments.count else {
      throw CommandError("ERR wrong number of key-value pairs")
    }
    var cursor = ArgumentCursor(call.arguments, from: end)
    let options = MultipleSetOptions(&cursor)
    try cursor.finish()
    let deadline = try options.expiration.deadlineChange(call)
    if let wanted = options.existence {
      for index in stride(from: 2, to: end, by: 2) {
        guard exists(index, call) == wanted else { return call.reply.integer(0) }
      }
    }
    if case .at(let instant) = deadline, call.isPast(instant) {
      for index in stride(from: 2, to: end, by: 2) { call.removeOverdue(call.key(index)) }
    } else {
      assignPairs(call, from: 2, to: end, deadline: deadline)
      propagatePairs(call, from: 2, to: end, deadline)
    }
    call.reply.integer(1)
  }

  private static func propagatePairs(
    _ call: borrowing Call, from start: Int, to end: Int, _ deadline: DeadlineChange
  ) {
    if case .clear = deadline {
      call.effects.rewrite("MSET", argumentCount: end - start)
      for index in start..<end { call.effects.append(call.arguments[index]) }
      return
    }
    for index in stride(from: start, to: end, by: 2) {
      let value = call.arguments[index + 1]
      if case .at(let instant) = deadline {
        call.propagateSet(call.key(index), value, deadline: instant)
      } else {
        call.propagateSetKeepingDeadline(call.key(index), value)
      }
    }
  }
}

/// The options of MSETEX, behind the last pair.
private struct MultipleSetOptions {
  /// True: all keys have to exist (XX); false: none of them (NX).
  private(set) var existence: Bool?
  private(set) var expiration = ExpirationOption()

  init(_ cursor: inout ArgumentCursor) {
    while let keyword = cursor.keyword() {
      switch keyword {
      case Keyword("nx"): takeExistence(false, &cursor)
      case Keyword("xx"): takeExistence(true, &cursor)
      case Keyword("keepttl"): expiration.takeWord(.keep, &cursor)
      default: if !expiration.take(keyword, &cursor) { cursor.fail(.syntax) }
      }
    }
  }

  private mutating func takeExistence(_ wanted: Bool, _ cursor: inout ArgumentCursor) {
    if let existence, existence != wanted { return cursor.fail(.syntax) }
    existence = wanted
  }
}
