// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// Keeping memory under `maxmemory`: before a command runs, keys are evicted by policy until there
// is room, the time for it is over, or nothing is left that may go.

extension Server {
  /// Memory that counts against `maxmemory`: everything but what only waits to be freed.
  var evictableMemory: Int {
    allocator.bytesInUse + clientMemory - clientMemoryElsewhere + objectMemory
  }

  /// Memory of objects that the allocator doesn't see, as far as their sizes are known: clients
  /// without their buffers, the slow log, watched keys.
  var objectMemory: Int {
    clients.count &* Client.objectByteCount &+ slowLog.byteCount &+ effects.watched.byteCount
  }

  /// Frees memory before a command while `maxmemory` is exceeded; the error if that fails and the
  /// command needs memory.
  func makeRoom(for call: borrowing Call) -> CommandError? {
    guard evictableMemory > configuration.maxMemory, configuration.maxMemory > 0 else {
      noteExceeding(false)
      return nil
    }
    // Clients go before keys do.
    if configuration.maxMemoryClients != 0 { evictClients(sparing: call.client) }
    let hasRoom = evict()
    noteExceeding(!hasRoom || evictionContinues)
    guard !hasRoom else { return nil }
    return call.needsMemory ? .outOfMemory : nil
  }

  /// Measures how long memory is over its limit.
  func noteExceeding(_ isExceeded: Bool) {
    let since = statistics.evictionExceededSince
    guard isExceeded != (since != nil) else { return }
    let now = clock.monotonicNanoseconds() / 1000
    if let since { statistics.evictionExceededMicroseconds += now - since }
    statistics.evictionExceededSince = isExceeded ? now : nil
  }

  /// How long memory has been over its limit this time, in microseconds.
  var currentExceedingMicroseconds: Int64 {
    guard let since = statistics.evictionExceededSince else { return 0 }
    return clock.monotonicNanoseconds() / 1000 - since
  }

  /// Evicts until there is room; false if that isn't possible.
  ///
  /// Stops after some time, set by `maxmemory-eviction-tenacity`, and then counts as done: the rest
  /// follows in the next turns, and every command brings the goal closer.
  func evict() -> Bool {
    evictionContinues = false
    // While clients are paused, the dataset has to stay as it is; writes wait anyway.
    if configuration.maxMemory == 0 || pause.isActive { return true }
    guard configuration.maxMemoryPolicy != .noEviction else {
      return evictableMemory <= configuration.maxMemory
    }
    let start = clock.ticks()
    let deadline = start &+ clock.ticks(microseconds: evictionMicroseconds)
    var evicted = 0
    while evictableMemory > configuration.maxMemory {
      // What was removed and still has to be freed is room as well, and it comes first.
      if keyspace.unlinked.isEmpty {
        if !evictOne() { return false }
      } else {
        _ = keyspace.unlinked.free(upTo: UnlinkedData.elementsAtOnce)
      }
      evicted += 1
      if evicted % 16 == 0, clock.ticks() > deadline {
        evictionContinues = true
        return true
      }
    }
    return true
  }

  /// The longest that one command evicts, in microseconds.
  private var evictionMicroseconds: Double {
    let tenacity = configuration.maxMemoryEvictionTenacity
    if tenacity <= 10 { return 50.0 * Double(tenacity) }
    if tenacity < 100 {
      var limit = 500.0
      for _ in 10..<tenacity { limit *= 1.15 }
      return limit
    }
    return .greatestFiniteMagnitude
  }

  /// Evicts one key by the policy; false if there is none that may go.
  private func evictOne() -> Bool {
    let policy = configuration.maxMemoryPolicy
    switch policy {
    case .noEviction: return false
    case .allKeysRandom, .volatileRandom: return evictRandom(volatileOnly: policy.isVolatileOnly)
    default: return evictSampled(policy)
    }
  }

  private func evictRandom(volatileOnly: Bool) -> Bool {
    let count = keyspace.databases.count
    for step in 0..<count {
      let database = keyspace.databases[(evictionCursor + step) % count]
      guard let entry = database.randomEntry(volatileOnly: volatileOnly, &keyspace.random) else {
        continue
      }
      evictionCursor = database.number + 1
      evict(entry, in: database)
      return true
    }
    return false
  }

  private func evictSampled(_ policy: MaxMemoryPolicy) -> Bool {
    // A candidate may be gone, or have been used since: then the next best is tried.
    for _ in 0..<64 {
      if !sample(policy) { return false }
      while let candidate = evictionPool.takeBest() {
        let database = keyspace.databases[candidate.database]
        let found = database.contents.table.find(candidate.key.rawSpan, hash: candidate.hash)
        guard let entry = found, !policy.isVolatileOnly || entry.header.hasDeadline else {
          continue
        }
        // Used since it was sampled: it has to compete again.
        let score = database.evictionScore(of: entry, policy)
        if score < candidate.score, evictionPool.outranks(score) {
          evictionPool.add(candidate.rated(score))
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
      for _ in 0..<min(count, configuration.maxMemorySamples) {
        guard
          let entry = database.randomEntry(
            volatileOnly: policy.isVolatileOnly, &keyspace.random)
        else { continue }
        let score = database.evictionScore(of: entry, policy)
        guard evictionPool.admits(score) else { continue }
        evictionPool.add(
          EvictionPool.Candidate(
            key: entry.key.copied, hash: entry.hash(database.seed), database: database.number,
            score: score))
      }
    }
    return isAnyThere
  }

  private func evict(_ entry: Entry, in database: Database) {
    database.evict(entry)
    statistics.evictedKeys += 1
    effects.flush(isTransaction: false)
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
    effects.evicted(key, in: self)
    discard(gone)
  }
}
