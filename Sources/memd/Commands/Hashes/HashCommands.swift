// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that change the fields of a hash.
enum HashCommands: CommandFamily {
  static let group = CommandGroup.hash

  static let commands: [Command] = [
    Command(
      "hset", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .update])],
      [.key(), pair.repeated], since: "2.0.0",
      complexity: "O(N) where N is the number of fields that are set.",
      summary: "Sets fields of a hash; creates the hash if needed.",
      history: [("4.0.0", "Sets several fields.")], handler: hset),
    Command(
      "hmset", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .update])],
      [.key(), pair.repeated], since: "2.0.0",
      complexity: "O(N) where N is the number of fields that are set.",
      summary: "Sets fields of a hash.", deprecatedSince: "4.0.0",
      replacedBy: "`HSET` with multiple field-value pairs", handler: hmset),
    Command(
      "hsetnx", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .insert])],
      [.key(), .string("field"), .string("value")], since: "2.0.0", complexity: "O(1)",
      summary: "Sets a field of a hash that doesn't exist.", handler: hsetnx),
    Command(
      "hdel", [.write, .fast], keys: [.key(1, [.readWrite, .delete])],
      [.key(), .string("field").repeated], since: "2.0.0",
      complexity: "O(N) where N is the number of fields named.",
      summary: "Removes fields of a hash, and the hash with its last field.",
      history: [("2.4.0", "Removes several fields.")], handler: hdel),
  ]

  private static let pair = ArgumentSpec.block("field_value", [.string("field"), .string("value")])

  // MARK: - HSET, HMSET

  static func hset(_ call: inout Call) throws(CommandError) {
    let created = try set(&call)
    call.reply.integer(created)
  }

  static func hmset(_ call: inout Call) throws(CommandError) {
    _ = try set(&call)
    call.reply.ok()
  }

  /// Sets what the request names; returns how many fields are new.
  @inline(__always)
  private static func set(_ call: inout Call) throws(CommandError) -> Int {
    let count = call.arguments.count
    guard count & 1 == 0 else { throw call.wrongArgumentCount() }
    let key = call.key(1)
    let created: Int
    if var entry = try call.hashForWriting(key, fieldsFrom: 2, to: count, step: 2) {
      created = call.database.setFields(call.arguments, from: 2, of: &entry, hash: key.hash)
    } else {
      created = call.database.addHash(key, call.arguments, from: 2)
    }
    call.mentionFields(from: 2, to: count)
    call.changed(key, .hashSet, count: (count &- 2) / 2)
    return created
  }

  // MARK: - HSETNX

  static func hsetnx(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    if var entry = try call.hashForWriting(key, fieldsFrom: 2, to: 3) {
      if HashValue(entry).find(call.arguments[2], before: call.fieldThreshold) != nil {
        return call.reply.integer(0)
      }
      _ = call.database.setFields(call.arguments, from: 2, of: &entry, hash: key.hash)
    } else {
      _ = call.database.addHash(key, call.arguments, from: 2)
    }
    call.mentionFields(from: 2, to: 3)
    call.changed(key, .hashSet)
    call.reply.integer(1)
  }

  // MARK: - HDEL

  static func hdel(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    let removed = try call.removeFields(of: key, from: 2)
    call.reply.integer(removed)
  }
}

extension Call {
  /// Removes the fields that are named from `first` on, and the hash with its last one; says so to
  /// everybody. Returns how many there were.
  func removeFields(of key: Key, from first: Int) throws(CommandError) -> Int {
    let count = arguments.count
    guard var entry = try hashForWriting(key, fieldsFrom: first, to: count) else { return 0 }
    var removed = 0
    for index in first..<count {
      let isRemoved = database.removeField(
        arguments[index], nameHash: arguments.hash(at: index), of: &entry, hash: key.hash)
      guard isRemoved else { continue }
      removed &+= 1
      effects.mention(field: arguments[index])
      if HashValue(entry).count == 0 { break }
    }
    guard removed > 0 else { return 0 }
    changed(key, .hashDelete, count: removed)
    if HashValue(entry).count == 0 { removeEmptied(key) }
    return removed
  }
}
