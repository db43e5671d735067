// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that take elements out of a list, and those that wait for some.
enum ListPopCommands: CommandFamily {
  static let group = CommandGroup.list

  /// The words for an end of a list.
  private static let end: ArgumentSpec = .oneOf(
    "where", [.token("LEFT", "left"), .token("RIGHT", "right")])
  /// LMPOP's arguments behind a timeout.
  private static let several: [ArgumentSpec] = [
    .integer("numkeys"), .key().repeated, end, .integer("count").after("COUNT").optional,
  ]
  private static let fractions: [(version: StaticString, change: StaticString)] = [
    ("6.0.0", "The timeout may have fractions of a second.")
  ]

  static let commands: [Command] = [
    Command(
      "lpop", [.write, .fast], keys: [.key(1, [.readWrite, .access, .delete])],
      [.key(), .integer("count").since("6.2.0").optional], since: "1.0.0",
      complexity: "O(N) where N is the number of elements returned.",
      summary: "Removes the first elements of a list and returns them.",
      history: [("6.2.0", "The `count` argument came.")], handler: lpop),
    Command(
      "rpop", [.write, .fast], keys: [.key(1, [.readWrite, .access, .delete])],
      [.key(), .integer("count").since("6.2.0").optional], since: "1.0.0",
      complexity: "O(N) where N is the number of elements returned.",
      summary: "Removes the last elements of a list and returns them.",
      history: [("6.2.0", "The `count` argument came.")], handler: rpop),
    Command(
      "lmpop", [.write, .movableKeys],
      keys: [.counted(at: 1, [.readWrite, .access, .delete])], several,
      effect: .rewritten("LPOP key count or RPOP key count"), since: "7.0.0",
      complexity: "O(N+M) where N is the number of keys, M the number of elements returned.",
      summary: "Removes elements of the first list that has some, and returns them.",
      handler: lmpop),
    Command(
      "blpop", [.write, .noScript, .blocking],
      keys: [.keys(from: 1, except: 1, [.readWrite, .access, .delete])],
      [.key().repeated, .double("timeout")], effect: .rewritten("LPOP key"), since: "2.0.0",
      complexity: "O(N) where N is the number of keys.",
      summary: "Removes the first element of a list and returns it; waits if all are empty.",
      history: fractions, handler: blpop),
    Command(
      "brpop", [.write, .noScript, .blocking],
      keys: [.keys(from: 1, except: 1, [.readWrite, .access, .delete])],
      [.key().repeated, .double("timeout")], effect: .rewritten("RPOP key"), since: "2.0.0",
      complexity: "O(N) where N is the number of keys.",
      summary: "Removes the last element of a list and returns it; waits if all are empty.",
      history: fractions, handler: brpop),
    Command(
      "blmpop", [.write, .blocking, .movableKeys],
      keys: [.counted(at: 2, [.readWrite, .access, .delete])], [.double("timeout")] + several,
      effect: .rewritten("LPOP key count or RPOP key count"), since: "7.0.0",
      complexity: "O(N+M) where N is the number of keys, M the number of elements returned.",
      summary: "Removes elements of the first list that has some; waits if all are empty.",
      handler: blmpop),
  ]

  // MARK: - LPOP, RPOP

  static func lpop(_ call: inout Call) throws(CommandError) { try pop(call, at: .left) }

  static func rpop(_ call: inout Call) throws(CommandError) { try pop(call, at: .right) }

  @inline(__always)
  private static func pop(_ call: borrowing Call, at end: ListEnd) throws(CommandError) {
    guard call.arguments.count == 2 else { return try popSeveral(call, at: end) }
    let key = call.key(1)
    guard let list = try call.editedList(key), let element = list.value.element(at: end) else {
      return call.reply.null()
    }
    call.reply.bulk(element)
    call.pop(1, at: end, of: list, key)
  }

