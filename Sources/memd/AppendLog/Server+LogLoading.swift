// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// The files of a log into the keyspace, and what happens if they are torn, damaged or not there.

extension Server {
  /// Loads the log at start, or what there is instead of one, and goes on writing it.
  func loadLogAtStart(whenDone: @escaping (Bool) -> Void) {
    do throws(LogOpeningError) {
      try prepareLogWriter()
      appendLog.lock = try lockLogDirectory()
      removeLogLeftovers()
      try upgradeLog()
    } catch {
      refuseStart(for: error)
      return whenDone(false)
    }
    guard let manifest = appendLog.writer?.manifest, !manifest.isEmpty else {
      appendLog.lock?.close()
      appendLog.lock = nil
      return loadWithoutLog(whenDone: whenDone)
    }
    loadLog(manifest, restoresStream: true) { [unowned self] isLoaded in
      if isLoaded { continueHistory(appendLog.loadedPosition) }
      whenDone(isLoaded && resumeLog())
    }
  }

  /// Begins to load all files of a log.
  private func loadLog(
    _ manifest: LogManifest, restoresStream: Bool = false, whenDone: @escaping (Bool) -> Void
  ) {
    var options = loadingOptions
    options.keepsDueKeys = true
    options.restoresStream = restoresStream
    var byteCount = 0
    let files = manifest.readingOrder.map { file in
      let path = logPath(file.name)
      byteCount += (try? disk.byteCount(of: path)) ?? 0
      return Loading.File(
        path: path,
        role: file == manifest.base ? .logBase(file.name) : .increment(file.name))
    }
    startLoading(files, options, byteCount: byteCount, whenDone: whenDone)
  }

  /// There is no log yet: what is in the snapshot, if there is one, becomes its first base.
  private func loadWithoutLog(whenDone: @escaping (Bool) -> Void) {
    if disk.exists(configuration.dbFilename) {
      log.notice(
        "There is no append only file yet: loading \(configuration.dbFilename), which becomes the"
          + " first base of it")
    }
    startLoading(loadingOptions) { [unowned self] isLoaded in
      guard isLoaded else { return whenDone(false) }
      persistence.isWritingFirstBase = true
      gate.insert(.busy)
      do throws(LogOpeningError) {
        try startLog { [unowned self] hasStarted in
          persistence.isWritingFirstBase = false
          gate.remove(.busy)
          whenDone(hasStarted)
        }
      } catch {
        refuseStart(for: error)
        whenDone(false)
      }
    }
  }

  /// Goes on with the last increment, or begins one; false if that fails.
  private func resumeLog() -> Bool {
    guard let writer = appendLog.writer else { return false }
    let position = effects.stream.position
    do throws(DiskError) {
      if let last = writer.manifest.increments.last {
        let end = appendLog.loadedEnd ?? (0, LogChecksum())
        try writer.resume(
          byteCount: end.wholeOffset, checksum: end.checksum, at: position,
          found: appendLog.loadedPosition)
        log.notice("Opening AOF incr file \(last.name.text) on server start")
      } else {
        do throws(LogWriteFailure) {
          try writer.beginIncrement(
            at: position, after: position.offset, timestamp: logTimestamp, isListed: true)
        } catch {
          throw error.cause
        }
        log.notice("Creating AOF incr file on server start")
      }
    } catch {
      log.warning("Can't open the append-only file: \(error)")
      return false
    }
    writer.dropHistory()
    appendLog.cursor = effects.stream.makeCursor()
    effects.notesUnlogged = true
    appendLog.restart(at: position.offset)
    appendLog.state = .on
    appendLog.byteCount = writer.byteCount
    appendLog.rewrittenByteCount = writer.byteCount
    return true
  }

  /// Replaces the dataset by what the log holds, whoever waits; false if that fails.
  func reloadLog() -> Bool {
    endBackgroundSave()
    helpers.drain(.log)
    if appendLog.isRunning, appendLog.failure == nil {
      handOverLog(syncs: false)
      helpers.drain(.log)
    }
    do throws(LogOpeningError) {
      // Without a lock it may have been another server's since.
      if appendLog.lock == nil { appendLog.writer = nil }
      try prepareLogWriter()
    } catch {
      warn(of: error)
      return false
    }
    guard let manifest = appendLog.writer?.manifest, !manifest.isEmpty else {
      log.warning("There is no append only file to load")
      return false
    }
    _ = keyspace.flushAll(lazily: false)
    flushLibraries(lazily: false)
    var isLoaded = false
    loadLog(manifest) { isLoaded = $0 }
    finishLoading()
    return isLoaded
  }

  // MARK: - Files

  /// Begins with a file of a log, which may be, or begin with, an RDB.
  func beginLogFile(_ file: DiskFile, _ loading: Loading) throws(DiskError) {
    guard LogCheck.isRDB(try LogCheck.start(of: file)) else {
      return beginCommands(file, at: 0, loading)
    }
    log.notice("Reading RDB base file on AOF loading...")
    beginSnapshot(file, loading)
  }

  /// The RDB of a log's file is loaded; commands may stand behind it.
  func endSnapshotOfLog(_ loader: RDBLoader, _ loading: Loading) {
    let offset = loader.reader.offset
    guard offset < loading.fileByteCount, let file = loading.file else {
      // Whoever goes on writing does so behind the RDB.
      loading.logEnd = (offset, LogChecksum())
      return endLogFile(loading)
    }
    log.notice("Reading the remaining AOF tail...")
    do throws(DiskError) {
      try file.seek(to: offset)
      beginCommands(file, at: offset, loading)
    } catch {
      log.warning("Fatal error: can't read \(loading.path): \(error.cause.text)")
      endLoading(loading, isComplete: false)
    }
  }

