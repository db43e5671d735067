// SPDX-License-Identifier: Apache-2.0

/// What look-ups and time have done to keys, counted (INFO's section `stats`).
final class KeyspaceStatistics {
  /// Look-ups by what they found.
  struct Lookups {
    var hits = 0
    var misses = 0

    /// Those that came behind `earlier`; none if counting has begun anew since.
    func since(_ earlier: Lookups) -> Lookups {
      Lookups(hits: max(0, hits &- earlier.hits), misses: max(0, misses &- earlier.misses))
    }
  }

  var lookups: Lookups { Lookups(hits: hits, misses: misses) }

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
