// SPDX-License-Identifier: Apache-2.0

/// How fast keys may be loaded under `key-load-delay`, or saved under `rdb-key-save-delay`.
struct KeyPace {
  /// When the next key may be done, in monotonic nanoseconds.
  private(set) var continuesAt: Int64
  /// Keys whose delay is counted already.
  private var keyCount: Int
  private let nanosecondsPerKey: Int64
  /// Delays are much shorter than what a loop can sleep: what it has overslept is made up for, but
  /// not what others took from it.
  private static let arrearsMax: Int64 = 10_000_000

  /// - Parameter delay: as in the configuration: microseconds, or a negative reciprocal.
  init(continuesAt: Int64, keyCount: Int, delay: Int) {
    self.continuesAt = continuesAt
    self.keyCount = keyCount
    nanosecondsPerKey = delay < 0 ? -1000 / Int64(delay) : 1000 * Int64(delay)
  }

  /// So many keys were done by `now`.
  mutating func note(keyCount count: Int, at now: Int64) {
    guard count > keyCount else { return }
    let delay = Int64(count - keyCount) * nanosecondsPerKey
    continuesAt = max(continuesAt, now - KeyPace.arrearsMax) + delay
    keyCount = count
  }
}
