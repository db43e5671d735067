// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on parts of strings.
enum StringRangeCommands: CommandFamily {
  static let group = CommandGroup.string

  static let commands: [Command] = [
    Command(
      "append", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .insert])],
      [.key(), .string("value")], since: "2.0.0",
      complexity: "O(1) amortized: room for more is kept behind a value that has grown",
      summary: "Appends to the string value of a key; creates the key if needed.",
      handler: append),
    Command(
      "strlen", [.readonly, .fast], keys: [.key(1, [.readOnly])], [.key()], since: "2.2.0",
      complexity: "O(1)", summary: "Returns the length of the string value of a key.",
      handler: strlen),
    Command(
      "getrange", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [.key(), .integer("start"), .integer("end")], since: "2.4.0",
      complexity: "O(N) for N returned bytes",
      summary: "Returns a part of the string value of a key.", handler: getrange),
    Command(
      "substr", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [.key(), .integer("start"), .integer("end")], since: "1.0.0",
      complexity: "O(N) for N returned bytes",
      summary: "Returns a part of the string value of a key.", deprecatedSince: "2.0.0",
      replacedBy: "`GETRANGE`", handler: getrange),
    Command(
      "setrange", [.write, .denyOOM], keys: [.key(1, [.readWrite, .update])],
      [.key(), .integer("offset"), .string("value")], since: "2.2.0",
      complexity: "O(M) for a value of M bytes, not counting the growth of the string",
      summary: "Overwrites a part of the string value of a key, which grows if needed.",
      handler: setrange),
  ]

  // MARK: - APPEND

  static func append(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    let bytes = call.arguments[2]
    let total: Int
    if let string = try call.database.stringForWriting(key) {
      let count = string.value.count
      total = try call.checkLength(count, adding: bytes.byteCount)
      call.database.edit(string, key, count: total, zeroedTo: 0).write(bytes, at: count)
    } else {
      call.database.setString(key, bytes)
      total = bytes.byteCount
    }
    call.changed(key, .append)
    call.reply.integer(total)
  }

  // MARK: - STRLEN

  static func strlen(_ call: inout Call) throws(CommandError) {
    call.reply.integer(try call.database.string(call.key(1))?.count ?? 0)
  }

  // MARK: - GETRANGE, SUBSTR

  static func getrange(_ call: inout Call) throws(CommandError) {
    var start = try call.integer(2)
    var end = try call.integer(3)
    guard let value = try call.database.string(call.key(1)) else { return call.reply.bulk("") }
    var scratch = DecimalScratch()
    let text = value.text(&scratch)
    let count = text.byteCount
    // Both before the beginning and in the wrong order: empty, before they are pulled to it.
    if start < 0, end < 0, start > end { return call.reply.bulk("") }
    if start < 0 { start = max(0, start + count) }
    if end < 0 { end = max(0, end + count) }
    end = min(end, count - 1)
    guard start <= end else { return call.reply.bulk("") }
    call.reply.bulk(text.extracting(start..<(end + 1)))
  }

  // MARK: - SETRANGE

  static func setrange(_ call: inout Call) throws(CommandError) {
    let offset = try call.integer(2)
    guard offset >= 0 else { throw CommandError("ERR offset is out of range") }
    let key = call.key(1)
    let bytes = call.arguments[3]
    let string = try call.database.stringForWriting(key)
    let count = string?.value.count ?? 0
    guard bytes.byteCount > 0 else { return call.reply.integer(count) }
    let total = max(count, try call.checkLength(offset, adding: bytes.byteCount))
    let editor =
      if let string {
        call.database.edit(string, key, count: total, zeroedTo: offset)
      } else {
        call.database.makeEditable(key, count: total, zeroedTo: offset)
      }
    editor.write(bytes, at: offset)
    call.changed(key, .setRange)
    call.reply.integer(total)
  }
}
