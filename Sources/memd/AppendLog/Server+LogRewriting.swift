// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Rewriting: a new base takes the place of everything that was logged before. It is written as a
// background save is. At the cut the log goes on in another increment, and when the base is durable
// the manifest names both and nothing else.

extension Server {
  /// Begins to rewrite the log, which may be off; false if it can't begin, and then the log says
  /// why. No cut and no rewrite may be under way.
  @discardableResult
  func startRewriting() -> Bool {
    let log = appendLog
    log.isRewriteScheduled = false
    log.nextAutomaticRewrite = clock.monotonicNanoseconds() + Server.secondsBetweenRewrites
    do throws(LogOpeningError) {
      if log.lock == nil {
        // It may have been another server's since.
        log.writer = nil
        try prepareLogWriter()
        log.lock = try lockLogDirectory()
      }
    } catch {
      for line in error.lines { self.log.warning(line) }
      log.hasRewriteFailed = true
      return false
    }
    // The first base is none.
    if !persistence.isWritingFirstBase { statistics.rewrites += 1 }
    let directory = log.directory
    let rewriting = LogRewriting(
      format: configuration.aofUseRdbPreamble ? .rdb : .aof,
      temporary: "\(directory)/temp-rewriteaof-bg-\(self.log.processID).aof",
      startedAt: clock.monotonicNanoseconds())
    log.rewriting = rewriting
    if log.isRunning { switchIncrement() }
    startSave(
      .logBase(rewriting.format == .rdb ? .rdb : .commands),
      temporary: "\(directory)/temp-rewriteaof-\(self.log.processID).aof",
      as: rewriting.temporary)
    self.log.notice("Background append only file rewriting started")
    return true
  }

  /// What is in the stream by now stands in the increment that is written to, what follows in the
  /// next one.
  private func switchIncrement() {
    let log = appendLog
    if effects.stream.offset > log.handedOver { handOverLog(syncs: false) }
    effects.forgetDatabase()
    // A base that is to mend the log must not be the end of what is read until it is there.
    let isListed = log.state == .on && !log.needsBase
    submit(
      .beginIncrement(
        effects.stream.position, after: log.lastJobEnd, timestamp: logTimestamp,
        isListed: isListed))
    log.handedOver = effects.stream.offset
    log.lastJobEnd = effects.stream.offset
  }

  /// A helper has begun the next increment, or not.
  func noteBegun(_ failure: LogWriteFailure?) {
    guard let failure else { return }
    let cause = failure.cause
    log.warning("Can't begin the next append only file: \(cause)")
    // One that was refused has left the log as it was.
    if case .broken = failure, endsWith(failure) { return }
    if let save = persistence.backgroundSave, !save.isSnapshot { drop(save) }
    endRewriting(because: "there is no file for what changes meanwhile")
  }

  /// The base is written and durable: a helper puts it in its place.
  func installLogBase(_ save: BackgroundSave) {
    guard let rewriting = appendLog.rewriting else { return }
    appendLog.lastForcedBytes = save.cut.forcedByteCountInAll
    submit(
      .install(
        rewriting, byteCount: save.output.byteCount,
        keepsHistory: configuration.aofDisableAutoGC))
  }

  /// A helper has put a base in its place, or not.
  func noteInstalled(_ rewriting: LogRewriting, _ failure: LogWriteFailure?) {
    let log = appendLog
    guard log.rewriting === rewriting else { return }
    if let failure {
      self.log.warning("Can't put the rewritten append only file in its place: \(failure.cause)")
      return endRewriting(because: "its files can't be named")
    }
    log.rewrittenByteCount = log.byteCount
    let nanoseconds = clock.monotonicNanoseconds() - rewriting.startedAt
    self.log.notice("Background AOF rewrite terminated with success")
    if log.state == .starting {
      log.state = .on
      effects.blocked.signalSync()
      self.log.notice("The append only file is complete: changes are durable from now on")
    }
    if log.needsBase {
      self.log.warning("The append only file is whole again. The server can write again.")
      log.needsBase = false
      log.failure = nil
      updateDiskGate()
    }
    endRewriting(seconds: Int(nanoseconds / 1_000_000_000))
    self.log.notice("Background AOF rewrite finished successfully")
  }

  private func endRewriting(seconds: Int) {
    let log = appendLog
    forgetRewriting()
    if !persistence.isWritingFirstBase { log.lastRewriteSeconds = seconds }
    log.hasRewriteFailed = false
    log.rewriteFailuresInARow = 0
    callWhenStarted(true)
    startScheduledSave()
  }

  /// A rewrite has failed: what was logged so far stays.
  func endRewriting(because reason: String) {
    let log = appendLog
    guard let rewriting = log.rewriting else { return }
    self.log.warning("Background AOF rewrite terminated with error: \(reason)")
    forgetRewriting()
    log.lastRewriteSeconds =
      Int((clock.monotonicNanoseconds() - rewriting.startedAt) / 1_000_000_000)
    log.hasRewriteFailed = true
    log.rewriteFailuresInARow += 1
    log.nextAutomaticRewrite = clock.monotonicNanoseconds() + pauseAfterFailedRewrite
    callWhenStarted(false)
    startScheduledSave()
  }

