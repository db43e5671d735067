// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Files into databases: in slices at start and for a follower, and in one go for DEBUG RELOAD and
// LOADAOF. Clients hear meanwhile that the server is loading, unless it loads beside the data that
// they see. `Server+LogLoading` has what is special
// about the files of a log.

extension Server {
  /// The longest that a slice of loading keeps clients waiting: those who hear nothing but that
  /// the server is loading, and those who are served.
  private static let sliceMilliseconds: UInt64 = 20
  private static let servedSliceMilliseconds: UInt64 = 2

  /// Begins to load `dbfilename`; the loop goes on with it.
  ///
  /// - Parameter whenDone: called at the end with whether all went well; at once, with true, if
  ///   there is no such file.
  func startLoading(_ options: RDBLoader.Options, whenDone: @escaping (Bool) -> Void) {
    do throws(DiskError) {
      let byteCount = try disk.byteCount(of: configuration.dbFilename)
      startLoading(
        [Loading.File(path: configuration.dbFilename, role: .snapshot)], options,
        byteCount: byteCount, whenDone: whenDone)
    } catch {
      if error.isMissing { return whenDone(true) }
      log.warning("Fatal error loading the DB, check server logs. Exiting. (\(error))")
      whenDone(false)
    }
  }

  /// Begins to load files in their order.
  ///
  /// - Parameter target: where a snapshot goes; nil: into the keyspace, where nobody sees it yet.
  func startLoading(
    _ files: [Loading.File], into target: Loading.Target? = nil, _ options: RDBLoader.Options,
    byteCount: Int, whenDone: @escaping (Bool) -> Void
  ) {
    let target = target ?? Loading.Target(databases: keyspace.databases, servesClients: false)
    persistence.loading = Loading(
      files, into: target, options, byteCount: byteCount,
      startedAt: clock.wallMicroseconds() / 1_000_000,
      startedNanoseconds: clock.monotonicNanoseconds(), whenDone: whenDone)
    gate.insert(target.servesClients ? .loadingBeside : .busy)
    beginNextFile()
  }

  /// The options by which a file is loaded that was there at start.
  var loadingOptions: RDBLoader.Options {
    var options = RDBLoader.Options()
    options.verifiesChecksum = configuration.rdbChecksum && !persistence.skipsChecksums
    options.libraries = LibrarySet()
    options.loadLibrary = { [unowned self] code, set throws(LibraryError) in
      try loadLibrary(ofFile: code, into: set)
    }
    return options
  }

  /// Loads a library of a file. Without an interpreter its code is only kept, to be saved again.
  private func loadLibrary(ofFile code: RawSpan, into set: LibrarySet) throws(LibraryError) {
    guard Interpreter.isAvailable else {
      log.warning("The RDB contains a library of functions: without Lua it can't be called")
      let header = try LibraryHeader(of: code)
      return try set.add(FunctionLibrary(header.name, code: code.copied, functions: []))
    }
    _ = try loadLibrary(code, into: set, replaces: false, milliseconds: nil)
  }

  /// Has the libraries that were loaded take the place of those that are here, or come to them;
  /// false if they can't.
  func adoptLibraries(of options: RDBLoader.Options) -> Bool {
    guard let libraries = options.libraries else { return true }
    guard options.keepsLibraries else {
      replaceLibraries(by: libraries)
      return true
    }
    do throws(LibraryError) {
      try scripting.libraries.add(libraries, replaces: options.replaces)
      return true
    } catch {
      log.warning("The libraries of functions can't be added: \(error.message.logText)")
      return false
    }
  }

  // MARK: - Files

  /// Opens the next file; without one all is done.
  private func beginNextFile() {
    guard let loading = persistence.loading else { return }
    guard let next = loading.files.popFirst() else { return endLoading(loading, isComplete: true) }
    loading.path = next.path
    loading.role = next.role
    loading.fileStartedAt = clock.monotonicNanoseconds()
    do throws(DiskError) {
      let file = try disk.open(next.path, .read)
      loading.file = file
      loading.fileByteCount = try file.byteCount()
      if case .snapshot = next.role {
        log.notice("Loading DB in memory...")
        return beginSnapshot(file, loading)
      }
      try beginLogFile(file, loading)
    } catch {
      log.warning(
        "Fatal error: can't open the file \(next.path) for reading: \(error.cause.text)")
      endLoading(loading, isComplete: false)
    }
  }

