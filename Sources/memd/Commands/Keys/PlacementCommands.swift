// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that give a value another key or another database.
enum PlacementCommands: CommandFamily {
  static let group = CommandGroup.generic

  static let commands: [Command] = [
    Command(
      "rename", [.write],
      keys: [.key(1, [.readWrite, .access, .delete]), .key(2, [.overwrite, .update])],
      [.key(), .key("newkey", spec: 1)], since: "1.0.0", complexity: "O(1)",
      summary: "Gives a value another key, replacing what is stored there.", handler: rename),
    Command(
      "renamenx", [.write, .fast],
      keys: [.key(1, [.readWrite, .access, .delete]), .key(2, [.overwrite, .insert])],
      [.key(), .key("newkey", spec: 1)], since: "1.0.0", complexity: "O(1)",
      summary: "Gives a value another key unless that exists.",
      history: [("3.2.0", "Equal names are no longer an error.")], handler: renamenx),
    Command(
      "copy", [.write, .denyOOM],
      keys: [.key(1, [.readOnly, .access]), .key(2, [.overwrite, .update])],
      [
        .key("source"), .key("destination", spec: 1),
        .integer("destination-db").after("db").optional, .token("replace").optional,
      ], since: "6.2.0",
      complexity: "O(N) where N is the number of elements of a collection; O(1) for a string.",
      summary: "Copies a value to another key, in this database or another.", handler: copy),
    Command(
      "move", [.write, .fast], keys: [.key(1, [.readWrite, .access, .update])],
      [.key(), .integer("db"), .token("REPLACE", "replace").since("9.2.0").optional],
      since: "1.0.0", complexity: "O(1)", summary: "Takes a key to another database.",
      history: [("9.2.0", "Takes `REPLACE`.")], handler: move),
  ]

  // MARK: - RENAME

  static func rename(_ call: inout Call) throws(CommandError) {
    _ = try rename(call, replaces: true)
    call.reply.ok()
  }

  // MARK: - RENAMENX

  static func renamenx(_ call: inout Call) throws(CommandError) {
    let isDone = try rename(call, replaces: false)
    call.reply.integer(isDone ? 1 : 0)
  }

  /// Renames; false if the new key exists and must not be replaced.
  private static func rename(
    _ call: borrowing Call, replaces: Bool
  ) throws(CommandError) -> Bool {
    let database = call.database
    let source = call.key(1)
    let target = call.key(2)
    guard let moved = database.write(source) else { throw .noSuchKey }
    let type = moved.header.type
    if source.bytes.equals(target.bytes) { return false }
    let replaced = call.replacedType(target, in: database)
    if database.write(target) != nil {
      guard replaces else { return false }
      _ = database.remove(target)
    }
    database.rename(source, to: target)
    call.effects.touched(source, in: database)
    call.effects.notify(.renameFrom, source, in: database)
    call.changed(target, .renameTo)
    call.announceReplacement(of: replaced, target, by: type, in: database)
    return true
  }

  // MARK: - COPY

  static func copy(_ call: inout Call) throws(CommandError) {
    let options = try CopyOptions(call)
    let target = options.database
    let source = call.key(1)
    let copy = call.key(2)
    if target === call.database, source.bytes.equals(copy.bytes) { throw .sameObject }
    guard let entry = call.database.read(source) else { return call.reply.integer(0) }
    let isOccupied = target.write(copy) != nil
    if isOccupied, !options.replaces { return call.reply.integer(0) }
    let new = entry.copied(to: copy.bytes, allocator: target.allocator, seed: target.seed)
    let replaced = call.replacedType(copy, in: target)
    if isOccupied { _ = target.remove(copy) }
    let type = new.header.type
    target.insert(new, copy)
    call.changed(copy, .copyTo, in: target)
    call.announceReplacement(of: replaced, copy, by: type, in: target)
    call.reply.integer(1)
  }

  /// What follows the two keys of COPY.
  private struct CopyOptions {
    var database: Database
    var replaces = false

    init(_ call: borrowing Call) throws(CommandError) {
      database = call.database
      var index = 3
      while index < call.arguments.count {
        switch call.keyword(index) {
        case Keyword("replace"): replaces = true
        case Keyword("db") where index + 1 < call.arguments.count:
          index += 1
          database = try call.database(numberedAt: index)
        default: throw .syntax
        }
        index += 1
      }
    }
  }

  // MARK: - MOVE

  static func move(_ call: inout Call) throws(CommandError) {
    let replaces = call.arguments.count > 3
    if replaces {
      guard call.arguments.count == 4, call.keyword(3) == Keyword("replace") else { throw .syntax }
    }
    let source = call.database
    let target = try call.database(numberedAt: 2)
    guard target !== source else { throw .sameObject }
    let key = call.key(1)
    guard let type = source.write(key)?.header.type else { return call.reply.integer(0) }
    let replaced = call.replacedType(key, in: target)
    let isThere = target.write(key) != nil
    if isThere {
      guard replaces else { return call.reply.integer(0) }
      _ = target.remove(key)
    }
    if replaces { propagateReplacing(call, key, isThere: isThere) }
    source.move(key, to: target)
    call.effects.touched(key, in: source)
    call.effects.notify(.moveFrom, key, in: source)
    call.changed(key, .moveTo, in: target)
    call.announceReplacement(of: replaced, key, by: type, in: target)
    call.reply.integer(1)
  }

  /// Followers and readers of logs may not know REPLACE, and would leave the key where it is.
  private static func propagateReplacing(_ call: borrowing Call, _ key: Key, isThere: Bool) {
    guard isThere else {
      call.effects.rewrite("MOVE", argumentCount: 2)
      call.effects.append(key.bytes)
      return call.effects.append(call.arguments[2])
    }
    call.effects.rewrite("COPY", argumentCount: 5)
    call.effects.append(key.bytes)
    call.effects.append(key.bytes)
    call.effects.append("DB")
    call.effects.append(call.arguments[2])
    call.effects.append("REPLACE")
    call.effects.rewrite("DEL", argumentCount: 1)
    call.effects.append(key.bytes)
  }
}
