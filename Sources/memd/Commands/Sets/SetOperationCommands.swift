// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Intersections, unions and differences: returned or stored.
enum SetOperationCommands: CommandFamily {
  static let group = CommandGroup.set

  static let commands: [Command] = [
    Command(
      "sinter", [.readonly], keys: [.keys(from: 1, [.readOnly, .access])], [.key().repeated],
      tips: ["nondeterministic_output_order"], since: "1.0.0",
      complexity: "O(N*M) for M sets of which the smallest has N members",
      summary: "Returns the members that all sets have.", handler: sinter),
    Command(
      "sunion", [.readonly], keys: [.keys(from: 1, [.readOnly, .access])], [.key().repeated],
      tips: ["nondeterministic_output_order"], since: "1.0.0",
      complexity: "O(N) for N members of all sets",
      summary: "Returns the members that any of the sets has.", handler: sunion),
    Command(
      "sdiff", [.readonly], keys: [.keys(from: 1, [.readOnly, .access])], [.key().repeated],
      tips: ["nondeterministic_output_order"], since: "1.0.0",
      complexity: "O(N) for N members of all sets",
      summary: "Returns the members of the first set that none of the others has.",
      handler: sdiff),
    Command(
      "sinterstore", [.write, .denyOOM], keys: storeKeys([.readWrite, .update]), storeArguments,
      since: "1.0.0", complexity: "O(N*M) for M sets of which the smallest has N members",
      summary: "Stores the members that all sets have.", handler: sinterstore),
    Command(
      "sunionstore", [.write, .denyOOM], keys: storeKeys([.overwrite, .update]), storeArguments,
      since: "1.0.0", complexity: "O(N) for N members of all sets",
      summary: "Stores the members that any of the sets has.", handler: sunionstore),
    Command(
      "sdiffstore", [.write, .denyOOM], keys: storeKeys([.overwrite, .update]), storeArguments,
      since: "1.0.0", complexity: "O(N) for N members of all sets",
      summary: "Stores the members of the first set that none of the others has.",
      handler: sdiffstore),
  ]

  private static func storeKeys(_ destination: KeySpec.Access) -> [KeySpec] {
    [.key(1, destination), .keys(from: 2, [.readOnly, .access])]
  }

  private static var storeArguments: [ArgumentSpec] {
    [.key("destination"), .key("key", spec: 1).repeated]
  }

  // MARK: - SINTER

  static func sinter(_ call: inout Call) throws(CommandError) { try reply(.intersection, call) }

  // MARK: - SUNION

  static func sunion(_ call: inout Call) throws(CommandError) { try reply(.union, call) }

  // MARK: - SDIFF

  static func sdiff(_ call: inout Call) throws(CommandError) { try reply(.difference, call) }

  private static func reply(
    _ operation: SetOperation, _ call: borrowing Call
  ) throws(CommandError) {
    let operands = try SetOperands(1..<call.arguments.count, call)
    let client = call.client
    let mark = client.reply.beginAggregate()
    var count = 0
    operation.forEach(operands.relevant(for: operation), in: call.database) {
      client.reply.bulk($0)
      count += 1
      return true
    }
    client.reply.endSet(mark, count: count)
  }

  // MARK: - SINTERSTORE

  static func sinterstore(_ call: inout Call) throws(CommandError) {
    try store(.intersection, .intersectionStore, call)
  }

  // MARK: - SUNIONSTORE

  static func sunionstore(_ call: inout Call) throws(CommandError) {
    try store(.union, .unionStore, call)
  }

  // MARK: - SDIFFSTORE

  static func sdiffstore(_ call: inout Call) throws(CommandError) {
    try store(.difference, .differenceStore, call)
  }

  private static func store(
    _ operation: SetOperation, _ event: KeyEvent, _ call: borrowing Call
  ) throws(CommandError) {
    let operands = try SetOperands(2..<call.arguments.count, call)
    let sets = operands.relevant(for: operation)
    // Compatibility: what an intersection becomes depends on the form of the smallest set.
    let smallest = sets.min { $0.count < $1.count }
    let startsPacked = operation == .intersection && smallest.map { $0.form != .intset } == true
    var result = SetBuilder(in: call.database, startsPacked: startsPacked)
    if operation == .union {
      for set in sets {
        set.forEach { member in
          _ = result.add(member)
          return true
        }
      }
    } else {
      operation.forEach(sets, in: call.database) { member in
        _ = result.add(member)
        return true
      }
    }
    if startsPacked { result.preferIntset() }
    let key = call.key(1)
    let count = result.count
    if count > 0 {
      call.replaces(key, by: .set)
      result.store(key)
      call.changed(key, event)
    } else {
      result.discard()
      if call.database.delete(key) { call.changed(key, .delete) }
    }
    call.reply.integer(count)
  }
}
