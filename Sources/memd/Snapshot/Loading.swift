// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// Files that are being loaded, one after the other: a snapshot, or the files of a log.
final class Loading {
  /// What is being read.
  enum Part {
    case snapshot(RDBLoader)
    case log(LogLoader)
  }

  /// A file to load.
  struct File {
    enum Role {
      case snapshot
      case logBase(LogFileName)
      case increment(LogFileName)
    }

    let path: String
    let role: Role
  }

  /// Where what is read from a snapshot goes, and what clients hear meanwhile.
  struct Target {
    let databases: [Database]
    /// Whether clients are served from what is there besides; else they hear that the server is
    /// loading.
    let servesClients: Bool
  }

  /// The files that have not been begun.
  var files: ArraySlice<File>
  let target: Target
  let options: RDBLoader.Options
  /// Bytes of all files, and of those that are done.
  let byteCount: Int
  var doneByteCount = 0
  /// Wall time in seconds, and monotonic nanoseconds, of the start.
  let startedAt: Int64
  let startedNanoseconds: Int64
  /// What the server's log hears of it.
  var progress: LoadingProgress
  /// Called at the end, with whether everything was loaded.
  let whenDone: (Bool) -> Void

  // MARK: - The file under way

  var path = ""
  var role = File.Role.snapshot
  var part: Part?
  var file: DiskFile?
  var fileByteCount = 0
  var fileStartedAt: Int64 = 0

  // MARK: - Figures of all files

  var keysLoaded = 0
  var keysExpired = 0
  var emptyKeys = 0
  /// Commands of a log that were refused.
  var refusedCount = 0
  /// The point of the stream at the end of the last file of a log, if that says.
  var position: LogPosition?
  /// How the last file of a log ends, for whoever goes on writing it.
  var logEnd: (wholeOffset: Int, checksum: LogChecksum)?

  init(
    _ files: [File], into target: Target, _ options: RDBLoader.Options, byteCount: Int,
    startedAt: Int64, startedNanoseconds: Int64, whenDone: @escaping (Bool) -> Void
  ) {
    self.target = target
    self.files = files[...]
    self.options = options
    self.byteCount = byteCount
    self.startedAt = startedAt
    self.startedNanoseconds = startedNanoseconds
    self.whenDone = whenDone
    progress = LoadingProgress(byteCount: byteCount, at: startedNanoseconds)
  }

  /// Whether there is nothing to do before a helper has read more.
  var isStarved: Bool {
    switch part {
    case .snapshot(let loader): loader.reader.isStarved
    case .log(let loader): loader.isStarved
    case nil: false
    }
  }

  /// No helper reads the file under way any more.
  func stopReading() {
    switch part {
    case .snapshot(let loader): loader.reader.stopReadingAhead()
    case .log(let loader): loader.close()
    case nil: break
    }
  }

  /// Bytes that have been loaded of all files.
  var offset: Int {
    switch part {
    case .snapshot(let loader): doneByteCount + loader.reader.offset
    case .log(let loader): doneByteCount + loader.offset
    case nil: doneByteCount
    }
  }

  /// Keys met so far, as `key-load-delay` counts them.
  var keyCount: Int {
    if case .snapshot(let loader) = part { return keysDone + loader.keyCount }
    return keysDone
  }

  private var keysDone: Int { keysLoaded + keysExpired + emptyKeys }

  /// Memory of the server that made the snapshot under way, as that says.
  var usedMemory: Int {
    if case .snapshot(let loader) = part { return loader.usedMemory }
    return 0
  }
}
