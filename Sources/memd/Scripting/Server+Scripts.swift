// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// From EVAL to its reply. The script runs inside the unit of its command: time stands still, what
// it changes reaches followers together, and clients that wait for keys are served at its end.

extension Server {
  /// The interpreter, made for the first script.
  func prepareInterpreter() throws(CommandError) -> Interpreter {
    if let interpreter = scripting.interpreter { return interpreter }
    guard let made = makeInterpreter(.scripts) else {
      throw CommandError("ERR no memory for the interpreter of scripts")
    }
    scripting.interpreter = made
    return made
  }

  /// An interpreter with the settings of this server; nil if memory is out.
  func makeInterpreter(_ purpose: Interpreter.Purpose) -> Interpreter? {
    Interpreter(
      purpose, owner: self, random: scripting.randomSequence, register: ScriptLibrary.register)
  }

  /// Has a helper free an interpreter that nobody uses any more, since that may take long.
  func freeLazily(_ interpreter: Interpreter?) {
    guard let interpreter else { return }
    helpers.submit(InterpreterFreeingJob(interpreter, trims: isMuch(interpreter.byteCount)))
  }

  /// Has a helper return to the system what an interpreter of so many bytes has left to malloc.
  func returnMemory(ofInterpreter byteCount: Int) {
    if isMuch(byteCount) { helpers.submit(InterpreterFreeingJob(nil, trims: true)) }
  }

  /// Whether it is worth going through all that malloc has free, while others wait for memory.
  private func isMuch(_ byteCount: Int) -> Bool {
    byteCount >= 8 << 20 && byteCount >= evictableMemory / 8
  }

  // MARK: - Compiling

  /// The script with this text, compiled now if it isn't known.
  ///
  /// - Parameter stays: it is not forgotten if there are too many (SCRIPT LOAD).
  func loadScript(_ body: RawSpan, stays: Bool) throws(CommandError) -> Script {
    let digest = ScriptDigest(of: body)
    if let known = scripting.cache[digest] {
      if stays { scripting.cache.keep(known) }
      return known
    }
    let shebang = try Shebang(of: body, errorText)
    let interpreter = try prepareInterpreter()
    defer { interpreter.clearStack() }
    let code = body.extracting(droppingFirst: shebang.byteCount)
    guard let number = interpreter.compile(code) else {
      let reason = interpreter.stack.string(at: -1)
      errorText.message = "ERR Error compiling script (new function): \(whole: reason)"
      throw .formatted
    }
    let script = Script(
      digest, body: body.copied, flags: shebang.flags, number: number, isEvictable: !stays)
    if let evicted = scripting.cache.add(script) {
      interpreter.forget(evicted.number)
      scripting.evictedCount += 1
    }
    return script
  }

  /// Forgets all scripts, and whatever their interpreter has.
  ///
  /// - Parameter lazily: a helper frees the interpreter.
  func flushScripts(lazily: Bool) {
    scripting.cache.removeAll()
    let byteCount = scripting.interpreterByteCount
    let kept = lazily ? scripting.interpreter : nil
    scripting.interpreter = nil
    if lazily { freeLazily(kept) } else { returnMemory(ofInterpreter: byteCount) }
  }

  // MARK: - Running

  /// Shows a command that runs a script, so that monitors see it in front of what that calls.
  func announceScript(_ call: borrowing Call) {
    if gate.contains(.monitored) { showToMonitors(call) }
  }

  /// Runs a script and writes its reply.
  ///
  /// - Parameters:
  ///   - keyCount: so many arguments from the fourth on are KEYS, the others ARGV.
  ///   - readOnly: the command says that nothing is changed (EVAL_RO).
  func evaluate(
    _ script: Script, _ call: borrowing Call, keyCount: Int, readOnly: Bool
  ) throws(CommandError) {
    let interpreter = try prepareInterpreter()
    try begin(script, in: interpreter, call, readOnly: readOnly)
    let seen = interpreter.isSmall ? script.sees : [.keys, .arguments]
    if seen.contains(.keys) {
      interpreter.setKeys { pushKeys(of: call, count: keyCount, to: $0) }
    }
    if seen.contains(.arguments) {
      interpreter.setArguments { pushArguments(of: call, keyCount: keyCount, to: $0) }
    }
    interpreter.push(script.number)
    finish(script, in: interpreter, argumentCount: 0, call)
    scripting.cache.touch(script)
  }

