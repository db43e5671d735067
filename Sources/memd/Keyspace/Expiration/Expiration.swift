// SPDX-License-Identifier: Apache-2.0
//
// Keys are removed when their deadline passes: each database's wheel hands over what is due. This
// happens in slices, so that a million keys due in the same instant stall nobody. What is left over
// is the backlog, which keeps the loop from sleeping.
//
// Readers never see a due key, removed or not, so being late costs memory and delays the `expired`
// event, nothing else. How late it was is recorded key by key.

import DataStructures

/// Removes keys and fields whose deadlines have passed, slice by slice.
final class Expiration {
  private let keyspace: Keyspace
  private let moment: Moment
  /// How late they were removed.
  let lag = ExpirationLag()
  /// Whether the last slice ended before everything due was removed.
  private(set) var hasBacklog = false
  /// The database with which the next slice begins.
  private var cursor = 0
  /// The wall millisecond up to which nothing is due but the backlog.
  private var millisecond = Int64.min
  /// Time spent so far (INFO's expire_cycle_cpu_milliseconds); kept by whoever measures it.
  var microseconds = 0.0

  init(_ keyspace: Keyspace) {
    self.keyspace = keyspace
    moment = keyspace.moment
  }

  /// Due fields of one hash that are removed together, with one HDEL for followers.
  private static let fieldsPerStep = 64

  /// Nothing is removed for the time being; what has become due meanwhile is found afterwards.
  func rest() {
    hasBacklog = false
    millisecond = .min
  }

  /// Whether something may have become due since the last slice.
  ///
  /// Deadlines are whole milliseconds: within one nothing more becomes due.
  var mayFindMore: Bool { hasBacklog || millisecond != moment.milliseconds }

  /// Removes what is due in all databases until the time is over.
  ///
  /// - Parameter endUnit: called behind each removal, which is an execution unit.
  func removeDue(isOver: () -> Bool, endUnit: () -> Void) {
    millisecond = moment.milliseconds
    // Nothing is asked of any database, a thousand times a second, where nothing expires.
    guard moment.hasDeadlines else {
      hasBacklog = false
      return
    }
    hasBacklog = !removesAllDue(isOver, endUnit)
    if hasBacklog { keyspace.statistics.expiredTimeCapReached += 1 }
  }

  /// Goes from database to database; false if the time was over first.
  private func removesAllDue(_ isOver: () -> Bool, _ endUnit: () -> Void) -> Bool {
    let count = keyspace.databases.count
    for step in 0..<count {
      let database = keyspace.databases[(cursor + step) % count]
      if !removesDueKeys(of: database, isOver, endUnit)
        || !removesDueFields(of: database, isOver, endUnit)
      {
        cursor = database.number
        return false
      }
    }
    return true
  }

  private func removesDueKeys(
    of database: Database, _ isOver: () -> Bool, _ endUnit: () -> Void
  ) -> Bool {
    guard database.expiringCount > 0 else { return true }
    while true {
      // A few keys go in any case, so that a crowded loop can't bring expiry to a halt.
      var work = 16
      while let entry = database.nextDue(work: &work) {
        lag.record(milliseconds: moment.milliseconds.saturatingDistance(from: entry.deadline))
        database.expireDue(entry)
        endUnit()
      }
      guard database.contents.expirations.hasBacklog else { return true }
      if isOver() { return false }
    }
  }

  private func removesDueFields(
    of database: Database, _ isOver: () -> Bool, _ endUnit: () -> Void
  ) -> Bool {
    guard database.fieldExpiringCount > 0 else { return true }
    while true {
      var work = 16
      while work > 0, let entry = database.nextHashWithDueFields(work: &work) {
        let due = HashExpiration(entry).deadline
        let removed = database.expireFields(of: entry, limit: Expiration.fieldsPerStep)
        if removed > 0 {
          lag.record(milliseconds: moment.milliseconds.saturatingDistance(from: due))
        }
        work -= removed
        endUnit()
      }
      guard work <= 0 || database.contents.fieldExpirations.hasBacklog else { return true }
      if isOver() { return false }
    }
  }

  /// When the next key or field may become due, in wall milliseconds; nil if nothing expires.
  var nextDeadline: Int64? {
    var earliest: Int64?
    moment.hasDeadlines = false
    for database in keyspace.databases where database.expires {
      moment.hasDeadlines = true
      let now = moment.milliseconds
      let key = database.contents.expirations.earliestEvent(after: now)
      let field = database.contents.fieldExpirations.earliestEvent(after: now)
      earliest = min(earliest ?? .max, key ?? .max, field ?? .max)
    }
    return earliest
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
  func nextDue(work: inout Int) -> Entry? {
    contents.expirations.nextDue(now: moment.milliseconds, work: &work)?.entry
  }

  /// Removes an entry that the wheel has just handed over.
  func expireDue(_ entry: Entry) {
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
  func saturatingDistance(from earlier: Int64) -> Int64 {
    let (distance, overflows) = subtractingReportingOverflow(earlier)
    return overflows ? .max : distance
  }
}
