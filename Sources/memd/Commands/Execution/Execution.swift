// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// The life of a command, from a parsed request to its effects. Read from top to bottom:
// `run` a batch, `run` a request, `execute` a command, `account` for it, `endUnit`.

extension Server {
  /// Executes all requests of the batch, in order.
  func run(_ batch: Batch) {
    guard batch.count > 0 else { return }
    batch.prefetch()
    timing.stopwatch = clock.ticks()
    var index = 0
    while index < batch.count {
      batch.position = index
      index = runSameClient(batch, from: index)
    }
    output.pushes.end()
    batch.removeAll()
    if persistence.isSaving { considerHoldingWrites() }
    considerFeeding()
  }

  /// Executes requests from `first` on for as long as client and database stay the same.
  ///
  /// - Returns: where to go on.
  private func runSameClient(_ batch: Batch, from first: Int) -> Int {
    unsafe batch[first].client._withUnsafeGuaranteedRef { runRequests(of: $0, batch, from: first) }
  }

  @inline(__always)
  private func runRequests(of client: Client, _ batch: Batch, from first: Int) -> Int {
    let owner = unsafe batch[first].client.toOpaque()
    let database = BorrowedDatabase(client.database)
    var frame = unsafe Call.Frame(
      server: .passUnretained(self), client: batch[first].client, database: database,
      arguments: batch.arguments(of: batch[first]), command: commands[0])
    prepare(client)
    unsafe output.pushes.begin(for: batch[first].client)
    moment.touchesKeys = !client.flags.contains(.noTouch)
    let end = frame.withCall { call in
      var index = first
      var (mark, length) = (0, call.client.reply.count)
      repeat {
        let request = batch[index]
        call.arguments = batch.arguments(of: request)
        mark = length
        run(request, &call)
        if request.rawCount >= output.largeRequest {
          noteLargeRequest(call, byteCount: request.rawCount)
        }
        endUnit()
        index &+= 1
        length = call.client.reply.count
      } while unsafe index < batch.count && batch[index].client.toOpaque() == owner
        && database.isSame(as: call.client.database) && length < output.lookMark
      if length >= output.largeReply { noteLargeReply(call, from: mark) }
      return index
    }
    if client.pendingOutput >= output.watermark { checkOutputLimit(client) }
    return end
  }

  /// Looks at who asks and how, then executes.
  @inline(__always)
  private func run(_ request: Batch.Request, _ call: inout Call) {
    guard let command = request.command, command.accepts(request.argumentCount) else {
      return refuseMalformed(request, &call)
    }
    call.command = command
    if !command.concerns.isDisjoint(with: gate.union(call.client.gate)) {
      return runGated(request, &call)
    }
    call.client.lastCommand = command
    call.client.commandCount &+= 1
    let raw = unsafe RawSpan(_unsafeStart: request.base, byteCount: request.rawCount)
    execute(&call, raw: raw)
  }

  /// Something prevails that concerns the command: asks admission, then goes on or not.
  @inline(never)
  private func runGated(_ request: Batch.Request, _ call: inout Call) {
    if call.client.gate.contains(.held) { return hold(request, &call) }
    if call.client.gate.contains(.follower) { return runForFollower(&call) }
    let isSilenced = call.client.gate.contains(.silenced)
    let admission = admit(&call)
    let changesBefore = effects.changeCount
    let start = timing.stopwatch
    let lookups = keyspace.statistics.lookups
    var mark = call.reply.count
    switch admission {
    case .proceed:
      call.client.lastCommand = call.command
      call.client.commandCount += 1
      let raw = unsafe RawSpan(_unsafeStart: request.base, byteCount: request.rawCount)
      if !call.command.flags.isDisjoint(with: [.blocking, .mayWait]) {
        executeBlocking(&call, raw: raw)
      } else {
        execute(&call, raw: raw)
      }
      // One that blocks is counted when it is answered.
      if !gate.isDisjoint(with: .noted), call.client.blocking == nil {
        noteKeys(of: call, since: start, replyFrom: mark, lookups: lookups)
      }
      if call.command.flags.contains(.answersByPushes) { mark = call.reply.count }
      // Afterwards, so that EXEC is seen behind the commands that it runs.
      show(call)
      if effects.changeCount != changesBefore { considerToken(for: call.client) }
    case .queued:
      call.client.lastCommand = call.command
      call.client.commandCount += 1
      call.reply.status("QUEUED")
    case .refuse(let error):
      metrics.commands[call.command.id].rejectedCalls += 1
      // Whatever it was refused for: the time for which it waited is not the next one's.
      call.client.details?.freshness?.deadline = nil
      refuse(error, &call, of: call.command)
    case .postpone:
      return postpone(call)
    case .waitForFreshness:
      return postponeForFreshness(call)
    }
    // One that blocks is answered later.
    if isSilenced, call.client.blocking == nil { silence(call.client, from: mark) }
    if call.client.gate.contains(.caching) { endCaching(of: call.client, behind: call.command) }
  }

