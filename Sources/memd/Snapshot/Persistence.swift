// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// What a server remembers of saving and loading, as INFO's section `persistence` tells it.
final class Persistence {
  /// Wall time of the last save in seconds; nil if nothing was saved since the start.
  var lastSave: Int64?
  /// The claim to the file of snapshots, and its path; nil while nothing is saved.
  var dumpClaim: (path: String, claim: DiskClaim)?
  /// The count of changes that the last save has covered.
  var savedChangeCount = 0
  /// The snapshot or base of the log that is being written in the background.
  var backgroundSave: BackgroundSave? {
    didSet {
      isSaving = backgroundSave != nil
      savingContinues = isSaving
      savingContinuesAt = .max
    }
  }
  private(set) var isSaving = false
  /// The same, if it is one that was asked for or that a rule has begun.
  var snapshot: BackgroundSave? { backgroundSave?.isSnapshot == true ? backgroundSave : nil }
  /// The same, unless it is a snapshot that others don't call one: a base of the log.
  var rdbSave: BackgroundSave? { backgroundSave?.isLogBase == false ? backgroundSave : nil }
  /// Whether the loop may go on with it: false while the helper has enough to do.
  var savingContinues = false
  /// When it goes on under `rdb-key-save-delay`, in monotonic nanoseconds.
  var savingContinuesAt = Int64.max
  /// Whether one begins as soon as it can.
  var isSaveScheduled = false
  /// Whether the last attempt to save in the background, if any, was successful.
  var hasBackgroundSaveFailed = false
  /// Whether nothing may be written for that reason.
  var refusesWrites = false
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
  /// Keys of the last RDB that was loaded, or given up: stored, and passed over as they were due.
  var keysLoaded = 0
  var keysExpired = 0
  /// The database that the stream of the server that made it had selected, as it says.
  var loadedStreamDatabase = 0
  /// Switched by DEBUG SET-SKIP-CHECKSUM-VALIDATION.
  var skipsChecksums = false
  /// Values that came with packed bytes and were looked at byte by byte.
  var sanitizations = 0
  /// The load under way; nil nearly always.
  var loading: Loading? {
    didSet { loadingContinuesAt = loading == nil ? .max : 0 }
  }
  /// Whether what was loaded is being written as the first base of a log; clients wait for that.
  var isWritingFirstBase = false
  /// What helps if the start has failed, where it isn't what helps against damage.
  var startRemedy: String?
  /// Whether a dataset is on its way into memory, or the log that it begins isn't there yet.
  var isLoading: Bool { loading != nil || isWritingFirstBase }
  /// Whether clients see another dataset meanwhile.
  var isLoadingBeside: Bool { loading?.target.servesClients == true }
  /// When the load under way goes on, in monotonic nanoseconds: at once (0), unless
  /// `key-load-delay` slows it down; in a distant future while nothing is loaded.
  var loadingContinuesAt = Int64.max
}
