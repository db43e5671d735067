// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// EXEC: the queue of a client runs as one execution unit. Time stands still in it, what it changes
// reaches followers together, and clients that wait for its keys are served when it has ended.

extension Server {
  /// Runs what the client has queued and replies with an array of the replies.
  func runTransaction(_ call: inout Call) {
    let client = call.client
    let queue = client.transaction.queue
    // EXEC's own time includes that of its commands.
    let startedAt = timing.stopwatch
    effects.watched.removeAll(of: client)
    client.transaction.isExecuting = true
    let mark = client.reply.count
    call.reply.array(queue.count)
    for queued in queue {
      var inner = Call(
        server: self, client: client, database: client.database,
        arguments: queued.arguments.arguments, command: queued.command)
      // Rules may have changed since it was queued.
      if client.gate.contains(.accessControl), let error = refuseQueuedAccess(inner) {
        writeError(error, &inner)
        continue
      }
      let innerMark = client.reply.count
      let innerStart = timing.stopwatch
      let lookups = keyspace.statistics.lookups
      execute(&inner, raw: RawSpan())
      if client.reply.count >= output.largeReply { noteLargeReply(inner, from: innerMark) }
      if !gate.isDisjoint(with: .noted) {
        noteKeys(of: inner, since: innerStart, replyFrom: innerMark, lookups: lookups)
      }
      show(inner)
      if client.pendingOutput >= output.watermark { checkOutputLimit(client) }
      // Nobody will get it, so it must not fill the memory.
      if client.flags.contains(.closeASAP) { client.reply.truncate(to: mark) }
    }
    endTransaction(of: client)
    timing.stopwatch = startedAt
  }

  /// Forgets a client's queue and watched keys: EXEC, DISCARD, RESET.
  func endTransaction(of client: Client) {
    effects.watched.removeAll(of: client)
    client.transaction = Transaction()
    client.updateGate()
  }

  /// EXEC itself was refused, so the transaction is over: the error that says so.
  func abortTransaction(_ call: borrowing Call, because error: CommandError) -> CommandError {
    if gate.contains(.monitored) { feedMonitors(call) }
    return discardTransaction(call, because: error)
  }

  /// The same for an EXEC that its own handler refuses, which monitors see in any case.
  func discardTransaction(_ call: borrowing Call, because error: CommandError) -> CommandError {
    endTransaction(of: call.client)
    var reason = error == .formatted ? errorText.message : ByteText(error.text)
    // Compatibility: Redis drops the general code here, but keeps others ("OOM ...").
    if reason.bytes.starts(with: Array("ERR ".utf8)) { reason.bytes.removeFirst(4) }
    return call.failure("EXECABORT Transaction discarded because of: \(reason)")
  }
}