  /// Runs one command: handler, effects, statistics. Also used inside EXEC.
  ///
  /// - Parameter raw: the request as it came, if that is what followers may get; else empty.
  @inline(__always)
  func execute(_ call: inout Call, raw: RawSpan) {
    perform(&call, raw: raw)
    account(call.command, call)
  }

  /// Runs one command without counting it: handler and effects.
  ///
  /// A command that fails without having changed anything leaves no effects. One that fails half
  /// way has said itself what followers get: its request would fail there, too.
  @inline(__always)
  func perform(_ call: inout Call, raw: RawSpan) {
    let command = call.command
    let changesBefore = effects.changeCount
    effects.begin(in: call.database)
    do throws(CommandError) {
      try command.handler(&call)
    } catch {
      fail(error, &call)
      if effects.changeCount == changesBefore { return }
      assert(effects.isRewritten, "a command fails behind a change of which followers don't learn")
    }
    if effects.changeCount != changesBefore || command.flags.contains(.alwaysPropagates) {
      effects.propagate(call.arguments, raw: raw, isVerbatim: command.isVerbatim)
    }
    if effects.attention.kinds.contains(.effects) {
      effects.keepTogether(!command.flags.contains(.touchesArbitraryKeys))
    }
  }

  /// Counts the call and its time.
  @inline(__always)
  func account(_ command: CommandReference, _ call: borrowing Call) {
    let now = clock.ticks()
    let elapsed = now &- timing.stopwatch
    timing.stopwatch = now
    statistics.commandsProcessed &+= 1
    metrics.commands.record(command.id, ticks: elapsed)
    if elapsed >= timing.slowTicks { noteSlow(call, ticks: elapsed) }
  }

  /// Lets those know who follow what clients do: monitors, and the client's own tracking.
  func show(_ call: borrowing Call) {
    if gate.contains(.monitored), call.command.concerns.contains(.monitored) { feedMonitors(call) }
    if call.client.gate.contains(.tracking) { rememberKeys(of: call, for: call.client) }
  }

  // MARK: - The leader's stream

  /// Executes requests of the leader's stream, in order: nothing stands against them.
  ///
  /// - Parameter endsUnits: whether each request is a unit of its own; else the caller ends it.
  /// - Returns: which request was refused, and with what error; those behind it have not run.
  func runStream(
    _ batch: Batch, from first: Int, of client: Client, endsUnits: Bool
  ) -> (failedAt: Int?, error: [UInt8]) {
    batch.prefetch()
    timing.stopwatch = clock.ticks()
    moment.touchesKeys = true
    var index = first
    while index < batch.count {
      let database = client.database
      var call = Call(
        server: self, client: client, database: database,
        arguments: batch.arguments(of: batch[index]), command: commands[0])
      repeat {
        let request = batch[index]
        call.arguments = batch.arguments(of: request)
        if let command = request.command, command.accepts(request.argumentCount) {
          call.command = command
          // Anything else would do something to the server, or make a client of the stream.
          if command.flags.isDisjoint(with: [.write, .mayReplicate, .inStreams]) {
            writeError(CommandError("ERR unknown command in a stream of changes"), &call)
          } else {
            execute(&call, raw: RawSpan())
          }
        } else {
          writeError(describeMalformed(call, command: request.command), &call)
        }
        if client.reply.count > 0, client.reply.bytes.byte(0) == UInt8(ascii: "-") {
          let error = client.reply.bytes.copied
          client.reply.removeAll(keepingCapacity: true)
          return (index, error)
        }
        client.reply.removeAll(keepingCapacity: true)
        if endsUnits { endUnit() }
        index &+= 1
      } while index < batch.count && client.database === database
    }
    return (nil, [])
  }

