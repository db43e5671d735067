// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that take the first or last members out of a sorted set.
enum SortedSetPopCommands: CommandFamily {
  static let group = CommandGroup.sortedSet

  static let commands: [Command] = [
    Command(
      "zpopmin", [.write, .fast], keys: [.key(1, [.readWrite, .access, .delete])],
      [.key(), .integer("count").optional], since: "5.0.0",
      complexity: "O(M*log(N)), M being the members removed from N",
      summary: "Removes and returns the members with the lowest scores.", handler: zpopmin),
    Command(
      "zpopmax", [.write, .fast], keys: [.key(1, [.readWrite, .access, .delete])],
      [.key(), .integer("count").optional], since: "5.0.0",
      complexity: "O(M*log(N)), M being the members removed from N",
      summary: "Removes and returns the members with the highest scores.", handler: zpopmax),
    Command(
      "zmpop", [.write, .movableKeys], keys: [.counted(at: 1, [.readWrite, .access, .delete])],
      [
        .integer("numkeys"), .key().repeated,
        .oneOf("where", [.token("MIN", "min"), .token("MAX", "max")]),
        .integer("count").after("COUNT").optional,
      ], effect: .rewritten("ZPOPMIN key count or ZPOPMAX key count"), since: "7.0.0",
      complexity: "O(K) + O(M*log(N)), M being the members removed from N, K the keys",
      summary:
        "Removes and returns the first or last members of the first sorted set that has any.",
      handler: zmpop),
    Command(
      "bzpopmin", [.write, .noScript, .blocking, .fast],
      keys: [.keys(from: 1, except: 1, [.readWrite, .access, .delete])],
      [.key().repeated, .double("timeout")], effect: .rewritten("ZPOPMIN key"), since: "5.0.0",
      complexity: "O(log(N)), N being the size of the sorted set",
      summary: "Removes and returns the member with the lowest score, or waits for one.",
      history: [("6.0.0", "The timeout may have a fraction.")], handler: bzpopmin),
    Command(
      "bzpopmax", [.write, .noScript, .blocking, .fast],
      keys: [.keys(from: 1, except: 1, [.readWrite, .access, .delete])],
      [.key().repeated, .double("timeout")], effect: .rewritten("ZPOPMAX key"), since: "5.0.0",
      complexity: "O(log(N)), N being the size of the sorted set",
      summary: "Removes and returns the member with the highest score, or waits for one.",
      history: [("6.0.0", "The timeout may have a fraction.")], handler: bzpopmax),
    Command(
      "bzmpop", [.write, .blocking, .movableKeys],
      keys: [.counted(at: 2, [.readWrite, .access, .delete])],
      [
        .double("timeout"), .integer("numkeys"), .key().repeated,
        .oneOf("where", [.token("MIN", "min"), .token("MAX", "max")]),
        .integer("count").after("COUNT").optional,
      ], effect: .rewritten("ZPOPMIN key count or ZPOPMAX key count"), since: "7.0.0",
      complexity: "O(K) + O(M*log(N)), M being the members removed from N, K the keys",
      summary:
        "Removes and returns members of the first sorted set that has any, or waits for one.",
      handler: bzmpop),
  ]

  // MARK: - ZPOPMIN, ZPOPMAX

  static func zpopmin(_ call: inout Call) throws(CommandError) { try pop(call, .lowest) }

  static func zpopmax(_ call: inout Call) throws(CommandError) { try pop(call, .highest) }

  private static func pop(_ call: borrowing Call, _ end: SortedSetEnd) throws(CommandError) {
    guard call.arguments.count <= 3 else { throw .syntax }
    var count = 1
    if call.arguments.count == 3 {
      let notPositive = CommandError("ERR value is out of range, must be positive")
      count = try call.integer(2, orThrow: notPositive)
      if count < 0 { throw notPositive }
    }
    let key = call.key(1)
    guard let editor = try call.sortedSetEditor(key), count > 0 else {
      return call.reply.array(0)
    }
    count = min(count, editor.value.count)
    let isNested = call.arguments.count == 3 && call.reply.version == .resp3
    call.reply.array(isNested ? count : count * 2)
    call.popMembers(count, end, of: editor, key, isNested: isNested)
  }

  // MARK: - ZMPOP

  static func zmpop(_ call: inout Call) throws(CommandError) {
    let query = try MultiplePopQuery(call, countAt: 1)
    for index in query.keys where try popFirst(call, index, query) { return }
    call.reply.nullArray()
  }

  // MARK: - BZPOPMIN, BZPOPMAX, BZMPOP

  static func bzpopmin(_ call: inout Call) throws(CommandError) {
    try waitAndPop(call, .lowest)
  }

