// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Work that time causes: expiry by deadline, and periodic chores in slices. Background work takes
// at most a millisecond per turn, and a small share of the time while requests wait.

extension Server {
  /// Runs everything that is due.
  func runTimers(monotonic now: Int64) {
    endPauseIfDue(monotonic: now)
    if promises.isActive { updatePromiseGates() }
    if effects.blocked.timeouts.count > 0 { endBlockingTimeouts(monotonic: now) }
    if persistence.loading == nil || persistence.isLoadingBeside { expireDueKeys() }
    if persistence.loading != nil { continueLoading() }
    if now >= cron.next {
      cron.next = now + 1_000_000_000 / Int64(max(1, configuration.hz))
      if !cron.isPaused { runCron() }
      resumeAccepting()
    }
    // One of these per turn, once expiry has nothing left: each may use up a budget.
    if !upkeep.expiration.hasBacklog {
      if !keyspace.unlinked.isEmpty {
        freeUnlinked()
      } else if !clients.leaving.isEmpty {
        let start = clock.ticks()
        continueLeaving(until: start &+ backgroundBudget(at: start))
        timing.backgroundEndedAt = clock.ticks()
      } else if upkeep.compaction.isRunning {
        let start = clock.ticks()
        compact(until: start &+ backgroundBudget(at: start, percent: compactionPercent))
        timing.backgroundEndedAt = clock.ticks()
      }
    }
    if persistence.savingContinues || now >= persistence.savingContinuesAt {
      continueBackgroundSave()
    }
    if upkeep.eviction.continues {
      let hasRoom = evict()
      noteExceeding(!hasRoom || upkeep.eviction.continues)
    }
    if monitoring.isCollecting { continueReport() }
    if now >= metrics.census.continuesAt { continueCensus() }
    if effects.attention.kinds.contains(.trackers) { effects.tracking?.enforceLimit() }
    // Keys may have become ready while clients were paused, or by the chores above.
    endUnit()
  }

  /// Percentage of the time that background work may take while requests wait.
  static var backgroundPercent: Int { 15 }

  /// Ticks that a slice of background work may take which starts now: a share of the time since
  /// the last one while requests wait, at most a millisecond; else a quarter of one, as the loop
  /// looks for requests in between.
  func backgroundBudget(at start: UInt64, percent: Int = backgroundPercent) -> UInt64 {
    let millisecond = timing.ticksPerMillisecond
    return sliceTicks(
      at: start, since: timing.backgroundEndedAt, percent: percent, idle: millisecond / 4,
      atMost: millisecond)
  }

  /// Ticks for a slice of work that starts now: `idle` while nobody waits, else a share of the time
  /// since the end of the last one, and not more than `limit`.
  func sliceTicks(
    at start: UInt64, since end: UInt64, percent: Int = backgroundPercent, idle: UInt64,
    atMost limit: UInt64
  ) -> UInt64 {
    if intake.events.isEmpty, intake.resuming.isEmpty { return idle }
    return min((start &- end) / UInt64(100 - percent) * UInt64(percent), limit)
  }

  /// True while there is work that doesn't wait for time or events.
  var hasBackgroundWork: Bool {
    !keyspace.unlinked.isEmpty || upkeep.expiration.hasBacklog
      || (upkeep.eviction.continues && !pause.isActive)
      || upkeep.compaction.isRunning || !clients.leaving.isEmpty
      || persistence.savingContinues || monitoring.isCollecting
      || effects.tracking?.isOverLimit ?? false
  }

  /// Frees a slice of what has been removed.
  private func freeUnlinked() {
    let start = clock.ticks()
    let deadline = start &+ backgroundBudget(at: start)
    while keyspace.unlinked.free(upTo: 128), clock.ticks() < deadline {}
    timing.backgroundEndedAt = clock.ticks()
  }
}
