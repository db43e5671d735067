// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Whose words errors use: those of `redis.call` are Redis's, those of `server.call` Valkey's.
enum ScriptWording {
  case redis, valkey

  var unknownCommand: ByteText {
    switch self {
    case .redis: "ERR Unknown Redis command called from script"
    case .valkey: "ERR Unknown command called from script"
    }
  }

  var wrongArgumentCount: ByteText {
    switch self {
    case .redis: "ERR Wrong number of args calling Redis command from script"
    case .valkey: "ERR Wrong number of args calling command from script"
    }
  }
}

// A script calls a command: its words are copied together, what stands against the command is
// looked at, it runs as in EXEC, and its reply becomes a value of Lua's.

extension Server {
  /// Runs redis.call and redis.pcall, which differ in what becomes of an error.
  func callCommand(
    _ stack: LuaStack, raises: Bool, like wording: ScriptWording
  ) -> ScriptOutcome {
    if let error = scripting.words.take(from: stack, limit: scripting.run.wordsLimit) {
      pushError(error, to: stack)
      return raises ? .raise : .results(1)
    }
    stack.truncate(to: 0)
    let isError = scripting.words.withArguments { arguments in execute(arguments, stack, wording) }
    return raises && isError ? .raise : .results(1)
  }

  @inline(never)
  private func pushError(_ error: StaticString, to stack: LuaStack) {
    LuaError.push(ByteText(error), to: stack)
  }

  // MARK: - Execution

  /// Executes the command and pushes its reply; true if that is an error.
  private func execute(
    _ arguments: Arguments, _ stack: LuaStack, _ wording: ScriptWording
  ) -> Bool {
    unsafe Unmanaged.passUnretained(scripting.client)._withUnsafeGuaranteedRef {
      execute(arguments, for: $0, stack, wording)
    }
  }

  @inline(__always)
  private func execute(
    _ arguments: Arguments, for client: Client, _ stack: LuaStack, _ wording: ScriptWording
  ) -> Bool {
    let command = commands.find(arguments)
    guard let command, command.accepts(arguments.count) else {
      return refuseMalformed(command, stack, wording)
    }
    var frame = unsafe Call.Frame(
      server: .passUnretained(self), client: .passUnretained(client),
      database: BorrowedDatabase(client.database), arguments: arguments, command: command)
    let isRefused = frame.withCall { call in
      if needsLook(command), refuse(call, stack) { return true }
      if command.flags.contains(.write) { scripting.run.hasWritten = true }
      timing.stopwatch = clock.ticks()
      let wasMuted = effects.isMuted
      if !scripting.run.propagates { effects.isMuted = true }
      if gate.contains(.prefixes) {
        executeScriptedNoting(&call)
      } else {
        execute(&call, raw: RawSpan())
      }
      effects.isMuted = wasMuted
      showScripted(call)
      return false
    }
    if isRefused { return true }
    var isError = false
    if client.reply.count > 0 { isError = client.reply.bytes.byte(0) == UInt8(ascii: "-") }
    var reader = ReplyToLua(stack: stack)
    reader.push(client.reply.bytes)
    client.reply.removeAll(keepingCapacity: client.reply.capacity <= 64 << 10)
    return isError
  }

  /// The words name no command, or are too few or too many.
  @inline(never)
  private func refuseMalformed(
    _ command: CommandReference?, _ stack: LuaStack, _ wording: ScriptWording
  ) -> Bool {
    refuse(command == nil ? wording.unknownCommand : wording.wrongArgumentCount, command, stack)
  }

  /// Pushes what stands against a command, if something does.
  @inline(never)
  private func refuse(_ call: borrowing Call, _ stack: LuaStack) -> Bool {
    guard let refusal = refusal(of: call) else { return false }
    return refuse(refusal, call.command, stack)
  }