  /// Runs a function and writes its reply.
  ///
  /// - Parameters:
  ///   - keyCount: so many arguments from the fourth on are its keys, the others its arguments.
  ///   - readOnly: the command says that nothing is changed (FCALL_RO).
  func callFunction(
    _ function: LibraryFunction, _ call: borrowing Call, keyCount: Int, readOnly: Bool
  ) throws(CommandError) {
    let interpreter = function.interpreter
    try begin(function, in: interpreter, call, readOnly: readOnly)
    scripting.run.isFunction = true
    interpreter.push(function.number)
    pushKeys(of: call, count: keyCount, to: interpreter.stack)
    pushArguments(of: call, keyCount: keyCount, to: interpreter.stack)
    finish(function, in: interpreter, argumentCount: 2, call)
  }

  /// Calls what is on the stack, below so many arguments, and replies.
  private func finish(
    _ procedure: Procedure, in interpreter: Interpreter, argumentCount: Int, _ call: borrowing Call
  ) {
    // The command's own time includes that of the commands that the script calls.
    let stopwatch = timing.stopwatch
    let outcome = interpreter.call(argumentCount: argumentCount)
    // The reply is part of what the script does: it may take as long, and be ended.
    reply(outcome, of: procedure, in: interpreter, call)
    if scripting.run.isSlow { endSlowScript() }
    interpreter.clearStack()
    if case .outOfMemory = outcome { interpreter.collect() }
    interpreter.paceCollecting()
    interpreter.json.endScript()
    scripting.run = ScriptRun()
    timing.stopwatch = stopwatch
  }

  private func pushKeys(of call: borrowing Call, count: Int, to stack: LuaStack) {
    push(call.arguments, 3..<3 + count, to: stack)
  }

  private func pushArguments(of call: borrowing Call, keyCount: Int, to stack: LuaStack) {
    push(call.arguments, 3 + keyCount..<call.arguments.count, to: stack)
  }

  private func push(_ arguments: Arguments, _ range: Range<Int>, to stack: LuaStack) {
    stack.pushTable(elements: range.count)
    var index = range.lowerBound
    while index < range.upperBound {
      stack.push(arguments[index])
      stack.setElement(index &- range.lowerBound &+ 1, ofTableAt: -2)
      index &+= 1
    }
  }

  /// Looks at what stands against a script as a whole, then notes it as the one that runs.
  private func begin(
    _ script: Procedure, in interpreter: Interpreter, _ call: borrowing Call, readOnly: Bool
  ) throws(CommandError) {
    guard unsafe scripting.run.procedure == nil else {
      throw CommandError("ERR a script is running already")
    }
    let caller = call.client
    if let error = refusal(of: script, call, readOnly: readOnly) { throw error }
    act(for: caller)
    scripting.client.gate = caller.gate.intersection(.accessControl)
    scripting.client.version = .resp2
    var run = ScriptRun()
    unsafe run.procedure = script
    unsafe run.interpreter = interpreter
    unsafe run.caller = caller
    run.isTracked = caller.gate.contains(.tracking)
    run.request = call.arguments
    run.startedAt = clock.ticks()
    run.isReadOnly = readOnly || script.flags.promisesNoWrites
    run.lacksMemory =
      gate.contains(.memory) && isOutOfMemory && !script.flags.contains(.allowOOM)
      && !caller.flags.contains(.leader)
    run.wordsLimit = wordsLimit
    scripting.run = run
    scripting.share(configuration.luaMemoryLimit, with: interpreter)
  }

  /// Has scripts' commands meet the database and the permissions of a client.
  private func act(for caller: Client) {
    let client = scripting.client
    if client.database !== caller.database { client.database = caller.database }
    if client.user !== caller.user { client.user = caller.user }
  }

  /// Bytes that the words of a script's command may have: as many as Lua, and as others' requests.
  private var wordsLimit: Int {
    var limit = Int(UInt32.max)
    if configuration.luaMemoryLimit > 0 { limit = min(limit, configuration.luaMemoryLimit) }
    let most = configuration.clientQueryBufferLimit
    return most > 0 ? min(limit, most) : limit
  }

