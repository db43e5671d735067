// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Subcommands of DEBUG about saving and loading.
enum DebugSnapshot {
  static let subcommands: [DebugCommands.Subcommand] = [
    DebugCommands.Subcommand(
      name: "aof-flush-sleep", counts: 3...3,
      help: [
        "AOF-FLUSH-SLEEP <microseconds>",
        "    Sleeps so long before what has changed is written to the AOF.",
      ], handler: setWriteDelay),
    DebugCommands.Subcommand(
      name: "loadaof", counts: 2...2,
      help: [
        "LOADAOF",
        "    Writes what is left to write of the AOF, and reloads the dataset from it.",
      ], handler: loadLog),
    DebugCommands.Subcommand(
      name: "reload", counts: 2...5,
      help: [
        "RELOAD [option ...]",
        "    Saves the RDB on disk and reloads it back to memory. Options:",
        "    * MERGE: keys of the file replace those in memory, instead of being an error.",
        "    * NOFLUSH: the keys in memory stay where the file has none of that name.",
        "    * NOSAVE: the file is loaded as it is, without saving first.",
      ], handler: reload),
    DebugCommands.Subcommand(
      name: "set-skip-checksum-validation", counts: 3...3,
      help: [
        "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
        "    Setting it to 1 loads RDB files and RESTORE payloads with any checksum.",
      ], handler: setSkipChecksumValidation),
  ]

  /// A load under way can't be replaced by another one.
  private static func checkThatNothingLoads(_ call: borrowing Call) throws(CommandError) {
    guard !call.server.persistence.isLoading else {
      throw .loading
    }
  }

  static func reload(_ call: inout Call) throws(CommandError) {
    try checkThatNothingLoads(call)
    var flushes = true
    var saves = true
    var options = call.server.loadingOptions
    for index in 2..<call.arguments.count {
      switch call.keyword(index) {
      case Keyword("merge"): options.replaces = true
      case Keyword("noflush"):
        flushes = false
        options.keepsLibraries = true
      case Keyword("nosave"): saves = false
      default:
        throw CommandError("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
      }
    }
    options.announcesExpired = true
    let server = call.server
    if saves, !server.save() { throw CommandError("ERR") }
    if flushes { _ = server.keyspace.flushAll(lazily: false) }
    var isLoaded = false
    server.startLoading(options) { isLoaded = $0 }
    server.finishLoading()
    guard isLoaded else {
      throw CommandError("ERR Error trying to load the RDB dump, check server logs.")
    }
    server.log.warning("DB reloaded by DEBUG RELOAD")
    call.reply.ok()
  }

  static func setWriteDelay(_ call: inout Call) throws(CommandError) {
    let microseconds = min(max(0, call.looseInteger(2)), 60_000_000)
    call.server.appendLog.writeDelay = Int64(microseconds) * 1000
    call.reply.ok()
  }

  static func loadLog(_ call: inout Call) throws(CommandError) {
    try checkThatNothingLoads(call)
    guard call.server.reloadLog() else {
      throw CommandError("ERR Error trying to load the AOF files, check server logs.")
    }
    call.server.log.warning("Append Only File loaded by DEBUG LOADAOF")
    call.reply.ok()
  }

  static func setSkipChecksumValidation(_ call: inout Call) throws(CommandError) {
    call.server.persistence.skipsChecksums = call.looseInteger(2) != 0
    call.reply.ok()
  }
}
