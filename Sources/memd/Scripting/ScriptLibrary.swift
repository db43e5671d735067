// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What scripts find in `redis` and `server`.
enum ScriptLibrary {
  /// What redis.log writes is no longer: one text may be all of its arguments.
  static let logLengthMax = 64 << 10

  /// Puts everything into an interpreter.
  static func register(_ interpreter: Interpreter) {
    for (instance, library) in (["redis", "server"] as [StaticString]).enumerated() {
      add(functions, levels + propagations, to: library, instance, of: interpreter)
      guard interpreter.purpose == .scripts else { continue }
      for (name, function) in functionsForScripts {
        interpreter.add(function, to: library, as: name, instance: instance)
      }
    }
    if interpreter.purpose == .functions {
      for (instance, library) in (["redis*", "server*"] as [StaticString]).enumerated() {
        add(functionsWhileLoading, levels, to: library, instance, of: interpreter)
      }
    }
    registerOthers(interpreter)
  }

  private static func add(
    _ functions: [(StaticString, ScriptFunction)], _ constants: [(StaticString, Double)],
    to library: StaticString, _ instance: Int, of interpreter: Interpreter
  ) {
    for (name, function) in functions {
      interpreter.add(function, to: library, as: name, instance: instance)
    }
    interpreter.add(constants, to: library)
    interpreter.add([("REDIS_VERSION_NUM", Version.redisNumber)], to: library)
    interpreter.add([("REDIS_VERSION", Version.redisText)], to: library)
  }

  /// The libraries that have nothing to do with the server.
  private static func registerOthers(_ interpreter: Interpreter) {
    let others: [(StaticString, [(StaticString, ScriptFunction)])] = [
      ("cjson", JSONLibrary.functions), ("cmsgpack", MessagePackLibrary.functions),
      ("struct", StructLibrary.functions),
    ]
    for (library, functions) in others {
      for (name, function) in functions { interpreter.add(function, to: library, as: name) }
    }
    interpreter.add(JSONLibrary.texts, to: "cjson")
    interpreter.addNullPointer(to: "cjson", as: "null")
    interpreter.add(MessagePackLibrary.texts, to: "cmsgpack")
  }

  private static let functions: [(StaticString, ScriptFunction)] = [
    ("call", .call), ("pcall", .protectedCall), ("error_reply", .errorReply),
    ("status_reply", .statusReply), ("sha1hex", .sha1hex), ("log", .log),
    ("setresp", .setProtocol), ("set_repl", .setPropagation), ("acl_check_cmd", .checkAccess),
  ]

  /// What EVAL's scripts have, and functions don't.
  private static let functionsForScripts: [(StaticString, ScriptFunction)] = [
    ("breakpoint", .breakpoint), ("debug", .debug), ("replicate_commands", .replicateCommands),
  ]

  /// What a library of functions finds while it is loaded.
  private static let functionsWhileLoading: [(StaticString, ScriptFunction)] = [
    ("register_function", .registerFunction), ("log", .log),
  ]

  private static let levels: [(StaticString, Double)] = [
    ("LOG_DEBUG", 0), ("LOG_VERBOSE", 1), ("LOG_NOTICE", 2), ("LOG_WARNING", 3),
  ]

  private static let propagations: [(StaticString, Double)] = [
    ("REPL_NONE", 0), ("REPL_AOF", 1), ("REPL_SLAVE", 2), ("REPL_REPLICA", 2), ("REPL_ALL", 3),
  ]
}

extension Server {
  /// Runs a function that a script has called; its arguments are on the stack.
  func runFunction(
    _ function: ScriptFunction, _ stack: LuaStack, instance: Int
  ) -> ScriptOutcome {
    if function == .call || function == .protectedCall {
      return callCommand(
        stack, raises: function == .call, like: instance == 0 ? .redis : .valkey)
    }
    return runOther(function, stack, instance: instance)
  }

  /// Runs a function that calls no command.
  @inline(never)
  private func runOther(
    _ function: ScriptFunction, _ stack: LuaStack, instance: Int
  ) -> ScriptOutcome {
    switch function {
    case .call, .protectedCall: return .results(0)
    case .errorReply: return makeErrorReply(stack)
    case .statusReply: return makeStatusReply(stack)
    case .sha1hex: return digest(stack)
    case .log: return writeLog(stack)
    case .setProtocol: return setProtocol(stack)
    case .setPropagation: return setPropagation(stack)
    case .checkAccess: return checkAccess(stack, instance == 0 ? "redis" : "server")
    case .breakpoint:
      stack.push(false)
      return .results(1)
    case .debug: return .results(0)
    case .replicateCommands:
      stack.push(true)
      return .results(1)
    case .registerFunction: return registerFunction(stack, instance == 0 ? "redis" : "server")
    case .jsonEncode, .jsonDecode, .jsonNew, .jsonSparse, .jsonEncodeDepth, .jsonDecodeDepth,
      .jsonPrecision, .jsonKeepBuffer, .jsonEncodeInvalid, .jsonDecodeInvalid:
      return unsafe scripting.run.interpreter?.json.run(function, stack, instance: instance)
        ?? .results(0)
    case .messagePack, .messageUnpack, .messageUnpackOne, .messageUnpackLimit:
      return MessagePackLibrary.run(function, stack)
    case .structPack, .structUnpack, .structSize: return StructLibrary.run(function, stack)
    }
  }

