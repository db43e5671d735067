// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// The step *log* of a turn: what the turn has added to the stream goes to a helper, which writes
// and syncs; and what the turn has for others waits for that if it must.

extension Server {
  /// Nanoseconds between two writes, as long as little is to be written: each of them costs the
  /// loop a few microseconds.
  private static let writeInterval: Int64 = 1_000_000
  /// So much is written without delay.
  private static let writeByteCount = 64 << 10
  /// Nanoseconds between two syncs as `appendfsync everysec` wants them.
  private static let syncInterval: Int64 = 1_000_000_000

  /// Whether nobody may see what the log can still lose.
  var holdsForLog: Bool { appendLog.state == .on && logSyncPolicy == .always }

  /// When the log is synced; never while a snapshot is being written, if that is wanted.
  private var logSyncPolicy: AppendFsync {
    configuration.noAppendFsyncOnRewrite && persistence.isSaving ? .no : configuration.appendFsync
  }

  /// Nanoseconds between two syncs; nil if the operating system writes when it likes.
  private var syncInterval: Int64? {
    let interval: Int64? =
      switch logSyncPolicy {
      case .always: 0
      case .everySecond: Server.syncInterval
      case .no: nil
      }
    // `max-unconfirmed-ms` may need more.
    guard let bound = logBoundNanoseconds else { return interval }
    return min(interval ?? .max, bound / 2)
  }

  /// Gives the helper what there is to write, and what to sync; called when a turn has ended.
  func writeLog() {
    appendLog.continuesAt = .max
    guard appendLog.jobCount == 0, appendLog.failure == nil else { return considerLogDelay() }
    let now = timing.turnStartedAt
    let pending = effects.loggedOffset - appendLog.handedOver
    // PINGs are written, as followers have them, but nobody waits for them.
    let needsSync = appendLog.synced < effects.dataOffset
    let syncDue = needsSync ? syncInterval.map { appendLog.syncedAt + $0 } : nil
    let isSyncDue = syncDue.map { $0 <= now } ?? false
    if pending <= 0, effects.stream.offset > appendLog.handedOver { passOverUnlogged() }
    if pending > 0 {
      let isDue =
        (needsSync && logSyncPolicy == .always) || pending >= Server.writeByteCount
        || now - appendLog.handedOverAt >= Server.writeInterval
      if isDue { return handOverLog(syncs: isSyncDue) }
      appendLog.continuesAt = appendLog.handedOverAt + Server.writeInterval
    } else if appendLog.synced < appendLog.handedOver, let syncDue {
      if isSyncDue { return handOverLog(syncs: true) }
      appendLog.continuesAt = syncDue
    }
  }

  /// What has been added to the stream is for followers only.
  private func passOverUnlogged() {
    let isSynced = appendLog.synced == appendLog.handedOver
    appendLog.passOver(effects)
    if let cursor = appendLog.cursor { cursor.advance(appendLog.handedOver - cursor.position) }
    if isSynced { appendLog.synced = appendLog.handedOver }
  }

  /// Gives the helper all that has been added to the stream.
  func handOverLog(syncs: Bool) {
    let portion = appendLog.takePortion(of: effects, timestamp: logTimestamp)
    appendLog.handedOverAt = clock.monotonicNanoseconds()
    if syncs { appendLog.syncedAt = appendLog.handedOverAt }
    submit(.write(portion, syncs: syncs, delay: appendLog.writeDelay))
  }

  /// Seconds since 1970, if the log is to have them.
  var logTimestamp: Int? {
    configuration.aofTimestampEnabled ? Int(clock.wallMicroseconds() / 1_000_000) : nil
  }

  func submit(_ work: LogJob.Work) {
    guard let writer = appendLog.writer else { return }
    appendLog.jobCount += 1
    helpers.submit(
      LogJob(work, for: writer, clock: clock) { [unowned self] job in finished(job) }, to: .log)
  }

  /// A helper has done its part.
  private func finished(_ job: LogJob) {
    appendLog.jobCount -= 1
    appendLog.byteCount = job.byteCount
    switch job.work {
    case .write(let portion, let syncs, _): noteWritten(portion, syncs, job.failure)
    case .beginIncrement: noteBegun(job.failure)
    case .install(let rewriting, _, _): noteInstalled(rewriting, job.failure)
    // What is broken is found by the next write.
    case .goBack, .close, .dropHistory: break
    }
    endLogDelay()
  }

