// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on ranges of a sorted set: by rank, score or alphabet.
enum SortedSetRangeCommands: CommandFamily {
  static let group = CommandGroup.sortedSet

  static let commands: [Command] = [
    Command(
      "zrange", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .string("start"), .string("stop"),
        .oneOf("sortby", [.token("BYSCORE", "byscore"), .token("BYLEX", "bylex")]).since("6.2.0")
          .optional, .token("REV", "rev").since("6.2.0").optional,
        .block("offset_count", [.integer("offset"), .integer("count")]).after("LIMIT").since(
          "6.2.0"
        ).optional, .token("WITHSCORES", "withscores").optional,
        .token("XX", "xx").since("9.2.0").optional,
      ], since: "1.2.0", complexity: "O(log(N)+M), M being the members returned of N",
      summary:
        "Returns the members of a sorted set within a range of ranks, scores or the alphabet.",
      history: [
        ("6.2.0", "Takes `REV`, `BYSCORE`, `BYLEX` and `LIMIT`."), ("9.2.0", "Takes `XX`."),
      ], handler: zrange),
    Command(
      "zrevrange", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .integer("start"), .integer("stop"), .token("WITHSCORES", "withscores").optional,
        .token("XX", "xx").since("9.2.0").optional,
      ], since: "1.2.0", complexity: "O(log(N)+M), M being the members returned of N",
      summary: "Returns the members of a sorted set within a range of ranks, highest first.",
      history: [("9.2.0", "Takes `XX`.")], deprecatedSince: "6.2.0",
      replacedBy: "`ZRANGE` with the `REV` argument", handler: zrevrange),
    Command(
      "zrangebyscore", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .double("min"), .double("max"),
        .token("WITHSCORES", "withscores").since("2.0.0").optional,
        .block("offset_count", [.integer("offset"), .integer("count")]).after("LIMIT").optional,
        .token("XX", "xx").since("9.2.0").optional,
      ], since: "1.0.5", complexity: "O(log(N)+M), M being the members returned of N",
      summary: "Returns the members of a sorted set within a range of scores.",
      history: [("2.0.0", "Takes `WITHSCORES`."), ("9.2.0", "Takes `XX`.")],
      deprecatedSince: "6.2.0",
      replacedBy: "`ZRANGE` with the `BYSCORE` argument", handler: zrangebyscore),
    Command(
      "zrevrangebyscore", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .double("max"), .double("min"), .token("WITHSCORES", "withscores").optional,
        .block("offset_count", [.integer("offset"), .integer("count")]).after("LIMIT").optional,
        .token("XX", "xx").since("9.2.0").optional,
      ], since: "2.2.0", complexity: "O(log(N)+M), M being the members returned of N",
      summary: "Returns the members of a sorted set within a range of scores, highest first.",
      history: [("2.1.6", "Bounds may be exclusive."), ("9.2.0", "Takes `XX`.")],
      deprecatedSince: "6.2.0",
      replacedBy: "`ZRANGE` with the `REV` and `BYSCORE` arguments", handler: zrevrangebyscore),
    Command(
      "zrangebylex", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .string("min"), .string("max"),
        .block("offset_count", [.integer("offset"), .integer("count")]).after("LIMIT").optional,
        .token("XX", "xx").since("9.2.0").optional,
      ], since: "2.8.9", complexity: "O(log(N)+M), M being the members returned of N",
      summary: "Returns the members of a sorted set within a range of the alphabet.",
      history: [("9.2.0", "Takes `XX`.")], deprecatedSince: "6.2.0",
      replacedBy: "`ZRANGE` with the `BYLEX` argument",
      handler: zrangebylex),
    Command(
      "zrevrangebylex", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .string("max"), .string("min"),
        .block("offset_count", [.integer("offset"), .integer("count")]).after("LIMIT").optional,
        .token("XX", "xx").since("9.2.0").optional,
      ], since: "2.8.9", complexity: "O(log(N)+M), M being the members returned of N",
      summary: "Returns the members of a sorted set within a range of the alphabet, last first.",
      history: [("9.2.0", "Takes `XX`.")], deprecatedSince: "6.2.0",
      replacedBy: "`ZRANGE` with the `REV` and `BYLEX` arguments",
      handler: zrevrangebylex),
    Command(
      "zrangestore", [.write, .denyOOM],
      keys: [.key(1, [.overwrite, .update]), .key(2, [.readOnly, .access])],
      [
        .key("dst"), .key("src", spec: 1), .string("min"), .string("max"),
        .oneOf("sortby", [.token("BYSCORE", "byscore"), .token("BYLEX", "bylex")]).optional,
        .token("REV", "rev").optional,
        .block("offset_count", [.integer("offset"), .integer("count")]).after("LIMIT").optional,
      ], since: "6.2.0", complexity: "O(log(N)+M), M being the members stored of N",
      summary:
        "Stores the members of a sorted set within a range of ranks, scores or the alphabet.",
      handler: zrangestore),
    Command(
      "zcount", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [.key(), .double("min"), .double("max")], since: "2.0.0",
      complexity: "O(log(N)), N being the size of the sorted set",
      summary: "Counts the members of a sorted set whose scores lie in a range.", handler: zcount),
    Command(
      "zlexcount", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [.key(), .string("min"), .string("max")], since: "2.8.9",
      complexity: "O(log(N)), N being the size of the sorted set",
      summary: "Counts the members of a sorted set that lie in a range of the alphabet.",
      handler: zlexcount),
    Command(
      "zremrangebyrank", [.write], keys: [.key(1, [.readWrite, .delete])],
      [.key(), .integer("start"), .integer("stop")], since: "2.0.0",
      complexity: "O(log(N)+M), M being the members removed from N",
      summary: "Removes the members of a sorted set within a range of ranks.",
      handler: zremrangebyrank),
    Command(
      "zremrangebyscore", [.write], keys: [.key(1, [.readWrite, .delete])],
      [.key(), .double("min"), .double("max")], since: "1.2.0",
      complexity: "O(log(N)+M), M being the members removed from N",
      summary: "Removes the members of a sorted set within a range of scores.",
      handler: zremrangebyscore),
    Command(
      "zremrangebylex", [.write], keys: [.key(1, [.readWrite, .delete])],
      [.key(), .string("min"), .string("max")], since: "2.8.9",
      complexity: "O(log(N)+M), M being the members removed from N",
      summary: "Removes the members of a sorted set within a range of the alphabet.",
      handler: zremrangebylex),
  ]

  // MARK: - ZRANGE

  static func zrange(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count == 4 else {
      return try reply(call, RangeQuery(call, key: 1, nil, isReversed: nil))
    }
    try reply(call, RangeQuery(try call.integer(2), try call.integer(3)))
  }

  static func zrevrange(_ call: inout Call) throws(CommandError) {
    try reply(call, RangeQuery(call, key: 1, .ranks, isReversed: true))
  }

  static func zrangebyscore(_ call: inout Call) throws(CommandError) {
    try reply(call, RangeQuery(call, key: 1, .scores, isReversed: false))
  }

  static func zrevrangebyscore(_ call: inout Call) throws(CommandError) {
    try reply(call, RangeQuery(call, key: 1, .scores, isReversed: true))
  }

  static func zrangebylex(_ call: inout Call) throws(CommandError) {
    try reply(call, RangeQuery(call, key: 1, .alphabet, isReversed: false))
  }

  static func zrevrangebylex(_ call: inout Call) throws(CommandError) {
    try reply(call, RangeQuery(call, key: 1, .alphabet, isReversed: true))
  }

  @inline(__always)
  private static func reply(
    _ call: borrowing Call, _ query: RangeQuery
  ) throws(CommandError) {
    let key = call.key(1)
    guard let value = try call.sortedSet(key) else {
      return query.tellsMissing ? call.reply.nullArray() : call.reply.array(0)
    }
    call.replyMembers(query.walk(value), showsScores: query.showsScores)
  }

  // MARK: - ZRANGESTORE

  static func zrangestore(_ call: inout Call) throws(CommandError) {
    let query = try RangeQuery(call, key: 2, nil, isReversed: nil, stores: true)
    let result = SortedSetResult(call.database)
    let source = call.key(2)
    var isDefined = true
    if let value = try call.sortedSet(source) {
      // Among unequal scores followers might find others.
      isDefined = !query.isAlphabetic || value.hasEqualScores
      var walk = query.walk(value)
      while let member = walk.next() {
        var scratch = DecimalScratch()
        result.insert(member.text(&scratch), member.score)
      }
    }
    let key = call.key(1)
    if !isDefined { call.propagateWhole(result, key) }
    call.store(result, key, .storeRange)
  }

  // MARK: - ZCOUNT, ZLEXCOUNT

  static func zcount(_ call: inout Call) throws(CommandError) {
    let range = try ScoreRange(call.arguments, minimum: 2, maximum: 3)
    let key = call.key(1)
    guard let value = try call.sortedSet(key) else { return call.reply.integer(0) }
    call.reply.integer(range.ranks(in: value).count)
  }

  static func zlexcount(_ call: inout Call) throws(CommandError) {
    let range = try AlphabetRange(call.arguments, minimum: 2, maximum: 3)
    let key = call.key(1)
    guard let value = try call.sortedSet(key) else { return call.reply.integer(0) }
    call.reply.integer(range.ranks(in: value).count)
  }

  // MARK: - ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX

  static func zremrangebyrank(_ call: inout Call) throws(CommandError) {
    let start = try call.integer(2)
    let stop = try call.integer(3)
    let key = call.key(1)
    guard let editor = try call.sortedSetEditor(key) else { return call.reply.integer(0) }
    let ranks = RangeQuery.ranks(start, stop, count: editor.value.count)
    remove(ranks, of: editor, call, .removeRanks)
  }

  static func zremrangebyscore(_ call: inout Call) throws(CommandError) {
    let range = try ScoreRange(call.arguments, minimum: 2, maximum: 3)
    let key = call.key(1)
    guard let editor = try call.sortedSetEditor(key) else { return call.reply.integer(0) }
    remove(range.ranks(in: editor.value), of: editor, call, .removeScores)
  }

  static func zremrangebylex(_ call: inout Call) throws(CommandError) {
    let range = try AlphabetRange(call.arguments, minimum: 2, maximum: 3)
    let key = call.key(1)
    guard let editor = try call.sortedSetEditor(key) else { return call.reply.integer(0) }
    let ranks = range.ranks(in: editor.value)
    if !ranks.isEmpty, !editor.value.hasEqualScores {
      propagateRemoval(of: ranks, from: editor.value, key, call)
    }
    remove(ranks, of: editor, call, .removeAlphabet)
  }

  /// Followers get the members themselves: what a range of the alphabet is among unequal scores
  /// depends on how a set came about.
  private static func propagateRemoval(
    of ranks: Range<Int>, from value: SortedSetValue, _ key: Key, _ call: borrowing Call
  ) {
    call.effects.rewrite("ZREM", argumentCount: 1 + ranks.count)
    call.effects.append(key.bytes)
    var walk = SortedSetWalk(value, from: ranks.lowerBound, count: ranks.count)
    while let member = walk.next() { call.effects.append(member.stored) }
  }

  private static func remove(
    _ ranks: Range<Int>, of editor: SortedSetEditor, _ call: borrowing Call, _ event: KeyEvent
  ) {
    if !ranks.isEmpty { call.removeMembers(ranks, of: editor, call.key(1), event) }
    call.reply.integer(ranks.count)
  }
}
