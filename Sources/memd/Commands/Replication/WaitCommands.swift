// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that wait until what was written is safe.
enum WaitCommands: CommandFamily {
  static let group = CommandGroup.generic

  static let commands: [Command] = [
    Command(
      "wait", [.blocking, .keyless], [.integer("numreplicas"), .integer("timeout")],
      categories: [.slow, .blocking, .connection],
      tips: ["request_policy:all_shards", "response_policy:agg_min"], since: "3.0.0",
      complexity: "O(1)", summary: "Waits until so many followers have what was written before.",
      handler: waitForFollowers),
    Command(
      "waitaof", [.blocking, .keyless],
      [.integer("numlocal"), .integer("numreplicas"), .integer("timeout")],
      categories: [.slow, .blocking, .connection],
      tips: ["request_policy:all_shards", "response_policy:agg_min"], since: "7.2.0",
      complexity: "O(1)",
      summary: "Waits until what was written before is durable here, and at so many followers.",
      handler: waitForSync),
  ]

  /// All that was written before, also by others: nobody notes where each client's writes end.
  private static func offset(_ call: borrowing Call) -> Int {
    call.client.blocking?.offset ?? call.server.effects.dataOffset
  }

  /// Has followers asked how far they are, once: their answers run the command again.
  private static func askFollowers(_ call: borrowing Call) {
    if call.client.blocking == nil { call.server.followers.asksForAcknowledgements = true }
  }

  static func waitForFollowers(_ call: inout Call) throws(CommandError) {
    let server = call.server
    guard server.following == nil else {
      throw CommandError(
        """
        ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a \
        replica is configured to be writable (which is not the default) writes to replicas are \
        just local and are not propagated.
        """)
    }
    let wanted = try call.integer(1)
    let timeout = try call.timeout(milliseconds: 2)
    let offset = offset(call)
    let count = server.followers.count(upTo: offset)
    guard count < wanted, call.mayBlock else { return call.reply.integer(count) }
    askFollowers(call)
    call.blockForSync(of: offset, timeoutMilliseconds: timeout, onTimeout: .followerCount)
  }

  static func waitForSync(_ call: inout Call) throws(CommandError) {
    let local = try call.integer(1)
    guard 0...1 ~= local else {
      throw CommandError("ERR value is out of range, must be between 0 and 1")
    }
    let outOfRange = CommandError("ERR value is out of range, must be positive")
    let followers = try call.integer(2, orThrow: outOfRange)
    guard followers >= 0 else { throw outOfRange }
    let timeout = try call.timeout(milliseconds: 3)
    let server = call.server
    guard server.following == nil else {
      throw CommandError(
        """
        ERR WAITAOF cannot be used with replica instances. Please also note that writes to \
        replicas are just local and are not propagated.
        """)
    }
    guard local == 0 || server.appendLog.isRunning else {
      throw CommandError(
        "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
    }
    let offset = offset(call)
    let synced = server.syncedCounts(upTo: offset)
    guard synced.local < local || synced.followers < followers else {
      return server.writeSyncedCounts(upTo: offset, to: &call.reply)
    }
    if followers > 0 { askFollowers(call) }
    call.blockForSync(of: offset, timeoutMilliseconds: timeout, onTimeout: .syncedCounts)
  }
}

extension Server {
  /// How many logs have made everything durable up to an offset of the stream.
  fileprivate func syncedCounts(upTo offset: Int) -> (local: Int, followers: Int) {
    let isSynced = appendLog.state == .on && appendLog.synced >= offset
    let count = followers.all.count {
      $0.follower.map { $0.syncedOffset >= offset } ?? false
    }
    return (isSynced ? 1 : 0, count)
  }

  /// WAITAOF's reply.
  func writeSyncedCounts(upTo offset: Int, to reply: inout ReplyWriter) {
    let counts = syncedCounts(upTo: offset)
    reply.array(2)
    reply.integer(counts.local)
    reply.integer(counts.followers)
  }
}
