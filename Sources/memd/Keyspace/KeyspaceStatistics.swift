// SPDX-License-Identifier: Apache-2.0

/// What look-ups and time have done to keys, counted (INFO's section `stats`).
final class KeyspaceStatistics {
  /// Look-ups that found their key, and those that didn't.
  var hits = 0
  var misses = 0
  /// Keys removed because their deadline had passed, and fields of hashes.
  var expiredKeys = 0
  var expiredFields = 0
  var evictedKeys = 0
  /// Times a slice of expiry ended before everything due was removed.
  var expiredTimeCapReached = 0

  /// Sets every counter to zero.
  func reset() {
    hits = 0
    misses = 0
    expiredKeys = 0
    expiredFields = 0
    evictedKeys = 0
    expiredTimeCapReached = 0
  }
}
