// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that remove elements by their index or by what they are.
enum ListRemovalCommands: CommandFamily {
  static let group = CommandGroup.list

  static let commands: [Command] = [
    Command(
      "ltrim", [.write], keys: [.key(1, [.readWrite, .delete])],
      [.key(), .integer("start"), .integer("stop")], since: "1.0.0",
      complexity: "O(N) where N is the number of elements removed.",
      summary: "Removes all elements outside of a range.", handler: ltrim),
    Command(
      "lrem", [.write], keys: [.key(1, [.readWrite, .delete])],
      [.key(), .integer("count"), .string("element")], since: "1.0.0",
      complexity: "O(N+M) where N is the length of the list, M the number of elements removed.",
      summary: "Removes elements that equal a text.", handler: lrem),
  ]

  // MARK: - LTRIM

  static func ltrim(_ call: inout Call) throws(CommandError) {
    let start = try call.integer(2)
    let stop = try call.integer(3)
    let key = call.key(1)
    guard var list = try call.editedList(key) else { return call.reply.ok() }
    let count = list.value.count
    let kept = ListRange(start, stop, count: count)
    if !kept.isEmpty {
      // The end first: the indexes in front of it stay.
      let end = kept.lowerBound + kept.count
      list.removeRange(from: end, count: count - end)
      list.removeRange(from: 0, count: kept.lowerBound)
      list.settle()
    }
    call.changed(key, .listTrim, count: count - kept.count)
    if kept.isEmpty { call.removeEmptied(key) }
    call.reply.ok()
  }

  // MARK: - LREM

  static func lrem(_ call: inout Call) throws(CommandError) {
    let limit = try call.notLeast(2)
    let key = call.key(1)
    guard var list = try call.editedList(key) else { return call.reply.integer(0) }
    let text = call.arguments[3]
    let number = CanonicalInteger.parse(text)
    let backwards = limit < 0
    let total = list.value.count
    var cursor = backwards ? list.value.last : list.value.first
    var removed = 0
    while let element = cursor {
      guard element.equals(text, number: number) else {
        cursor = element.next(backwards: backwards)
        continue
      }
      removed += 1
      // The last one stays where it is: the key goes with it.
      if removed == total { break }
      cursor = list.remove(element, backwards: backwards)
      if removed == limit.magnitude { break }
    }
    if removed > 0 {
      call.changed(key, .listRemove, count: removed)
      if removed == total { call.removeEmptied(key) } else { list.settle() }
    }
    call.reply.integer(removed)
  }
}
