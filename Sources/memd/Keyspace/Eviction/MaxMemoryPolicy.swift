// SPDX-License-Identifier: Apache-2.0

/// What happens when `maxmemory` is reached.
enum MaxMemoryPolicy: String, CaseIterable, Sendable {
  case volatileLRU = "volatile-lru"
  case volatileLFU = "volatile-lfu"
  case volatileRandom = "volatile-random"
  case volatileTTL = "volatile-ttl"
  case allKeysLRU = "allkeys-lru"
  case allKeysLFU = "allkeys-lfu"
  case allKeysRandom = "allkeys-random"
  case noEviction = "noeviction"

  /// Entries count their accesses (LFU) instead of noting the time of the last one.
  var countsAccesses: Bool { self == .volatileLFU || self == .allKeysLFU }

  /// Entries note the time of their last access.
  var notesAccessTime: Bool { self == .volatileLRU || self == .allKeysLRU }

  /// Every access matters to the policy, so integers can't be shared objects.
  var watchesAccesses: Bool { countsAccesses || notesAccessTime }

  /// Only keys with a deadline may go.
  var isVolatileOnly: Bool {
    switch self {
    case .volatileLRU, .volatileLFU, .volatileRandom, .volatileTTL: true
    case .allKeysLRU, .allKeysLFU, .allKeysRandom, .noEviction: false
    }
  }
}
