// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The time as commands see it: frozen within an execution unit, renewed between units.
final class Moment {
  /// Wall time in microseconds since 1970.
  private(set) var microseconds: Int64 = 0
  /// Wall time in milliseconds since 1970.
  private(set) var milliseconds: Int64 = 0
  /// What an entry remembers of its last access, for LRU: units of 16 ms modulo 2^29 (99 days).
  private(set) var accessClock: UInt32 = 0
  /// The same for LFU: units of 1/32 minute modulo 2^21 (45 days).
  private(set) var frequencyClock: UInt32 = 0
  /// True while an LFU policy is in force: accesses count instead of being dated.
  var countsAccesses = false
  /// Parameters of LFU counting.
  var counter = AccessCounter()
  /// Decides whether an access is counted.
  var random: RandomGenerator
  /// False while the client under way asked not to change access times (CLIENT NO-TOUCH).
  var touchesKeys = true
  /// False while no key and no field of any database has a deadline, so that nobody need look for
  /// the next one.
  var hasDeadlines = false
  /// How expired keys are treated by look-ups.
  var expiryMode = ExpiryMode.remove

  enum ExpiryMode {
    /// A leader removes a due key when it meets it.
    case remove
    /// While clients are paused it is hidden, and stays.
    case hide
    /// The leader's stream never sees a key as expired.
    case ignore
  }

  init(microseconds: Int64, random: RandomGenerator) {
    self.random = random
    set(microseconds: microseconds)
  }

  func set(microseconds: Int64) {
    self.microseconds = microseconds
    milliseconds = microseconds / 1000
    accessClock = UInt32(truncatingIfNeeded: milliseconds >> 4) & Entry.Header.accessMask
    frequencyClock = UInt32(truncatingIfNeeded: milliseconds / 1875) & AccessCounter.clockMask
  }
}
