// SPDX-License-Identifier: Apache-2.0
//
// Keys are removed when their deadline passes: each database's wheel hands over what is due. This
// happens in slices with a time budget, so that a million keys due in the same instant stall
// nobody: a millisecond per turn while nothing else is to do, a share of the time while requests
// wait. What is left over is the backlog, which keeps the loop from sleeping.
//
// Readers never see a due key, removed or not, so being late costs memory and delays the `expired`
// event, nothing else. How late it was is recorded key by key.

import DataStructures
import EventLoop
import RESP

/// How far expiry has come, and what it cost.
struct ExpiryProgress {
  /// Whether the last slice ended before everything due was removed.
  var hasBacklog = false
  /// The database with which the next slice begins.
  fileprivate var cursor = 0
  /// The wall millisecond up to which nothing is due but the backlog.
  fileprivate var millisecond = Int64.min
  /// Time spent so far (INFO's expire_cycle_cpu_milliseconds).
  fileprivate(set) var microseconds = 0.0
}

extension Server {
  /// Removes due keys of all databases for as long as the budget allows.
  func expireDueKeys() {
    guard moment.expiryMode == .remove, configuration.activeExpireEnabled else {
      expiry.hasBacklog = false
      expiry.millisecond = .min
      return
    }
    // Deadlines are whole milliseconds: within one nothing more becomes due.
    guard expiry.hasBacklog || expiry.millisecond != moment.milliseconds else { return }
    expiry.millisecond = moment.milliseconds
    let start = clock.ticks()
    expiry.hasBacklog = !expireDueKeys(until: start &+ backgroundBudget(at: start))
    backgroundEndedAt = clock.ticks()
    if expiry.hasBacklog { statistics.expiredTimeCapReached += 1 }
    noteExpiry(microseconds: clock.microseconds(from: start, to: backgroundEndedAt))
  }

  /// Removes what is due, database by database; false if the time was over first.
  private func expireDueKeys(until deadline: UInt64) -> Bool {
    let count = keyspace.databases.count
    for step in 0..<count {
      let database = keyspace.databases[(expiry.cursor + step) % count]
      if !expireDueKeys(of: database, until: deadline)
        || !expireDueFields(of: database, until: deadline)
      {
        expiry.cursor = database.number
        return false
      }
    }
    return true
  }

  /// Removes what is due in one database; false if the time was over first.
  private func expireDueKeys(of database: Database, until deadline: UInt64) -> Bool {
    guard database.expiringCount > 0 else { return true }
    while true {
      // A few keys go in any case, so that a crowded loop can't bring expiry to a halt.
      var work = 16
      while let entry = database.nextDue(work: &work) {
        expirationLag.record(
          milliseconds: moment.milliseconds.saturatingDistance(from: entry.deadline))
        database.expireDue(entry)
        effects.flush(isTransaction: false)
        if effects.attention.kinds.contains(.readyKeys) {
          stopwatch = clock.ticks()
          serveReadyClients()
        }
      }
      guard database.contents.expirations.hasBacklog else { return true }
      if clock.ticks() >= deadline { return false }
    }
  }

  /// Removes the due fields of hashes in one database; false if the time was over first.
  private func expireDueFields(of database: Database, until deadline: UInt64) -> Bool {
    guard database.fieldExpiringCount > 0 else { return true }
    while true {
      var work = 16
      while work > 0, let entry = database.nextHashWithDueFields(work: &work) {
        let due = HashExpiration(entry).deadline
        let removed = database.expireFields(of: entry, limit: Server.fieldsPerStep)
        if removed > 0 {
          expirationLag.record(
            milliseconds: moment.milliseconds.saturatingDistance(from: due))
        }
        work -= removed
        effects.flush(isTransaction: false)
      }
      guard work <= 0 || database.contents.fieldExpirations.hasBacklog else { return true }
      if clock.ticks() >= deadline { return false }
    }
  }

  /// Due fields of one hash that are removed together, with one HDEL for followers.
  private static var fieldsPerStep: Int { 64 }

  /// Counts the time of a slice; a slow one interests the latency monitor.
  private func noteExpiry(microseconds: Double) {
    expiry.microseconds += microseconds
    let threshold = configuration.latencyMonitorThreshold
    guard threshold > 0, microseconds >= Double(threshold) * 1000 else { return }
    latencyMonitor.add(
      "expire-cycle", milliseconds: Int(microseconds / 1000),
      time: moment.microseconds / 1_000_000)
  }

  /// When the next key may become due, on the monotonic clock; nil if that needs no waking up.
  func nextExpiry(monotonic now: Int64) -> Int64? {
    guard moment.expiryMode == .remove, configuration.activeExpireEnabled else { return nil }
    var earliest = Int64.max
    moment.hasDeadlines = false
    for database in keyspace.databases
    where database.expiringCount > 0 || database.fieldExpiringCount > 0 {
      moment.hasDeadlines = true
      let now = moment.milliseconds
      let key = database.contents.expirations.earliestEvent(after: now)
      let field = database.contents.fieldExpirations.earliestEvent(after: now)
      earliest = min(earliest, key ?? .max, field ?? .max)
    }
    // The periodic chores wake the loop before long anyway; they also see wall time jump.
    guard earliest < moment.milliseconds &+ 1000 else { return nil }
    let wall = clock.wallMicroseconds(atMonotonic: now)
    return now + max(0, earliest * 1000 - wall) * 1000
  }

  /// Percentage of the keys with a deadline that are due but not removed yet, from a sample.
  func estimatedStalePercent() -> Double {
    let total = keyspace.databases.reduce(0) { $0 + $1.expiringCount }
    guard total > 0 else { return 0 }
    let sampleCount = 100
    var dueCount = 0
    for _ in 0..<sampleCount {
      var draw = keyspace.random.next(below: total)
      for database in keyspace.databases {
        draw -= database.expiringCount
        guard draw < 0 else { continue }
        let entry = database.contents.expirations.random(using: &keyspace.random)?.entry
        if let entry, database.isDue(entry) { dueCount += 1 }
        break
      }
    }
    return Double(dueCount) * 100 / Double(sampleCount)
  }
}

extension Database {
  /// Takes one due entry out of the wheel; `work` limits how many records are looked at.
  fileprivate func nextDue(work: inout Int) -> Entry? {
    contents.expirations.nextDue(now: moment.milliseconds, work: &work)?.entry
  }

  /// Removes an entry that the wheel has just handed over.
  fileprivate func expireDue(_ entry: Entry) {
    let bytes = entry.key
    expire(entry, Key(bytes, hash: entry.hash(seed)))
  }

  /// Mean time to live of the keys with a deadline in milliseconds, 0 without any (INFO's avg_ttl).
  var averageTimeToLive: Int {
    let now = moment.milliseconds
    guard let mean = contents.expirations.averageDeadline, mean > now else { return 0 }
    return Int(mean - now)
  }
}

extension Int64 {
  /// The distance from an earlier number, at most the largest one that there is.
  fileprivate func saturatingDistance(from earlier: Int64) -> Int64 {
    let (distance, overflows) = subtractingReportingOverflow(earlier)
    return overflows ? .max : distance
  }
}
