// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// DEBUG: what tests and the server's own developers need. Off unless `enable-debug-command` says
/// otherwise.
enum DebugCommands: CommandFamily {
  static let group = CommandGroup.server

  static let commands: [Command] = [
    Command(
      "debug", [.admin, .noScript, .loading, .stale, .system, .debugs], since: "1.0.0",
      complexity: "Depends on subcommand.",
      summary: "Looks into the server and makes it misbehave.",
      arity: -2, help: subcommands.flatMap(\.help), handler: debug)
  ]

  /// One subcommand. DEBUG has no subcommands of its own in COMMAND INFO, so these are no commands.
  struct Subcommand {
    let name: StaticString
    /// Numbers of words that it takes, DEBUG and its own name included.
    let counts: ClosedRange<Int>
    let help: [StaticString]
    let handler: Command.Handler
  }

  /// All subcommands; HELP lists them in this order.
  static let subcommands: [Subcommand] =
    DebugKeyspace.subcommands + DebugServer.subcommands + DebugSnapshot.subcommands
    + DebugCrash.subcommands

  static func debug(_ call: inout Call) throws(CommandError) {
    guard call.server.configuration.enableDebugCommand.allows(isLocal: call.client.isLocal) else {
      throw notAllowed
    }
    let count = call.arguments.count
    if call.keyword(1) == Keyword("help"), count == 2 {
      return call.writeHelp("DEBUG", subcommands.flatMap(\.help))
    }
    for subcommand in subcommands
    where call.arguments[1].spells(subcommand.name) && subcommand.counts.contains(count) {
      return try subcommand.handler(&call)
    }
    throw call.subcommandFailure("DEBUG")
  }

  private static var notAllowed: CommandError {
    CommandError(
      """
      ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can \
      run it from a local connection, otherwise you need to set this option in the configuration \
      file, and then restart the server.
      """)
  }
}

extension Call {
  /// The argument at `index` as C's atoi reads it: what is no number is 0.
  func looseInteger(_ index: Int) -> Int { DecimalText.parse(arguments[index]) ?? 0 }
}