  /// Whether memory is over its limit, and nothing more can be evicted.
  private var isOutOfMemory: Bool {
    configuration.maxMemory > 0 && evictableMemory > configuration.maxMemory
      && !upkeep.eviction.continues
  }

  /// What stands against a script because of what it says of itself.
  private func refusal(
    of script: Procedure, _ call: borrowing Call, readOnly: Bool
  ) -> CommandError? {
    let obeys = call.client.flags.contains(.leader)
    guard !script.flags.contains(.undeclared) else {
      guard gate.contains(.staleData), !obeys else { return nil }
      return CommandError(
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
    }
    if gate.contains(.staleData), !obeys, !script.flags.contains(.allowStale) {
      return CommandError(
        """
        MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and \
        'allow-stale' flag is not set on the script.
        """)
    }
    guard !script.flags.contains(.noWrites) else { return nil }
    if gate.contains(.readOnly), !obeys {
      return CommandError("READONLY Can not run script with write flag on readonly replica")
    }
    if gate.contains(.failingDisk), !obeys { return failingDisk(call) }
    if readOnly {
      return CommandError("ERR Can not execute a script with write flag using *_ro command.")
    }
    if gate.contains(.fewReplicas), !obeys { return .fewReplicas }
    if gate.contains(.memory), isOutOfMemory, !obeys, !script.flags.contains(.allowOOM) {
      return CommandError(
        """
        OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'
        """)
    }
    return nil
  }

  private func failingDisk(_ call: borrowing Call) -> CommandError {
    guard !persistence.refusesWrites else {
      return CommandError(
        """
        MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to \
        disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts.
        """)
    }
    let cause = ByteText(appendLog.failure?.cause.cause.text ?? "")
    return call.failure(
      """
      MISCONF Redis is configured to persist data to AOF, but it's currently unable to persist to \
      disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts. \
      AOF error: \(cause)
      """)
  }

  /// The flags of a request that runs a script, as that says what it may do; those of its command
  /// if it doesn't.
  func flags(ofScriptIn call: borrowing Call) -> CommandFlags {
    let flags = call.command.flags
    guard let declared = declaredFlags(call), !declared.contains(.undeclared) else { return flags }
    return declared.restricting(flags)
  }

  /// What the script of a request says of itself; nil if there is no such script.
  private func declaredFlags(_ call: borrowing Call) -> ScriptFlags? {
    guard call.arguments.count > 1 else { return nil }
    let text = call.arguments[1]
    if call.command.flags.contains(.callsFunctions) {
      return scripting.libraries.function(text)?.flags
    }
    if let digest = ScriptDigest(hex: text) { return scripting.cache[digest]?.flags }
    return (try? Shebang(of: text, errorText))?.flags
  }

  // MARK: - Ending

  private func reply(
    _ outcome: Interpreter.Outcome, of script: Procedure, in interpreter: Interpreter,
    _ call: borrowing Call
  ) {
    let stack = interpreter.stack
    if case .done = outcome {
      let version = scripting.client.version
      var writer = LuaReply(server: self, scriptVersion: version)
      writer.write(stack, to: call)
      return
    }
    guard stack.type(at: -1) == .table else {
      let text = stack.string(at: -1)
      let reason = text.byteCount > 0 ? text.extracting(first: min(100, text.byteCount)) : text
      let message: ByteText =
        reason.byteCount > 0
        ? "ERR Error running script \(script.name), \(whole: reason)"
        : "ERR Error running script \(script.name), execution failure"
      return writeScriptError(message, isCounted: true, call)
    }
    let error = LuaError(onTopOf: stack)
    var message = error.message
    if let line = error.line, let source = error.source {
      message += " script: \(script.name), on \(source):\(line)."
    }
    writeScriptError(message, isCounted: !error.isCounted, call)
  }

  /// Writes the error that a script ends with, or that it returns.
  ///
  /// - Parameter isCounted: whether it counts among the server's; a command's has been counted.
  func writeScriptError(_ message: ByteText, isCounted: Bool, _ call: borrowing Call) {
    metrics.commands[call.command.id].failedCalls += 1
    if isCounted {
      metrics.errors.count(message)
      statistics.errorReplies += 1
    }
    call.reply.error(text: message.rawSpan)
  }
}
