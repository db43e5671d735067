// SPDX-License-Identifier: Apache-2.0

/// Where a leader's snapshot is loaded, and what clients see meanwhile: decided once all of it has
/// been received, from figures alone.
struct SnapshotPlacement: Equatable {
  enum Place: String {
    /// The old data go first; clients hear that the server is loading.
    case inPlace = "in-place"
    /// The old data stay until all is there, and if it can't be loaded; clients see them.
    case beside
    /// The same, but clients hear that the server is loading: what they would see has nothing to
    /// do with the leader's data.
    case besideHidden = "beside-hidden"
  }

  /// INFO's words for what has decided.
  enum Reason: String {
    case option = "repl-diskless-load"
    case sameHistory = "same-history"
    case otherHistory = "other-history"
    case maxMemory = "maxmemory"
    case freeMemory = "free-memory"
  }

  let place: Place
  let reason: Reason

  /// What the decision depends on; sizes in bytes.
  struct Circumstances {
    var option = DisklessLoad.auto
    /// Whether the snapshot and the old data are of one history.
    var isSameHistory = true
    /// What the new data will take.
    var newData = 0
    /// What this server takes now.
    var usedMemory = 0
    /// 0: no limit.
    var maxMemory = 0
    /// What the system could still give.
    var availableMemory = Int.max
  }

  /// Old and new data together may take so much of what the system could still give.
  private static let availablePercent = 60

  static func decide(_ given: Circumstances) -> SnapshotPlacement {
    func place(_ place: Place, _ reason: Reason) -> SnapshotPlacement {
      SnapshotPlacement(place: place, reason: reason)
    }
    switch given.option {
    case .disabled, .onEmptyDatabase, .flushBeforeLoad: return place(.inPlace, .option)
    case .swapDatabases: return place(given.isSameHistory ? .beside : .besideHidden, .option)
    case .auto: break
    }
    guard given.isSameHistory else { return place(.inPlace, .otherHistory) }
    let limit = given.maxMemory > 0 ? max(0, given.maxMemory - given.usedMemory) : .max
    guard given.newData <= limit else { return place(.inPlace, .maxMemory) }
    guard given.newData <= given.availableMemory / 100 * availablePercent else {
      return place(.inPlace, .freeMemory)
    }
    return place(.beside, .sameHistory)
  }
}
