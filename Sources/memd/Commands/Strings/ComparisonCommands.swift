// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that compare the string of a key, or make its digest.
enum ComparisonCommands: CommandFamily {
  static let group = CommandGroup.string

  static let commands: [Command] = [
    Command(
      "delex", [.write, .fast], keys: [.key(1, [.readWrite, .delete])],
      [
        .key(),
        .oneOf(
          "condition",
          [
            .string("ifeq-value").after("IFEQ"), .string("ifne-value").after("IFNE"),
            .integer("ifdeq-digest").after("IFDEQ"), .integer("ifdne-digest").after("IFDNE"),
          ]
        ).optional,
      ],
      effect: .rewritten("DEL key"), since: "8.4.0",
      complexity: "O(1), with a digest O(N) for N bytes",
      summary: "Deletes a key if its string value or the digest of it compares as demanded.",
      handler: delex),
    Command(
      "delifeq", [.write, .fast], keys: [.key(1, [.readWrite, .delete])],
      [.key(), .string("value")], effect: .rewritten("DEL key"), since: "9.0.0",
      complexity: "O(1)", summary: "Deletes a key if its string value is the given one.",
      handler: delifeq),
    Command(
      "digest", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])], [.key()],
      since: "8.4.0", complexity: "O(N) for N bytes",
      summary: "Returns the XXH3 hash of the string value of a key as hexadecimal digits.",
      handler: digest),
  ]

  // MARK: - DELEX

  static func delex(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let entry = call.database.write(key) else { return call.reply.integer(0) }
    if call.arguments.count > 2 {
      guard call.arguments.count == 4 else {
        throw CommandError("ERR wrong number of arguments for 'delex' command")
      }
      guard entry.header.isString else {
        throw CommandError("ERR Key should be of string type if conditions are specified")
      }
      let condition = try condition(call)
      guard try condition.isMet(by: WritableString(entry).value, call) else {
        return call.reply.integer(0)
      }
    }
    delete(key, call)
  }

  private static func condition(_ call: borrowing Call) throws(CommandError) -> ValueCondition {
    switch call.keyword(2) {
    case Keyword("ifeq"): ValueCondition(kind: .equal, argument: 3)
    case Keyword("ifne"): ValueCondition(kind: .notEqual, argument: 3)
    case Keyword("ifdeq"): ValueCondition(kind: .digestEqual, argument: 3)
    case Keyword("ifdne"): ValueCondition(kind: .digestNotEqual, argument: 3)
    default:
      throw CommandError("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE")
    }
  }

  private static func delete(_ key: Key, _ call: borrowing Call) {
    _ = call.database.remove(key)
    call.effects.rewrite("DEL", argumentCount: 1)
    call.effects.append(key.bytes)
    call.changed(key, .delete)
    call.reply.integer(1)
  }

  // MARK: - DELIFEQ

  static func delifeq(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let string = try call.database.stringForWriting(key),
      string.value.equals(call.arguments[2])
    else { return call.reply.integer(0) }
    delete(key, call)
  }

  // MARK: - DIGEST

  static func digest(_ call: inout Call) throws(CommandError) {
    guard let value = try call.database.string(call.key(1)) else { return call.reply.null() }
    var buffer = ByteBuffer()
    HexadecimalDigest.append(value.digest, to: &buffer)
    call.reply.bulk(buffer.bytes)
  }
}
