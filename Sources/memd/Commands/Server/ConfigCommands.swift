// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Commands that show and change the configuration of a running server.
enum ConfigCommands: CommandFamily {
  static let group = CommandGroup.server

  private static let flags: CommandFlags = [.admin, .noScript, .loading, .stale]

  static let commands: [Command] = [
    Command(
      "config", [], subcommands: subcommands, since: "2.0.0",
      complexity: "Depends on subcommand.",
      summary: "A container for commands about the configuration.", help: help,
      handler: showHelp)
  ]

  private static let subcommands: [Command] = [
    Command(
      "get", flags,
      [
        ArgumentSpec.block("parameter", [.string("parameter")]).repeated
      ],
      since: "2.0.0", complexity: "O(N) when N is the number of configuration parameters provided",
      summary: "Lists settings whose names match patterns.",
      history: [("7.0.0", "Takes several patterns in one call.")], handler: configGet),
    Command(
      "help", [.loading, .stale], since: "5.0.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "resetstat", flags, since: "2.0.0", complexity: "O(1)",
      summary: "Sets the counters that INFO shows back to zero.", handler: configResetStat),
    Command(
      "rewrite", flags, since: "2.8.0", complexity: "O(1)",
      summary: "Writes the present settings into the configuration file.", handler: configRewrite),
    Command(
      "set", flags,
      [
        ArgumentSpec.block("parameter_value", [.string("parameter"), .string("value")]).repeated
      ],
      secrets: [.settings(from: 2)],
      tips: ["request_policy:all_nodes", "response_policy:all_succeeded"], since: "2.0.0",
      complexity: "O(N) when N is the number of configuration parameters provided",
      summary: "Changes settings, all of them or none.",
      history: [("7.0.0", "Takes several settings in one call.")], handler: configSet),
  ]

  private static let help: [StaticString] = [
    "GET <pattern>",
    "    Answers the options that match, with their values.",
    "SET <directive> <value>",
    "    Changes options, all of them or none.",
    "RESETSTAT",
    "    Sets what INFO counts to zero.",
    "REWRITE",
    "    Writes the options into the configuration file.",
  ]

  // MARK: - CONFIG GET

  static func configGet(_ call: inout Call) throws(CommandError) {
    let patterns = (2..<call.arguments.count).map { ByteText(call.arguments[$0]) }
    let settings = call.server.configuration.list(patterns)
    call.reply.map(settings.count)
    for setting in settings {
      call.reply.bulk(setting.name.rawSpan)
      call.reply.bulk(setting.value.rawSpan)
    }
  }

  // MARK: - CONFIG SET

  static func configSet(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count.isMultiple(of: 2) else { throw .syntax }
    let configuration = call.server.configuration
    var pairs: [(name: ByteText, value: ByteText)] = []
    for index in stride(from: 2, to: call.arguments.count, by: 2) {
      pairs.append((ByteText(call.arguments[index]), ByteText(call.arguments[index + 1])))
    }
    let isSettled = call.server.persistence.loading == nil
    if !isSettled,
      pairs.contains(where: { OptionTable.find($0.name)?.option.traits.contains(.settled) == true })
    {
      throw .loading
    }
    do throws(OptionError) {
      try configuration.set(
        pairs,
        allowsProtected: configuration.enableProtectedConfigs.allows(isLocal: call.client.isLocal))
    } catch {
      throw call.failure("ERR \(error.message)")
    }
    call.reply.ok()
  }

  // MARK: - CONFIG REWRITE

  static func configRewrite(_ call: inout Call) throws(CommandError) {
    try rewrite(&call, writesDefaults: false)
  }

  /// Writes the file and replies; DEBUG can have it write every option.
  static func rewrite(_ call: inout Call, writesDefaults: Bool) throws(CommandError) {
    guard !call.server.configuration.configFile.isEmpty else {
      throw CommandError("ERR The server is running without a config file")
    }
    do throws(DiskError) {
      try call.server.rewriteConfiguration(writesDefaults: writesDefaults)
    } catch {
      call.server.log.warning("CONFIG REWRITE failed: \(error.cause.text)")
      throw call.failure("ERR Rewriting config file: \(error.cause.text)")
    }
    call.server.log.notice("CONFIG REWRITE executed with success.")
    call.reply.ok()
  }

  // MARK: - CONFIG RESETSTAT

  static func configResetStat(_ call: inout Call) throws(CommandError) {
    call.server.resetStatistics()
    call.reply.ok()
  }

  // MARK: - CONFIG HELP

  static func showHelp(_ call: inout Call) throws(CommandError) { call.writeHelp("CONFIG", help) }
}

extension Server {
  /// Writes the configuration to the file it came from, in one step: the file is whole at any time.
  func rewriteConfiguration(writesDefaults: Bool) throws(DiskError) {
    var old: [UInt8] = []
    do throws(DiskError) {
      old = try disk.read(configuration.configFile)
    } catch {
      // A file that was removed meanwhile is made anew.
      if !error.isMissing { throw error }
    }
    var rewrite = ConfigurationRewrite(configuration, old: old, writesDefaults: writesDefaults)
    rewrite.setUsers(userLines)
    try disk.writeAtomically(configuration.configFile, rewrite.text(disk))
  }
}
