// SPDX-License-Identifier: Apache-2.0
//
// HOTKEYS: which keys cost most. While a session runs, a bit of the server's gate leads every
// command through `runGated` and `noteKeys`, where its time and its bytes are divided by its keys
// and added to two sketches of bounded size. While none runs, nothing is there, and nothing is
// asked.

import DataStructures
import EventLoop
import RESP

/// The session of HOTKEYS, if there is one.
final class HotKeys {
  /// What a session measures and for how long, as HOTKEYS START says it.
  struct Plan {
    var measuresTime = false
    var measuresBytes = false
    /// Keys that are shown.
    var count = 10
    /// Nil: until HOTKEYS STOP.
    var seconds: Int?
    /// One command of so many is looked at.
    var sampleRatio = 1
  }

  /// One session, from HOTKEYS START until HOTKEYS RESET or the next START.
  struct Session {
    let plan: Plan
    /// Wall time in milliseconds.
    let startedAt: Int64
    /// Milliseconds from start to end; nil while it goes on.
    var duration: Int64?
    /// Processor time of the process at the start, in microseconds.
    let processorTime: (userMicroseconds: Int64, systemMicroseconds: Int64)
    /// By nanoseconds, since most commands take less than a microsecond; nil if not measured.
    var times: SpaceSaving?
    /// By bytes of requests and replies; nil if not measured.
    var bytes: SpaceSaving?
    /// Of all commands with keys, whether sampled or not.
    var totalNanoseconds = 0
    var totalBytes = 0
    fileprivate var random: RandomGenerator

    var isActive: Bool { duration == nil }

    /// When it ends by itself, in milliseconds of wall time.
    fileprivate var endsAt: Int64? { plan.seconds.map { startedAt &+ Int64($0) &* 1000 } }

    fileprivate mutating func isSampled() -> Bool {
      plan.sampleRatio == 1 || random.next(below: plan.sampleRatio) == 0
    }
  }

  /// Counters per key that is shown: the more there are, the less of a weight is doubtful.
  private static let countersPerKey = 16

  var session: Session?

  /// Begins a session in the place of the last one.
  func start(_ plan: Plan, now: Int64, seed: UInt64) {
    let capacity = plan.count * HotKeys.countersPerKey
    session = Session(
      plan: plan, startedAt: now, processorTime: ProcessFacts.processorTime(of: .process),
      times: plan.measuresTime ? SpaceSaving(capacity: capacity) : nil,
      bytes: plan.measuresBytes ? SpaceSaving(capacity: capacity) : nil,
      random: RandomGenerator(seed: seed))
  }

  /// Memory of the sketches, roughly.
  var byteCount: Int {
    (session?.times?.byteCount ?? 0) + (session?.bytes?.byteCount ?? 0)
  }
}

extension Server {
  /// Begins to measure which keys cost most.
  func startHotKeys(_ plan: HotKeys.Plan) {
    metrics.hotKeys.start(
      plan, now: moment.milliseconds, seed: keyspace.random.next())
    gate.insert(.hotKeys)
  }

  /// Ends the session that goes on; its results stay.
  func stopHotKeys() {
    guard let session = metrics.hotKeys.session, session.isActive else { return }
    let now = min(moment.milliseconds, session.endsAt ?? .max)
    metrics.hotKeys.session?.duration = max(0, now - session.startedAt)
    gate.remove(.hotKeys)
  }

  /// Ends a session whose time is over.
  func endHotKeysInTime() {
    guard let end = metrics.hotKeys.session?.endsAt, moment.milliseconds >= end else { return }
    stopHotKeys()
  }

  /// Adds what a command has cost to its keys, if a session goes on.
  ///
  /// Compatibility: commands of a transaction count one by one, those of a script together as the
  /// script's.
  ///
  /// - Parameters:
  ///   - start: reading of the stopwatch before it ran.
  ///   - mark: where its reply begins.
  func noteHotKeys(
    _ keys: RequestKeys, of call: borrowing Call, since start: UInt64, replyFrom mark: Int
  ) {
    endHotKeysInTime()
    guard gate.contains(.hotKeys), !keys.isEmpty else { return }
    let ticks = timing.stopwatch &- start
    let nanoseconds = Int(min(1e18, Double(ticks) * 1000 / clock.ticksPerMicrosecond))
    let byteCount = call.arguments.requestByteCount + max(0, call.client.reply.count - mark)
    metrics.hotKeys.session?.totalNanoseconds &+= nanoseconds
    metrics.hotKeys.session?.totalBytes &+= byteCount
    guard metrics.hotKeys.session?.isSampled() == true else { return }
    for found in keys {
      let key = call.key(found.index)
      metrics.hotKeys.session?.times?.add(
        key.bytes, hash: key.hash, weight: nanoseconds / keys.count)
      metrics.hotKeys.session?.bytes?.add(
        key.bytes, hash: key.hash, weight: byteCount / keys.count)
    }
  }
}

extension Arguments {
  /// Length of the request in its usual form: `*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`.
  fileprivate var requestByteCount: Int {
    var total = 3 + DecimalText.digitCount(UInt(count))
    for index in 0..<count {
      let length = self[index].byteCount
      total += 5 + DecimalText.digitCount(UInt(length)) + length
    }
    return total
  }
}
