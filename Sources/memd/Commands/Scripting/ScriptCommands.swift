// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that run scripts, and those about the scripts that are known.
enum ScriptCommands: CommandFamily {
  static let group = CommandGroup.scripting
  static var isAvailable: Bool { Interpreter.isAvailable }

  private static let flags: CommandFlags = [
    .noScript, .stale, .skipMonitor, .noMandatoryKeys, .movableKeys, .runsScripts,
  ]

  static let commands: [Command] = [
    Command(
      "eval",
      flags.union(.mayReplicate),
      keys: [keySpec(changing, notes: changingNotes)],
      [.string("script")] + keysAndArguments,
      effect: Command.Effect.none, since: "2.6.0",
      complexity: "Depends on the script that is executed.",
      summary: "Runs a script in Lua.", handler: eval),
    Command(
      "evalsha",
      flags.union(.mayReplicate),
      keys: [keySpec(changing)],
      [.string("sha1")] + keysAndArguments,
      effect: Command.Effect.none, since: "2.6.0",
      complexity: "Depends on the script that is executed.",
      summary: "Runs a script that is known by its digest.", handler: evalsha),
    Command(
      "eval_ro",
      flags.union(.readonly),
      keys: [keySpec(reading, notes: readingNotes)],
      [.string("script")] + keysAndArguments, since: "7.0.0",
      complexity: "Depends on the script that is executed.",
      summary: "Runs a script in Lua that may not change anything.", handler: evalReadOnly),
    Command(
      "evalsha_ro",
      flags.union(.readonly),
      keys: [keySpec(reading)],
      [.string("sha1")] + keysAndArguments, since: "7.0.0",
      complexity: "Depends on the script that is executed.",
      summary: "Runs a script that is known by its digest and may not change anything.",
      handler: evalshaReadOnly),
    Command(
      "script", [], subcommands: subcommands, since: "2.6.0",
      complexity: "Depends on subcommand.", summary: "A container for commands about scripts.",
      help: help, handler: showHelp),
  ]

  private static let subcommands: [Command] = [
    Command(
      "exists", [.noScript], [.string("sha1").repeated],
      tips: ["request_policy:all_shards", "response_policy:agg_logical_and"], since: "2.6.0",
      complexity: "O(N) for N digests", summary: "Tells whether scripts are known.",
      handler: exists),
    Command(
      "flush", [.noScript],
      [
        .oneOf("async", [.token("ASYNC", "async"), .token("SYNC", "sync")]).since("6.2.0").optional
      ],
      tips: ["request_policy:all_nodes", "response_policy:all_succeeded"], since: "2.6.0",
      complexity: "O(N) for N scripts", summary: "Forgets all scripts.",
      history: [("6.2.0", "Takes `ASYNC` and `SYNC`.")], handler: flush),
    Command(
      "help", [.loading, .stale], since: "5.0.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "kill", [.noScript, .allowBusy],
      tips: ["request_policy:all_shards", "response_policy:one_succeeded"], since: "2.6.0",
      complexity: "O(1)", summary: "Ends the script that runs, unless it has written.",
      handler: kill),
    Command(
      "load", [.noScript, .stale], [.string("script")],
      tips: ["request_policy:all_nodes", "response_policy:all_succeeded"], since: "2.6.0",
      complexity: "O(N) for N bytes of the script",
      summary: "Compiles a script, to be run by its digest.", handler: load),
    Command(
      "show", [.noScript], [.string("sha1")], since: "8.0.0",
      complexity: "O(1)", summary: "Shows a script that is known.", handler: show),
  ]

  static let changing: KeySpec.Access = [.readWrite, .access, .update]
  static let changingNotes: StaticString =
    "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"
  static let reading: KeySpec.Access = [.readOnly, .access]
  static let readingNotes: StaticString =
    "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"

  /// The keys of a request that runs a script or a function.
  static func keySpec(_ access: KeySpec.Access, notes: StaticString? = nil) -> KeySpec {
    var spec = KeySpec.counted(at: 2, access)
    spec.notes = notes
    return spec
  }

