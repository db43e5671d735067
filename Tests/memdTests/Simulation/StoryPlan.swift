// SPDX-License-Identifier: Apache-2.0

import EventLoop

@testable import memd

/// What a simulated cluster is like, what goes wrong in it, and what must hold all the same; drawn
/// from a seed.
struct StoryPlan {
  /// What may go wrong.
  enum Trouble: String, CaseIterable {
    /// Connections are reset, or hang for a while; nobody dies, and nobody needs a full copy.
    case links
    /// Followers die, stop for a while and are restarted, too; the leader stays.
    case followers
    /// The leader dies, and when all is well again the next one does.
    case leaders
    /// Anybody is cut off from anybody, dies, stops, is restarted.
    case everything
  }

  /// What writers are promised.
  enum Promise: String, CaseIterable {
    /// Nothing beyond Redis.
    case none
    /// Followers have what anybody is shown: one, or all.
    case synchronous
    /// What is older than so many milliseconds survives.
    case bounded
  }

  let trouble: Trouble
  let promise: Promise
  let hostCount: Int
  /// Followers that must have what anybody is shown.
  let syncReplicas: Int
  let boundMilliseconds: Int
  let isChained: Bool
  let log: AppendFsync?
  let isDiskless: Bool
  let syncDelay: Int
  let backlogByteCount: Int
  let maxAge: Int
  let clientCount: Int
  let milliseconds: Int64
  let faultCount: Int
  let downAfter: Int64
  let delay: ClosedRange<Int64>
  let takenByteCountMax: Int
  /// Whether writers wait for slow followers, of which little is needed.
  let slowsWriters: Bool

  init(_ generator: inout SeededGenerator) {
    func pick<Value>(_ values: [Value]) -> Value {
      values[Int(generator.number(in: 0...Int64(values.count - 1)))]
    }
    trouble = pick(Trouble.allCases)
    let mayLose = trouble == .leaders || trouble == .everything
    // Whoever is cut off may lead on; how much is lost then is not bounded by one follower.
    promise = trouble == .leaders ? pick(Promise.allCases) : pick([.none, .synchronous])
    hostCount = pick([2, 3, 3, 4])
    // Who is cut off may lead on among those that have not heard: then all must have it.
    let followerCount = hostCount - 1
    let few = trouble == .everything ? followerCount : pick([1, followerCount])
    syncReplicas = promise == .synchronous ? few : 0
    boundMilliseconds = promise == .bounded ? Int(generator.number(in: 30...400)) : 0
    isChained = !mayLose && hostCount > 2 && generator.happens(perMillion: 300_000)
    log = pick([nil, nil, .everySecond, .always])
    syncDelay = pick([0, 0, 0, 1])
    isDiskless = generator.happens(perMillion: 600_000)
    let backlog = trouble == .links ? 4 << 20 : pick([16 << 10, 64 << 10, 1 << 20])
    maxAge = generator.happens(perMillion: 200_000) ? Int(generator.number(in: 50...500)) : 0
    clientCount = Int(generator.number(in: 2...5))
    milliseconds = generator.number(in: 1500...4000)
    faultCount = Int(generator.number(in: 2...6))
    downAfter = generator.number(in: 200_000_000...600_000_000)
    delay = pick([20_000...200_000, 20_000...500_000, 100_000...3_000_000])
    takenByteCountMax = pick([.max, .max, 40_000, 900])
    slowsWriters = generator.happens(perMillion: 300_000)
    // Writers wait at a part of the limit of a follower's output, which is never below the backlog.
    backlogByteCount = slowsWriters && trouble != .links ? 16 << 10 : backlog
  }

  /// The settings of every server.
  func configure(_ configuration: Configuration) {
    configuration.replDisklessSyncDelay = syncDelay
    configuration.replDisklessSync = isDiskless
    configuration.replTimeoutSeconds = 2
    configuration.replPingReplicaPeriodSeconds = 1
    configuration.replBacklogSize = backlogByteCount
    configuration.saveRules = []
    configuration.syncReplicas = syncReplicas
    configuration.syncReplicasTimeout = 1500
    configuration.maxUnconfirmed = boundMilliseconds
    configuration.replicaMaxAge = maxAge
    configuration.replicaBackpressure = slowsWriters
    if slowsWriters { configuration.clientOutputBufferLimits.replica.hardBytes = 16_000 }
    if let log {
      configuration.appendOnly = true
      configuration.appendFsync = log
    }
  }

  /// How the history must look; nil if nothing is promised that could be checked.
  ///
  /// - Parameter hasFailedOver: whether another one has come to lead.
  func historyPromise(hasFailedOver: Bool) -> HistoryPromise? {
    switch promise {
    case .none: trouble != .leaders && !hasFailedOver ? .everything : nil
    case .synchronous: .everything
    // A write is as old as its turn when it is answered, and clocks run a little apart.
    case .bounded: .olderThan(nanoseconds: Int64(boundMilliseconds + 40) * 1_000_000)
    }
  }

  var description: String {
    "\(trouble), \(promise) (\(syncReplicas) of \(hostCount - 1), \(boundMilliseconds) ms),"
      + " log \(log.map { $0.rawValue } ?? "no"), chained \(isChained), diskless \(isDiskless),"
      + " backlog \(backlogByteCount), \(milliseconds) ms, \(faultCount) faults"
      + (slowsWriters ? ", writers wait" : "")
  }
}
