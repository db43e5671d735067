// SPDX-License-Identifier: Apache-2.0

import EventLoop

extension Server {
  /// Saving and loading.
  func writePersistenceInfo(to text: inout InfoText) {
    let save = persistence.backgroundSave
    let snapshot = persistence.rdbSave
    let now = clock.wallMicroseconds() / 1_000_000
    text.section("Persistence")
    text.field("loading", persistence.isLoading && !persistence.isLoadingBeside)
    text.field("async_loading", persistence.isLoadingBeside)
    // No process is forked: what is copied since it was about to change takes the place of pages
    // that a fork would copy.
    text.field("current_cow_peak", save?.cut.forcedByteCountInAll ?? 0)
    text.field("current_cow_size", save?.cut.forcedByteCountInAll ?? 0)
    text.field("current_cow_size_age", 0)
    let total = Double(max(1, save?.cut.keyCount ?? 1))
    text.field("current_fork_perc", Double(save?.cut.processed ?? 0) * 100 / total)
    text.field("current_save_keys_processed", save?.cut.processed ?? 0)
    text.field("current_save_keys_total", save?.cut.keyCount ?? 0)
    text.field("rdb_changes_since_last_save", effects.changeCount - persistence.savedChangeCount)
    text.field("rdb_bgsave_in_progress", snapshot != nil || persistence.isSaveScheduled)
    text.field("rdb_last_save_time", lastSave)
    text.field("rdb_last_bgsave_status", persistence.hasBackgroundSaveFailed ? "err" : "ok")
    text.field("rdb_last_bgsave_time_sec", persistence.lastBackgroundSeconds)
    text.field("rdb_current_bgsave_time_sec", snapshot.map { now - $0.startedAtWall } ?? -1)
    text.field("rdb_saves", statistics.saves)
    text.field("rdb_last_cow_size", persistence.lastForcedBytes)
    text.field("rdb_last_load_keys_expired", persistence.keysExpired)
    text.field("rdb_last_load_keys_loaded", persistence.keysLoaded)
    writeLogInfo(to: &text)
    text.field("module_fork_in_progress", false)
    text.field("module_fork_last_cow_size", 0)
    writeLogFigures(to: &text)
    if let loading = persistence.loading { writeLoadingInfo(loading, to: &text) }
  }

  /// How far a load has come.
  private func writeLoadingInfo(_ loading: Loading, to text: inout InfoText) {
    let loaded = loading.offset
    let elapsed = max(1, clock.wallMicroseconds() / 1_000_000 - loading.startedAt)
    let remaining = max(0, loading.byteCount - loaded)
    let eta = loaded == 0 ? 1 : Int(Double(elapsed) * Double(remaining) / Double(loaded))
    text.field("loading_start_time", loading.startedAt)
    text.field("loading_total_bytes", loading.byteCount)
    text.field("loading_rdb_used_mem", loading.usedMemory)
    text.field("loading_loaded_bytes", loaded)
    let percentage = Double(loaded) * 100 / Double(max(1, loading.byteCount))
    text.field("loading_loaded_perc", percentage, digits: 2)
    text.field("loading_eta_seconds", eta)
  }

  /// Wall time of the last save in seconds; the start as long as nothing was saved, as in Redis.
  var lastSave: Int64 { persistence.lastSave ?? timing.startedAt / 1000 }
}
