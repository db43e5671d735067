// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that put elements into a list.
enum ListPushCommands: CommandFamily {
  static let group = CommandGroup.list

  /// The complexity of the commands that push.
  private static let perElement: StaticString =
    "O(1) for each element, so O(N) for N elements in one request."

  static let commands: [Command] = [
    Command(
      "lpush", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .insert])],
      [.key(), .string("element").repeated], since: "1.0.0", complexity: perElement,
      summary: "Puts elements in front of a list, creating it if needed.",
      history: [("2.4.0", "Several elements at once.")], handler: lpush),
    Command(
      "rpush", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .insert])],
      [.key(), .string("element").repeated], since: "1.0.0", complexity: perElement,
      summary: "Puts elements behind a list, creating it if needed.",
      history: [("2.4.0", "Several elements at once.")], handler: rpush),
    Command(
      "lpushx", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .insert])],
      [.key(), .string("element").repeated], since: "2.2.0", complexity: perElement,
      summary: "Puts elements in front of a list that exists.",
      history: [("4.0.0", "Several elements at once.")], handler: lpushx),
    Command(
      "rpushx", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .insert])],
      [.key(), .string("element").repeated], since: "2.2.0", complexity: perElement,
      summary: "Puts elements behind a list that exists.",
      history: [("4.0.0", "Several elements at once.")], handler: rpushx),
    Command(
      "linsert", [.write, .denyOOM], keys: [.key(1, [.readWrite, .insert])],
      [
        .key(), .oneOf("where", [.token("BEFORE", "before"), .token("AFTER", "after")]),
        .string("pivot"), .string("element"),
      ], since: "2.2.0",
      complexity: "O(N) where N is the number of elements in front of the pivot.",
      summary: "Puts an element in front of another one or behind it.", handler: linsert),
    Command(
      "lset", [.write, .denyOOM], keys: [.key(1, [.readWrite, .update])],
      [.key(), .integer("index"), .string("element")], since: "1.0.0",
      complexity: "O(N) where N is the length of the list; O(1) for the first and the last one.",
      summary: "Replaces the element with an index.", handler: lset),
  ]

  // MARK: - LPUSH, RPUSH

  static func lpush(_ call: inout Call) throws(CommandError) {
    try push(call, at: .left, onlyIfPresent: false)
  }

  static func rpush(_ call: inout Call) throws(CommandError) {
    try push(call, at: .right, onlyIfPresent: false)
  }

  // MARK: - LPUSHX, RPUSHX

  static func lpushx(_ call: inout Call) throws(CommandError) {
    try push(call, at: .left, onlyIfPresent: true)
  }

  static func rpushx(_ call: inout Call) throws(CommandError) {
    try push(call, at: .right, onlyIfPresent: true)
  }

  @inline(__always)
  private static func push(
    _ call: borrowing Call, at end: ListEnd, onlyIfPresent: Bool
  ) throws(CommandError) {
    let key = call.key(1)
    let count = call.arguments.count - 2
    var index = 2
    var list: ListEditor
    if let present = try call.editedList(key) {
      list = present
    } else {
      if onlyIfPresent { return call.reply.integer(0) }
      list = ListEditor(
        call.database.addList(key, call.arguments[2]), hash: key.hash, in: call.database)
      index = 3
    }
    if index < call.arguments.count {
      var byteCount = 0
      for argument in index..<call.arguments.count {
        byteCount &+= call.arguments[argument].byteCount
      }
      list.prepare(adding: call.arguments.count - index, byteCount: byteCount)
    }
    while index < call.arguments.count {
      list.push(call.arguments[index], at: end)
      index &+= 1
    }
    call.changed(key, end.pushEvent, count: count)
    call.reply.integer(list.value.count)
  }

  // MARK: - LINSERT

  static func linsert(_ call: inout Call) throws(CommandError) {
    let side: ListSide
    switch call.keyword(2) {
    case Keyword("before"): side = .before
    case Keyword("after"): side = .after
    default: throw .syntax
    }
    let key = call.key(1)
    guard var list = try call.editedList(key) else { return call.reply.integer(0) }
    let element = call.arguments[4]
    // Compatibility: the form changes whether the pivot is found or not.
    list.prepare(adding: 1, byteCount: element.byteCount)
    guard let pivot = find(call.arguments[3], in: list.value) else {
      return call.reply.integer(-1)
    }
    list.insert(element, side, pivot)
    call.changed(key, .listInsert)
    call.reply.integer(list.value.count)
  }

  /// The first element that reads as `text`.
  private static func find(_ text: RawSpan, in list: ListValue) -> ListCursor? {
    let number = CanonicalInteger.parse(text)
    var cursor = list.first
    while let element = cursor {
      if element.equals(text, number: number) { return element }
      cursor = element.next
    }
    return nil
  }

  // MARK: - LSET

  static func lset(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard var list = try call.editedList(key) else { throw .noSuchKey }
    let index = try call.integer(2)
    let element = call.arguments[3]
    list.prepare(adding: 1, byteCount: element.byteCount)
    guard let cursor = list.value.cursor(at: index) else {
      throw CommandError("ERR index out of range")
    }
    list.replace(cursor, with: element)
    list.settle()
    call.changed(key, .listSet)
    call.reply.ok()
  }
}
