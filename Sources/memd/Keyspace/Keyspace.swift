// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// All databases of a server and what they share.
///
/// A database belongs to a number; SWAPDB exchanges the contents of two databases, so whoever holds
/// a `Database` (a client that selected it) sees the new contents at once, as Redis users expect.
final class Keyspace {
  let allocator: Allocator
  let seed: HashSeed
  let moment: Moment
  private unowned let observer: any KeyspaceObserver
  let statistics = KeyspaceStatistics()
  let databases: [Database]
  let limits = EncodingLimits()
  /// What has been removed and is freed in slices.
  let unlinked: UnlinkedData
  /// Picks keys for RANDOMKEY and eviction.
  var random: RandomGenerator
  /// Databases that are being filled to take the place of all others; nobody sees them before.
  private var replacement: [Database]?
  private let nobody = NobodyWatches()
  /// How often all keys of a database have come or gone at once, for whoever walks over them.
  private(set) var upheavalCount = 0

  init(
    databaseCount: Int, allocator: Allocator, seed: HashSeed, moment: Moment,
    attention: Attention, observer: any KeyspaceObserver, received: (any ReceivedBlocks)?,
    random: RandomGenerator
  ) {
    self.allocator = allocator
    self.seed = seed
    self.moment = moment
    self.observer = observer
    self.random = random
    let unlinked = UnlinkedData(allocator: allocator)
    self.unlinked = unlinked
    let limits = self.limits
    let statistics = self.statistics
    databases = (0..<databaseCount).map {
      Database(
        number: $0, allocator: allocator, seed: seed, moment: moment, attention: attention,
        observer: observer, statistics: statistics, limits: limits, unlinked: unlinked,
        received: received)
    }
  }

  // MARK: - Replacing everything

  /// Whether databases are being filled that are to take the place of these.
  var hasReplacement: Bool { replacement != nil }

  /// Empty databases, as many as there are, that nobody knows: to be filled, and then adopted or
  /// dropped.
  func makeReplacement() -> [Database] {
    precondition(replacement == nil, "one replacement at a time")
    let counts = KeyspaceStatistics()
    let attention = Attention()
    let made = databases.map {
      Database(
        number: $0.number, allocator: allocator, seed: seed, moment: moment, attention: attention,
        observer: nobody, statistics: counts, limits: limits, unlinked: unlinked, received: nil)
    }
    replacement = made
    return made
  }

  /// Puts the replacement in the place of all that is here, in one step; what was here is freed in
  /// slices of the turns to come.
  ///
  /// - Complexity: O(databases), and what observers make of it.
  func adoptReplacement() {
    guard let replacement else { return }
    observer.willFlush()
    for (database, new) in zip(databases, replacement) { observer.willChange(database, to: new) }
    for (database, new) in zip(databases, replacement) {
      database.swapContents(with: new)
      if database.expires { moment.hasDeadlines = true }
    }
    dropReplacement()
    upheavalCount += 1
    for database in databases { observer.didChange(database) }
  }

  /// Lets go of the replacement, whatever is in it; it is freed in slices.
  func dropReplacement() {
    for database in replacement ?? [] { unlinked.add(database.takeContents()) }
    replacement = nil
  }

  // MARK: - Changing and emptying databases

  /// Exchanges the contents of two databases.
  func swap(_ one: Database, _ other: Database) {
    guard one !== other else { return }
    observer.willChange(one, to: other)
    observer.willChange(other, to: one)
    one.swapContents(with: other)
    upheavalCount += 1
    observer.didChange(one)
    observer.didChange(other)
  }

  /// Empties all databases; returns how many keys there were.
  func flushAll(lazily: Bool) -> Int {
    observer.willFlush()
    return databases.reduce(0) { $0 + empty($1, lazily: lazily) }
  }

  /// Empties a database; returns how many keys there were.
  ///
  /// - Parameter lazily: memory is freed in slices of the turns to come. Few keys are freed at
  ///   once in any case.
  /// - Complexity: O(keys), or O(1) if lazily.
  func flush(_ database: Database, lazily: Bool) -> Int {
    observer.willFlush()
    return empty(database, lazily: lazily)
  }

  private func empty(_ database: Database, lazily: Bool) -> Int {
    let count = database.count
    guard count > 0 else { return 0 }
    // Those who are told see the keys as they were: only one that existed has changed.
    observer.willChange(database, to: nil)
    unlinked.add(database.takeContents())
    upheavalCount += 1
    observer.didChange(database)
    if !lazily {
      while unlinked.free(upTo: .max) {}
    } else if count <= UnlinkedData.elementsAtOnce {
      // Few keys go at once, unless one of them is large: that one is freed in slices.
      _ = unlinked.free(upTo: 16 * UnlinkedData.elementsAtOnce)
    }
    return count
  }

  /// The database with this number, or nil.
  func database(_ number: Int) -> Database? {
    databases.indices.contains(number) ? databases[number] : nil
  }

  /// Number of keys in all databases.
  var keyCount: Int { databases.reduce(0) { $0 + $1.count } }

  /// Whether a hash has fields that expire.
  var hasFieldDeadlines: Bool { databases.contains { $0.contents.fieldExpirations.count > 0 } }

  /// Frees everything; the keyspace must not be used afterwards.
  func tearDown() {
    dropReplacement()
    for database in databases {
      while !database.contents.free(upTo: .max, into: unlinked, home: database.home) {}
    }
    while unlinked.free(upTo: .max) {}
  }
}