  // MARK: - Replies

  private func makeErrorReply(_ stack: LuaStack) -> ScriptOutcome {
    guard stack.count == 1, stack.type(at: 1) == .string else { return wrongTypes(stack) }
    // Compatibility: a zero byte ends it, and a minus in front of it is no part of it.
    var text = stack.string(at: 1).copied.prefix { $0 != 0 }
    if text.first == UInt8(ascii: "-") { text.removeFirst() }
    let isLineEnd = { (byte: UInt8) in byte == 13 || byte == 10 }
    let blank = text.firstIndex(of: UInt8(ascii: " "))
    let code = blank.map { Array(text[..<$0]) } ?? Array("ERR".utf8)
    var message = blank.map { text[($0 + 1)...] } ?? text
    message = message.drop(while: isLineEnd)
    while let last = message.last, isLineEnd(last) { message.removeLast() }
    LuaError.push(ByteText(code + [UInt8(ascii: " ")] + message), to: stack)
    return .results(1)
  }

  private func makeStatusReply(_ stack: LuaStack) -> ScriptOutcome {
    guard stack.count == 1, stack.type(at: 1) == .string else { return wrongTypes(stack) }
    stack.pushTable(fields: 1)
    stack.push("ok")
    stack.pushCopy(of: 1)
    stack.setField(ofTableAt: -3)
    return .results(1)
  }

  private func wrongTypes(_ stack: LuaStack) -> ScriptOutcome {
    LuaError.push("ERR wrong number or type of arguments", to: stack)
    return .results(1)
  }

  private func raise(_ message: ByteText, _ stack: LuaStack) -> ScriptOutcome {
    LuaError.push(message, to: stack)
    return .raise
  }

  // MARK: - Others

  private func digest(_ stack: LuaStack) -> ScriptOutcome {
    guard stack.count == 1 else { return raise("ERR wrong number of arguments", stack) }
    stack.push(ScriptDigest(of: stack.string(at: 1)).hex)
    return .results(1)
  }

  private func writeLog(_ stack: LuaStack) -> ScriptOutcome {
    let count = stack.count
    guard count >= 2 else { return raise("ERR redis.log() requires two arguments or more.", stack) }
    guard let number = stack.numeral(at: 1) else {
      return raise("ERR First argument must be a number (log level).", stack)
    }
    let levels: [LogLevel] = [.debug, .verbose, .notice, .warning]
    guard number > -1, number < 4 else { return raise("ERR Invalid debug level.", stack) }
    let level = levels[Int(number)]
    guard level >= log.level else { return .results(0) }
    var text = ByteText()
    for index in 2...count where text.count < ScriptLibrary.logLengthMax {
      let type = stack.type(at: index)
      guard type == .string || type == .number else { continue }
      if index > 2 { text += " " }
      let word = stack.string(at: index)
      let room = max(0, ScriptLibrary.logLengthMax - text.count)
      text.append(word.extracting(first: min(room, word.byteCount)))
    }
    log.write(text.logText, level)
    return .results(0)
  }

  private func setProtocol(_ stack: LuaStack) -> ScriptOutcome {
    guard stack.count == 1 else {
      return raise("ERR redis.setresp() requires one argument.", stack)
    }
    let number = stack.number(at: 1).rounded(.towardZero)
    guard number == 2 || number == 3 else {
      return raise("ERR RESP version must be 2 or 3.", stack)
    }
    scripting.client.version = number == 3 ? .resp3 : .resp2
    return .results(0)
  }

  /// Compatibility: followers and log have one stream here, so REPL_AOF and REPL_REPLICA mean both.
  private func setPropagation(_ stack: LuaStack) -> ScriptOutcome {
    guard stack.count == 1 else {
      return raise("ERR redis.set_repl() requires two arguments.", stack)
    }
    let flags = stack.number(at: 1).rounded(.towardZero)
    guard flags >= 0, flags <= 3 else {
      return raise(
        "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.", stack)
    }
    scripting.run.propagates = flags != 0
    return .results(0)
  }

  private func checkAccess(_ stack: LuaStack, _ library: StaticString) -> ScriptOutcome {
    if let error = scripting.words.take(from: stack, limit: scripting.run.wordsLimit) {
      return raise(ByteText(error), stack)
    }
    return scripting.words.withArguments { arguments in
      guard let command = commands.find(arguments) else {
        return raise("ERR Invalid command passed to \(library).acl_check_cmd()", stack)
      }
      let user = unsafe scripting.run.caller?.user
      stack.push(user.map { denial(of: command, arguments, for: $0) == nil } ?? true)
      return .results(1)
    }
  }
}
