// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on string values.
enum StringCommands: CommandFamily {
  static let group = CommandGroup.string

  static let commands: [Command] = [
    Command(
      "get", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])], [.key()],
      since: "1.0.0", complexity: "O(1)", summary: "Returns the string value of a key.",
      handler: get),
    Command(
      "set", [.write, .denyOOM], keys: [.key(1, [.overwrite, .update])],
      [.key(), .string("value")], since: "1.0.0", complexity: "O(1)",
      summary: "Sets the string value of a key.", handler: set),
  ]

  // MARK: - GET

  static func get(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let value = try call.database.string(key) else { return call.reply.null() }
    if let integer = value.integer { return call.reply.bulk(integer: integer) }
    call.reply.bulk(value.stored)
  }

  // MARK: - SET

  static func set(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    call.database.setString(key, call.arguments[2])
    call.changed(key, .set)
    call.reply.ok()
  }
}
