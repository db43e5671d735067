// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What commands and time have done to the keys of a prefix.
struct PrefixTraffic: PrefixCount, Equatable {
  /// Keys of commands that only read them, and of all others.
  var reads = 0
  var writes = 0
  /// Look-ups of reading commands by what they found.
  var hits = 0
  var misses = 0
  /// Keys that were removed because they were due, or to make room.
  var expired = 0
  var evicted = 0

  mutating func add(_ other: PrefixTraffic) {
    reads &+= other.reads
    writes &+= other.writes
    hits &+= other.hits
    misses &+= other.misses
    expired &+= other.expired
    evicted &+= other.evicted
  }
}

/// Traffic by prefixes since `prefix-accounting` was set, or since CONFIG RESETSTAT.
final class PrefixTrafficTable: RemovalObserver {
  /// Nil unless `prefix-accounting` is set.
  private(set) var tally: PrefixTally<PrefixTraffic>?
  private var make: () -> PrefixTally<PrefixTraffic>? = { nil }

  /// Begins to count, or ends it if `rules` are off.
  ///
  /// - Parameter shown: first segments that are to be shown.
  func start(_ rules: PrefixAccounting, shown: Int, seed: HashSeed) {
    make = { rules.isOff ? nil : PrefixTally(rules, shown: shown, seed: seed) }
    tally = make()
  }

  /// Whether these are the settings that it counts by.
  func follows(_ rules: PrefixAccounting, shown: Int) -> Bool {
    guard let tally else { return rules.isOff }
    return tally.rules == rules && tally.shown == shown
  }

  /// Adds what has been done to a key; each time counts alike for the places of first segments.
  func add(_ traffic: PrefixTraffic, of key: RawSpan) { tally?.add(traffic, of: key, weight: 1) }

  /// A key has been removed because it was due, or to make room.
  func noteRemoval(of key: RawSpan, _ event: KeyEvent) {
    let isEviction = event.kind.contains(.evicted)
    add(PrefixTraffic(expired: isEviction ? 0 : 1, evicted: isEviction ? 1 : 0), of: key)
  }

  /// Starts counting anew.
  func reset() { tally = make() }

  var byteCount: Int { tally?.byteCount ?? 0 }
}

extension Server {
  /// Begins or ends to count by prefixes, as the configuration says.
  func updatePrefixAccounting() {
    let rules = configuration.prefixAccounting
    let shown = configuration.prefixAccountingMax
    guard !metrics.prefixes.follows(rules, shown: shown) else { return }
    metrics.prefixes.start(rules, shown: shown, seed: keyspace.seed)
    effects.removals = rules.isOff ? nil : metrics.prefixes
    gate.set(.prefixes, !rules.isOff)
  }
}