  /// A rewrite has ended, whatever came of it.
  private func forgetRewriting() {
    appendLog.rewriting = nil
    if appendLog.state == .off { leaveLogDirectory() }
  }

  /// The directory is no longer this server's.
  private func leaveLogDirectory() {
    appendLog.writer = nil
    appendLog.lock?.close()
    appendLog.lock = nil
  }

  private func callWhenStarted(_ hasStarted: Bool) {
    let whenStarted = appendLog.whenStarted
    appendLog.whenStarted = nil
    whenStarted?(hasStarted)
  }

  /// Gives a rewrite up that nobody wants any more.
  func cancelRewriting() {
    guard appendLog.rewriting != nil else { return }
    if let save = persistence.backgroundSave, !save.isSnapshot { drop(save) }
    log.notice("The rewrite of the append only file under way is given up")
    forgetRewriting()
  }

  // MARK: - Rewrites that nobody asks for

  private static let secondsBetweenRewrites: Int64 = 1_000_000_000

  /// Nanoseconds to wait after a rewrite that failed: a second, but from the third failure in a row
  /// on a minute, then two, and so on up to an hour, as Redis does.
  private var pauseAfterFailedRewrite: Int64 {
    let failures = appendLog.rewriteFailuresInARow
    // A log that isn't in force, or not whole, can't wait.
    guard failures >= 3, appendLog.state == .on, !appendLog.needsBase else { return 1_000_000_000 }
    return 60_000_000_000 * Int64(min(60, 1 << min(failures - 3, 6)))
  }

  /// Begins a rewrite if the log has no base, or has grown enough since it got its last one.
  func considerRewriting() {
    let log = appendLog
    guard log.isRunning, log.rewriting == nil, persistence.backgroundSave == nil,
      clock.monotonicNanoseconds() >= log.nextAutomaticRewrite
    else { return }
    if log.state == .starting || log.needsBase { return _ = startRewriting() }
    guard configuration.autoAofRewritePercentage > 0,
      log.byteCount > configuration.autoAofRewriteMinSize
    else { return }
    let base = max(1, log.rewrittenByteCount)
    let growth = Int((Double(log.byteCount) * 100 / Double(base) - 100).rounded(.down))
    guard growth >= configuration.autoAofRewritePercentage else { return }
    self.log.notice("Starting automatic rewriting of AOF on \(growth)% growth")
    startRewriting()
  }

  // MARK: - On and off

  /// Takes over that `appendonly` was changed while the server runs.
  func applyAppendOnly() throws(ConfigurationChange.Failure) {
    guard configuration.appendOnly != appendLog.isRunning else { return }
    guard configuration.appendOnly else { return stopLog() }
    do throws(LogOpeningError) {
      try startLog()
    } catch {
      for line in error.lines { log.warning(line) }
      throw ConfigurationChange.Failure(
        option: "appendonly", message: "Unable to turn on AOF. Check server logs.")
    }
  }

  /// Takes over that files which are no longer read may go.
  func applyHistoryRemoval() {
    guard !configuration.aofDisableAutoGC, appendLog.writer != nil else { return }
    submit(.dropHistory)
    helpers.drain(.log)
  }

  /// Begins to log changes; the log is in force when its first base is written.
  ///
  /// - Parameter whenStarted: called with whether that has succeeded; it is tried again if not.
  func startLog(whenStarted: ((Bool) -> Void)? = nil) throws(LogOpeningError) {
    let log = appendLog
    cancelRewriting()
    helpers.drain(.log)
    try prepareLogWriter()
    log.lock = try lockLogDirectory()
    log.state = .starting
    log.cursor = effects.stream.makeCursor()
    effects.notesUnlogged = true
    log.restart(at: effects.stream.offset)
    log.whenStarted = whenStarted
    if persistence.backgroundSave == nil {
      startRewriting()
    } else {
      log.isRewriteScheduled = true
    }
  }

  /// Ends logging: everything is written and synced first, whoever waits.
  func stopLog() {
    let log = appendLog
    guard log.isRunning else { return }
    if log.rewriting != nil { self.log.notice("Killing AOF child: the rewrite is given up") }
    cancelRewriting()
    finishLog()
    if let cursor = log.cursor { effects.stream.remove(cursor) }
    log.cursor = nil
    effects.notesUnlogged = false
    log.state = .off
    log.failure = nil
    log.needsBase = false
    log.continuesAt = .max
    leaveLogDirectory()
    log.isRewriteScheduled = false
    updateDiskGate()
    holdWrites(false, for: .log)
    effects.blocked.signalSync()
    callWhenStarted(false)
  }

  /// Writes and syncs everything, whoever waits.
  func finishLog() {
    let log = appendLog
    guard log.isRunning else { return }
    helpers.drain(.log)
    if !log.needsBase {
      handOverLog(syncs: true)
      helpers.drain(.log)
    }
    submit(.close)
    helpers.drain(.log)
    if log.failure != nil {
      self.log.warning("The append only file is not complete: the last changes are not in it")
    }
  }
}

extension AppendLog {
  /// What comes next is what stands at this offset of the stream.
  func restart(at offset: Int) {
    if let cursor { cursor.advance(offset - cursor.position) }
    handedOver = offset
    lastJobEnd = offset
    synced = offset
  }
}
