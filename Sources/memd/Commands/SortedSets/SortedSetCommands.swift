// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on single members of a sorted set.
enum SortedSetCommands: CommandFamily {
  static let group = CommandGroup.sortedSet

  static let commands: [Command] = [
    Command(
      "zadd", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .update])],
      [
        .key(),
        .oneOf("condition", [.token("NX", "nx"), .token("XX", "xx")]).since("3.0.2").optional,
        .oneOf("comparison", [.token("GT", "gt"), .token("LT", "lt")]).since("6.2.0").optional,
        .token("CH", "change").since("3.0.2").optional,
        .token("INCR", "increment").since("3.0.2").optional,
        .block("score_member", [.double("score"), .string("member")]).repeated,
      ], since: "1.2.0", complexity: "O(log(N)) per member, N being the size of the sorted set",
      summary: "Adds members with scores to a sorted set, or gives members other scores.",
      history: [
        ("2.4.0", "Takes several members."), ("3.0.2", "Takes `XX`, `NX`, `CH` and `INCR`."),
        ("6.2.0", "Takes `GT` and `LT`."),
      ], handler: zadd),
    Command(
      "zincrby", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .access, .update])],
      [.key(), .integer("increment"), .string("member")], since: "1.2.0",
      complexity: "O(log(N)), N being the size of the sorted set",
      summary: "Adds to the score of a member, which counts from zero.", handler: zincrby),
    Command(
      "zrem", [.write, .fast], keys: [.key(1, [.readWrite, .delete])],
      [.key(), .string("member").repeated], since: "1.2.0",
      complexity: "O(M*log(N)), M being the members removed from N",
      summary: "Removes members from a sorted set.", history: [("2.4.0", "Takes several members.")],
      handler: zrem),
    Command(
      "zcard", [.readonly, .fast], keys: [.key(1, [.readOnly])], [.key()], since: "1.2.0",
      complexity: "O(1)", summary: "Returns the number of members of a sorted set.",
      handler: zcard),
    Command(
      "zscore", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [.key(), .string("member")], since: "1.2.0", complexity: "O(1)",
      summary: "Returns the score of a member of a sorted set.", handler: zscore),
    Command(
      "zmscore", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [.key(), .string("member").repeated], since: "6.2.0",
      complexity: "O(N), N being the members asked for",
      summary: "Returns the scores of several members of a sorted set.", handler: zmscore),
    Command(
      "zrank", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [.key(), .string("member"), .token("WITHSCORE", "withscore").since("7.2.0").optional],
      since: "2.0.0", complexity: "O(log(N)), N being the size of the sorted set",
      summary: "Returns how many members of a sorted set come before a member.",
      history: [("7.2.0", "Takes `WITHSCORE`.")], handler: zrank),
    Command(
      "zrevrank", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [.key(), .string("member"), .token("WITHSCORE", "withscore").since("7.2.0").optional],
      since: "2.0.0", complexity: "O(log(N)), N being the size of the sorted set",
      summary: "Returns how many members of a sorted set come behind a member.",
      history: [("7.2.0", "Takes `WITHSCORE`.")], handler: zrevrank),
  ]

  // MARK: - ZADD, ZINCRBY

  static func zadd(_ call: inout Call) throws(CommandError) {
    let options = try AddOptions(call)
    try add(call, options.conditions, from: options.end, countsUpdates: options.countsUpdates)
  }

  static func zincrby(_ call: inout Call) throws(CommandError) {
    do throws(CommandError) {
      try add(call, .increment, from: 2, countsUpdates: false)
    } catch {
      throw incrementError(error, call)
    }
  }

  /// The error of ZINCRBY, for which `error` was thrown.
  @inline(never)
  private static func incrementError(
    _ error: CommandError, _ call: borrowing Call
  ) -> CommandError {
    guard error == .notFloat else { return error }
    // Compatibility: an option of ZADD where the increment belongs is a syntax error.
    do throws(CommandError) { _ = try AddOptions(call) } catch let other { return other }
    return error
  }

  /// Adds the pairs of score and member that stand from argument `first` on, and replies.
  @inline(__always)
  private static func add(
    _ call: borrowing Call, _ conditions: AddConditions, from first: Int, countsUpdates: Bool
  ) throws(CommandError) {
    // Nothing is changed if any score is wrong.
    let score = try call.score(first)
    let count = call.arguments.count
    if count > first &+ 2 { try checkScores(call, from: first &+ 2) }
    let key = call.key(1)
    var editor: SortedSetEditor
    if let present = try call.sortedSetEditor(key) {
      editor = present
    } else if conditions.contains(.onlyPresent) {
      return conditions.contains(.increment) ? call.reply.null() : call.reply.integer(0)
    } else {
      editor = call.addSortedSet(key)
    }
    var added = 0
    var updated = 0
    var outcome = editor.add(
      call.arguments[first &+ 1], memberHash: call.arguments.hash(at: first &+ 1), score,
      conditions)
    var index = first &+ 2
    while true {
      if outcome == .added { added &+= 1 }
      if outcome == .updated { updated &+= 1 }
      guard index < count else { break }
      outcome = addPair(call, at: index, conditions, to: &editor)
      index &+= 2
    }
    if added &+ updated > 0 {
      call.changed(
        key, conditions.contains(.increment) ? .incrementScore : .addMembers,
        count: added &+ updated)
    }
    guard conditions.contains(.increment) else {
      return call.reply.integer(countsUpdates ? added &+ updated : added)
    }
    switch outcome {
    case .notANumber: throw CommandError("ERR resulting score is not a number (NaN)")
    case .refused: call.reply.null()
    case .added, .updated, .same: call.reply.double(editor.score)
    }
  }

  @inline(never)
  private static func checkScores(
    _ call: borrowing Call, from first: Int
  ) throws(CommandError) {
    for index in stride(from: first, to: call.arguments.count, by: 2) {
      _ = try call.score(index)
    }
  }

  /// Adds one of many pairs. A function of its own, so that no argument is held during the loop.
  private static func addPair(
    _ call: borrowing Call, at index: Int, _ conditions: AddConditions,
    to editor: inout SortedSetEditor
  ) -> SortedSetEditor.Outcome {
    editor.add(
      call.arguments[index &+ 1], memberHash: call.arguments.hash(at: index &+ 1),
      DoubleText.parse(call.arguments[index]) ?? 0, conditions)
  }

  // MARK: - ZREM

  static func zrem(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard var editor = try call.sortedSetEditor(key) else { return call.reply.integer(0) }
    var left = editor.value.count
    var removed = 0
    var index = 2
    while index < call.arguments.count, left > 0 {
      if editor.remove(call.arguments[index], memberHash: call.arguments.hash(at: index)) {
        removed &+= 1
        left &-= 1
      }
      index &+= 1
    }
    if removed > 0 {
      call.changed(key, .removeMembers, count: removed)
      if left == 0 { call.removeEmptied(key) }
    }
    call.reply.integer(removed)
  }

  // MARK: - ZCARD, ZSCORE, ZMSCORE

  static func zcard(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    call.reply.integer(try call.sortedSet(key)?.count ?? 0)
  }

  static func zscore(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let value = try call.sortedSet(key),
      let score = value.score(
        of: call.arguments[2], hash: call.arguments.hash(at: 2), seed: call.database.seed)
    else { return call.reply.null() }
    call.reply.double(score)
  }

  static func zmscore(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    let value = try call.sortedSet(key)
    call.reply.array(call.arguments.count - 2)
    for index in 2..<call.arguments.count {
      if let score = value?.score(of: call.arguments[index], seed: call.database.seed) {
        call.reply.double(score)
      } else {
        call.reply.null()
      }
    }
  }

  // MARK: - ZRANK, ZREVRANK

  static func zrank(_ call: inout Call) throws(CommandError) {
    try replyRank(call, isReversed: false)
  }

  static func zrevrank(_ call: inout Call) throws(CommandError) {
    try replyRank(call, isReversed: true)
  }

  @inline(__always)
  private static func replyRank(
    _ call: borrowing Call, isReversed: Bool
  ) throws(CommandError) {
    let showsScore = call.arguments.count > 3
    if showsScore { try checkRankOption(call) }
    let key = call.key(1)
    guard let value = try call.sortedSet(key),
      let place = value.place(
        of: call.arguments[2], hash: call.arguments.hash(at: 2), seed: call.database.seed)
    else { return showsScore ? call.reply.nullArray() : call.reply.null() }
    if showsScore { call.reply.array(2) }
    call.reply.integer(isReversed ? value.count &- 1 &- place.rank : place.rank)
    if showsScore { call.reply.double(place.score) }
  }

  /// WITHSCORE, and nothing behind it.
  private static func checkRankOption(_ call: borrowing Call) throws(CommandError) {
    guard call.arguments.count == 4 else { throw call.wrongArgumentCount() }
    guard FoldedName(folding: call.arguments[3]) == FoldedName("withscore") else {
      throw .syntax
    }
  }
}