  private func noteWritten(_ portion: LogPortion, _ syncs: Bool, _ failure: LogWriteFailure?) {
    guard let cursor = appendLog.cursor else { return }
    if let failure { return noteLogFailure(failure, of: portion) }
    cursor.advance(portion.end.offset - cursor.position)
    if syncs {
      appendLog.synced = portion.end.offset
      effects.blocked.signalSync()
    }
    if appendLog.failure != nil, !appendLog.needsBase {
      log.warning("AOF write error looks solved. The server can write again.")
      appendLog.failure = nil
      updateDiskGate()
    }
  }

  // MARK: - Trouble

  /// A part of the stream could not be written.
  private func noteLogFailure(_ failure: LogWriteFailure, of portion: LogPortion) {
    guard !endsWith(failure) else { return }
    switch failure {
    case .refused:
      // It stays where it is and is tried again.
      appendLog.handedOver = min(appendLog.handedOver, portion.begin)
      appendLog.lastJobEnd = min(appendLog.lastJobEnd, portion.start)
    case .broken:
      if let cursor = appendLog.cursor { cursor.advance(portion.end.offset - cursor.position) }
    }
  }

  /// Takes over that the log can't be written; true if the server ends for that, as nobody may be
  /// told anything that the disk doesn't have.
  func endsWith(_ failure: LogWriteFailure) -> Bool {
    let cause = failure.cause
    if appendLog.failure == nil {
      log.warning(
        "Error writing to the AOF file: \(cause.operation) \(cause.path): \(cause.cause.text)")
    }
    appendLog.failure = failure
    if appendLog.state == .on, logSyncPolicy == .always {
      log.warning(
        "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...")
      exitCode = 1
      return true
    }
    if case .broken = failure, !appendLog.needsBase {
      log.warning(
        "What the log holds on the disk is uncertain now. Writes are refused until it has been"
          + " rewritten, which is tried again and again; make sure that the disk is well.")
      appendLog.needsBase = true
    }
    updateDiskGate()
    return false
  }

  /// Tries again what has failed; called about once a second.
  func retryLog() {
    guard appendLog.isRunning, appendLog.failure != nil, appendLog.jobCount == 0 else { return }
    if !appendLog.needsBase { handOverLog(syncs: syncInterval != nil) }
  }

  /// For so long a write may wait for a sync, in nanoseconds, and so much may wait to be written,
  /// before clients that write have to wait, too.
  private static let delayMax: Int64 = 2_000_000_000
  private static let delayedByteCountMax = 64 << 20

  /// Has writes wait while the disk can't keep up.
  private func considerLogDelay() {
    guard let cursor = appendLog.cursor, appendLog.failure == nil, !pause.holders.contains(.log)
    else { return }
    let pending = effects.stream.offset - appendLog.handedOver
    let isLate = pending > 0 && timing.turnStartedAt - appendLog.handedOverAt > Server.delayMax
    guard isLate || cursor.pendingCount > Server.delayedByteCountMax else { return }
    log.notice("Writes wait: the disk takes too long to write or sync the append only file")
    statistics.delayedSyncs += 1
    holdWrites(true, for: .log)
  }

  private func endLogDelay() {
    guard pause.holders.contains(.log), appendLog.jobCount == 0 else { return }
    holdWrites(false, for: .log)
  }

  /// Takes over whether writes are refused, as snapshots or the log can't be written.
  func updateDiskGate() {
    let failsToSave =
      persistence.hasBackgroundSaveFailed && configuration.stopWritesOnBgsaveError
      && !configuration.saveRules.isEmpty
    if failsToSave || appendLog.failure != nil {
      gate.insert(.failingDisk)
    } else {
      gate.remove(.failingDisk)
    }
    persistence.refusesWrites = failsToSave
  }

  /// The error for a command that may not run while the gate is closed.
  func diskError(_ call: borrowing Call) -> CommandError {
    if persistence.refusesWrites { return .failingSaves }
    let cause = appendLog.failure?.cause.cause.text ?? ""
    return call.failure("MISCONF Errors writing to the AOF file: \(whole: ByteText(cause).bytes)")
  }
}