  // MARK: - Units

  /// Ends the execution unit under way: a command with all that it has run, the request of a client
  /// that waited, a key that expires or is evicted. The one end that units have.
  ///
  /// Its effects go into the stream, its client gets the messages that waited for its reply, the
  /// clients whose keys it has made ready are served, each in a unit of its own, and time goes on.
  @inline(__always)
  func endUnit() {
    if !effects.attention.kinds.isDisjoint(with: .atEndOfUnit) { finishUnit() }
    if timing.stopwatch >= timing.momentExpiresAt { renewMoment(ticks: timing.stopwatch) }
  }

  @inline(never)
  private func finishUnit() {
    // What a slow script has done so far is no unit; what is answered meanwhile changes nothing.
    guard !scripting.isServingOthers else { return }
    effects.endUnit()
    deliverOwnPushes()
    guard effects.attention.kinds.contains(.readyKeys) else { return }
    // Those are units of their own: what has become due during this one is due for them.
    if timing.stopwatch >= timing.momentExpiresAt { renewMoment(ticks: timing.stopwatch) }
    serveReadyClients()
  }

  // MARK: - Refusals

  /// Writes the error of a handler; the one place where they become replies.
  @inline(never)
  func fail(_ error: CommandError, _ call: inout Call) {
    metrics.commands[call.command.id].failedCalls += 1
    writeError(error, &call)
  }

  /// Writes the error of a command that did not run; inside MULTI the transaction fails with it.
  @inline(never)
  func refuse(_ error: CommandError, _ call: inout Call, of command: CommandReference?) {
    // Compatibility: EXEC answers EXECABORT even if there is no transaction.
    if let command, command.flags.contains(.endsTransaction) {
      return writeError(abortTransaction(call, because: error), &call)
    }
    if call.client.transaction.isActive { call.client.transaction.isRefused = true }
    writeError(error, &call)
  }

  /// Writes an error and counts it.
  func writeError(_ error: CommandError, _ call: inout Call) {
    if error == .formatted {
      let message = errorText.message
      metrics.errors.count(message)
      call.reply.error(text: message.rawSpan)
    } else {
      metrics.errors.count(error.text)
      call.reply.error(error.text)
    }
    statistics.errorReplies += 1
  }

  /// No such command, no such subcommand, or the wrong number of arguments.
  @inline(never)
  private func refuseMalformed(_ request: Batch.Request, _ call: inout Call) {
    if call.client.gate.contains(.held) { return hold(request, &call) }
    if call.client.gate.contains(.follower) {
      return closeForReply(call.client, command: call.arguments[0].logText())
    }
    if request.command == nil, isCrossProtocol(call) { return closeForCrossProtocol(call.client) }
    let mark = call.reply.count
    call.client.commandCount += 1
    if let command = request.command {
      call.command = command
      metrics.commands[command.id].rejectedCalls += 1
    }
    let error = describeMalformed(call, command: request.command)
    refuse(error, &call, of: request.command)
    if call.client.gate.contains(.silenced) { silence(call.client, from: mark) }
    if call.client.gate.contains(.caching) {
      endCaching(of: call.client, behind: request.command)
    }
  }

  /// A client that may not run requests now: they wait if it is parked, else they are dropped.
  private func hold(_ request: Batch.Request, _ call: inout Call) {
    if call.client.flags.contains(.parked), !call.client.isClosing { postpone(call) }
  }

  /// Takes back what was replied to a client that doesn't want replies (CLIENT REPLY).
  func silence(_ client: Client, from mark: Int) {
    if client.flags.contains(.replySkip) || client.flags.contains(.replyOff) {
      client.reply.truncate(to: mark)
    }
    client.flags.remove(.replySkip)
    if client.flags.contains(.replySkipNext) {
      client.flags.remove(.replySkipNext)
      client.flags.insert(.replySkip)
    }
    client.updateGate()
  }
}
