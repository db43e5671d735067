// SPDX-License-Identifier: Apache-2.0

import RESP

/// MODULE: there are no modules, and none can be loaded.
enum ModuleCommands: CommandFamily {
  static let group = CommandGroup.server

  private static let flags: CommandFlags = [.admin, .noScript]
  private static let loadFlags: CommandFlags = [.admin, .noScript, .noAsyncLoading]

  static let commands: [Command] = [
    Command(
      "module", [], subcommands: subcommands, since: "4.0.0",
      complexity: "Depends on subcommand.", summary: "A container for commands about modules.",
      help: help, handler: showHelp)
  ]

  private static let subcommands: [Command] = [
    Command(
      "help", [.loading, .stale], since: "5.0.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "list", flags, tips: ["nondeterministic_output_order"], since: "4.0.0",
      complexity: "O(N) where N is the number of loaded modules.",
      summary: "Lists the modules, of which there are none.", handler: list),
    Command(
      "load", loadFlags, [.string("path"), .string("arg").optional.repeated], since: "4.0.0",
      complexity: "O(1)", summary: "Refuses to load a module.", handler: load),
    Command(
      "loadex", loadFlags,
      [
        .string("path"),
        ArgumentSpec.block("configs", [.string("name"), .string("value")]).after("CONFIG")
          .optional.repeatedWithToken,
        ArgumentSpec.block("args", [.string("arg")]).after("ARGS").optional.repeated,
      ],
      since: "7.0.0", complexity: "O(1)", summary: "Refuses to load a module with parameters.",
      handler: load),
    Command(
      "unload", loadFlags, [.string("name")], since: "4.0.0", complexity: "O(1)",
      summary: "Refuses to unload a module.", handler: unload),
  ]

  private static let help: [StaticString] = [
    "LIST",
    "    Answers the modules that are loaded.",
    "LOAD <path> [<arg> ...]",
    "    Loads a module; the rest is for it.",
    "LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
    "    Load a module library from <path>, with settings and arguments for it.",
    "UNLOAD <name>",
    "    Unload a module.",
  ]

  static func showHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("MODULE", help)
  }

  static func list(_ call: inout Call) throws(CommandError) { call.reply.array(0) }

  static func load(_ call: inout Call) throws(CommandError) {
    try checkAllowed(call)
    throw CommandError("ERR Error loading the extension. Please check the server logs.")
  }

  static func unload(_ call: inout Call) throws(CommandError) {
    try checkAllowed(call)
    throw CommandError("ERR Error unloading module: no such module with that name")
  }

  private static func checkAllowed(_ call: borrowing Call) throws(CommandError) {
    let access = call.server.configuration.enableModuleCommand
    guard access.allows(isLocal: call.client.isLocal) else {
      throw CommandError(
        """
        ERR MODULE command not allowed. If the enable-module-command option is set to "local", you \
        can run it from a local connection, otherwise you need to set this option in the \
        configuration file, and then restart the server.
        """)
    }
  }
}
