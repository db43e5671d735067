// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// Snapshots beside the turns: BGSAVE and `save` rules. The loop takes images in slices, a helper
// encodes and writes them.

extension Server {
  /// Begins to save in the background; there must be no such save yet.
  func startBackgroundSave() {
    assert(persistence.backgroundSave == nil)
    persistence.isSaveScheduled = false
    statistics.saves += 1
    let save = startSave(
      .snapshot, temporary: configuration.path(inDirectory: temporaryName()),
      as: configuration.path(inDirectory: configuration.dbFilename))
    persistence.lastAttempt = save.startedAtWall
    log.notice("Background saving started")
  }

  /// Begins a cut that a helper writes into a file; there must be no other one under way.
  @discardableResult
  func startSave(
    _ purpose: BackgroundSave.Purpose, temporary: String?, as path: String?
  ) -> BackgroundSave {
    let cut: Cut
    if case .logBase(let format) = purpose { cut = beginCut(for: format) } else { cut = beginCut() }
    let output = makeOutput(version: cut.version, temporary: temporary, purpose: purpose)
    let save = BackgroundSave(
      purpose, cut, to: output, as: path, startedAt: clock.monotonicNanoseconds(),
      startedAtWall: clock.wallMicroseconds() / 1_000_000, changeCount: effects.changeCount)
    persistence.backgroundSave = save
    submit(.begin, of: save)
    return save
  }

  /// Takes images for as long as the budget of this turn allows.
  func continueBackgroundSave() {
    guard let save = persistence.backgroundSave, save.canAdvance else { return }
    guard configuration.rdbKeySaveDelay == 0 else { return saveSlowly(save) }
    let start = clock.ticks()
    let deadline = start &+ savingBudget(at: start)
    repeat {
      advance(save)
    } while save.canAdvance && clock.ticks() < deadline
    persistence.savingContinues = save.canAdvance
    persistence.sliceEndedAt = clock.ticks()
  }

  /// Takes the images that `rdb-key-save-delay` allows by now. The loop does other things while it
  /// waits.
  private func saveSlowly(_ save: BackgroundSave) {
    let isUnderWay = persistence.savingContinuesAt < .max
    var pace = KeyPace(
      continuesAt: isUnderWay ? persistence.savingContinuesAt : save.startedAt,
      keyCount: save.cut.processed, delay: configuration.rdbKeySaveDelay)
    while save.canAdvance, pace.continuesAt <= clock.monotonicNanoseconds() {
      advance(save, stepCount: 1)
      pace.note(keyCount: save.cut.processed, at: clock.monotonicNanoseconds())
    }
    persistence.savingContinues = false
    persistence.savingContinuesAt = save.canAdvance ? pace.continuesAt : .max
  }

  /// Ticks for a slice that starts now: a share of the time since the last one while requests wait,
  /// at most a tenth of a millisecond; else half of that, as the loop looks for requests between.
  private func savingBudget(at start: UInt64) -> UInt64 {
    // The value under way is in front of everything that waits.
    let millisecond = timing.ticksPerMillisecond
    if pause.holders.contains(.snapshot) { return millisecond }
    return sliceTicks(
      at: start, since: persistence.sliceEndedAt, idle: millisecond / 20, atMost: millisecond / 10)
  }

  /// Steps between two looks at the clock.
  private static let stepsAtOnce = 16

  private func advance(_ save: BackgroundSave, stepCount: Int = stepsAtOnce) {
    for _ in 0..<stepCount {
      guard save.cut.step() == .running else {
        save.isCutComplete = true
        break
      }
      if save.cut.readyByteCount >= ImagePiece.usualByteCount { break }
    }
    if save.isCutComplete || save.cut.readyByteCount >= ImagePiece.usualByteCount {
      handOver(save)
    }
    guard save.isCutComplete else { return }
    persistence.lastForcedBytes = save.cut.forcedByteCountInAll
    save.cut.end()
    submit(.finish(as: save.path), of: save)
  }

  private func handOver(_ save: BackgroundSave) {
    let byteCount = save.cut.readyByteCount
    guard byteCount > 0 else { return }
    save.backlog += byteCount
    submit(.write(save.cut.takeReady()), of: save, byteCount)
  }

  private func submit(_ work: SnapshotJob.Work, of save: BackgroundSave, _ byteCount: Int = 0) {
    let job = SnapshotJob(work, for: save.output) { [unowned self] job in
      save.backlog -= byteCount
      finished(job, of: save)
    }
    helpers.submit(job, to: .snapshot)
  }

  /// A helper has done its part.
  private func finished(_ job: SnapshotJob, of save: BackgroundSave) {
    if case .write(let pieces) = job.work { save.cut.pool.give(pieces) }
    guard persistence.backgroundSave === save else { return }
    if let failure = job.failure { return fail(save, failure) }
    if let sync = save.sync { feed(job.bytes, to: sync) }
    if case .finish = job.work { return succeed(save) }
    persistence.savingContinues = save.canAdvance
  }

  private func succeed(_ save: BackgroundSave) {
    persistence.backgroundSave = nil
    switch save.purpose {
    case .snapshot: noteSuccess(of: save)
    case .logBase: return installLogBase(save)
    case .followers(let sync): finish(sync, save)
    }
    startScheduledSave()
  }

