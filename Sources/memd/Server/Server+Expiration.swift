// SPDX-License-Identifier: Apache-2.0
//
// When expiry gets its slices: a quarter of a millisecond per turn while nothing else is to do, a
// share of the time while requests wait.

import DataStructures
import EventLoop

extension Server {
  /// Removes due keys of all databases for as long as the budget allows.
  func expireDueKeys() {
    guard moment.expiryMode == .remove, configuration.activeExpireEnabled else {
      return upkeep.expiration.rest()
    }
    guard upkeep.expiration.mayFindMore else { return }
    let start = clock.ticks()
    let deadline = start &+ backgroundBudget(at: start)
    upkeep.expiration.removeDue(isOver: { clock.ticks() >= deadline }, endUnit: { endUnit() })
    timing.backgroundEndedAt = clock.ticks()
    noteExpiry(microseconds: clock.microseconds(from: start, to: timing.backgroundEndedAt))
  }

  /// Removes due keys that a follower's clients have written.
  func expireLocalKeys() {
    guard let local = effects.localDeadlines, configuration.activeExpireEnabled else { return }
    local.file { keyspace.databases[$0.database].deadline(of: $0.bytes.rawSpan) }
    let start = clock.ticks()
    let deadline = start &+ timing.ticksPerMillisecond
    while clock.ticks() < deadline, let key = local.takeDue(now: moment.milliseconds) {
      keyspace.databases[key.database].expireNow(key.bytes.rawSpan)
      endUnit()
    }
  }

  /// Counts the time of a slice; a slow one interests the latency monitor.
  private func noteExpiry(microseconds: Double) {
    upkeep.expiration.microseconds += microseconds
    let threshold = configuration.latencyMonitorThreshold
    guard threshold > 0, microseconds >= Double(threshold) * 1000 else { return }
    metrics.latency.add(
      "expire-cycle", milliseconds: Int(microseconds / 1000),
      time: moment.microseconds / 1_000_000)
  }

  /// When the next key may become due, on the monotonic clock; nil if that needs no waking up.
  func nextExpiry(monotonic now: Int64) -> Int64? {
    guard moment.expiryMode == .remove, configuration.activeExpireEnabled,
      // The periodic chores wake the loop before long anyway; they also see wall time jump.
      let earliest = upkeep.expiration.nextDeadline, earliest < moment.milliseconds &+ 1000
    else { return nil }
    let wall = clock.wallMicroseconds(atMonotonic: now)
    return now + max(0, earliest * 1000 - wall) * 1000
  }
}
