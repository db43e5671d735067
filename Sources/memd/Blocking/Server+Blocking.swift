// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Clients that wait for keys. A blocking command that finds nothing leaves its request behind
// (`Call.block`). When a unit has changed keys that somebody waits for, the requests of those run
// again, each as a unit of its own, before the next request: nobody takes what they wait for from
// under their noses, and who fed a key is answered before who it was for.

extension Server {
  // MARK: - Blocking

  /// Runs a command that may block for the first time.
  ///
  /// Compatibility: one that blocks counts when it is done, once, with the time that it ran.
  func executeBlocking(_ call: inout Call, raw: RawSpan) {
    perform(&call, raw: raw)
    guard let waiting = call.client.blocking else { return account(call.command, call) }
    call.client.commandCount -= 1
    let now = clock.ticks()
    waiting.ticks = now &- timing.stopwatch
    timing.stopwatch = now
    withdraw(call.client)
    accountMemory(of: call.client)
  }

  /// A client without output is no writer: who is served later is written later.
  private func withdraw(_ client: Client) {
    guard client.pendingOutput == 0, output.writers.removeLast(if: client) else { return }
    client.flags.remove(.hasOutput)
    finishOutput(client)
  }

  // MARK: - Serving

  /// Runs the requests of clients whose keys have changed, until no more is to be done.
  ///
  /// While clients are paused everything waits for the end of the pause.
  @inline(never)
  func serveReadyClients() {
    // Units of those who are served end here, too; what they make ready is served by the same loop.
    guard !pause.isActive, !effects.blocked.isServing else { return }
    effects.blocked.isServing = true
    defer { effects.blocked.isServing = false }
    timing.stopwatch = clock.ticks()
    let touchesKeys = moment.touchesKeys
    while effects.attention.kinds.contains(.readyKeys) {
      // What serving makes ready comes after everything that is ready now.
      for queue in effects.blocked.takeReady() {
        queue.isReady = false
        serve(queue)
      }
    }
    moment.touchesKeys = touchesKeys
  }

  private func serve(_ queue: WaitQueue) {
    guard queue !== effects.blocked.forSync else {
      return queue.visit { waiting in
        serve(waiting)
        return true
      }
    }
    let database = keyspace.databases[queue.database]
    queue.visit { waiting in
      let key = queue.key
      let type = database.visibleType(of: key.rawSpan, hash: queue.hash)
      // Nobody else will find anything either.
      if type == nil, queue.removalCount == 0 { return false }
      if type == waiting.type || waiting.wakesOnRemoval { serve(waiting) }
      return true
    }
  }

  /// Runs the request of a waiting client again.
  private func serve(_ waiting: BlockedClient) {
    let client = waiting.client
    guard !client.isClosing else { return }
    var call = Call(
      server: self, client: client, database: client.database,
      arguments: waiting.request.arguments, command: waiting.command)
    let mark = client.reply.count
    prepare(client)
    if gate.contains(.promised) { client.flags.insert(.seesData) }
    moment.touchesKeys = !client.flags.contains(.noTouch)
    waiting.waitsOn = false
    let outer = unsafe output.pushes.interrupt(for: client)
    defer {
      endUnit()
      unsafe output.pushes.resume(outer)
    }
    // Rules may have changed since it began to wait.
    if client.gate.contains(.accessControl), let error = refuseAccess(call) {
      metrics.commands[waiting.command.id].rejectedCalls += 1
      writeError(error, &call)
      return release(waiting, silencedFrom: mark)
    }
    let changesBefore = effects.changeCount
    let lookups = keyspace.statistics.lookups
    perform(&call, raw: RawSpan())
    if effects.changeCount != changesBefore { considerToken(for: client) }
    if waiting.waitsOn {
      let now = clock.ticks()
      waiting.ticks &+= now &- timing.stopwatch
      timing.stopwatch = now
      return withdraw(client)
    }
    timing.stopwatch &-= waiting.ticks
    let start = timing.stopwatch
    account(waiting.command, call)
    if !gate.isDisjoint(with: .noted) {
      noteKeys(of: call, since: start, replyFrom: mark, lookups: lookups)
    }
    if client.reply.count >= output.largeReply { noteLargeReply(call, from: mark) }
    // Monitors have seen it when it came.
    if client.gate.contains(.tracking) { rememberKeys(of: call, for: call.client) }
    release(waiting, silencedFrom: mark)
  }

  /// The client waits no longer: what it has sent meanwhile runs in the next turn.
  private func release(_ waiting: BlockedClient, silencedFrom mark: Int) {
    let client = waiting.client
    client.commandCount += 1
    forgetBlocking(of: client)
    if client.gate.contains(.silenced) { silence(client, from: mark) }
    if client.pendingOutput >= output.watermark { checkOutputLimit(client) }
    accountMemory(of: client)
    if client.input != nil { resume(client) }
  }

  /// Takes a client out of all queues, whatever becomes of it.
  func forgetBlocking(of client: Client) {
    guard let waiting = client.blocking else { return }
    effects.blocked.remove(waiting)
    client.blocking = nil
    client.updateGate()
  }

  // MARK: - Ends without a key

  /// Answers those whose time is over.
  func endBlockingTimeouts(monotonic now: Int64) {
    while let end = effects.blocked.timeouts.earliest, end <= now,
      let waiting = effects.blocked.timeouts.first
    {
      endBlocking(waiting, error: nil)
    }
  }

  /// Writes what a client gets that waits no longer.
  func write(_ timeoutReply: TimeoutReply, of offset: Int, to reply: inout ReplyWriter) {
    switch timeoutReply {
    case .nullArray: reply.nullArray()
    case .null: reply.null()
    case .syncedCounts: writeSyncedCounts(upTo: offset, to: &reply)
    case .followerCount: reply.integer(followers.count(upTo: offset))
    case .shutdownFailure: reply.error("ERR Errors trying to SHUTDOWN. Check logs.")
    }
  }

  /// Ends a client's waiting: with what it gets when its time is over, or with an error.
  func endBlocking(_ waiting: BlockedClient, error: StaticString?) {
    let client = waiting.client
    let mark = client.reply.count
    prepare(client)
    statistics.commandsProcessed &+= 1
    metrics.commands.record(waiting.command.id, ticks: waiting.ticks)
    if let error {
      metrics.commands[waiting.command.id].failedCalls += 1
      statistics.errorReplies += 1
      metrics.errors.count(error)
      client.reply.error(error)
    } else {
      write(waiting.timeoutReply, of: waiting.offset, to: &client.reply)
    }
    release(waiting, silencedFrom: mark)
  }

  /// Nobody may wait any more, as this server's data are another's from now on: all get an error
  /// and are disconnected.
  func endBlockingForNewRole() {
    for waiting in effects.blocked.all() {
      let client = waiting.client
      endBlocking(
        waiting,
        error: """
          UNBLOCKED force unblock from blocking operation, instance state changed \
          (master -> replica?)
          """)
      closeAfterReply(client)
    }
  }
}
