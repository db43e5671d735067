// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Keys are removed when their deadline passes: each database's wheel hands over what is due, in
// slices with a time budget, so that a million keys due in the same instant stall nobody.

extension Server {
  /// Removes due keys of all databases for as long as the budget allows.
  func expireDueKeys() {
    expiryHasBacklog = false
    guard moment.expiryMode == .remove, configuration.activeExpireEnabled else { return }
    let start = clock.ticks()
    defer { statistics.expirationTicks &+= clock.ticks() &- start }
    let deadline = start &+ clock.ticks(microseconds: Server.backgroundMicrosecondsMax)
    let count = keyspace.databases.count
    for step in 0..<count {
      let database = keyspace.databases[(expiryCursor + step) % count]
      guard database.expiringCount > 0 else { continue }
      if !expire(database, until: deadline) {
        expiryCursor = database.number
        expiryHasBacklog = true
        statistics.expiredTimeCapReached += 1
        return
      }
    }
  }

  /// Removes what is due in one database; false if the time was over first.
  private func expire(_ database: Database, until deadline: UInt64) -> Bool {
    while true {
      var work = 32
      while let entry = database.contents.expirations.nextDue(
        now: moment.milliseconds, work: &work)
      {
        expirationLag.record(milliseconds: moment.milliseconds - entry.deadline)
        database.expireDue(entry)
        effects.flush(isTransaction: false)
      }
      guard database.contents.expirations.hasBacklog else { return true }
      if clock.ticks() >= deadline { return false }
    }
  }

  /// When the next key may become due, on the monotonic clock; nil if none has a deadline.
  func nextExpiry(monotonic now: Int64) -> Int64? {
    guard moment.expiryMode == .remove, configuration.activeExpireEnabled else { return nil }
    var earliest: Int64?
    for database in keyspace.databases where database.expiringCount > 0 {
      let event = database.contents.expirations.earliestEvent(after: moment.milliseconds)
      if let event { earliest = min(earliest ?? event, event) }
    }
    guard let earliest else { return nil }
    // Deadlines are compared with whole milliseconds: due is what lies before the current one.
    let wait = max(0, min(earliest &+ 1 &- moment.milliseconds, 1000))
    return now + wait * 1_000_000
  }
}

extension Database {
  /// Removes an entry that the wheel has just handed over.
  func expireDue(_ entry: Entry) {
    // The wheel no longer knows the entry; only the table and the entry itself remain.
    let hash = entry.hash(seed)
    let bytes = entry.key
    let key = Key(bytes, hash: hash)
    effects.expired(key, in: self)
    statistics.expiredKeys &+= 1
    guard let location = contents.table.locate(bytes, hash: hash) else { return }
    contents.table.remove(at: location)
    entry.free(allocator)
  }
}
