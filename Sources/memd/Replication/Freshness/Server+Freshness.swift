// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Reads that are fresh enough: at least as new as a write (`MEMD.FRESHNESS AFTER token`), or no
// older than so many milliseconds (MAXAGE, `replica-max-age-ms`). A read of data that are not
// waits, parked as during a pause, until they are or its time is over.

/// Clients whose reads wait for fresher data, and what is asked of the data at all.
struct Freshness {
  var waiting: [Client] = []
  /// When the first of them has waited long enough, in monotonic nanoseconds.
  var earliestDeadline = Int64.max
  /// The lowest age that was asked for lately, in milliseconds, and until when that counts.
  var wantedAge = Int.max
  var wantedUntil = Int64.min
  /// Reads that were refused.
  var refusalCount = 0
}

extension Server {
  private static let millisecond: Int64 = 1_000_000
  /// For so long an age that was asked for is expected to be asked for again.
  private static let demandNanoseconds: Int64 = 2_000_000_000

  /// Where the data stand.
  var dataState: DataState {
    let stream = effects.stream
    let now = clock.monotonicNanoseconds()
    return DataState(
      history: stream.replicationID, formerHistory: stream.secondID,
      formerEnd: stream.secondOffset, offset: stream.offset,
      age: following.map { $0.age.milliseconds(at: now) } ?? 0)
  }

  /// The point that the data have reached.
  var freshnessToken: ByteText {
    FreshnessToken(
      history: ByteText(effects.stream.replicationID), offset: effects.stream.offset
    ).text
  }

  /// Whether no client of this follower may read (`replica-max-age-ms`).
  var hasTooOldData: Bool { staleness(for: dataState) != nil }

  /// What keeps all clients from reading; nil if nothing does.
  private func staleness(for state: DataState) -> Staleness? {
    guard following != nil, configuration.replicaMaxAge > 0 else { return nil }
    return state.staleness(for: FreshnessRequirement(ageMax: configuration.replicaMaxAge))
  }

  // MARK: - Admission

  /// Whether a client may read the data as they are, has to wait, or is refused.
  func admitRead(_ call: borrowing Call) -> Admission {
    let client = call.client
    let state = dataState
    let now = clock.monotonicNanoseconds()
    if let staleness = staleness(for: state) { return .refuse(refuse(staleness, call)) }
    guard var own = client.details?.freshness else { return .proceed }
    if let age = own.requirement.ageMax { noteDemand(age, now) }
    guard let staleness = state.staleness(for: own.requirement) else {
      endWaitForFreshness(of: client)
      return .proceed
    }
    let deadline = own.deadline ?? now + Int64(own.requirement.timeout) * Server.millisecond
    guard now < deadline else {
      endWaitForFreshness(of: client)
      return .refuse(refuse(staleness, call))
    }
    own.deadline = deadline
    client.details?.freshness = own
    return .waitForFreshness
  }

  private func refuse(_ staleness: Staleness, _ call: borrowing Call) -> CommandError {
    freshness.refusalCount += 1
    switch staleness {
    case .behind(let offset, let wanted):
      return call.failure("STALE The data are at offset \(offset), and \(wanted) was asked for.")
    case .otherHistory:
      return CommandError("STALE The data are of another history than the token.")
    case .old(let age?, let allowed):
      return call.failure("STALE The data may be \(age) ms old, and \(allowed) are allowed.")
    case .old(nil, _):
      return CommandError(
        "STALE How old the data are is not known: the leader has not said, which only memd does.")
    }
  }

  /// The request waits, and all that the client has sent behind it.
  func postponeForFreshness(_ call: borrowing Call) {
    guard park(call) else { return }
    freshness.waiting.append(call.client)
    freshness.earliestDeadline = min(
      freshness.earliestDeadline, call.client.details?.freshness?.deadline ?? .max)
  }

