// SPDX-License-Identifier: Apache-2.0

import EventLoop
import RESP

// What writers are promised beyond Redis: that nobody is shown what fewer than K followers have
// (`sync-replicas`), and that writes stop before more than N milliseconds of them can be lost
// (`max-unconfirmed-ms`).
//
// Followers are asked how far they are in the stream itself (REPLCONF GETACK), which every Redis
// and Valkey answers: at the end of a turn, once the last question is answered. `HeldOutput` keeps
// what must wait.

/// What this server, as a leader, keeps of its promises.
struct Promises {
  var synchronous = SynchronousReplication()
  /// The writes that may be lost (`max-unconfirmed-ms`); nil as long as that is not limited.
  var bounded: UnconfirmedWrites?
  /// Where the stream ended, apart from what changes nothing, when followers were asked for what
  /// they have not answered, and when that was first; nanoseconds of the monotonic clock.
  var askedOffset = 0
  var askedAt = Int64.min / 2
  /// When they were asked last.
  var questionAt = Int64.min / 2
  /// Monotonic nanoseconds at which something is to be done even if nothing happens.
  var continuesAt = Int64.max
  /// Requests that were refused, for each of the two.
  var lapsedRefusals = 0
  var boundedRefusals = 0

  /// Whether there is anything to keep.
  var isActive: Bool { synchronous.state != .off || bounded != nil }
}

extension Server {
  /// Nanoseconds between two questions to followers that don't answer.
  private static let questionInterval: Int64 = 100_000_000
  private static let millisecond: Int64 = 1_000_000

  /// Nanoseconds that a write may wait for followers; nil: for ever.
  private var synchronousTimeout: Int64? {
    let timeout = configuration.syncReplicasTimeout
    return timeout == 0 ? nil : Int64(timeout) * Server.millisecond
  }

  /// Nanoseconds of writes that the log may lose, if there is a limit.
  var logBoundNanoseconds: Int64? {
    promises.bounded != nil && configuration.maxUnconfirmedReplicas == 0 ? boundNanoseconds : nil
  }

  /// Nanoseconds of writes that may be lost.
  private var boundNanoseconds: Int64 { Int64(configuration.maxUnconfirmed) * Server.millisecond }

  // MARK: - Beginning

  /// This server has another role now, or other data.
  func restartPromises() {
    promises.synchronous.finish()
    promises.bounded = nil
    promises.askedOffset = 0
    // As long as nobody has what is here, it is as if nobody had answered: nobody waits.
    applySyncReplicas(isLapsed: effects.dataOffset > 0 || keyspace.keyCount > 0)
    applyBound()
  }

  /// Takes over how many followers must have what is shown: nothing counts as confirmed by so many.
  func applySyncReplicas(isLapsed: Bool) {
    if following != nil || configuration.syncReplicas == 0 {
      promises.synchronous.finish()
    } else {
      promises.synchronous.begin(
        at: effects.dataOffset, isLapsed: isLapsed, now: timing.turnStartedAt)
    }
    goOnWithPromises()
  }

  /// Takes over who must have what was written, before more is, and when; what was unconfirmed is.
  func applyBound() {
    if following != nil || configuration.maxUnconfirmed == 0 {
      promises.bounded = nil
    } else {
      let oldest = promises.bounded?.oldest ?? timing.turnStartedAt
      promises.bounded = UnconfirmedWrites(end: effects.dataOffset, at: oldest)
    }
    goOnWithPromises()
  }

  private func goOnWithPromises() {
    promises.askedAt = .min / 2
    promises.questionAt = .min / 2
    promises.continuesAt = promises.isActive ? timing.turnStartedAt : .max
    updatePromiseGates()
  }

  // MARK: - Keeping

  /// Takes over what has been written and confirmed, asks for more, and draws the consequences;
  /// called at the end of a turn, when everything that has come was read.
  func keepPromises() {
    let now = timing.turnStartedAt
    let end = effects.dataOffset
    if promises.synchronous.state != .off {
      let count = configuration.syncReplicas
      let keepsUp =
        now - promises.askedAt <= synchronousTimeout ?? .max
        && followers.distinctCount(upTo: promises.askedOffset) >= count
      let state = promises.synchronous.advance(
        to: end, confirmed: followers.offset(confirmedBy: count), keepsUp: keepsUp,
        timeout: synchronousTimeout,
        askedAt: followers.all.isEmpty ? nil : promises.askedAt, now: now)
      if let state { noteSynchronous(state) }
    }
    promises.bounded?.note(end: end, at: now)
    promises.bounded?.confirm(upTo: boundedOffset)
    promises.continuesAt = min(
      askFollowers(of: end, now), promises.synchronous.lapsesAt)
    updatePromiseGates()
  }

  /// Up to where the stream is confirmed for `max-unconfirmed-ms`.
  private var boundedOffset: Int {
    let count = configuration.maxUnconfirmedReplicas
    guard count == 0 else { return followers.offset(confirmedBy: count) }
    return appendLog.state == .on ? appendLog.synced : 0
  }