  static func bzpopmax(_ call: inout Call) throws(CommandError) {
    try waitAndPop(call, .highest)
  }

  private static func waitAndPop(
    _ call: borrowing Call, _ end: SortedSetEnd
  ) throws(CommandError) {
    let keys = 1..<call.arguments.count - 1
    let timeout = try call.timeout(keys.upperBound)
    for index in keys where try popOne(call, index, end) { return }
    call.block(
      keys: keys, type: .sortedSet, timeoutMilliseconds: timeout, onTimeout: .nullArray)
  }

  /// Takes one member out of the set of the key at `index`; false if there is no such key.
  private static func popOne(
    _ call: borrowing Call, _ index: Int, _ end: SortedSetEnd
  ) throws(CommandError) -> Bool {
    let key = call.key(index)
    guard let editor = try call.sortedSetEditor(key) else { return false }
    call.reply.array(3)
    call.reply.bulk(key.bytes)
    call.popMembers(1, end, of: editor, key, isNested: false)
    call.effects.rewrite(end.command, argumentCount: 1)
    call.effects.append(key.bytes)
    return true
  }

  static func bzmpop(_ call: inout Call) throws(CommandError) {
    let query = try MultiplePopQuery(call, countAt: 2)
    let timeout = try call.timeout(1)
    for index in query.keys where try popFirst(call, index, query) { return }
    call.block(
      keys: query.keys, type: .sortedSet, timeoutMilliseconds: timeout, onTimeout: .nullArray)
  }

  /// Takes members out of the set of the key at `index`; false if there is no such key.
  private static func popFirst(
    _ call: borrowing Call, _ index: Int, _ query: MultiplePopQuery
  ) throws(CommandError) -> Bool {
    let key = call.key(index)
    guard let editor = try call.sortedSetEditor(key) else { return false }
    call.popPropagatingCount(query, of: editor, key)
    return true
  }
}

/// Which end of a sorted set members are taken from.
enum SortedSetEnd {
  case lowest, highest

  /// The command that takes members from this end, as followers get it.
  var command: StaticString {
    switch self {
    case .lowest: "ZPOPMIN"
    case .highest: "ZPOPMAX"
    }
  }

  var event: KeyEvent {
    switch self {
    case .lowest: .popLowest
    case .highest: .popHighest
    }
  }
}

/// What ZMPOP and BZMPOP are asked for.
struct MultiplePopQuery {
  /// The arguments that are keys.
  let keys: Range<Int>
  let end: SortedSetEnd
  private(set) var count = 1

  /// Reads everything from the number of keys on, which is at `index`.
  init(_ call: borrowing Call, countAt index: Int) throws(CommandError) {
    let wrongCount = CommandError("ERR numkeys should be greater than 0")
    let keyCount = try call.integer(index, orThrow: wrongCount)
    guard keyCount > 0 else { throw wrongCount }
    guard keyCount < call.arguments.count - index - 1 else { throw .syntax }
    keys = index + 1..<index + 1 + keyCount
    switch call.keyword(keys.upperBound) {
    case Keyword("min"): end = .lowest
    case Keyword("max"): end = .highest
    default: throw .syntax
    }
    var cursor = ArgumentCursor(call.arguments, from: keys.upperBound + 1)
    var hasCount = false
    while let keyword = cursor.keyword() {
      guard keyword == Keyword("count"), !hasCount, !cursor.isAtEnd else { throw .syntax }
      hasCount = true
      let wrong = CommandError("ERR count should be greater than 0")
      count = cursor.integer(orFail: wrong)
      try cursor.finish()
      if count <= 0 { throw wrong }
    }
  }
}

extension Call {
  /// Replies with `count` members of one end and takes them out.
  func popMembers(
    _ count: Int, _ end: SortedSetEnd, of editor: SortedSetEditor, _ key: Key, isNested: Bool
  ) {
    let total = editor.value.count
    let isReversed = end == .highest
    var walk = SortedSetWalk(
      editor.value, from: isReversed ? total - 1 : 0, count: count, isReversed: isReversed)
    while let member = walk.next() { member.writeWithScore(to: &reply, isNested: isNested) }
    removeMembers(isReversed ? total - count..<total : 0..<count, of: editor, key, end.event)
  }

  /// Replies with the key and members of one end and takes them out; followers get a command that
  /// says how many.
  func popPropagatingCount(
    _ query: MultiplePopQuery, of editor: SortedSetEditor, _ key: Key
  ) {
    let count = min(query.count, editor.value.count)
    reply.array(2)
    reply.bulk(key.bytes)
    reply.array(count)
    popMembers(count, query.end, of: editor, key, isNested: true)
    effects.rewrite(query.end.command, argumentCount: 2)
    effects.append(key.bytes)
    effects.append(count)
  }
}