  /// The read that waited runs, or is refused; a requirement for one read is met.
  private func endWaitForFreshness(of client: Client) {
    client.details?.freshness?.deadline = nil
    guard client.details?.freshness?.requirement.isOnce == true else { return }
    client.details?.freshness = nil
    client.updateGate()
  }

  // MARK: - Waiting

  /// Lets clients go on whose reads need not wait any more.
  func resumeFreshReads() {
    let now = timing.turnStartedAt
    let state = dataState
    var stillWaiting: [Client] = []
    freshness.earliestDeadline = .max
    for client in freshness.waiting where !client.isClosing {
      if let own = client.details?.freshness, let deadline = own.deadline, now < deadline,
        state.staleness(for: own.requirement) != nil
      {
        stillWaiting.append(client)
        freshness.earliestDeadline = min(freshness.earliestDeadline, deadline)
      } else {
        // One whose time is over is refused when it is looked at again.
        if let deadline = client.details?.freshness?.deadline, now < deadline {
          client.details?.freshness?.deadline = nil
        }
        resume(client)
      }
    }
    freshness.waiting = stillWaiting
  }

  /// The client asks for nothing any more; its gate has to be updated afterwards.
  func forgetFreshness(of client: Client) {
    guard let details = client.details else { return }
    details.freshness = nil
    details.wantsTokens = false
  }

  // MARK: - The age of a follower's data

  private func noteDemand(_ age: Int, _ now: Int64) {
    if now > freshness.wantedUntil { freshness.wantedAge = .max }
    freshness.wantedAge = min(freshness.wantedAge, age)
    freshness.wantedUntil = now + Server.demandNanoseconds
  }

  /// When the next mark is due, in monotonic nanoseconds. While nobody asks for an age one follows
  /// each PING of the leader: a stream without them rests.
  func markDue(_ following: Following, at now: Int64) -> Int64 {
    var age = now <= freshness.wantedUntil ? freshness.wantedAge : .max
    if configuration.replicaMaxAge > 0 { age = min(age, configuration.replicaMaxAge) }
    let sentAt = following.age.sentAt
    let idle = following.pingedAt > sentAt ? following.pingedAt : .max
    guard age < .max else { return idle }
    let wanted = Int64(min(age, 1 << 30)) * Server.millisecond / 4
    return min(idle, sentAt + max(Server.millisecond, wanted))
  }

  /// Sends a mark if one is due, and notes when the next is; called in every turn of a follower.
  func tendAge() {
    guard let following, following.isOnline else { return }
    let now = timing.turnStartedAt
    if markDue(following, at: now) <= now {
      following.marks.append(following.age.makeMark(at: now))
    }
    if !following.marks.isEmpty { acknowledge(following) }
    following.ageContinuesAt = markDue(following, at: now)
  }

  /// The leader's PING was applied.
  func notePing() { following?.pingedAt = timing.turnStartedAt }

  /// A mark has come back with the stream.
  func noteMark(_ mark: RawSpan) { _ = following?.age.apply(mark) }

  /// A follower's mark is to come back to it with the stream.
  func returnMark(_ mark: RawSpan) {
    // While others are to reach the end of the stream it must not move.
    guard !failover.needsSilence, 1...64 ~= mark.byteCount,
      mark.copied.allSatisfy({ 33...126 ~= $0 })
    else { return }
    if let following {
      // Only who leads adds to the stream.
      if following.marks.count < Following.markCountMax { following.marks.append(ByteText(mark)) }
    } else {
      effects.ping(mark)
    }
  }

  /// What INFO tells of a follower's data.
  func writeFreshnessInfo(_ following: Following, to text: inout InfoText) {
    let age = following.age.milliseconds(at: clock.monotonicNanoseconds())
    text.field("replica_data_age_ms", age ?? -1)
    text.field("replica_stale_reads_waiting", freshness.waiting.count)
    text.field("replica_stale_reads_refused", freshness.refusalCount)
  }
}
