// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Unions, intersections and differences of sorted sets.
enum SortedSetAlgebraCommands: CommandFamily {
  static let group = CommandGroup.sortedSet

  private static let aggregate = ArgumentSpec.oneOf(
    "aggregate",
    [
      .token("SUM", "sum"), .token("MIN", "min"), .token("MAX", "max"),
      .token("COUNT", "count").since("8.8.0"),
    ]
  ).after("AGGREGATE").optional

  static let commands: [Command] = [
    Command(
      "zunion", [.readonly, .movableKeys], keys: [.counted(at: 1, [.readOnly, .access])],
      [
        .integer("numkeys"), .key().repeated, .integer("weight").after("WEIGHTS").optional.repeated,
        aggregate, .token("WITHSCORES", "withscores").optional,
      ], since: "6.2.0",
      complexity: "O(N)+O(M*log(M)), N being the members of all inputs, M of the result",
      summary: "Returns the members that any of several sorted sets has.",
      history: [("8.8.0", "Takes `AGGREGATE COUNT`.")], handler: zunion),
    Command(
      "zinter", [.readonly, .movableKeys], keys: [.counted(at: 1, [.readOnly, .access])],
      [
        .integer("numkeys"), .key().repeated, .integer("weight").after("WEIGHTS").optional.repeated,
        aggregate, .token("WITHSCORES", "withscores").optional,
      ], since: "6.2.0",
      complexity:
        "O(N*K)+O(M*log(M)), N being the size of the smallest of K inputs, M of the result",
      summary: "Returns the members that all of several sorted sets have.",
      history: [("8.8.0", "Takes `AGGREGATE COUNT`.")], handler: zinter),
    Command(
      "zdiff", [.readonly, .movableKeys], keys: [.counted(at: 1, [.readOnly, .access])],
      [.integer("numkeys"), .key().repeated, .token("WITHSCORES", "withscores").optional],
      since: "6.2.0",
      complexity:
        "O(L + (N-K)log(N)), L being the members of all inputs, N of the first and K of the result",
      summary: "Returns the members of the first sorted set that no other one has.",
      handler: zdiff),
    Command(
      "zintercard", [.readonly, .movableKeys], keys: [.counted(at: 1, [.readOnly, .access])],
      [.integer("numkeys"), .key().repeated, .integer("limit").after("LIMIT").optional],
      since: "7.0.0", complexity: "O(N*K), N being the size of the smallest of K inputs",
      summary: "Counts the members that all of several sorted sets have.", handler: zintercard),
    Command(
      "zunionstore", [.write, .denyOOM, .movableKeys],
      keys: [.key(1, [.overwrite, .update]), .counted(at: 2, [.readOnly, .access])],
      [
        .key("destination"), .integer("numkeys"), .key(spec: 1).repeated,
        .integer("weight").after("WEIGHTS").optional.repeated,
        aggregate,
      ], since: "2.0.0",
      complexity: "O(N)+O(M*log(M)), N being the members of all inputs, M of the result",
      summary: "Stores the members that any of several sorted sets has.",
      history: [("8.8.0", "Takes `AGGREGATE COUNT`.")], handler: zunionstore),
    Command(
      "zinterstore", [.write, .denyOOM, .movableKeys],
      keys: [.key(1, [.overwrite, .update]), .counted(at: 2, [.readOnly, .access])],
      [
        .key("destination"), .integer("numkeys"), .key(spec: 1).repeated,
        .integer("weight").after("WEIGHTS").optional.repeated,
        aggregate,
      ], since: "2.0.0",
      complexity:
        "O(N*K)+O(M*log(M)), N being the size of the smallest of K inputs, M of the result",
      summary: "Stores the members that all of several sorted sets have.",
      history: [("8.8.0", "Takes `AGGREGATE COUNT`.")], handler: zinterstore),
    Command(
      "zdiffstore", [.write, .denyOOM, .movableKeys],
      keys: [.key(1, [.overwrite, .update]), .counted(at: 2, [.readOnly, .access])],
      [.key("destination"), .integer("numkeys"), .key(spec: 1).repeated], since: "6.2.0",
      complexity:
        "O(L + (N-K)log(N)), L being the members of all inputs, N of the first and K of the result",
      summary: "Stores the members of the first sorted set that no other one has.",
      handler: zdiffstore),
  ]

  // MARK: - Replied

  static func zunion(_ call: inout Call) throws(CommandError) {
    let query = try AlgebraQuery(call, .union, countAt: 1)
    reply(query.union(call.database), query, call)
  }

  static func zinter(_ call: inout Call) throws(CommandError) {
    let query = try AlgebraQuery(call, .intersection, countAt: 1)
    reply(query.intersection(call.database), query, call)
  }

  static func zdiff(_ call: inout Call) throws(CommandError) {
    let query = try AlgebraQuery(call, .difference, countAt: 1)
    reply(query.difference(call.database), query, call)
  }

  static func zintercard(_ call: inout Call) throws(CommandError) {
    let query = try AlgebraQuery(call, .intersectionCount, countAt: 1)
    call.reply.integer(query.intersectionCount(call.database))
  }

  private static func reply(
    _ result: SortedSetResult, _ query: AlgebraQuery, _ call: borrowing Call
  ) {
    let isNested = query.showsScores && call.reply.version == .resp3
    call.reply.array(query.showsScores && !isNested ? result.count * 2 : result.count)
    result.forEach { element in
      let member = ScoredMember(element)
      if query.showsScores {
        member.writeWithScore(to: &call.reply, isNested: isNested)
      } else {
        member.write(to: &call.reply)
      }
    }
  }

  // MARK: - Stored

  static func zunionstore(_ call: inout Call) throws(CommandError) {
    let query = try AlgebraQuery(call, .union, countAt: 2, stores: true)
    store(query.union(call.database), query, call, .storeUnion)
  }

  static func zinterstore(_ call: inout Call) throws(CommandError) {
    let query = try AlgebraQuery(call, .intersection, countAt: 2, stores: true)
    store(query.intersection(call.database), query, call, .storeIntersection)
  }

  static func zdiffstore(_ call: inout Call) throws(CommandError) {
    let query = try AlgebraQuery(call, .difference, countAt: 2, stores: true)
    store(query.difference(call.database), query, call, .storeDifference)
  }

  private static func store(
    _ result: SortedSetResult, _ query: AlgebraQuery, _ call: borrowing Call,
    _ event: KeyEvent
  ) {
    let key = call.key(1)
    if query.aggregate == .count { call.propagateWhole(result, key) }
    call.store(result, key, event)
  }
}
