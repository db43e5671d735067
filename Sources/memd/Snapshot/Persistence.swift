// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// What a server remembers of saving and loading, as INFO's section `persistence` tells it.
final class Persistence {
  /// Wall time of the last save in seconds; nil if nothing was saved since the start.
  var lastSave: Int64?
  /// The count of changes that the last save has covered.
  var savedChangeCount = 0
  /// The snapshot that is being written in the background.
  var backgroundSave: BackgroundSave? {
    didSet {
      isSaving = backgroundSave != nil
      savingContinues = isSaving
    }
  }
  private(set) var isSaving = false
  /// Whether the loop may go on with it: false while the helper has enough to do.
  var savingContinues = false
  /// Whether one begins as soon as it can.
  var isSaveScheduled = false
  /// Whether the last attempt to save in the background, if any, was successful.
  var hasBackgroundSaveFailed = false
  /// Seconds that the last background save took; -1: there was none.
  var lastBackgroundSeconds = -1
  /// Wall time in seconds of the last attempt by a save rule, and what the images of the last
  /// background save took, as far as they were taken because something was about to change.
  var lastAttempt: Int64 = 0
  var lastForcedBytes = 0
  /// Monotonic nanoseconds at which writes began to wait for a snapshot.
  var writesHeldAt: Int64 = 0
  /// When the last slice of a background save ended, in ticks.
  var sliceEndedAt: UInt64 = 0
  /// Keys of the last RDB that was loaded: stored, and passed over because they were due.
  var keysLoaded = 0
  var keysExpired = 0
  /// Switched by DEBUG SET-SKIP-CHECKSUM-VALIDATION.
  var skipsChecksums = false
  /// Values that came with packed bytes and were looked at byte by byte.
  var sanitizations = 0
  /// The load under way; nil nearly always.
  var loading: Loading? {
    didSet { loadingContinuesAt = loading == nil ? .max : 0 }
  }
  /// When the load under way goes on, in monotonic nanoseconds: at once (0), unless
  /// `key-load-delay` slows it down; in a distant future while nothing is loaded.
  var loadingContinuesAt = Int64.max
}

/// An RDB file that is being loaded.
final class Loading {
  let loader: RDBLoader
  let path: String
  let file: DiskFile
  /// Size of the file.
  let byteCount: Int
  /// Wall time in seconds, and monotonic nanoseconds, of the start.
  let startedAt: Int64
  let startedNanoseconds: Int64
  /// What the log hears of it.
  var progress: LoadingProgress
  /// Called at the end, with whether everything was loaded.
  let whenDone: (Bool) -> Void

  init(
    _ loader: RDBLoader, path: String, file: DiskFile, byteCount: Int, startedAt: Int64,
    startedNanoseconds: Int64, whenDone: @escaping (Bool) -> Void
  ) {
    self.loader = loader
    self.path = path
    self.file = file
    self.byteCount = byteCount
    self.startedAt = startedAt
    self.startedNanoseconds = startedNanoseconds
    progress = LoadingProgress(byteCount: byteCount, at: startedNanoseconds)
    self.whenDone = whenDone
  }
}
