// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// The score by which the system chooses whom to kill when memory runs out (`oom-score-adj`).
///
/// It is left alone until the configuration wants another one. From then on the score that was found
/// is remembered: `yes` and `relative` count from it, and `no` brings it back.
final class OutOfMemoryScore {
  private let read: () -> Int?
  private let write: (Int) throws(DiskError) -> Void
  /// The score before the first change; nil while nothing is changed.
  private var found: Int?

  init(
    read: @escaping () -> Int? = { MemoryPolicy.outOfMemoryScore },
    write: @escaping (Int) throws(DiskError) -> Void = { (score) throws(DiskError) in
      try MemoryPolicy.setOutOfMemoryScore(score)
    }
  ) {
    self.read = read
    self.write = write
  }

  /// Takes over what the configuration says.
  func update(_ configuration: Configuration) throws(ConfigurationChange.Failure) {
    do throws(DiskError) {
      try adjust(configuration)
    } catch {
      throw ConfigurationChange.Failure(
        option: "oom-score-adj", message: "Failed to apply new oom_score_adj configuration")
    }
  }

  private func adjust(_ configuration: Configuration) throws(DiskError) {
    let wanted = configuration.oomScoreAdjustmentValues.first ?? 0
    if configuration.oomScoreAdjustment == .no {
      guard let old = found else { return }
      found = nil
      return try write(old)
    }
    let base = found ?? read() ?? 0
    found = base
    let score = configuration.oomScoreAdjustment == .absolute ? wanted : base + wanted
    try write(min(max(score, -1000), 1000))
  }
}
