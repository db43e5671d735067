// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// An RDB file into the keyspace: in slices at start, while clients are answered that the server is
// loading, and in one go for DEBUG RELOAD.

extension Server {
  /// The longest that a slice of loading keeps clients waiting.
  private static let sliceMilliseconds: UInt64 = 20

  /// Begins to load `dbfilename`; the loop goes on with it.
  ///
  /// - Parameter whenDone: called at the end with whether all went well; at once, with true, if
  ///   there is no such file.
  func startLoading(_ options: RDBLoader.Options, whenDone: @escaping (Bool) -> Void) {
    let path = configuration.dbFilename
    do throws(DiskError) {
      let file = try disk.open(path, .read)
      let byteCount = try file.byteCount()
      let loader = RDBLoader(
        reader: RDBReader(file: file, helpers: helpers), into: keyspace.databases, log: log,
        options: options)
      persistence.loading = Loading(
        loader, path: path, file: file, byteCount: byteCount,
        startedAt: clock.wallMicroseconds() / 1_000_000,
        startedNanoseconds: clock.monotonicNanoseconds(), whenDone: whenDone)
      gate.insert(.busy)
      log.notice("Loading DB in memory...")
    } catch {
      if error.isMissing { return whenDone(true) }
      log.warning("Fatal error loading the DB, check server logs. Exiting. (\(error))")
      whenDone(false)
    }
  }

  /// The options by which a file is loaded that was there at start.
  var loadingOptions: RDBLoader.Options {
    var options = RDBLoader.Options()
    options.verifiesChecksum = configuration.rdbChecksum && !persistence.skipsChecksums
    return options
  }

  /// Loads a slice; called by the loop while there is something to load.
  func continueLoading() {
    guard let reader = persistence.loading?.loader.reader else { return }
    // Timers come before events in a turn, so the helper may be done already.
    if reader.isStarved { helpers.finishCompleted() }
    let deadline = clock.ticks() &+ Server.sliceMilliseconds * timing.ticksPerMillisecond
    if configuration.keyLoadDelay == 0 {
      persistence.loadingContinuesAt = 0
      load(stepsPerQuestion: 16) { clock.ticks() >= deadline }
    } else {
      loadSlowly(until: deadline)
    }
    guard persistence.loading != nil, reader.isStarved else { return }
    // The helper wakes the loop before.
    let later = clock.monotonicNanoseconds() + 1_000_000
    persistence.loadingContinuesAt = max(persistence.loadingContinuesAt, later)
  }

  /// Loads what `key-load-delay` allows by now. The loop does other things while it waits.
  private func loadSlowly(until deadline: UInt64) {
    guard let loading = persistence.loading else { return }
    let loader = loading.loader
    var pace = LoadingPace(
      continuesAt: max(persistence.loadingContinuesAt, loading.startedNanoseconds),
      keyCount: loader.keyCount, delay: configuration.keyLoadDelay)
    guard pace.continuesAt <= clock.monotonicNanoseconds() else { return }
    load(stepsPerQuestion: 1) {
      let now = clock.monotonicNanoseconds()
      pace.note(keyCount: loader.keyCount, at: now)
      return pace.continuesAt > now || clock.ticks() >= deadline
    }
    if persistence.loading != nil { persistence.loadingContinuesAt = pace.continuesAt }
  }

  /// Loads everything that is left, whoever waits, and without delays.
  func finishLoading() {
    persistence.loading?.loader.reader.stopReadingAhead()
    load(stepsPerQuestion: 16) { false }
  }

  private func load(stepsPerQuestion: Int, isTimeOver: () -> Bool) {
    guard let loading = persistence.loading else { return }
    do throws(RDBError) {
      let isDone = try loading.loader.load(
        stepsPerQuestion: stepsPerQuestion, isTimeOver: isTimeOver)
      if isDone { return endLoading(loading, because: nil) }
      let progress = loading.progress.line(
        offset: loading.loader.reader.offset, keyCount: loading.loader.keyCount,
        at: clock.monotonicNanoseconds())
      if let progress { log.notice(progress) }
    } catch {
      endLoading(loading, because: error)
    }
  }

  private func endLoading(_ loading: Loading, because error: RDBError?) {
    let loader = loading.loader
    loader.reader.stopReadingAhead()
    loading.file.close()
    persistence.loading = nil
    gate.remove(.busy)
    persistence.keysLoaded = loader.keysLoaded
    persistence.keysExpired = loader.keysExpired
    if let error {
      log.warning("RDB file \(loading.path) can't be loaded: \(error.text)")
      return loading.whenDone(false)
    }
    if loader.emptyKeys > 0 {
      log.notice(
        "Done loading RDB, keys loaded: \(loader.keysLoaded), keys expired: \(loader.keysExpired),"
          + " empty keys skipped: \(loader.emptyKeys).")
    } else {
      log.notice(
        "Done loading RDB, keys loaded: \(loader.keysLoaded), keys expired: \(loader.keysExpired).")
    }
    let seconds = Double(clock.monotonicNanoseconds() - loading.startedNanoseconds) / 1e9
    log.notice("DB loaded from disk: \(FixedPoint.text(seconds, digits: 3)) seconds")
    loading.whenDone(true)
  }

  /// Loads the dataset when the server starts; without it the server ends.
  ///
  /// - Parameter whenReady: called when clients can be served.
  func loadAtStart(whenReady: @escaping () -> Void) {
    startLoading(loadingOptions) { [unowned self] isLoaded in
      guard isLoaded else {
        log.warning("Fatal error loading the DB, check server logs. Exiting.")
        exitCode = 1
        return
      }
      whenReady()
    }
  }
}