  /// Asks followers how far they are if that is of use.
  ///
  /// - Returns: when to do so again, in monotonic nanoseconds.
  private func askFollowers(of end: Int, _ now: Int64) -> Int64 {
    guard !followers.all.isEmpty, !persistence.isLoading, let interval = questionInterval(end)
    else { return .max }
    guard now - promises.questionAt >= interval else { return promises.questionAt + interval }
    followers.asksForAcknowledgements = true
    promises.questionAt = now
    if isLastQuestionOver(now) {
      promises.askedAt = clock.monotonicNanoseconds()
      promises.askedOffset = end
    }
    return now + max(interval, Server.millisecond)
  }

  /// Whether enough have answered what they were asked, or have had the time to.
  private func isLastQuestionOver(_ now: Int64) -> Bool {
    switch promises.synchronous.state {
    case .off: true
    case .holding: promises.synchronous.writes.confirmed >= promises.askedOffset
    case .lapsed:
      followers.distinctCount(upTo: promises.askedOffset) >= configuration.syncReplicas
        || now - promises.askedAt > synchronousTimeout ?? .max
    }
  }

  /// Nanoseconds from one question to the next; nil if nothing is to be asked.
  private func questionInterval(_ end: Int) -> Int64? {
    var interval: Int64?
    let synchronous = promises.synchronous
    if synchronous.state == .lapsed {
      interval = Server.questionInterval
    } else if synchronous.state == .holding, synchronous.writes.oldest != nil {
      let isAnswered = synchronous.writes.confirmed >= promises.askedOffset
      interval = isAnswered && end > promises.askedOffset ? 0 : Server.questionInterval
    }
    if configuration.maxUnconfirmedReplicas > 0, promises.bounded?.oldest != nil {
      interval = min(interval ?? .max, max(Server.millisecond, boundNanoseconds / 8))
    }
    return interval
  }

  private func noteSynchronous(_ state: SynchronousReplication.State) {
    let count = configuration.syncReplicas
    guard state == .lapsed else {
      return log.notice("Synchronous replication: \(count) replicas have what is written, again")
    }
    switch configuration.syncReplicasOnTimeout {
    case .refuse:
      log.warning(
        "Synchronous replication: fewer than \(count) replicas have told in time that they have"
          + " what was written. Clients that wait are disconnected, and nobody may read or write"
          + " until enough of them do.")
      abandonHeldOutput()
    case .degrade:
      log.warning(
        "Synchronous replication: fewer than \(count) replicas have told in time that they have"
          + " what was written. Replies no longer wait until enough of them do.")
    }
  }

  /// What time does alone: writes are old enough to stop others. Called when a turn begins, too.
  func updatePromiseGates() {
    let now = timing.turnStartedAt
    let state = promises.synchronous.state
    let refuses = state == .lapsed && configuration.syncReplicasOnTimeout == .refuse
    let isOld = promises.bounded?.oldest.map { now - $0 > boundNanoseconds } ?? false
    gate.set(.promised, state != .off)
    gate.set(.lapsed, refuses)
    gate.set(.unconfirmed, isOld)
  }

  // MARK: - Admission

  /// Why a command is refused that reads or writes, or executes what does.
  func promiseError(_ prevailing: Gate, _ call: borrowing Call) -> CommandError? {
    if prevailing.contains(.lapsed), writes(call) || reads(call) {
      promises.lapsedRefusals += 1
      return CommandError(
        """
        NOREPLICAS Fewer replicas than sync-replicas asks for have what was written: nobody may \
        read or write until they do.
        """)
    }
    guard prevailing.contains(.unconfirmed), writes(call) else { return nil }
    promises.boundedRefusals += 1
    return configuration.maxUnconfirmedReplicas > 0
      ? CommandError(
        "UNCONFIRMED Too few replicas have what was written in the last max-unconfirmed-ms.")
      : CommandError(
        "UNCONFIRMED What was written in the last max-unconfirmed-ms is not on the disk.")
  }

  // MARK: - What INFO tells

  func writePromisesInfo(to text: inout InfoText) {
    let now = clock.monotonicNanoseconds()
    let synchronous = promises.synchronous
    let state =
      switch synchronous.state {
      case .off: "off"
      case .holding: "synchronous"
      case .lapsed: configuration.syncReplicasOnTimeout == .refuse ? "refusing" : "degraded"
      }
    text.field("sync_replicas_state", state)
    if synchronous.state != .off {
      text.field("sync_replicas_confirmed_offset", synchronous.writes.confirmed)
      text.field("sync_replicas_unconfirmed_bytes", synchronous.writes.byteCount)
      text.field("sync_replicas_unconfirmed_ms", age(of: synchronous.writes, now))
      text.field("sync_replicas_waiting_clients", output.held.count)
    }
    text.field("sync_replicas_timeouts", synchronous.lapseCount)
    text.field("sync_replicas_refusals", promises.lapsedRefusals)
    if let bounded = promises.bounded {
      text.field("max_unconfirmed_bytes", bounded.byteCount)
      text.field("max_unconfirmed_age_ms", age(of: bounded, now))
    }
    text.field("max_unconfirmed_refusals", promises.boundedRefusals)
  }

  private func age(of writes: UnconfirmedWrites, _ now: Int64) -> Int {
    writes.oldest.map { Int(max(0, now - $0) / Server.millisecond) } ?? 0
  }
}
