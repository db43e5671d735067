// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on whole databases.
enum DatabaseCommands: CommandFamily {
  static let group = CommandGroup.server

  static let commands: [Command] = [
    Command(
      "swapdb", [.write, .fast], [.integer("index1"), .integer("index2")],
      categories: [.keyspace, .dangerous], since: "4.0.0",
      complexity: "O(N) where N is the number of clients that watch or wait for keys of either.",
      summary: "Exchanges the contents of two databases.", handler: swapdb),
    Command(
      "dbsize", [.readonly, .fast], categories: .keyspace,
      tips: ["request_policy:all_shards", "response_policy:agg_sum"], since: "1.0.0",
      complexity: "O(1)", summary: "Counts the keys of the selected database.", handler: dbsize),
    Command(
      "flushdb", [.write, .alwaysPropagates], flushArguments,
      categories: [.keyspace, .dangerous],
      tips: ["request_policy:all_shards", "response_policy:all_succeeded"], since: "1.0.0",
      complexity: "O(N) where N is the number of keys in the database; with ASYNC in slices.",
      summary: "Removes all keys of the selected database.", history: flushHistory,
      handler: flushdb),
    Command(
      "flushall", [.write, .alwaysPropagates], flushArguments,
      categories: [.keyspace, .dangerous],
      tips: ["request_policy:all_shards", "response_policy:all_succeeded"], since: "1.0.0",
      complexity: "O(N) where N is the number of keys in all databases; with ASYNC in slices.",
      summary: "Removes all keys of all databases.", history: flushHistory, handler: flushall),
  ]

  private static let flushArguments: [ArgumentSpec] = [
    .oneOf("async", [.token("async").since("4.0.0"), .token("sync").since("6.2.0")]).optional
  ]

  private static let flushHistory: [(version: StaticString, change: StaticString)] = [
    ("4.0.0", "Takes ASYNC."), ("6.2.0", "Takes SYNC."),
  ]

  // MARK: - SWAPDB

  static func swapdb(_ call: inout Call) throws(CommandError) {
    let first = try number(call, 1, orThrow: CommandError("ERR invalid first DB index"))
    let second = try number(call, 2, orThrow: CommandError("ERR invalid second DB index"))
    let keyspace = call.server.keyspace
    guard let one = keyspace.database(first), let other = keyspace.database(second) else {
      throw .databaseOutOfRange
    }
    keyspace.swap(one, other)
    call.effects.countChanges(1)
    call.reply.ok()
  }

  /// A database number that fits into 32 bits, as the reference server demands.
  private static func number(
    _ call: borrowing Call, _ index: Int, orThrow error: CommandError
  ) throws(CommandError) -> Int {
    let number = try call.integer(index, orThrow: error)
    guard Int32(exactly: number) != nil else { throw error }
    return number
  }

  // MARK: - DBSIZE

  static func dbsize(_ call: inout Call) throws(CommandError) {
    call.reply.integer(call.database.count)
  }

  // MARK: - FLUSHDB

  static func flushdb(_ call: inout Call) throws(CommandError) {
    let isLazy = try flushesLazily(call)
    call.effects.countChanges(call.server.keyspace.flush(call.database, lazily: isLazy))
    call.reply.ok()
  }

  // MARK: - FLUSHALL

  static func flushall(_ call: inout Call) throws(CommandError) {
    let isLazy = try flushesLazily(call)
    call.server.cancelBackgroundSave()
    call.effects.countChanges(call.server.keyspace.flushAll(lazily: isLazy))
    call.server.saveEmptied()
    call.reply.ok()
  }

  /// Whether memory is freed later, by the option or the configuration.
  private static func flushesLazily(_ call: borrowing Call) throws(CommandError) -> Bool {
    if call.arguments.count == 1 { return call.server.configuration.lazyFreeLazyUserFlush }
    if call.arguments.count == 2 {
      switch call.keyword(1) {
      case Keyword("async"): return true
      case Keyword("sync"): return false
      default: break
      }
    }
    throw .syntax
  }
}