  private static func popSeveral(_ call: borrowing Call, at end: ListEnd) throws(CommandError) {
    guard call.arguments.count == 3 else {
      throw end == .left
        ? CommandError("ERR wrong number of arguments for 'lpop' command")
        : CommandError("ERR wrong number of arguments for 'rpop' command")
    }
    let limit = try call.notNegative(2)
    let key = call.key(1)
    guard let list = try call.editedList(key) else { return call.reply.nullArray() }
    guard limit > 0 else { return call.reply.array(0) }
    let count = min(limit, list.value.count)
    reply(call, count, at: end, of: list.value)
    call.pop(count, at: end, of: list, key)
  }

  private static func reply(
    _ call: borrowing Call, _ count: Int, at end: ListEnd, of list: ListValue
  ) {
    call.reply.array(count, from: list.element(at: end), backwards: end == .right)
  }

  // MARK: - LMPOP, BLMPOP

  /// What LMPOP and BLMPOP are asked for.
  private struct Selection {
    /// The arguments that name keys.
    var keys: ClosedRange<Int>
    var end: ListEnd
    /// Most elements to remove.
    var count = 1

    /// Reads the arguments from the number of keys on.
    init(_ call: borrowing Call, from start: Int) throws(CommandError) {
      let noKeys = CommandError("ERR numkeys should be greater than 0")
      let keyCount = try call.integer(start, orThrow: noKeys)
      guard keyCount > 0 else { throw noKeys }
      guard keyCount < call.arguments.count - start - 1 else { throw .syntax }
      keys = start + 1...start + keyCount
      end = try call.listEnd(start + keyCount + 1)
      let option = start + keyCount + 2
      guard option < call.arguments.count else { return }
      guard call.arguments.count == option + 2, call.keyword(option) == Keyword("count") else {
        if call.arguments.count > option + 1, call.keyword(option) == Keyword("count") {
          _ = try Selection.count(call, option + 1)
        }
        throw .syntax
      }
      count = try Selection.count(call, option + 1)
    }

    private static func count(_ call: borrowing Call, _ index: Int) throws(CommandError) -> Int {
      let tooSmall = CommandError("ERR count should be greater than 0")
      let count = try call.integer(index, orThrow: tooSmall)
      guard count > 0 else { throw tooSmall }
      return count
    }
  }

  static func lmpop(_ call: inout Call) throws(CommandError) {
    let selection = try Selection(call, from: 1)
    if try !popFirst(call, selection) { call.reply.nullArray() }
  }

  static func blmpop(_ call: inout Call) throws(CommandError) {
    let selection = try Selection(call, from: 2)
    let timeout = try call.timeout(1)
    if try popFirst(call, selection) { return }
    call.block(
      keys: selection.keys, type: .list, timeoutMilliseconds: timeout, onTimeout: .nullArray)
  }

  /// Removes elements of the first list that exists; false if there is none.
  private static func popFirst(
    _ call: borrowing Call, _ selection: Selection
  ) throws(CommandError) -> Bool {
    for index in selection.keys {
      let key = call.key(index)
      guard let list = try call.editedList(key) else { continue }
      let count = min(selection.count, list.value.count)
      call.reply.array(2)
      call.reply.bulk(key.bytes)
      reply(call, count, at: selection.end, of: list.value)
      call.pop(count, at: selection.end, of: list, key)
      call.propagatePop(selection.end, key, count: count)
      return true
    }
    return false
  }

  // MARK: - BLPOP, BRPOP

  static func blpop(_ call: inout Call) throws(CommandError) { try waitAndPop(call, at: .left) }

  static func brpop(_ call: inout Call) throws(CommandError) { try waitAndPop(call, at: .right) }

  private static func waitAndPop(_ call: borrowing Call, at end: ListEnd) throws(CommandError) {
    let last = call.arguments.count - 1
    let timeout = try call.timeout(last)
    for index in 1..<last {
      let key = call.key(index)
      guard let list = try call.editedList(key), let element = list.value.element(at: end) else {
        continue
      }
      call.reply.array(2)
      call.reply.bulk(key.bytes)
      call.reply.bulk(element)
      call.pop(1, at: end, of: list, key)
      return call.propagatePop(end, key)
    }
    call.block(
      keys: 1..<last, type: .list, timeoutMilliseconds: timeout, onTimeout: .nullArray)
  }
}
