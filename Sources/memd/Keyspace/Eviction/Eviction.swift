// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Chooses the keys that go when memory is short, one at a time.
final class Eviction {
  private let keyspace: Keyspace
  private var pool = EvictionPool()
  /// The database at which random eviction goes on.
  private var cursor = 0
  /// Keys that are looked at per database and draw (`maxmemory-samples`).
  private var sampleCount = 5
  /// Whether memory is still over its limit, so that the next turn goes on.
  var continues = false

  init(_ keyspace: Keyspace) { self.keyspace = keyspace }

  /// Another policy, or another number of samples: scores of the old policy mean nothing to it.
  func reset(sampleCount: Int) {
    self.sampleCount = sampleCount
    pool.removeAll()
  }

  /// Evicts one key; false if there is none that may go. That is a unit, which the caller ends.
  func evictOne(_ policy: MaxMemoryPolicy) -> Bool {
    switch policy {
    case .noEviction: return false
    case .allKeysRandom, .volatileRandom: return evictRandom(volatileOnly: policy.isVolatileOnly)
    default: return evictSampled(policy)
    }
  }

  private func evictRandom(volatileOnly: Bool) -> Bool {
    let count = keyspace.databases.count
    for step in 0..<count {
      let database = keyspace.databases[(cursor + step) % count]
      guard let entry = database.randomEntry(volatileOnly: volatileOnly, &keyspace.random) else {
        continue
      }
      cursor = database.number + 1
      evict(entry, in: database)
      return true
    }
    return false
  }

  private func evictSampled(_ policy: MaxMemoryPolicy) -> Bool {
    // A candidate may be gone, or have been used since: then the next best is tried.
    for _ in 0..<64 {
      if !sample(policy) { return false }
      while let candidate = pool.takeBest() {
        let database = keyspace.databases[candidate.database]
        let found = database.contents.table.find(candidate.key.rawSpan, hash: candidate.hash)
        guard let entry = found, !policy.isVolatileOnly || entry.header.hasDeadline else {
          continue
        }
        // Used since it was sampled: it has to compete again.
        let score = database.evictionScore(of: entry, policy)
        if score < candidate.score, pool.outranks(score) {
          pool.add(candidate.rated(score))
          continue
        }
        evict(entry, in: database)
        return true
      }
    }
    return false
  }

  /// Looks at a few random keys of every database; false if there are none.
  private func sample(_ policy: MaxMemoryPolicy) -> Bool {
    var isAnyThere = false
    for database in keyspace.databases {
      let count = policy.isVolatileOnly ? database.expiringCount : database.count
      guard count > 0 else { continue }
      isAnyThere = true
      for _ in 0..<min(count, sampleCount) {
        guard
          let entry = database.randomEntry(
            volatileOnly: policy.isVolatileOnly, &keyspace.random)
        else { continue }
        let score = database.evictionScore(of: entry, policy)
        guard pool.admits(score) else { continue }
        pool.add(
          EvictionPool.Candidate(
            key: entry.key.copied, hash: entry.hash(database.seed), database: database.number,
            score: score))
      }
    }
    return isAnyThere
  }

  private func evict(_ entry: Entry, in database: Database) {
    database.evict(entry)
    keyspace.statistics.evictedKeys += 1
  }
}

extension Database {
  /// A key drawn uniformly, from all or from those with a deadline; nil if there is none.
  func randomEntry(volatileOnly: Bool, _ random: inout RandomGenerator) -> Entry? {
    volatileOnly
      ? contents.expirations.random(using: &random)?.entry : contents.table.random(using: &random)
  }

  /// How much an entry deserves to be evicted; comparable within one policy, now and later.
  func evictionScore(of entry: Entry, _ policy: MaxMemoryPolicy) -> UInt64 {
    if policy == .volatileTTL {
      // The sooner the deadline the higher; flipping the sign bit makes the order unsigned.
      return ~(UInt64(bitPattern: entry.deadline) ^ 1 << 63)
    }
    if policy.countsAccesses { return seldomness(of: entry) }
    return earliness(of: entry)
  }

  /// Removes an entry to make room, through the funnel.
  func evict(_ entry: Entry) {
    let bytes = entry.key
    let key = Key(bytes, hash: entry.hash(seed))
    guard let location = contents.table.locate(entry, hash: key.hash) else { return }
    // Whoever hears of it finds the key gone.
    let gone = detach(at: location)
    announceEviction(of: key)
    discard(gone)
  }
}