  /// What the file begins with is an RDB.
  func beginSnapshot(_ file: DiskFile, _ loading: Loading) {
    loading.part = .snapshot(
      RDBLoader(
        reader: RDBReader(file: file, helpers: helpers), into: loading.target.databases, log: log,
        options: loading.options))
  }

  /// The file is done.
  func endFile(_ loading: Loading) {
    loading.stopReading()
    loading.file?.close()
    loading.part = nil
    loading.doneByteCount += loading.fileByteCount
    beginNextFile()
  }

  // MARK: - Slices

  /// Loads a slice; called by the loop while there is something to load.
  func continueLoading() {
    // Timers come before events in a turn, so the helper may be done already.
    if persistence.loading?.isStarved == true { helpers.finishCompleted() }
    guard let loading = persistence.loading else { return }
    let milliseconds =
      loading.target.servesClients ? Server.servedSliceMilliseconds : Server.sliceMilliseconds
    let deadline = clock.ticks() &+ milliseconds * timing.ticksPerMillisecond
    if configuration.keyLoadDelay == 0 {
      persistence.loadingContinuesAt = 0
      let end = loading.offset + configuration.loadingProcessEventsIntervalBytes
      load(stepsPerQuestion: 16) { clock.ticks() >= deadline || loading.offset >= end }
    } else {
      loadSlowly(until: deadline)
    }
    guard persistence.loading?.isStarved == true else { return }
    // The helper wakes the loop before.
    let later = clock.monotonicNanoseconds() + 1_000_000
    persistence.loadingContinuesAt = max(persistence.loadingContinuesAt, later)
  }

  /// Loads what `key-load-delay` allows by now. The loop does other things while it waits.
  private func loadSlowly(until deadline: UInt64) {
    guard let loading = persistence.loading else { return }
    var pace = KeyPace(
      continuesAt: max(persistence.loadingContinuesAt, loading.startedNanoseconds),
      keyCount: loading.keyCount, delay: configuration.keyLoadDelay)
    guard pace.continuesAt <= clock.monotonicNanoseconds() else { return }
    load(stepsPerQuestion: 1) {
      let now = clock.monotonicNanoseconds()
      pace.note(keyCount: loading.keyCount, at: now)
      return pace.continuesAt > now || clock.ticks() >= deadline
    }
    if persistence.loading != nil { persistence.loadingContinuesAt = pace.continuesAt }
  }

  /// Loads everything that is left, whoever waits, and without delays.
  func finishLoading() {
    while let loading = persistence.loading {
      if case .snapshot(let loader) = loading.part { loader.reader.stopReadingAhead() }
      load(stepsPerQuestion: 16) { false }
      if persistence.loading?.isStarved == true { helpers.drain(.snapshot) }
    }
  }

  private func load(stepsPerQuestion: Int, isTimeOver: () -> Bool) {
    guard let loading = persistence.loading else { return }
    loadPart(of: loading, stepsPerQuestion: stepsPerQuestion, isTimeOver: isTimeOver)
    guard persistence.loading === loading else { return }
    let progress = loading.progress.line(
      offset: loading.offset, keyCount: loading.keyCount, at: clock.monotonicNanoseconds())
    if let progress { log.notice(progress) }
  }

  private func loadPart(
    of loading: Loading, stepsPerQuestion: Int, isTimeOver: () -> Bool
  ) {
    switch loading.part {
    case .snapshot(let loader):
      do throws(RDBError) {
        let isDone = try loader.load(stepsPerQuestion: stepsPerQuestion, isTimeOver: isTimeOver)
        if isDone { endSnapshot(loader, of: loading) }
      } catch {
        log.warning("RDB file \(loading.path) can't be loaded: \(error.text)")
        note(loader, in: loading)
        endLoading(loading, isComplete: false)
      }
    case .log(let loader): loadLog(loader, of: loading, isTimeOver: isTimeOver)
    case nil: break
    }
  }

