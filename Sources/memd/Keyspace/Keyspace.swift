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
  let effects: Effects
  let statistics: Statistics
  let databases: [Database]
  let limits = EncodingLimits()
  /// What has been removed and is freed in slices.
  let unlinked: UnlinkedData
  /// Received bytes that may become values as they are.
  let arrivals: Arrivals
  /// Picks keys for RANDOMKEY and eviction.
  var random: RandomGenerator

  init(
    databaseCount: Int, allocator: Allocator, seed: HashSeed, moment: Moment, effects: Effects,
    statistics: Statistics, random: RandomGenerator
  ) {
    self.allocator = allocator
    self.seed = seed
    self.moment = moment
    self.effects = effects
    self.statistics = statistics
    self.random = random
    let unlinked = UnlinkedData(allocator: allocator)
    self.unlinked = unlinked
    let limits = self.limits
    let arrivals = Arrivals()
    self.arrivals = arrivals
    databases = (0..<databaseCount).map {
      Database(
        number: $0, allocator: allocator, seed: seed, moment: moment, effects: effects,
        statistics: statistics, limits: limits, unlinked: unlinked,
        arrivals: arrivals)
    }
  }

  /// The database with this number, or nil.
  func database(_ number: Int) -> Database? {
    databases.indices.contains(number) ? databases[number] : nil
  }

  /// Number of keys in all databases.
  var keyCount: Int { databases.reduce(0) { $0 + $1.count } }

  /// Frees everything; the keyspace must not be used afterwards.
  func tearDown() {
    for database in databases {
      while !database.contents.free(upTo: .max, into: unlinked) {}
    }
    while unlinked.free(upTo: .max) {}
  }
}
