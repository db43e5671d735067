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
    appendLog.isRewriteScheduled = false
    appendLog.nextAutomaticRewrite = clock.monotonicNanoseconds() + Server.secondsBetweenRewrites
    do throws(LogOpeningError) {
      if appendLog.lock == nil {
        // It may have been another server's since.
        appendLog.writer = nil
        try prepareLogWriter()
        appendLog.lock = try lockLogDirectory()
      }
    } catch {
      warn(of: error)
      appendLog.hasRewriteFailed = true
      return false
    }
    // The first base is none.
    if !persistence.isWritingFirstBase { statistics.rewrites += 1 }
    let directory = appendLog.directory
    let rewriting = LogRewriting(
      format: configuration.aofUseRdbPreamble ? .rdb : .aof,
      temporary: "\(directory)/temp-rewriteaof-bg-\(log.processID).aof",
      startedAt: clock.monotonicNanoseconds())
    appendLog.rewriting = rewriting
    if appendLog.isRunning { switchIncrement() }
    startSave(
      .logBase(rewriting.format == .rdb ? .rdb : .commands),
      temporary: "\(directory)/temp-rewriteaof-\(log.processID).aof",
      as: rewriting.temporary)
    log.notice("Background append only file rewriting started")
    return true
  }

  /// What is in the stream by now stands in the increment that is written to, what follows in the
  /// next one.
  private func switchIncrement() {
    if effects.stream.offset > appendLog.handedOver { handOverLog(syncs: false) }
    effects.forgetDatabase()
    var position = effects.stream.position
    // A leader's stream is taken as it comes: it doesn't select anew for this log.
    position.database = following == nil ? 0 : streamDatabase
    // A base that is to mend the log must not be the end of what is read until it is there.
    let isListed = appendLog.state == .on && !appendLog.needsBase
    submit(
      .beginIncrement(
        position, after: appendLog.lastJobEnd, timestamp: logTimestamp,
        isListed: isListed))
    appendLog.handedOver = effects.stream.offset
    appendLog.lastJobEnd = effects.stream.offset
  }

  /// A helper has begun the next increment, or not.
  func noteBegun(_ failure: LogWriteFailure?) {
    guard let failure else { return }
    let cause = failure.cause
    log.warning("Can't begin the next append only file: \(cause)")
    // One that was refused has left the log as it was.
    if case .broken = failure, endsWith(failure) { return }
    if let save = persistence.backgroundSave, save.isLogBase { drop(save) }
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
    guard appendLog.rewriting === rewriting else { return }
    if let failure {
      log.warning("Can't put the rewritten append only file in its place: \(failure.cause)")
      return endRewriting(because: "its files can't be named")
    }
    appendLog.rewrittenByteCount = appendLog.byteCount
    let nanoseconds = clock.monotonicNanoseconds() - rewriting.startedAt
    log.notice("Background AOF rewrite terminated with success")
    if appendLog.state == .starting {
      appendLog.state = .on
      effects.blocked.signalSync()
      log.notice("The append only file is complete: changes are durable from now on")
    }
    if appendLog.needsBase {
      log.warning("The append only file is whole again. The server can write again.")
      appendLog.needsBase = false
      appendLog.failure = nil
      updateDiskGate()
    }
    endRewriting(seconds: Int(nanoseconds / 1_000_000_000))
    log.notice("Background AOF rewrite finished successfully")
  }

  private func endRewriting(seconds: Int) {
    forgetRewriting()
    if !persistence.isWritingFirstBase { appendLog.lastRewriteSeconds = seconds }
    appendLog.hasRewriteFailed = false
    appendLog.rewriteFailuresInARow = 0
    callWhenStarted(true)
    startScheduledSave()
  }

  /// A rewrite has failed: what was logged so far stays.
  func endRewriting(because reason: String) {
    guard let rewriting = appendLog.rewriting else { return }
    log.warning("Background AOF rewrite terminated with error: \(reason)")
    forgetRewriting()
    appendLog.lastRewriteSeconds =
      Int((clock.monotonicNanoseconds() - rewriting.startedAt) / 1_000_000_000)
    appendLog.hasRewriteFailed = true
    appendLog.rewriteFailuresInARow += 1
    appendLog.nextAutomaticRewrite = clock.monotonicNanoseconds() + pauseAfterFailedRewrite
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
    if let save = persistence.backgroundSave, save.isLogBase { drop(save) }
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
    guard appendLog.isRunning, appendLog.rewriting == nil, persistence.backgroundSave == nil,
      persistence.loading == nil,
      clock.monotonicNanoseconds() >= appendLog.nextAutomaticRewrite
    else { return }
    if appendLog.state == .starting || appendLog.needsBase { return _ = startRewriting() }
    guard configuration.autoAofRewritePercentage > 0,
      appendLog.byteCount > configuration.autoAofRewriteMinSize
    else { return }
    let base = max(1, appendLog.rewrittenByteCount)
    let growth = Int((Double(appendLog.byteCount) * 100 / Double(base) - 100).rounded(.down))
    guard growth >= configuration.autoAofRewritePercentage else { return }
    log.notice("Starting automatic rewriting of AOF on \(growth)% growth")
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
      warn(of: error)
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
    cancelRewriting()
    helpers.drain(.log)
    try prepareLogWriter()
    appendLog.lock = try lockLogDirectory()
    appendLog.state = .starting
    appendLog.cursor = effects.stream.makeCursor()
    effects.notesUnlogged = true
    appendLog.restart(at: effects.stream.offset)
    appendLog.whenStarted = whenStarted
    // The unit under way is in the base as a whole or not at all.
    appendLog.isRewriteScheduled = true
    log.notice("AOF was enabled: an AOF background was scheduled to start when possible")
  }

  /// Ends logging: everything is written and synced first, whoever waits.
  func stopLog() {
    guard appendLog.isRunning else { return }
    if appendLog.rewriting != nil { log.notice("Killing AOF child: the rewrite is given up") }
    cancelRewriting()
    finishLog()
    if let cursor = appendLog.cursor { effects.stream.remove(cursor) }
    appendLog.cursor = nil
    effects.notesUnlogged = false
    appendLog.state = .off
    appendLog.failure = nil
    appendLog.needsBase = false
    appendLog.continuesAt = .max
    leaveLogDirectory()
    appendLog.isRewriteScheduled = false
    updateDiskGate()
    holdWrites(false, for: .log)
    effects.blocked.signalSync()
    callWhenStarted(false)
  }

  /// Writes and syncs everything, whoever waits.
  func finishLog() {
    guard appendLog.isRunning else { return }
    helpers.drain(.log)
    if !appendLog.needsBase {
      handOverLog(syncs: true)
      helpers.drain(.log)
    }
    submit(.close)
    helpers.drain(.log)
    if appendLog.failure != nil {
      log.warning("The append only file is not complete: the last changes are not in it")
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

  /// What stood behind this offset of the stream, all of it for followers only, is gone.
  func goBack(to offset: Int) {
    if let cursor { cursor.advance(min(0, offset - cursor.position)) }
    handedOver = min(handedOver, offset)
    lastJobEnd = min(lastJobEnd, offset)
    synced = min(synced, offset)
  }
}
