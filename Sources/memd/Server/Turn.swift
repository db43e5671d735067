// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// One turn of the loop is a straight line:
//
//   wait -> timers -> gather -> parse -> prefetch -> execute (with effects) -> log -> flush
//
// With `appendfsync always` the flush waits for the log, the loop doesn't: output queues up behind
// the sync under way (`HeldOutput`) and leaves in the turn in which a helper reports its end.
//
// Timers come before gather, so that what they produce leaves in the same turn. Nothing that can
// produce output or stream bytes runs after the flush.

extension Server {
  /// Turns until the server is told to stop.
  func runLoop() {
    while !isStopped { turn() }
  }

  /// One turn.
  func turn() {
    transport.wait(timeoutNanoseconds: sleepNanoseconds(), into: &intake.events)
    let started = clock.ticks()
    timing.turnStartedAt = clock.monotonicNanoseconds()
    moment.set(microseconds: clock.wallMicroseconds(atMonotonic: timing.turnStartedAt))
    timing.momentExpiresAt = started &+ timing.ticksPerMillisecond
    let commandsBefore = statistics.commandsProcessed
    runTimers(monotonic: timing.turnStartedAt)
    if !intake.resuming.isEmpty { resumeWaiting() }
    var index = 0
    while index < intake.events.count, !isStopped {
      handle(intake.events[index])
      index &+= 1
    }
    run(batch)
    if !scripting.postponedSignals.isEmpty { handlePostponedSignals() }
    if !intake.postponed.isEmpty { returnPostponed() }
    if !freshness.waiting.isEmpty { resumeFreshReads() }
    if following != nil { tendAge() }
    if verification.continuesAt <= timing.turnStartedAt { continueVerification() }
    if persistence.isSaveScheduled || appendLog.isRewriteScheduled { startScheduledSave() }
    if pause.holders.contains(.snapshot) { considerHoldingWrites() }
    if pause.isFrozen { considerHandovers() }
    if effects.attention.kinds.contains(.broadcasts) { effects.tracking?.broadcast() }
    flush()
    if configuration.maxMemoryClients != 0 { evictClients() }
    forgetClosed()
    if allocator.hasDeferred { freeDeferred() }
    noteTurn(since: started, commandsBefore: commandsBefore)
  }

  /// What waits until followers have everything may go on.
  private func considerHandovers() {
    considerFailover()
    considerShutdown()
  }

  private func handle(_ event: Event) {
    switch event.kind {
    case .readable, .hangup:
      if following != nil, handleLink(event) { return }
      if let client = unsafe clients.find(event.id) {
        unsafe client._withUnsafeGuaranteedRef { receive(from: $0) }
      }
    case .writable:
      if following != nil, handleLink(event) { return }
      if let client = unsafe clients.find(event.id) {
        // Not now: what this turn has answered so far leaves with all the rest.
        unsafe client._withUnsafeGuaranteedRef {
          $0.flags.insert(.isWritable)
          queueOutput($0)
        }
      }
    case .acceptable(let listener): acceptAll(from: Int(listener))
    case .wakeup:
      helpers.finishCompleted()
      heedMonitors()
      // Somebody may have waited for that.
      endUnit()
    case .signal(let number): handleSignal(number)
    }
  }

  /// Renews the time that commands see; called between commands when it is a millisecond old.
  @inline(never)
  func renewMoment(ticks: UInt64) {
    moment.set(microseconds: clock.wallMicroseconds())
    timing.momentExpiresAt = ticks &+ timing.ticksPerMillisecond
  }

  /// Goes on with clients whose requests did not all run in the last turn.
  private func resumeWaiting() {
    let waiting = intake.resuming
    intake.resuming.removeAll(keepingCapacity: true)
    for client in waiting {
      client.flags.remove(.resumes)
      guard !client.isClosing else { continue }
      // One that met its pause in the same turn still waits for the end of it.
      if client.flags.contains(.parked),
        (pause.waiting + freshness.waiting).contains(where: { $0 === client })
      {
        continue
      }
      unpark(client)
      parseInput(of: client)
    }
  }

  /// How long the loop may sleep: until the next timer, not at all while work waits.
  func sleepNanoseconds() -> Int64 {
    if !intake.resuming.isEmpty || hasBackgroundWork { return 0 }
    // Read at the start of the turn and carried on by the cycle counter, to save a call.
    let now = timing.turnStartedAt + timing.turnNanoseconds
    var until = min(
      cron.next, persistence.loadingContinuesAt, persistence.savingContinuesAt,
      appendLog.continuesAt, promises.continuesAt, freshness.earliestDeadline,
      verification.continuesAt, metrics.census.continuesAt)
    if let following { until = min(until, following.ageContinuesAt) }
    if moment.hasDeadlines, let due = nextExpiry(monotonic: now) { until = min(until, due) }
    if let end = pause.endsAt(monotonic: now) { until = min(until, end) }
    if let end = effects.blocked.timeouts.earliest { until = min(until, end) }
    return max(0, until - now)
  }

  private func noteTurn(since started: UInt64, commandsBefore: Int) {
    let commands = statistics.commandsProcessed - commandsBefore
    let microseconds = clock.microseconds(from: started, to: clock.ticks())
    timing.turnNanoseconds = Int64(min(microseconds, 1e12) * 1000)
    statistics.turns &+= 1
    statistics.turnMicroseconds += microseconds
    if commands > statistics.commandsPerTurnMax { statistics.commandsPerTurnMax = commands }
    metrics.turns.record(microseconds: microseconds)
  }
}
