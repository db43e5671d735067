// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// LMOVEM and BLMOVEM: several elements from one list to another.
enum ListMultipleMoveCommands: CommandFamily {
  static let group = CommandGroup.list

  /// How many elements, and in which order.
  private static let howMany: ArgumentSpec =
    .block(
      "how-many",
      [
        .oneOf(
          "selector", [.integer("count").after("COUNT"), .integer("exactly").after("EXACTLY")]),
        .oneOf("ordering", [.token("OBO", "obo"), .token("BULK", "bulk")]),
      ]
    ).optional

  static let commands: [Command] = [
    Command(
      "lmovem", [.write, .denyOOM], keys: ListMoveCommands.keys,
      ListMoveCommands.places + [howMany], effect: .rewritten("LPOP or RPOP, LPUSH or RPUSH"),
      since: "8.10.0", complexity: "O(N) where N is the number of elements moved.",
      summary: "Moves several elements from one end of a list to an end of a list.",
      handler: lmovem),
    Command(
      "blmovem", [.write, .denyOOM, .blocking], keys: ListMoveCommands.keys,
      ListMoveCommands.places + [.double("timeout"), howMany],
      effect: .rewritten("LPOP or RPOP, LPUSH or RPUSH"), since: "8.10.0",
      complexity: "O(N) where N is the number of elements moved.",
      summary: "Moves several elements between ends of lists; waits until there are enough.",
      handler: blmovem),
  ]

  /// What is to be moved, and how.
  private struct Request {
    let source: ListEnd
    let target: ListEnd
    /// Most elements to move.
    var count = 1
    /// Whether fewer elements than that are none.
    var isExact = false
    /// Whether the elements keep their order, instead of being moved one by one.
    var keepsOrder = true

    /// Reads the ends, and from `option` on how many elements.
    init(_ call: borrowing Call, options option: Int) throws(CommandError) {
      source = try call.listEnd(3)
      target = try call.listEnd(4)
      if option >= call.arguments.count { return }
      guard option + 3 == call.arguments.count else { throw .syntax }
      switch call.keyword(option) {
      case Keyword("count"): break
      case Keyword("exactly"): isExact = true
      default: throw .syntax
      }
      switch call.keyword(option + 2) {
      case Keyword("obo"): keepsOrder = false
      case Keyword("bulk"): break
      default: throw .syntax
      }
      count = try call.notNegative(option + 1)
    }

    /// Whether the elements stand in the target as they are read from the source's end inwards.
    var readsInwards: Bool {
      keepsOrder ? source == .left : target == .right
    }
  }

  // MARK: - LMOVEM, BLMOVEM

  static func lmovem(_ call: inout Call) throws(CommandError) {
    let request = try Request(call, options: 5)
    if try !move(call, request) { call.reply.nullArray() }
  }

  static func blmovem(_ call: inout Call) throws(CommandError) {
    let request = try Request(call, options: 6)
    let timeout = try call.timeout(5)
    if try move(call, request) { return }
    call.block(
      keys: 1...1, type: .list, timeoutMilliseconds: timeout, onTimeout: .nullArray)
  }

  /// Moves the elements and replies with them in the order they have in the target.
  ///
  /// - Returns: false if there are too few; nothing has been changed or replied then.
  private static func move(
    _ call: borrowing Call, _ request: Request
  ) throws(CommandError) -> Bool {
    let sourceKey = call.key(1)
    let targetKey = call.key(2)
    guard let list = try call.editedList(sourceKey) else { return false }
    _ = try call.editedList(targetKey)
    let total = list.value.count
    if request.isExact, total < request.count { return false }
    let count = min(request.count, total)
    call.reply.array(count)
    if count == 0 { return true }
    var moved = take(count, at: request.source, of: list.value)
    if !request.readsInwards { moved.reverse() }
    for text in moved { call.reply.bulk(text.rawSpan) }
    // Pushed to the left one after the other, elements end up reversed.
    let pushed = request.target == .left ? Array(moved.reversed()) : moved
    if sourceKey.bytes.equals(targetKey.bytes) {
      rotate(call, request, list, sourceKey, moved, pushed)
      return true
    }
    push(call, pushed, at: request.target, to: targetKey)
    call.changed(targetKey, request.target.pushEvent, count: 0)
    call.pop(count, at: request.source, of: list, sourceKey)
    call.propagatePop(request.source, sourceKey, count: count)
    propagatePush(call, request.target, targetKey, pushed)
    return true
  }

  /// Copies of `count` elements from one end inwards.
  private static func take(_ count: Int, at end: ListEnd, of list: ListValue) -> [[UInt8]] {
    var scratch = DecimalScratch()
    var taken: [[UInt8]] = []
    taken.reserveCapacity(count)
    var cursor = list.element(at: end)
    while taken.count < count, let element = cursor {
      taken.append(element.text(&scratch).copied)
      cursor = element.next(backwards: end == .right)
    }
    return taken
  }

  /// Pushes elements to a list, one after the other, and makes it if needed.
  private static func push(
    _ call: borrowing Call, _ texts: [[UInt8]], at end: ListEnd, to key: Key
  ) {
    for text in texts {
      let entry = call.database.write(key)
      let list = entry.map { ListEditor($0, hash: key.hash, in: call.database) }
      call.push(text.rawSpan, at: end, of: list, key)
    }
  }

  /// Moves elements within one list.
  private static func rotate(
    _ call: borrowing Call, _ request: Request, _ list: ListEditor, _ key: Key,
    _ moved: [[UInt8]], _ pushed: [[UInt8]]
  ) {
    var list = list
    let count = moved.count
    // If all elements go, they are pushed to the far end before the old ones are removed: the list
    // never is empty, so that the key stays, with its deadline.
    let isWhole = count == list.value.count
    let end = isWhole ? request.source.opposite : request.target
    let texts = isWhole ? (end == .left ? Array(moved.reversed()) : moved) : pushed
    if !isWhole { list.remove(count, at: request.source) }
    list.prepare(adding: count, byteCount: texts.reduce(0) { $0 + $1.count })
    for text in texts { list.push(text.rawSpan, at: end) }
    if isWhole { list.remove(count, at: request.source) }
    list.settle()
    call.effects.notify(request.target.pushEvent, key, in: call.database)
    call.changed(key, request.source.popEvent, count: count)
    if isWhole { propagatePush(call, end, key, texts) }
    call.propagatePop(request.source, key, count: count)
    if !isWhole { propagatePush(call, end, key, texts) }
  }

  /// Followers get LPUSH or RPUSH.
  private static func propagatePush(
    _ call: borrowing Call, _ end: ListEnd, _ key: Key, _ texts: [[UInt8]]
  ) {
    call.effects.rewrite(end.pushName, argumentCount: texts.count + 1)
    call.effects.append(key.bytes)
    for text in texts { call.effects.append(text.rawSpan) }
  }
}
