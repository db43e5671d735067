// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Continuous proof that followers hold what their leader holds.
//
//     leader    VerificationWalk -> PING memd-verify:... in the stream, where the digests hold
//     follower  VerificationFindings: compares where the stream has come to that offset
//               -> REPLCONF ACK offset MEMD-VERIFIED counts [MEMD-ASK names of keys it has]
//     leader    puts those that it doesn't have into the next message
//
// A leader says nothing unless a follower wants to hear it (REPLCONF capa memd-verify). What it
// costs is bounded: `replica-verify-max-bytes-per-second` of the stream, a hundredth of the time,
// and one round per `replica-verify-period`.

/// Both sides of the comparison of leader and followers.
struct Verification {
  var walk = VerificationWalk()
  var findings = VerificationFindings()
  /// Monotonic nanoseconds at which the next message is due; `.max` while nobody wants any.
  var continuesAt = Int64.max
  /// When the next round may begin; nil as long as nobody has wanted one.
  var roundDue: Int64?
  var sentByteCount = 0
  var sentRoundCount = 0

  /// A message that took so long is followed by a pause of a hundred times that.
  private static let shareOfTime: Int64 = 100
  /// Nanoseconds that a message can take at most; what it took beyond, the machine has taken.
  private static let costMax: Int64 = 5_000_000

  /// Nanoseconds between a message and the next one.
  ///
  /// - Parameters:
  ///   - byteCount: what the message adds to the stream, of which a second may see `rate` bytes.
  ///   - cost: nanoseconds that it took to make it.
  static func pause(behind byteCount: Int, rate: Int64, cost: Int64) -> Int64 {
    max(Int64(byteCount) * 1_000_000_000 / rate, min(cost, costMax) * shareOfTime)
  }
}

extension Server {
  private static let second: Int64 = 1_000_000_000

  // MARK: - Leading

  /// Whether there is anybody to be told.
  private var isVerificationWanted: Bool {
    guard following == nil, configuration.replicaVerifyPeriod > 0 else { return false }
    return followers.all.contains {
      $0.liveFollower?.capabilities.contains(.verification) == true
    }
  }

  /// Begins to compare if somebody wants it; called once a second.
  func considerVerification() {
    guard verification.continuesAt == .max, isVerificationWanted else { return }
    let now = timing.turnStartedAt
    let period = Int64(configuration.replicaVerifyPeriod) * Server.second
    let due = verification.roundDue ?? now + period
    verification.roundDue = due
    verification.continuesAt = verification.walk.isInRound ? now : max(now, due)
  }

  /// Writes a message to the stream; called between two units, when one is due.
  func continueVerification() {
    let now = timing.turnStartedAt
    verification.continuesAt = .max
    guard isVerificationWanted else { return }
    // The data are at the offset of the stream only while no effects wait; a pause keeps it still.
    guard !pause.isActive, !failover.needsSilence, persistence.loading == nil,
      !effects.attention.kinds.contains(.effects)
    else {
      verification.continuesAt = now + Server.second / 10
      return
    }
    let start = clock.ticks()
    let message = verification.walk.next(in: keyspace)
    let text = message.text
    effects.ping(text.rawSpan)
    verification.sentByteCount += text.count
    let period = Int64(configuration.replicaVerifyPeriod) * Server.second
    if message.beginsRound { verification.roundDue = now + period }
    if message.endsRound { verification.sentRoundCount += 1 }
    let rate = Int64(configuration.replicaVerifyMaxBytesPerSecond)
    let spent = Int64(min(clock.microseconds(from: start, to: clock.ticks()), 1e6) * 1000)
    var next = now + Verification.pause(behind: text.count, rate: rate, cost: spent)
    if message.endsRound { next = max(next, verification.roundDue ?? now) }
    verification.continuesAt = next
  }

  /// A follower has keys that it is not sure of.
  func answerQuestions(_ text: RawSpan) {
    if let following {
      // Only who leads knows.
      if following.questions.count < Following.questionCountMax {
        following.questions.append(ByteText(text))
      }
    } else if let names = KeyName.read(text) {
      verification.walk.note(names, in: keyspace)
    }
  }

  // MARK: - Following

  /// The stream has come to a point at which the leader has said what it holds.
  func compareWithLeader(_ text: RawSpan) {
    guard let following, following.isOnline, let message = VerificationMessage(text) else { return }
    let now = clock.monotonicNanoseconds()
    let found = verification.findings.compare(message, with: keyspace, at: now)
    logDifferences(found)
    if message.endsRound, let text = verification.findings.roundText { log.warning(text) }
    let names = verification.findings.nextQuestions(in: keyspace)
    if !names.isEmpty, following.questions.count < Following.questionCountMax {
      following.questions.append(KeyName.text(of: names))
    }
    if !found.isEmpty || !following.questions.isEmpty || message.endsRound {
      following.mustAcknowledge = true
    }
  }

  private func logDifferences(_ found: [(KeyName, KeyDifference)]) {
    for (name, difference) in verification.findings.choose(found) {
      log.warning(
        "Verification behind offset \(effects.stream.offset): key '\(name.key.logText)'"
          + " of database \(name.database) \(difference.text)")
    }
  }

  /// What the leader is told of the comparison, beside the offset.
  func takeVerificationReport(of following: Following) -> [ByteText] {
    var words: [ByteText] = []
    let counts = verification.findings.counts
    if counts != VerificationFindings.Counts() { words += ["MEMD-VERIFIED", counts.text] }
    for question in following.questions { words += ["MEMD-ASK", question] }
    following.questions.removeAll()
    return words
  }

  // MARK: - INFO

  /// What INFO tells of a follower's comparison with its leader.
  func writeFindingsInfo(to text: inout InfoText) {
    let findings = verification.findings
    text.field("replica_verify_keys_checked", findings.counts.keysChecked)
    text.field("replica_verify_keys_differing", findings.counts.keysDiffering)
    text.field("replica_verify_rounds", findings.counts.rounds)
    let seconds = findings.lastRoundNanoseconds.map { Int($0 / Server.second) }
    text.field("replica_verify_last_round_s", seconds ?? -1)
    text.field("replica_verify_last_round_differing", findings.lastRoundDiffering)
  }

  /// What INFO tells of what a leader has said, and of what its followers have found.
  func writeVerificationInfo(to text: inout InfoText) {
    text.field("verify_keys_sent", verification.walk.keyCount)
    text.field("verify_bytes_sent", verification.sentByteCount)
    text.field("verify_rounds_sent", verification.sentRoundCount)
    for (index, client) in followers.all.enumerated() {
      guard let counts = client.follower?.verified else { continue }
      text.line(
        "verify_slave\(index):keys_checked=\(counts.keysChecked),"
          + "keys_differing=\(counts.keysDiffering),rounds=\(counts.rounds)")
    }
  }

  func resetVerificationCounts() {
    verification.walk.resetCounts()
    verification.sentByteCount = 0
    verification.sentRoundCount = 0
    verification.findings.counts = VerificationFindings.Counts()
  }
}
