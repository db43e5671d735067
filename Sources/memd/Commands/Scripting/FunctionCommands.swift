// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Commands that call functions, and those about the libraries that these are in.
enum FunctionCommands: CommandFamily {
  static let group = CommandGroup.scripting
  static var isAvailable: Bool { Interpreter.isAvailable }

  private static let flags: CommandFlags = [
    .noScript, .stale, .skipMonitor, .noMandatoryKeys, .movableKeys, .runsScripts, .callsFunctions,
  ]

  static let commands: [Command] = [
    Command(
      "fcall", flags.union(.mayReplicate),
      keys: [ScriptCommands.keySpec(ScriptCommands.changing, notes: ScriptCommands.changingNotes)],
      callArguments, effect: Command.Effect.none, since: "7.0.0",
      complexity: "Depends on the function that is called.",
      summary: "Calls a function.", handler: fcall),
    Command(
      "fcall_ro", flags.union(.readonly),
      keys: [ScriptCommands.keySpec(ScriptCommands.reading, notes: ScriptCommands.readingNotes)],
      callArguments, since: "7.0.0", complexity: "Depends on the function that is called.",
      summary: "Calls a function that doesn't change anything.", handler: fcallReadOnly),
    Command(
      "function", [], subcommands: subcommands, since: "7.0.0",
      complexity: "Depends on subcommand.", summary: "A container for commands about functions.",
      help: help, handler: showHelp),
  ]

  private static let callArguments: [ArgumentSpec] = [
    .string("function"), .integer("numkeys"), .key().optional.repeated,
    .string("arg").optional.repeated,
  ]

  private static let everywhere: [StaticString] = [
    "request_policy:all_shards", "response_policy:all_succeeded",
  ]

  private static let subcommands: [Command] = [
    Command(
      "delete", [.write, .noScript], [.string("library-name")], tips: everywhere, since: "7.0.0",
      complexity: "O(N) for N functions of the library",
      summary: "Deletes a library and its functions.", handler: delete),
    Command(
      "dump", [.noScript], since: "7.0.0", complexity: "O(N) for N bytes of all libraries",
      summary: "Serializes all libraries.", handler: dump),
    Command(
      "flush", [.write, .noScript],
      [.oneOf("async", [.token("ASYNC", "async"), .token("SYNC", "sync")]).optional],
      tips: everywhere, since: "7.0.0",
      complexity: "O(N) for N functions; with ASYNC memory is freed by a helper.",
      summary: "Deletes all libraries.", handler: flush),
    Command(
      "help", [.loading, .stale], since: "7.0.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "kill", [.noScript, .allowBusy],
      tips: ["request_policy:all_shards", "response_policy:one_succeeded"], since: "7.0.0",
      complexity: "O(1)", summary: "Ends the function that runs, unless it has written.",
      handler: kill),
    Command(
      "list", [.noScript],
      [
        .string("library-name-pattern").after("LIBRARYNAME").optional,
        .token("WITHCODE", "withcode").optional,
      ],
      tips: ["nondeterministic_output_order"], since: "7.0.0",
      complexity: "O(N) for N functions", summary: "Lists libraries with their functions.",
      handler: list),
    Command(
      "load", [.write, .denyOOM, .noScript],
      [.token("REPLACE", "replace").optional, .string("function-code")],
      tips: everywhere, since: "7.0.0", complexity: "O(N) for N bytes of the library",
      summary: "Loads a library of functions.", handler: load),
    Command(
      "restore", [.write, .denyOOM, .noScript],
      [
        .string("serialized-value"),
        .oneOf(
          "policy",
          [.token("FLUSH", "flush"), .token("APPEND", "append"), .token("REPLACE", "replace")]
        ).optional,
      ],
      tips: everywhere, since: "7.0.0", complexity: "O(N) for N bytes of the libraries",
      summary: "Loads the libraries of a payload of FUNCTION DUMP.", handler: restore),
    Command(
      "stats", [.noScript, .allowBusy],
      tips: [
        "nondeterministic_output", "request_policy:all_shards", "response_policy:special",
      ],
      since: "7.0.0", complexity: "O(1)",
      summary: "Tells what function runs, and how many there are.", handler: stats),
  ]

  private static let help: [StaticString] = [
    "DELETE <library-name>",
    "    Deletes a library and its functions.",
    "DUMP",
    "    Serializes all libraries, for FUNCTION RESTORE.",
    "FLUSH [ASYNC|SYNC]",
    "    Deletes all libraries.",
    "KILL",
    "    Ends the function that runs, unless it has written.",
    "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
    "    Lists libraries with their functions, and with their code if wanted.",
    "LOAD [REPLACE] <function-code>",
    "    Loads a library of functions.",
    "RESTORE <serialized-value> [FLUSH|APPEND|REPLACE]",
    "    Loads the libraries of a payload. What is here goes (FLUSH), must not be of the same",
    "    names (APPEND, the default), or is replaced if it is (REPLACE).",
    "STATS",
    "    Tells what function runs, and how many there are.",
  ]

