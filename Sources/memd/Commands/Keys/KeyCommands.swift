// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on keys whatever they hold: does it exist, what is it, away with it.
///
/// Renaming, copying and moving are in `PlacementCommands`, iteration in `IterationCommands`,
/// deadlines in `ExpiryCommands`.
enum KeyCommands: CommandFamily {
  static let group = CommandGroup.generic

  static let commands: [Command] = [
    Command(
      "del", [.write], keys: [.keys(from: 1, [.remove, .delete])], [.key().repeated],
      tips: ["request_policy:multi_shard", "response_policy:agg_sum"], since: "1.0.0",
      complexity: "O(N) where N is the number of keys; large collections are freed in slices.",
      summary: "Removes keys and their values.", handler: del),
    Command(
      "unlink", [.write, .fast], keys: [.keys(from: 1, [.remove, .delete])], [.key().repeated],
      tips: ["request_policy:multi_shard", "response_policy:agg_sum"], since: "4.0.0",
      complexity: "O(1) per key; the memory of large collections is freed in slices.",
      summary: "Deletes one or more keys and frees their memory in the background.",
      handler: unlink),
    Command(
      "exists", [.readonly, .fast], keys: [.keys(from: 1, .readOnly)], [.key().repeated],
      tips: ["request_policy:multi_shard", "response_policy:agg_sum"], since: "1.0.0",
      complexity: "O(N) where N is the number of keys.",
      summary: "Counts how many of the given keys exist.",
      history: [("3.0.3", "Takes several keys.")], handler: exists),
    Command(
      "type", [.readonly, .fast], keys: [.key(1, .readOnly)], [.key()], since: "1.0.0",
      complexity: "O(1)", summary: "Returns the type of the value stored at a key.",
      handler: type),
    Command(
      "touch", [.readonly, .fast], keys: [.keys(from: 1, .readOnly)], [.key().repeated],
      tips: ["request_policy:multi_shard", "response_policy:agg_sum"], since: "3.2.1",
      complexity: "O(N) where N is the number of keys.",
      summary: "Counts how many of the given keys exist and dates their last access to now.",
      handler: touch),
  ]

  // MARK: - DEL

  static func del(_ call: inout Call) throws(CommandError) { deleteAll(call) }

  // MARK: - UNLINK

  static func unlink(_ call: inout Call) throws(CommandError) { deleteAll(call) }

  private static func deleteAll(_ call: borrowing Call) {
    var count = 0
    for index in 1..<call.arguments.count {
      let key = call.key(index)
      guard call.database.delete(key) else { continue }
      call.changed(key, .delete)
      count += 1
    }
    call.reply.integer(count)
  }

  // MARK: - EXISTS

  static func exists(_ call: inout Call) throws(CommandError) {
    var count = 0
    for index in 1..<call.arguments.count where call.database.inspect(call.key(index)) != nil {
      count += 1
    }
    call.reply.integer(count)
  }

  // MARK: - TYPE

  static func type(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let entry = call.database.inspect(key) else { return call.reply.status("none") }
    call.reply.status(entry.header.type.name)
  }

  // MARK: - TOUCH

  static func touch(_ call: inout Call) throws(CommandError) {
    var count = 0
    for index in 1..<call.arguments.count {
      guard let entry = call.database.inspect(call.key(index)) else { continue }
      // A client that asked not to change access times (CLIENT NO-TOUCH) does it by this command.
      call.database.touch(entry)
      count += 1
    }
    call.reply.integer(count)
  }
}