  /// A command that is not executed: pushes the error, which counts as one of the server's.
  private func refuse(
    _ message: ByteText, _ command: CommandReference?, _ stack: LuaStack
  ) -> Bool {
    if let command { metrics.commands[command.id].rejectedCalls += 1 }
    metrics.errors.count(message)
    statistics.errorReplies += 1
    LuaError.push(message, isCounted: true, to: stack)
    return true
  }

  /// Monitors see what a script calls, and the caller's cache holds what it has read.
  private func showScripted(_ call: borrowing Call) {
    if gate.contains(.monitored) { feedMonitors(call) }
    if scripting.run.isTracked { rememberScripted(call) }
  }

  @inline(never)
  private func rememberScripted(_ call: borrowing Call) {
    if let caller = unsafe scripting.run.caller { rememberKeys(of: call, for: caller) }
  }

  // MARK: - Admission

  /// Circumstances in which a command of a script needs a second look.
  private static let circumstances: Gate = [
    .readOnly, .failingDisk, .fewReplicas, .staleData, .promised, .lapsed, .unconfirmed,
  ]

  @inline(__always)
  private func needsLook(_ command: CommandReference) -> Bool {
    let flags = command.flags
    if flags.contains(.noScript) { return true }
    if scripting.run.isReadOnly, !flags.isDisjoint(with: [.write, .mayReplicate]) { return true }
    if scripting.run.lacksMemory, flags.contains(.denyOOM) { return true }
    if scripting.client.gate.contains(.accessControl) { return true }
    return !gate.intersection(command.concerns).isDisjoint(with: Server.circumstances)
  }

  /// What stands against a command that a script calls, in Redis's order. Once a script has
  /// written, it is not stopped by what may come and go.
  @inline(never)
  private func refusal(of call: borrowing Call) -> ByteText? {
    let flags = call.command.flags
    let prevailing = gate.intersection(call.command.concerns)
    guard let caller = unsafe scripting.run.caller else { return nil }
    let obeys = caller.flags.contains(.leader)
    // One that would wait may run, as in newer versions: it doesn't wait.
    if flags.contains(.noScript), !flags.contains(.blocking),
      !(scripting.mayDebug && flags.contains(.debugs))
    {
      return "ERR This Redis command is not allowed from script"
    }
    if prevailing.contains(.staleData), !obeys, !flags.contains(.stale) {
      return "ERR Can not execute the command on a stale replica"
    }
    if scripting.client.gate.contains(.accessControl), let error = refuseScriptedAccess(call) {
      return error
    }
    if prevailing.contains(.promised) { caller.flags.insert(.seesData) }
    if scripting.run.isReadOnly, !flags.isDisjoint(with: [.write, .mayReplicate]) {
      return "ERR Write commands are not allowed from read-only scripts."
    }
    guard !scripting.run.hasWritten else { return nil }
    if !obeys, let error = promiseError(prevailing, call) { return text(of: error) }
    if flags.contains(.write), !obeys {
      if prevailing.contains(.readOnly) { return text(of: .readOnly) }
      if prevailing.contains(.failingDisk) { return text(of: diskError(call)) }
      if prevailing.contains(.fewReplicas) { return text(of: .fewReplicas) }
    }
    if scripting.run.lacksMemory, flags.contains(.denyOOM) { return text(of: .outOfMemory) }
    return nil
  }

  private func text(of error: CommandError) -> ByteText {
    error == .formatted ? errorText.message : ByteText(error.text)
  }

  /// The error if the caller may not call the command, which is logged.
  private func refuseScriptedAccess(_ call: borrowing Call) -> ByteText? {
    guard let caller = unsafe scripting.run.caller, let user = caller.user,
      let denial = denial(of: call.command, call.arguments, for: user)
    else { return nil }
    note(denial, call, of: user, .script, by: caller)
    switch denial.reason {
    case .command:
      return """
        ERR The user executing the script can't run this command or subcommand
        """
    case .key:
      return """
        ERR The user executing the script can't access at least one of the keys mentioned in the \
        command arguments
        """
    case .channel:
      return """
        ERR The user executing the script can't publish to the channel mentioned in the command
        """
    }
  }
}