  private static let keysAndArguments: [ArgumentSpec] = [
    .integer("numkeys"), .key().optional.repeated, .string("arg").optional.repeated,
  ]

  private static let help: [StaticString] = [
    "EXISTS <sha1> [<sha1> ...]",
    "    Answers which of the scripts are known: 1 or 0 for each.",
    "FLUSH [ASYNC|SYNC]",
    "    Forgets all scripts. On a follower, clients may miss them.",
    "KILL",
    "    Ends the script that runs, unless it has written.",
    "LOAD <script>",
    "    Compiles a script, to be run by its digest.",
    "SHOW <sha1>",
    "    Shows a script that is known.",
  ]

  // MARK: - EVAL

  static func eval(_ call: inout Call) throws(CommandError) { try run(call, readOnly: false) }

  static func evalReadOnly(_ call: inout Call) throws(CommandError) {
    try run(call, readOnly: true)
  }

  /// Runs the script in the request, compiled if it is new.
  private static func run(_ call: borrowing Call, readOnly: Bool) throws(CommandError) {
    call.server.announceScript(call)
    let keyCount = try keyCount(call)
    let script = try call.server.loadScript(call.arguments[1], stays: false)
    try call.server.evaluate(script, call, keyCount: keyCount, readOnly: readOnly)
  }

  private static func keyCount(_ call: borrowing Call) throws(CommandError) -> Int {
    let count = try call.integer(2)
    guard count <= call.arguments.count - 3 else {
      throw CommandError("ERR Number of keys can't be greater than number of args")
    }
    guard count >= 0 else { throw CommandError("ERR Number of keys can't be negative") }
    return count
  }

  // MARK: - EVALSHA

  static func evalsha(_ call: inout Call) throws(CommandError) {
    try runKnown(call, readOnly: false)
  }

  static func evalshaReadOnly(_ call: inout Call) throws(CommandError) {
    try runKnown(call, readOnly: true)
  }

  /// Runs the script whose digest is given.
  private static func runKnown(_ call: borrowing Call, readOnly: Bool) throws(CommandError) {
    call.server.announceScript(call)
    // Compatibility: the number of keys is looked at first, if that may be a digest.
    guard call.arguments[1].byteCount == 40 else { throw .noScript }
    let keyCount = try keyCount(call)
    guard let script = call.server.scripting.cache.script(hex: call.arguments[1]) else {
      throw .noScript
    }
    try call.server.evaluate(script, call, keyCount: keyCount, readOnly: readOnly)
  }

  // MARK: - SCRIPT

  static func showHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("SCRIPT", help)
  }

  static func load(_ call: inout Call) throws(CommandError) {
    let script = try call.server.loadScript(call.arguments[2], stays: true)
    let digest = script.digest.hex
    call.reply.bulk(digest.rawSpan)
  }

  static func exists(_ call: inout Call) throws(CommandError) {
    call.reply.array(call.arguments.count - 2)
    for index in 2..<call.arguments.count {
      let digest = ScriptDigest(hex: call.arguments[index])
      let isKnown = digest.map { call.server.scripting.cache[$0] != nil } ?? false
      call.reply.integer(isKnown ? 1 : 0)
    }
  }

  static func flush(_ call: inout Call) throws(CommandError) {
    var isLazy = call.server.configuration.lazyFreeLazyUserFlush
    if call.arguments.count > 2 {
      let keyword = call.keyword(2)
      guard call.arguments.count == 3, Keyword("async") ~= keyword || Keyword("sync") ~= keyword
      else {
        throw CommandError("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
      }
      isLazy = Keyword("async") ~= keyword
    }
    call.server.flushScripts(lazily: isLazy)
    call.reply.ok()
  }

  static func kill(_ call: inout Call) throws(CommandError) {
    try call.server.killScript(isFunction: false)
    call.reply.ok()
  }

  static func show(_ call: inout Call) throws(CommandError) {
    guard let digest = ScriptDigest(hex: call.arguments[2]),
      let script = call.server.scripting.cache[digest]
    else { throw .noScript }
    let body = script.body
    call.reply.bulk(body.rawSpan)
  }
}