  private func beginCommands(_ file: DiskFile, at offset: Int, _ loading: Loading) {
    var limits = RequestLimits()
    limits.maxBulkLength = Int(UInt32.max)
    let applier = StreamApplier(server: self, limits: limits) { [unowned self] failure in
      passesOver(failure, in: loading)
    }
    loading.part = .log(
      LogLoader(
        file, offset: offset, applier: applier, helpers: helpers,
        restoring: loading.options.restoresStream ? effects.stream : nil))
  }

  /// Executes commands of a log's file.
  func loadLog(_ loader: LogLoader, of loading: Loading, isTimeOver: () -> Bool) {
    do throws(StreamFailure) {
      guard let end = try loader.load(isTimeOver: isTimeOver) else { return }
      // What was refused here was not where the stream comes from: these are other data.
      loading.position = loading.refusedCount == 0 ? loader.position : nil
      persistence.loadedStreamDatabase = loader.database
      finish(loading, end)
    } catch {
      report(error, in: loading)
      endLoading(loading, isComplete: false)
    }
  }

  private func endLogFile(_ loading: Loading) {
    let kind =
      switch loading.role {
      case .snapshot, .logBase: "base"
      case .increment: "incr"
      }
    log.notice("DB loaded from \(kind) file \(loading.path): \(secondsOfFile(loading)) seconds")
    appendLog.loadedEnd = loading.logEnd
    appendLog.loadedPosition = loading.position
    endFile(loading)
  }

  // MARK: - Ends of files

  /// A file of commands has come to its end, whatever that looks like.
  private func finish(_ loading: Loading, _ end: LogChunk.End) {
    guard let name = loading.logFileName else { return }
    switch end {
    case .ended(.whole, let offset, let checksum):
      loading.logEnd = (offset, checksum)
      endLogFile(loading)
    case .ended(let ending, let offset, let checksum):
      let lines = ending.truncationLines(file: name, wholeOffset: offset)
      guard configuration.aofLoadTruncated else {
        return refuse(loading, ending.refusalLines(file: name))
      }
      cut(loading, at: offset, checksum, lines)
    case .damaged(let failure, let checksum):
      let lost = loading.fileByteCount - failure.wholeOffset
      guard lost <= configuration.aofLoadCorruptTailMaxSize else {
        return refuse(loading, failure.logLines(file: name))
      }
      let lines =
        failure.logLines(file: name).dropFirst() + [
          "The last \(lost) bytes of \(loading.path) are damaged and dropped, as"
            + " aof-load-corrupt-tail-max-size allows"
        ]
      cut(loading, at: failure.wholeOffset, checksum, Array(lines))
    case .unreadable(let error):
      refuse(
        loading,
        ["Unrecoverable error reading the append only file \(loading.path): \(error.cause.text)"])
    }
  }

  /// Cuts a file where it is whole, if it is the last one.
  private func cut(
    _ loading: Loading, at offset: Int, _ checksum: LogChecksum, _ lines: [String]
  ) {
    guard loading.files.isEmpty else {
      return refuse(
        loading, ["Fatal error: the truncated file is not the last file: \(loading.path)"])
    }
    for line in lines { log.warning(line) }
    do throws(DiskError) {
      let file = try disk.open(loading.path, .append)
      defer { file.close() }
      try file.truncate(to: offset)
      try file.sync()
    } catch {
      return refuse(loading, ["Error truncating the AOF file \(loading.path): \(error.cause.text)"])
    }
    loading.logEnd = (offset, checksum)
    endLogFile(loading)
  }

  private func refuse(_ loading: Loading, _ lines: [String]) {
    for line in lines { log.warning(line) }
    endLoading(loading, isComplete: false)
  }

  // MARK: - Commands that are refused

  /// A command that Redis would pass over, too; one that isn't known, or leads elsewhere, is the
  /// end.
  private func passesOver(_ failure: StreamFailure, in loading: Loading) -> Bool {
    guard case .refused(let offset, let command, let error) = failure else { return false }
    let text = ByteText(error)
    let isFatal =
      text.bytes.starts(with: "-ERR unknown".utf8)
      || text.bytes.starts(with: "-ERR wrong number of arguments".utf8)
      || Keyword(folding: command.rawSpan) == Keyword("select")
    guard !isFatal else { return false }
    loading.refusedCount += 1
    if loading.refusedCount <= 10 {
      log.warning(
        "== CRITICAL == The command '\(ByteText(command).logText)' at offset \(offset) of"
          + " \(loading.path) is refused: \(Self.line(of: error))")
    }
    return true
  }

  /// An error reply without its line end.
  private static func line(of error: [UInt8]) -> String {
    ByteText(DirectiveText.trimmed(error[...])).logText
  }

  private func report(_ failure: StreamFailure, in loading: Loading) {
    switch failure {
    case .protocolError(let offset):
      log.warning(
        "Bad file format reading the append only file \(loading.path), at offset \(offset)")
    case .refused(let offset, let command, let error):
      let name = ByteText(command).logText
      if ByteText(error).bytes.starts(with: "-ERR unknown".utf8) {
        log.warning("Unknown command '\(name)' reading the append only file \(loading.path)")
      }
      log.warning(
        "The command '\(name)' at offset \(offset) of \(loading.path) can't be executed:"
          + " \(Self.line(of: error))")
      if Keyword(folding: command.rawSpan) == Keyword("select") {
        log.warning("The log needs more databases than 'databases \(configuration.databases)'")
      }
    }
  }
}

extension Loading {
  /// The name of the file under way, if it is one of a log.
  fileprivate var logFileName: LogFileName? {
    switch role {
    case .snapshot: nil
    case .logBase(let name), .increment(let name): name
    }
  }
}
