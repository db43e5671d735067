// SPDX-License-Identifier: Apache-2.0

import EventLoop

extension Server {
  /// What INFO always tells of the log.
  func writeLogInfo(to text: inout InfoText) {
    text.field("aof_enabled", appendLog.state != .off)
    text.field("aof_rewrite_in_progress", appendLog.rewriting != nil)
    text.field("aof_rewrite_scheduled", appendLog.isRewriteScheduled)
    text.field("aof_last_rewrite_time_sec", appendLog.lastRewriteSeconds)
    let seconds = appendLog.rewriting.map {
      (clock.monotonicNanoseconds() - $0.startedAt) / 1_000_000_000
    }
    text.field("aof_current_rewrite_time_sec", seconds ?? -1)
    text.field("aof_last_bgrewrite_status", appendLog.hasRewriteFailed ? "err" : "ok")
    text.field("aof_rewrites", statistics.rewrites)
    text.field("aof_rewrites_consecutive_failures", appendLog.rewriteFailuresInARow)
    text.field("aof_last_write_status", appendLog.failure == nil ? "ok" : "err")
    text.field("aof_last_cow_size", appendLog.lastForcedBytes)
  }

  /// What INFO tells of the log while it is on.
  func writeLogFigures(to text: inout InfoText) {
    guard appendLog.state != .off else { return }
    text.field("aof_current_size", appendLog.byteCount)
    text.field("aof_base_size", appendLog.rewrittenByteCount)
    text.field("aof_pending_rewrite", appendLog.isRewriteScheduled)
    text.field("aof_buffer_length", appendLog.cursor?.pendingCount ?? 0)
    text.field("aof_pending_bio_fsync", appendLog.jobCount)
    text.field("aof_delayed_fsync", statistics.delayedSyncs)
  }
}
