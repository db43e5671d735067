// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that move one element from a list to a list, and those that wait for one.
enum ListMoveCommands: CommandFamily {
  static let group = CommandGroup.list

  /// Which keys the commands that move elements have, and what they do to them.
  static let keys: [KeySpec] = [
    .key(1, [.readWrite, .access, .delete]), .key(2, [.readWrite, .insert]),
  ]
  /// Source, destination and their ends.
  static let places: [ArgumentSpec] = [
    .key("source"), .key("destination", spec: 1),
    .oneOf("wherefrom", [.token("LEFT", "left"), .token("RIGHT", "right")]),
    .oneOf("whereto", [.token("LEFT", "left"), .token("RIGHT", "right")]),
  ]

  static let commands: [Command] = [
    Command(
      "lmove", [.write, .denyOOM], keys: keys, places, since: "6.2.0", complexity: "O(1)",
      summary: "Moves an element from one end of a list to an end of a list and returns it.",
      handler: lmove),
    Command(
      "rpoplpush", [.write, .denyOOM], keys: keys,
      [.key("source"), .key("destination", spec: 1)], since: "1.2.0", complexity: "O(1)",
      summary: "Moves the last element of a list to the front of a list and returns it.",
      deprecatedSince: "6.2.0", replacedBy: "`LMOVE` with the `RIGHT` and `LEFT` arguments",
      handler: rpoplpush),
    Command(
      "blmove", [.write, .denyOOM, .noScript, .blocking], keys: keys,
      places + [.double("timeout")], effect: .rewritten("LMOVE source destination from to"),
      since: "6.2.0", complexity: "O(1)",
      summary: "Moves an element between ends of lists; waits while the source is empty.",
      handler: blmove),
    Command(
      "brpoplpush", [.write, .denyOOM, .noScript, .blocking], keys: keys,
      [.key("source"), .key("destination", spec: 1), .double("timeout")],
      effect: .rewritten("RPOPLPUSH source destination"), since: "2.2.0", complexity: "O(1)",
      summary: "Moves the last element of a list to the front of one; waits while it is empty.",
      history: [("6.0.0", "The timeout may have fractions of a second.")],
      deprecatedSince: "6.2.0", replacedBy: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
      handler: brpoplpush),
  ]

  // MARK: - LMOVE, RPOPLPUSH

  static func lmove(_ call: inout Call) throws(CommandError) {
    let source = try call.listEnd(3)
    let target = try call.listEnd(4)
    if try !move(call, from: source, to: target) { call.reply.null() }
  }

  static func rpoplpush(_ call: inout Call) throws(CommandError) {
    if try !move(call, from: .right, to: .left) { call.reply.null() }
  }

  // MARK: - BLMOVE, BRPOPLPUSH

  static func blmove(_ call: inout Call) throws(CommandError) {
    let source = try call.listEnd(3)
    let target = try call.listEnd(4)
    let timeout = try call.timeout(5)
    guard try move(call, from: source, to: target) else { return wait(call, timeout) }
    call.effects.rewrite("LMOVE", argumentCount: 4)
    call.effects.append(call.arguments[1])
    call.effects.append(call.arguments[2])
    call.effects.append(call.arguments[3])
    call.effects.append(call.arguments[4])
  }

  static func brpoplpush(_ call: inout Call) throws(CommandError) {
    let timeout = try call.timeout(3)
    guard try move(call, from: .right, to: .left) else { return wait(call, timeout) }
    call.effects.rewrite("RPOPLPUSH", argumentCount: 2)
    call.effects.append(call.arguments[1])
    call.effects.append(call.arguments[2])
  }

  private static func wait(_ call: borrowing Call, _ timeout: Int?) {
    // Compatibility: the time being over is another nil than not being allowed to wait.
    guard call.mayBlock else { return call.reply.null() }
    call.block(keys: 1...1, type: .list, timeoutMilliseconds: timeout, onTimeout: .nullArray)
  }

  // MARK: - Moving

  /// Moves an element of the list at argument 1 to that at argument 2 and replies with it.
  ///
  /// - Returns: false if there is no source; nothing has been replied then.
  private static func move(
    _ call: borrowing Call, from source: ListEnd, to target: ListEnd
  ) throws(CommandError) -> Bool {
    let sourceKey = call.key(1)
    let targetKey = call.key(2)
    guard let list = try call.editedList(sourceKey) else { return false }
    if sourceKey.bytes.equals(targetKey.bytes) {
      rotate(call, list, sourceKey, from: source, to: target)
      return true
    }
    // A due target goes here, before the element is borrowed.
    let present = try call.editedList(targetKey)
    guard let element = list.value.element(at: source) else { return false }
    call.reply.bulk(element)
    var scratch = DecimalScratch()
    call.push(element.text(&scratch), at: target, of: present, targetKey)
    // One move is one change, as in Redis.
    call.changed(targetKey, target.pushEvent, count: 0)
    call.pop(1, at: source, of: list, sourceKey)
    return true
  }

  /// Moves an element from one end of a list to an end of the same list.
  private static func rotate(
    _ call: borrowing Call, _ list: ListEditor, _ key: Key, from source: ListEnd, to target: ListEnd
  ) {
    guard let element = list.value.element(at: source) else { return }
    call.reply.bulk(element)
    if source != target, list.value.count > 1 {
      var list = list
      var scratch = DecimalScratch()
      // A copy: the bytes would move while the list is changed.
      let text = element.text(&scratch).copied
      list.prepare(adding: 1, byteCount: text.count)
      list.push(text.rawSpan, at: target)
      list.removeElement(at: source)
      list.settle()
    }
    call.effects.notify(target.pushEvent, key, in: call.database)
    call.changed(key, source.popEvent)
  }
}

extension Call {
  /// Puts an element into a list, or into a new one; says nothing about it.
  func push(_ text: RawSpan, at end: ListEnd, of list: ListEditor?, _ key: Key) {
    guard var list else {
      _ = database.addList(key, text)
      return
    }
    list.prepare(adding: 1, byteCount: text.byteCount)
    list.push(text, at: end)
  }
}
