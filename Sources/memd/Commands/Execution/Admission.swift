// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Whether a command may run now.
enum Admission {
  case proceed
  /// Put into the client's transaction.
  case queued
  case refuse(CommandError)
  /// Goes back to the client's input until clients are no longer paused.
  case postpone
  /// Goes back to the client's input until the data are fresh enough.
  case waitForFreshness
}

extension Server {
  /// Goes through everything that may stand against a command, in Redis's order.
  func admit(_ call: inout Call) -> Admission {
    let command = call.command
    let client = call.client
    let prevailing = gate.union(client.gate).intersection(command.concerns)
    if prevailing.contains(.authentication) { return .refuse(.notAuthenticated) }
    if prevailing.contains(.transaction), command.flags.contains(.noMulti) {
      return .refuse(CommandError("ERR Command not allowed inside a transaction"))
    }
    if prevailing.contains(.accessControl), let error = refuseAccess(call) {
      return .refuse(error)
    }
    if prevailing.contains(.slowScript) {
      return .refuse(persistence.isLoading && !has(.loading, call) ? .loading : busyError)
    }
    if prevailing.contains(.memory) {
      // What is evicted is stale before the command runs: the client hears of it before the reply.
      if let error = makeRoom(for: call) { return .refuse(error) }
    }
    if prevailing.contains(.failingDisk), !client.flags.contains(.leader),
      !flags(of: call).isDisjoint(with: [.write, .probes])
    {
      return .refuse(diskError(call))
    }
    if prevailing.contains(.promised), reads(call) || writes(call) {
      client.flags.insert(.seesData)
    }
    if let error = promiseError(prevailing, call) { return .refuse(error) }
    if prevailing.contains(.fewReplicas), writes(call) { return .refuse(.fewReplicas) }
    if prevailing.contains(.readOnly), writes(call) { return .refuse(.readOnly) }
    if prevailing.contains(.subscribed) {
      let name = commands.description(of: command).fullName
      return .refuse(
        call.failure(
          """
          ERR Can't execute '\(name)': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
          RESET are allowed in this context
          """))
    }
    if prevailing.contains(.staleData), !has(.stale, call) {
      return .refuse(
        CommandError(
          "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."))
    }
    if prevailing.contains(.busy), persistence.isLoading, !has(.loading, call) {
      return .refuse(.loading)
    }
    if prevailing.contains(.loadingBeside), does(.noAsyncLoading, call) {
      return .refuse(.loading)
    }
    if prevailing.contains(.paused), pause.concerns(flags(of: call), client),
      !client.flags.contains(.leader)
    {
      return .postpone
    }
    let isQueued =
      prevailing.contains(.transaction) && !command.flags.contains(.notQueued)
    if prevailing.contains(.freshness), !isQueued, reads(call) {
      let admission = admitRead(call)
      guard case .proceed = admission else { return admission }
    }
    if isQueued {
      client.transaction.append(command, flags(of: call), call.arguments)
      if client.transaction.queuedBytes > queryBufferLimit(of: client) {
        closeForQueryBuffer(client)
      }
      return .queued
    }
    return .proceed
  }

  /// The flags of the command, or if it runs a script that tells in its first line what it may do,
  /// those that follow from that.
  private func flags(of call: borrowing Call) -> CommandFlags {
    call.command.flags.contains(.runsScripts) ? flags(ofScriptIn: call) : call.command.flags
  }

  /// Whether the command has a flag, or executes what was queued and all of that has it.
  private func has(_ flag: CommandFlags, _ call: borrowing Call) -> Bool {
    guard call.client.transaction.isActive, call.command.flags.contains(.endsTransaction) else {
      return flags(of: call).contains(flag)
    }
    return call.client.transaction.commonFlags.contains(flag)
  }

  /// True if the command is refused while memory is over its limit: one that needs memory, an EXEC
  /// with one in its queue, and everything that would make a queue longer.
  func needsMemory(_ call: borrowing Call) -> Bool {
    let flags = flags(of: call)
    if flags.contains(.denyOOM) { return true }
    guard call.client.transaction.isActive else { return false }
    if flags.contains(.endsTransaction) {
      return call.client.transaction.queuedFlags.contains(.denyOOM)
    }
    return !flags.contains(.notQueued)
  }

  /// Whether the command writes, or executes what was queued and writes.
  func writes(_ call: borrowing Call) -> Bool { does(.write, call) }

  /// Whether the command reads, or executes what was queued and reads.
  func reads(_ call: borrowing Call) -> Bool {
    // Nobody knows before what a script does.
    call.command.flags.contains(.runsScripts) || does(.readonly, call)
  }

  /// Whether the command has a flag, or executes what was queued and some of that has it.
  private func does(_ flag: CommandFlags, _ call: borrowing Call) -> Bool {
    if flags(of: call).contains(flag) { return true }
    return call.client.transaction.isActive
      && call.client.transaction.queuedFlags.contains(flag)
  }

  /// The error for a request that names no command, or has too few or too many arguments.
  func describeMalformed(_ call: borrowing Call, command: CommandReference?) -> CommandError {
    // A container without the subcommand that was asked for is found by its own name.
    if let command = command ?? commands.find(name: call.arguments[0]) {
      if command.flags.contains(.container), call.arguments.count > 1 {
        return call.failure(
          """
          ERR unknown subcommand '\(echo: call.arguments[1])'. \
          Try \(upperCased: call.arguments[0]) HELP.
          """)
      }
      let name = commands.description(of: command).fullName
      return call.failure("ERR wrong number of arguments for '\(name)' command")
    }
    var beginnings = ByteText()
    var index = 1
    // Compatibility: so many bytes of arguments, quotes included, which may exceed them.
    while index < call.arguments.count, beginnings.count < RawSpan.echoByteCountMax {
      let room = RawSpan.echoByteCountMax - beginnings.count
      beginnings += "'\(whole: call.arguments[index].echo(ofAtMost: room))' "
      index += 1
    }
    return call.failure(
      """
      ERR unknown command '\(echo: call.arguments[0])', with args beginning with: \(beginnings)
      """)
  }
}
