// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Subcommands of DEBUG that end the process, to see what a crash looks like.
enum DebugCrash {
  static let subcommands: [DebugCommands.Subcommand] = [
    DebugCommands.Subcommand(
      name: "assert", counts: 2...2,
      help: [
        "ASSERT",
        "    Crash by assertion failed.",
      ], handler: failAssertion),
    DebugCommands.Subcommand(
      name: "panic", counts: 2...2,
      help: [
        "PANIC",
        "    Ends the server as a failed assumption would.",
      ], handler: panic),
    DebugCommands.Subcommand(
      name: "segfault", counts: 2...2,
      help: [
        "SEGFAULT",
        "    Ends the server with a bad memory access.",
      ], handler: fault),
  ]

  static func failAssertion(_ call: inout Call) throws(CommandError) {
    call.server.log.warning("=== ASSERTION FAILED ===")
    call.server.log.warning("==> '1 == 2' is not true")
    abort()
  }

  static func panic(_ call: inout Call) throws(CommandError) {
    call.server.log.warning("Panic on request, by DEBUG PANIC")
    call.server.log.warning("Guru Meditation: Panic called at user request")
    abort()
  }

  static func fault(_ call: inout Call) throws(CommandError) {
    // A signal that was sent needs no invalid access, which the optimiser could remove.
    raise(SIGSEGV)
  }
}
