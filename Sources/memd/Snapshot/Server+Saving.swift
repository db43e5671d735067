// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// The whole dataset into a file while all clients wait: SAVE, the end of the server, DEBUG RELOAD
// and followers that ask for everything. `Server+BackgroundSaving` does the same beside the turns.

extension Server {
  /// Saves all keys under `dbfilename`; false if that failed, and then the log says why.
  func save() -> Bool {
    let started = clock.monotonicNanoseconds()
    let output = takeSnapshot(temporary: temporaryName())
    output.commit(as: configuration.dbFilename)
    if let error = output.failure {
      output.abandon()
      log.warning(
        "Write error while saving DB to the disk(\(error.operation)): \(error.cause.text)")
      return false
    }
    noteSaved(changeCount: effects.changeCount)
    let seconds = Double(clock.monotonicNanoseconds() - started) / 1e9
    log.notice("DB saved on disk: \(FixedPoint.text(seconds, digits: 3)) seconds")
    return true
  }

  /// A save has succeeded that covers so many changes.
  func noteSaved(changeCount: Int) {
    persistence.lastSave = clock.wallMicroseconds() / 1_000_000
    updateDumpClaim()
    persistence.savedChangeCount = changeCount
    persistence.hasBackgroundSaveFailed = false
    updateDiskGate()
  }

  /// All data was thrown away: with save rules the file must not bring it back after a crash.
  ///
  /// Compatibility: FLUSHALL alone does that, at once and also inside MULTI; FLUSHDB is a change
  /// like any other. A failure is in the log and changes nothing about the reply. While another cut
  /// is under way the file has to wait: to bring that to its end would take long.
  func saveEmptied() {
    guard !configuration.saveRules.isEmpty else { return }
    guard persistence.backgroundSave == nil else { return persistence.isSaveScheduled = true }
    _ = save()
  }

  /// Removes what servers have left in the working directory that ended while they wrote a
  /// snapshot: files of the names below, unless a process of that number is there, other than this.
  func removeLeftovers() {
    // A directory that can't be read holds nothing to remove.
    guard let names = try? disk.names(inDirectory: ".") else { return }
    for name in names {
      guard let process = Server.savingProcess(ofTemporary: name),
        process == log.processID || !disk.exists("/proc/\(process)")
      else { continue }
      do throws(DiskError) {
        try disk.remove(name)
        log.notice("Removed \(name), which an interrupted save has left behind")
      } catch {
        log.warning("Can't remove \(name): \(error.cause.text)")
      }
    }
  }

  /// The name under which a snapshot is written: temp-<pid>.rdb, or for a follower
  /// temp-sync-<client>.<pid>.rdb.
  func temporaryName(forFollower client: Int? = nil) -> String {
    let owner = client.map { "sync-\($0)." } ?? ""
    return "temp-\(owner)\(log.processID).rdb"
  }

  /// The process in the name of a temporary file; nil for any other name.
  private static func savingProcess(ofTemporary name: String) -> Int32? {
    guard name.hasPrefix("temp-"), name.hasSuffix(".rdb") else { return nil }
    var digits = name.dropFirst(5).dropLast(4)
    if digits.hasPrefix("sync-") {
      let parts = digits.dropFirst(5).split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2, number(parts[0], Int.self) != nil else { return nil }
      digits = parts[1]
    }
    return number(digits, Int32.self).flatMap { $0 > 0 ? $0 : nil }
  }

  /// The number that is written so and not otherwise.
  private static func number<Number: FixedWidthInteger>(
    _ digits: Substring, _: Number.Type
  ) -> Number? {
    guard let number = Number(digits), String(number) == digits else { return nil }
    return number
  }

  /// Writes all keys into a temporary file, in the lowest version that can hold them.
  ///
  /// A background save under way is brought to its end first: there is one cut at a time.
  ///
  /// - Returns: the output, with whatever went wrong; the caller commits, closes or abandons it.
  func takeSnapshot(temporary: String) -> SnapshotOutput {
    endBackgroundSave()
    let cut = beginCut()
    let output = makeOutput(version: cut.version, temporary: temporary)
    output.begin()
    while cut.step() == .running {
      if cut.readyByteCount >= ImagePiece.usualByteCount { write(cut, to: output) }
    }
    write(cut, to: output)
    cut.end()
    output.finish()
    return output
  }

  private func write(_ cut: Cut, to output: SnapshotOutput) {
    let pieces = cut.takeReady()
    output.write(pieces)
    cut.pool.give(pieces)
  }

  /// Begins a cut for a file of some format; compaction rests until it ends.
  func beginCut(for format: SnapshotOutput.Format = .rdb) -> Cut {
    upkeep.compaction.stop()
    if allocator.freeEpochCount == 1 { markEverything() }
    return makeCut(for: format)
  }

  /// Has everything carry one number, after so many cuts that were given up that hardly another one
  /// is left. All others wait meanwhile.
  private func markEverything() {
    let cut = makeCut(for: .rdb)
    while cut.step() == .running {
      if cut.readyByteCount >= ImagePiece.usualByteCount { cut.pool.give(cut.takeReady()) }
    }
    cut.end()
  }

  private func makeCut(for format: SnapshotOutput.Format) -> Cut {
    let policy = configuration.maxMemoryPolicy
    let database = keyspace.databases[0]
    return Cut(keyspace, for: format, compresses: configuration.rdbCompression) { entry in
      guard policy.watchesAccesses else { return nil }
      if policy.countsAccesses { return .frequency(database.accessFrequency(of: entry)) }
      return .idle(database.idleSeconds(of: entry))
    }
  }

  /// Where the images of a cut go that begins now. Libraries of functions are those of now.
  ///
  /// - Parameter version: of the format, if it is an RDB file.
  func makeOutput(
    version: Int, temporary: String?, purpose: BackgroundSave.Purpose = .snapshot,
    hasLibraries: Bool = true
  ) -> SnapshotOutput {
    var options = SnapshotOutput.Options()
    var isLogBase = false
    if case .logBase(let format) = purpose {
      isLogBase = true
      options.format = format
    }
    options.version = version
    options.timestamp = logTimestamp
    options.compresses = configuration.rdbCompression
    options.hasChecksum = configuration.rdbChecksum
    options.syncsIncrementally =
      isLogBase ? configuration.aofRewriteIncrementalFsync : configuration.rdbSaveIncrementalFsync
    if hasLibraries { options.libraries = scripting.libraries.libraries.map(\.code) }
    options.properties = [
      ("redis-ver", Version.redis), ("redis-bits", "64"),
      ("ctime", "\(clock.wallMicroseconds() / 1_000_000)"), ("used-mem", "\(evictableMemory)"),
      ("aof-base", isLogBase ? "1" : "0"),
    ]
    if !isLogBase {
      // By these whoever loads the file can go on with the stream.
      options.properties += [
        ("repl-stream-db", "\(streamDatabase)"),
        ("repl-id", effects.stream.replicationID), ("repl-offset", "\(effects.stream.offset)"),
      ]
    }
    return SnapshotOutput(disk: disk, temporary: temporary, options: options)
  }
}
