// SPDX-License-Identifier: Apache-2.0

import EventLoop

extension Server {
  /// What INFO always tells of the log.
  func writeLogInfo(to text: inout InfoText) {
    let log = appendLog
    text.field("aof_enabled", log.state != .off)
    text.field("aof_rewrite_in_progress", log.rewriting != nil)
    text.field("aof_rewrite_scheduled", log.isRewriteScheduled)
    text.field("aof_last_rewrite_time_sec", log.lastRewriteSeconds)
    let seconds = log.rewriting.map {
      (clock.monotonicNanoseconds() - $0.startedAt) / 1_000_000_000
    }
    text.field("aof_current_rewrite_time_sec", seconds ?? -1)
    text.field("aof_last_bgrewrite_status", log.hasRewriteFailed ? "err" : "ok")
    text.field("aof_rewrites", statistics.rewrites)
    text.field("aof_rewrites_consecutive_failures", log.rewriteFailuresInARow)
    text.field("aof_last_write_status", log.failure == nil ? "ok" : "err")
    text.field("aof_last_cow_size", log.lastForcedBytes)
  }

  /// What INFO tells of the log while it is on.
  func writeLogFigures(to text: inout InfoText) {
    let log = appendLog
    guard log.state != .off else { return }
    text.field("aof_current_size", log.byteCount)
    text.field("aof_base_size", log.rewrittenByteCount)
    text.field("aof_pending_rewrite", log.isRewriteScheduled)
    text.field("aof_buffer_length", log.cursor?.pendingCount ?? 0)
    text.field("aof_pending_bio_fsync", log.jobCount)
    text.field("aof_delayed_fsync", statistics.delayedSyncs)
  }
}