  static func showHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("FUNCTION", help)
  }

  // MARK: - FCALL

  static func fcall(_ call: inout Call) throws(CommandError) { try run(call, readOnly: false) }

  static func fcallReadOnly(_ call: inout Call) throws(CommandError) {
    try run(call, readOnly: true)
  }

  private static func run(_ call: borrowing Call, readOnly: Bool) throws(CommandError) {
    call.server.announceScript(call)
    guard let function = call.server.scripting.libraries.function(call.arguments[1]) else {
      throw CommandError("ERR Function not found")
    }
    let count = try call.integer(2, orThrow: CommandError("ERR Bad number of keys provided"))
    guard count <= call.arguments.count - 3 else {
      throw CommandError("ERR Number of keys can't be greater than number of args")
    }
    guard count >= 0 else { throw CommandError("ERR Number of keys can't be negative") }
    try call.server.callFunction(function, call, keyCount: count, readOnly: readOnly)
  }

  // MARK: - FUNCTION LOAD, DELETE, FLUSH

  /// How long the code of a library may run that comes from a client.
  private static func milliseconds(for call: borrowing Call) -> Double? {
    call.client.flags.contains(.leader) ? nil : Server.libraryLoadMilliseconds
  }

  private static func failure(
    _ error: LibraryError, _ call: borrowing Call
  ) -> CommandError {
    call.failure("ERR \(error.message)")
  }

  static func load(_ call: inout Call) throws(CommandError) {
    let last = call.arguments.count - 1
    for index in 2..<last where call.keyword(index) != Keyword("replace") {
      throw call.failure("ERR Unknown option given: \(echo: call.arguments[index])")
    }
    do throws(LibraryError) {
      let name = try call.server.loadLibrary(
        call.arguments[last], into: call.server.scripting.libraries, replaces: last > 2,
        milliseconds: milliseconds(for: call))
      call.effects.countChanges(1)
      call.reply.bulk(name.rawSpan)
    } catch {
      throw failure(error, call)
    }
  }

  static func delete(_ call: inout Call) throws(CommandError) {
    let libraries = call.server.scripting.libraries
    guard let library = libraries.library(ByteText(call.arguments[2])) else {
      throw CommandError("ERR Library not found")
    }
    libraries.remove(library)
    call.effects.countChanges(1)
    call.reply.ok()
  }

  static func flush(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count <= 3 else { throw call.subcommandFailure("FUNCTION") }
    var isLazy = call.server.configuration.lazyFreeLazyUserFlush
    if call.arguments.count == 3 {
      switch call.keyword(2) {
      case Keyword("async"): isLazy = true
      case Keyword("sync"): isLazy = false
      default: throw CommandError("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
      }
    }
    call.server.flushLibraries(lazily: isLazy)
    call.effects.countChanges(1)
    call.reply.ok()
  }

  // MARK: - FUNCTION DUMP, RESTORE

  static func dump(_ call: inout Call) throws(CommandError) {
    let payload = LibraryPayload.make(
      of: call.server.scripting.libraries.libraries,
      compresses: call.server.configuration.rdbCompression)
    call.reply.bulk(payload.rawSpan)
  }

  /// What becomes of libraries that are there when others are restored.
  private enum RestorePolicy {
    case flush, append, replace
  }

  static func restore(_ call: inout Call) throws(CommandError) {
    let policy = try restorePolicy(call)
    let payload = call.arguments[2]
    let verifies = !call.server.persistence.skipsChecksums
    guard DumpPayload.version(of: payload, verifiesChecksum: verifies) != nil else {
      throw CommandError("ERR DUMP payload version or checksum are wrong")
    }
    do throws(LibraryError) {
      try restore(payload, policy, call)
    } catch {
      throw failure(error, call)
    }
    call.effects.countChanges(1)
    call.reply.ok()
  }

  private static func restorePolicy(_ call: borrowing Call) throws(CommandError) -> RestorePolicy {
    guard call.arguments.count <= 4 else { throw call.subcommandFailure("FUNCTION") }
    guard call.arguments.count == 4 else { return .append }
    switch call.keyword(3) {
    case Keyword("append"): return .append
    case Keyword("replace"): return .replace
    case Keyword("flush"): return .flush
    default:
      throw CommandError(
        "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.")
    }
  }

  /// Loads all libraries of a payload, or none of them.
  private static func restore(
    _ payload: RawSpan, _ policy: RestorePolicy, _ call: borrowing Call
  ) throws(LibraryError) {
    let server = call.server
    let set = LibrarySet()
    let most = milliseconds(for: call)
    let start = server.clock.ticks()
    try LibraryPayload.forEach(in: payload) { code throws(LibraryError) in
      // Each of them may run as long as one that is loaded alone, but not very many of them.
      let elapsed = server.clock.microseconds(from: start, to: server.clock.ticks()) / 1000
      let left = max(10, Server.payloadLoadMilliseconds - elapsed)
      _ = try server.loadLibrary(
        code, into: set, replaces: false, milliseconds: most.map { min($0, left) })
    }
    switch policy {
    case .flush: server.replaceLibraries(by: set)
    case .append: try server.scripting.libraries.add(set, replaces: false)
    case .replace: try server.scripting.libraries.add(set, replaces: true)
    }
  }

  // MARK: - FUNCTION KILL, STATS

  static func kill(_ call: inout Call) throws(CommandError) {
    try call.server.killScript(isFunction: true)
    call.reply.ok()
  }

  static func stats(_ call: inout Call) throws(CommandError) {
    let run = call.server.scripting.run
    guard unsafe run.procedure == nil || run.isFunction else { throw .busyScript }
    call.reply.map(2)
    call.reply.bulk("running_script")
    writeRunning(run, call)
    call.reply.bulk("engines")
    call.reply.map(1)
    call.reply.bulk("LUA")
    call.reply.map(2)
    call.reply.bulk("libraries_count")
    call.reply.integer(call.server.scripting.libraries.libraries.count)
    call.reply.bulk("functions_count")
    // Compatibility: here two names that differ in case are two, though only one can be called.
    call.reply.integer(call.server.scripting.libraries.registeredCount)
  }

  private static func writeRunning(_ run: ScriptRun, _ call: borrowing Call) {
    guard let function = unsafe run.procedure, let request = run.request else {
      return call.reply.null()
    }
    let clock = call.server.clock
    let name = function.name
    call.reply.map(3)
    call.reply.bulk("name")
    call.reply.bulk(name.rawSpan)
    call.reply.bulk("command")
    call.reply.array(request.count)
    for index in 0..<request.count { call.reply.bulk(request[index]) }
    call.reply.bulk("duration_ms")
    call.reply.integer(Int(clock.microseconds(from: run.startedAt, to: clock.ticks()) / 1000))
  }

  // MARK: - FUNCTION LIST

  static func list(_ call: inout Call) throws(CommandError) {
    var pattern: Int?
    var isWithCode = false
    var index = 2
    while index < call.arguments.count {
      let word = FoldedName(folding: call.arguments[index])
      if !isWithCode, FoldedName("withcode") ~= word {
        isWithCode = true
      } else if pattern == nil, FoldedName("libraryname") ~= word {
        index += 1
        guard index < call.arguments.count else {
          throw CommandError("ERR library name argument was not given")
        }
        pattern = index
      } else {
        throw call.failure("ERR Unknown argument \(echo: call.arguments[index])")
      }
      index += 1
    }
    var libraries: [FunctionLibrary] = []
    for library in call.server.scripting.libraries.libraries {
      if let pattern, !matches(library, call.arguments[pattern]) { continue }
      libraries.append(library)
    }
    call.reply.array(libraries.count)
    for library in libraries { write(library, isWithCode: isWithCode, call) }
  }

  private static func matches(_ library: FunctionLibrary, _ pattern: RawSpan) -> Bool {
    let name = library.name
    return GlobPattern.matches(pattern: pattern, text: name.rawSpan, ignoringCase: true)
  }

  private static func write(
    _ library: FunctionLibrary, isWithCode: Bool, _ call: borrowing Call
  ) {
    let name = library.name
    call.reply.map(isWithCode ? 4 : 3)
    call.reply.bulk("library_name")
    call.reply.bulk(name.rawSpan)
    call.reply.bulk("engine")
    call.reply.bulk("LUA")
    call.reply.bulk("functions")
    call.reply.array(library.functions.count)
    for function in library.functions { write(function, call) }
    guard isWithCode else { return }
    let code = library.code
    call.reply.bulk("library_code")
    call.reply.bulk(code.rawSpan)
  }

  private static func write(_ function: LibraryFunction, _ call: borrowing Call) {
    let name = function.name
    call.reply.map(3)
    call.reply.bulk("name")
    call.reply.bulk(name.rawSpan)
    call.reply.bulk("description")
    if let description = function.description {
      call.reply.bulk(description.rawSpan)
    } else {
      call.reply.null()
    }
    call.reply.bulk("flags")
    let flags = ScriptFlags.names.filter { function.flags.contains($0.flag) }
    call.reply.set(flags.count)
    for flag in flags { call.reply.status(flag.name) }
  }
}
