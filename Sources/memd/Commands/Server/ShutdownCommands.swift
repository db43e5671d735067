// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The command that ends the server.
enum ShutdownCommands: CommandFamily {
  static let group = CommandGroup.server

  static let commands: [Command] = [
    Command(
      "shutdown",
      [.admin, .noScript, .loading, .stale, .noMulti, .allowBusy, .parserBarrier, .mayWait],
      [
        .oneOf("nosave_save", [.token("NOSAVE", "nosave"), .token("SAVE", "save")]).optional,
        .token("NOW", "now").since("7.0.0").optional,
        .token("FORCE", "force").since("7.0.0").optional,
        .token("ABORT", "abort").since("7.0.0").optional,
      ],
      since: "1.0.0",
      complexity: """
        O(N) when saving, where N is the total number of keys in all databases when saving data, \
        otherwise O(1)
        """,
      summary: "Ends the server.",
      history: [("7.0.0", "Added `NOW`, `FORCE` and `ABORT`.")], handler: shutdown)
  ]

  // MARK: - SHUTDOWN

  static func shutdown(_ call: inout Call) throws(CommandError) {
    var flags: ShutdownFlags = []
    var aborts = false
    for index in 1..<call.arguments.count {
      switch call.keyword(index) {
      case Keyword("nosave"): flags.insert(.nosave)
      case Keyword("save"): flags.insert(.save)
      case Keyword("now"): flags.insert(.now)
      case Keyword("force"): flags.insert(.force)
      case Keyword("abort"): aborts = true
      default: throw .syntax
      }
    }
    guard !(aborts && !flags.isEmpty), !flags.isSuperset(of: [.save, .nosave]) else {
      throw .syntax
    }
    guard !aborts else {
      guard call.server.callOffShutdown() else {
        throw CommandError("ERR No shutdown in progress.")
      }
      return call.reply.ok()
    }
    // The script would have to be waited for before anything can be saved.
    guard !call.server.scripting.run.isSlow || flags.contains(.nosave) else {
      throw call.server.busyError
    }
    switch call.server.shutDown(flags, askedBy: call.client) {
    // No reply: the end of the connection is the answer.
    case .ends: call.server.closeASAP(call.client)
    case .waits: call.blockForShutdown()
    case .failed: throw CommandError("ERR Errors trying to SHUTDOWN. Check logs.")
    }
  }
}
