// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that read fields of a hash.
enum HashReadingCommands: CommandFamily {
  static let group = CommandGroup.hash

  static let commands: [Command] = [
    Command(
      "hget", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [.key(), .string("field")], since: "2.0.0", complexity: "O(1)",
      summary: "Returns the value of a field of a hash.", handler: hget),
    Command(
      "hmget", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [.key(), .string("field").repeated], since: "2.0.0",
      complexity: "O(N) where N is the number of fields named.",
      summary: "Returns the values of fields of a hash.", handler: hmget),
    Command(
      "hgetall", [.readonly], keys: [.key(1, [.readOnly, .access])], [.key()],
      tips: ["nondeterministic_output_order"], since: "2.0.0",
      complexity: "O(N) where N is the number of fields.",
      summary: "Returns all fields of a hash with their values.", handler: hgetall),
    Command(
      "hkeys", [.readonly], keys: [.key(1, [.readOnly, .access])], [.key()],
      tips: ["nondeterministic_output_order"], since: "2.0.0",
      complexity: "O(N) where N is the number of fields.",
      summary: "Returns the names of all fields of a hash.", handler: hkeys),
    Command(
      "hvals", [.readonly], keys: [.key(1, [.readOnly, .access])], [.key()],
      tips: ["nondeterministic_output_order"], since: "2.0.0",
      complexity: "O(N) where N is the number of fields.",
      summary: "Returns the values of all fields of a hash.", handler: hvals),
    Command(
      "hexists", [.readonly, .fast], keys: [.key(1, [.readOnly])], [.key(), .string("field")],
      since: "2.0.0", complexity: "O(1)", summary: "Tells whether a hash has a field.",
      handler: hexists),
    Command(
      "hlen", [.readonly, .fast], keys: [.key(1, [.readOnly])], [.key()], since: "2.0.0",
      complexity: "O(1)", summary: "Returns the number of fields of a hash.", handler: hlen),
    Command(
      "hstrlen", [.readonly, .fast], keys: [.key(1, [.readOnly])], [.key(), .string("field")],
      since: "3.2.0", complexity: "O(1)",
      summary: "Returns the length in bytes of the value of a field of a hash.", handler: hstrlen),
  ]

  // MARK: - HGET, HMGET

  static func hget(_ call: inout Call) throws(CommandError) {
    guard let value = try value(call) else { return call.reply.null() }
    call.reply.bulk(value)
  }

  /// The value of the field that the second argument names.
  @inline(__always)
  private static func value(_ call: borrowing Call) throws(CommandError) -> StoredText? {
    let key = call.key(1)
    guard let entry = try call.database.collection(key, .hash) else { return nil }
    return HashValue(entry).find(
      call.arguments[2], hash: call.arguments.hash(at: 2), before: call.fieldThreshold)
  }

  static func hmget(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    let entry = try call.database.collection(key, .hash)
    let count = call.arguments.count
    var mark = call.markReply()
    call.reply.array(count &- 2)
    guard let entry else {
      for _ in 2..<count { call.reply.null() }
      return
    }
    let hash = HashValue(entry)
    let threshold = call.fieldThreshold
    for index in 2..<count {
      if let value = hash.find(
        call.arguments[index], hash: call.arguments.hash(at: index), before: threshold)
      {
        call.reply.bulk(value)
      } else {
        call.reply.null()
      }
      if call.isLong(mark) {
        try call.reserveRest(&mark, bytes: call.valueByteCount(of: index..<count, in: hash))
      }
    }
  }

  // MARK: - HGETALL, HKEYS, HVALS

  static func hgetall(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let entry = try call.database.collection(key, .hash) else { return call.reply.map(0) }
    let hash = HashValue(entry)
    let client = call.client
    client.reply.map(hash.visibleCount(call.moment))
    hash.forEach(before: call.fieldThreshold) { name, value, _ in
      client.reply.bulk(name)
      client.reply.bulk(value)
    }
  }

  static func hkeys(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let entry = try call.database.collection(key, .hash) else { return call.reply.array(0) }
    let hash = HashValue(entry)
    let client = call.client
    client.reply.array(hash.visibleCount(call.moment))
    hash.forEach(before: call.fieldThreshold) { name, _, _ in client.reply.bulk(name) }
  }

  static func hvals(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let entry = try call.database.collection(key, .hash) else { return call.reply.array(0) }
    let hash = HashValue(entry)
    let client = call.client
    client.reply.array(hash.visibleCount(call.moment))
    hash.forEach(before: call.fieldThreshold) { _, value, _ in client.reply.bulk(value) }
  }

  // MARK: - HEXISTS, HLEN, HSTRLEN

  static func hexists(_ call: inout Call) throws(CommandError) {
    let exists = try value(call) != nil
    call.reply.integer(exists ? 1 : 0)
  }

  /// Fields that are due don't count, whether they have been removed or not.
  static func hlen(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let entry = try call.database.collection(key, .hash) else {
      return call.reply.integer(0)
    }
    call.reply.integer(HashValue(entry).visibleCount(call.moment))
  }

  static func hstrlen(_ call: inout Call) throws(CommandError) {
    let count = try value(call)?.count ?? 0
    call.reply.integer(count)
  }
}

extension Call {
  /// Bytes of the values of the fields that a range of arguments names, each as often as named.
  @inline(never)
  func valueByteCount(of indexes: Range<Int>, in hash: HashValue) -> Int {
    var bytes = 0
    for index in indexes {
      bytes += hash.find(arguments[index], before: fieldThreshold)?.count ?? 0
    }
    return bytes
  }
}