  // MARK: - Ends

  private func endSnapshot(_ loader: RDBLoader, of loading: Loading) {
    note(loader, in: loading)
    // Beside the data they wait for these, too.
    if !keyspace.hasReplacement, !adoptLibraries(of: loading.options) {
      return endLoading(loading, isComplete: false)
    }
    persistence.loadedStreamDatabase = loader.streamDatabase
    let empty = loader.emptyKeys > 0 ? ", empty keys skipped: \(loader.emptyKeys)" : ""
    log.notice(
      "Done loading RDB, keys loaded: \(loader.keysLoaded), keys expired: \(loader.keysExpired)"
        + "\(empty).")
    if case .snapshot = loading.role {
      log.notice("DB loaded from disk: \(secondsOfFile(loading)) seconds")
      return endFile(loading)
    }
    endSnapshotOfLog(loader, loading)
  }

  private func note(_ loader: RDBLoader, in loading: Loading) {
    loader.reader.stopReadingAhead()
    loading.keysLoaded += loader.keysLoaded
    loading.keysExpired += loader.keysExpired
    loading.emptyKeys += loader.emptyKeys
  }

  /// How long the file under way has taken.
  func secondsOfFile(_ loading: Loading) -> String {
    FixedPoint.text(
      Double(clock.monotonicNanoseconds() - loading.fileStartedAt) / 1e9, digits: 3)
  }

  func endLoading(_ loading: Loading, isComplete: Bool) {
    loading.stopReading()
    loading.file?.close()
    // What is under way knows the loading that it is a part of.
    loading.part = nil
    persistence.loading = nil
    gate.subtract([.busy, .loadingBeside])
    persistence.keysLoaded = loading.keysLoaded
    persistence.keysExpired = loading.keysExpired
    loading.whenDone(isComplete)
  }

  /// Gives up what is being loaded beside the data that are here; they stay as they are.
  func giveUpLoadingBeside() {
    guard let loading = persistence.loading, keyspace.hasReplacement else { return }
    log.notice("What is being loaded beside the data is given up")
    endLoading(loading, isComplete: false)
  }

  /// What helps if the data can't be loaded at start.
  private var loadingRemedy: String {
    if let remedy = persistence.startRemedy { return remedy }
    let name =
      configuration.appendOnly
      ? "\(configuration.appendDirname)/\(configuration.appendFilename).manifest"
      : configuration.dbFilename
    let tool = configuration.appendOnly ? "--check-aof" : "--check-rdb"
    let path = configuration.path(inDirectory: name)
    return "'memd \(tool) \(path)' tells where it is damaged"
      + "\(configuration.appendOnly ? ", and --fix cuts it there" : "")."
      + " Put a copy in its place, or move it away to start with no data. The user who runs memd"
      + " must be allowed to read and write there."
  }

  /// Loads the dataset when the server starts; without it the server ends.
  ///
  /// - Parameter whenReady: called when clients can be served.
  func loadAtStart(whenReady: @escaping () -> Void) {
    let whenDone: (Bool) -> Void = { [unowned self] isLoaded in
      guard isLoaded else {
        log.warning("Remedy: \(loadingRemedy)")
        log.warning("Fatal error loading the DB, check server logs. Exiting.")
        exitCode = 1
        return
      }
      restartPromises()
      whenReady()
    }
    if configuration.appendOnly {
      loadLogAtStart(whenDone: whenDone)
    } else {
      var options = loadingOptions
      // Followers still have what is due by now.
      options.announcesExpired = true
      options.keepsDueKeys = configuration.replicaOf != nil
      options.beforeKeys = { [unowned self] position in continueHistory(position) }
      startLoading(options, whenDone: whenDone)
    }
  }
}