  private func noteSuccess(of save: BackgroundSave) {
    noteSaved(changeCount: save.changeCount)
    let seconds = Double(clock.monotonicNanoseconds() - save.startedAt) / 1e9
    persistence.lastBackgroundSeconds = Int(seconds)
    log.notice(
      "Background saving terminated with success: \(FixedPoint.text(seconds, digits: 3)) seconds")
  }

  private func fail(_ save: BackgroundSave, _ error: DiskError) {
    log.warning(
      "Write error saving DB on disk(\(error.operation)): \(error.cause.text)")
    drop(save)
    switch save.purpose {
    case .logBase: return endRewriting(because: "the base can't be written")
    case .followers(let sync): giveUp(sync)
    case .snapshot:
      log.warning("Background saving error")
      persistence.hasBackgroundSaveFailed = true
      updateDiskGate()
    }
    startScheduledSave()
  }

  /// Forgets a save; what was written goes.
  func drop(_ save: BackgroundSave) {
    if !save.isCutComplete { save.cut.end() }
    save.isCancelled = true
    persistence.backgroundSave = nil
    submit(.abandon, of: save)
    // It may be about to get its name, which must not happen behind whatever comes next.
    if save.isCutComplete { helpers.drain(.snapshot) }
  }

  /// Gives the background save up, or the one that is scheduled; false if there is none.
  @discardableResult
  func cancelBackgroundSave() -> Bool {
    let wasScheduled = persistence.isSaveScheduled
    persistence.isSaveScheduled = false
    guard let save = persistence.snapshot else { return wasScheduled }
    log.notice("Background saving cancelled")
    drop(save)
    return true
  }

  /// Gives up the snapshot that is under way for followers, if there is one: they ask again.
  func cancelFullSync() {
    guard let save = persistence.backgroundSave, let sync = save.sync else { return }
    drop(save)
    giveUp(sync)
  }

  /// Brings the background save to its end at once, if there is one; nobody else runs meanwhile.
  func endBackgroundSave() {
    while let save = persistence.backgroundSave {
      // What followers can't take at once would fill the memory.
      if save.sync?.feed != nil { return cancelFullSync() }
      while !save.isCutComplete, !save.isCancelled { advance(save) }
      helpers.drain(.snapshot)
    }
  }

  /// Starts what waits for a cut, unless there is one under way.
  func startScheduledSave() {
    considerFullSync()
    // Half a dataset is nobody's snapshot.
    guard persistence.backgroundSave == nil, persistence.loading == nil else { return }
    if persistence.isSaveScheduled {
      startBackgroundSave()
    } else if appendLog.isRewriteScheduled, appendLog.rewriting == nil {
      startRewriting()
    }
  }

  // MARK: - Memory

  /// For so long writes may wait for a snapshot, in nanoseconds; then it is given up.
  private static let holdNanosecondsMax: Int64 = 60_000_000_000

  /// Has writes wait while a snapshot needs more memory than it may, as the helper is slower than
  /// they are.
  func considerHoldingWrites() {
    let isHeld = pause.holders.contains(.snapshot)
    guard let save = persistence.backgroundSave else {
      if isHeld { endHold() }
      return
    }
    // What the helper has is limited otherwise.
    let used = save.cut.readyByteCount + save.cut.waitingByteCount
    if save.sync?.feed != nil { return considerDroppingFollowers(save, imageByteCount: used) }
    let isOver = used > configuration.snapshotImageLimit
    if isOver, !isHeld {
      log.warning("Writes wait: the snapshot under way takes more than snapshot-image-limit")
      persistence.writesHeldAt = clock.monotonicNanoseconds()
      holdWrites(true, for: .snapshot)
    } else if isHeld, used < configuration.snapshotImageLimit / 2 || save.isCutComplete {
      endHold()
    } else if isHeld,
      clock.monotonicNanoseconds() - persistence.writesHeldAt > Server.holdNanosecondsMax
    {
      fail(save, DiskError(operation: "write", path: save.path ?? "", cause: .timedOut))
    }
  }

  /// Followers that take a snapshot too slowly are left, as with any other output of theirs.
  private func considerDroppingFollowers(_ save: BackgroundSave, imageByteCount: Int) {
    let limit = configuration.clientOutputBufferLimits.replica.hardBytes
    guard limit > 0, imageByteCount > limit else { return }
    log.warning("Replicas take their snapshot too slowly: it is given up")
    cancelFullSync()
    startScheduledSave()
  }

  private func endHold() {
    log.notice("Writes go on")
    holdWrites(false, for: .snapshot)
  }

  // MARK: - Rules

  /// Seconds between two attempts by a rule if the first one failed.
  private static let secondsBetweenAttempts: Int64 = 5

  /// Begins to save if enough has changed since the last save.
  func considerSaving() {
    guard persistence.backgroundSave == nil, persistence.loading == nil else { return }
    let now = clock.wallMicroseconds() / 1_000_000
    let changes = effects.changeCount - persistence.savedChangeCount
    guard changes > 0 else { return }
    let hasWaited =
      !persistence.hasBackgroundSaveFailed
      || now - persistence.lastAttempt > Server.secondsBetweenAttempts
    guard hasWaited,
      let rule = configuration.saveRules.first(where: {
        changes >= $0.changes && now - lastSave > Int64($0.seconds)
      })
    else { return }
    log.notice("\(rule.changes) changes in \(rule.seconds) seconds. Saving...")
    startBackgroundSave()
  }
}
