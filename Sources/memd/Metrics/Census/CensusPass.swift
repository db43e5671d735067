// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A walk over all keys that counts them, advanced in small steps.
///
/// It reads and leaves no trace: access times stay, keys that are due stay, and nobody hears of it.
/// A key that is there from the beginning to the end is counted, by SCAN's promise; exactly once
/// unless its table shrinks meanwhile. Nothing but a cursor is kept from step to step.
struct CensusPass {
  /// Buckets that a step looks at, about seven keys in each: so many cache misses wait together.
  private static let bucketsPerStep = 4
  /// Databases without keys that a step passes over.
  private static let databasesPerStep = 256
  /// Elements of a large collection that are measured to estimate all of them.
  private static let samples = 5

  private var result = CensusResult()
  private var prefixes: PrefixTally<CensusResult.Count>
  private var database = 0
  private var cursor: UInt64 = 0
  private var met: [Entry] = []
  private(set) var keyCount = 0
  /// See `Keyspace.upheavalCount`, when it began.
  let upheavalCount: Int

  init(_ keyspace: Keyspace, _ rules: PrefixAccounting, shown: Int, startedAt: Int64) {
    prefixes = PrefixTally(rules, shown: shown, seed: keyspace.seed)
    upheavalCount = keyspace.upheavalCount
    result.startedAt = startedAt
    result.rules = rules
  }

  /// Counts some dozens of keys; true when all have been.
  ///
  /// - Complexity: O(1), large collections included.
  mutating func step(in keyspace: Keyspace) -> Bool {
    var empty = 0
    while database < keyspace.databases.count, keyspace.databases[database].count == 0 {
      goToNextDatabase()
      empty += 1
      if empty == Self.databasesPerStep { return false }
    }
    guard database < keyspace.databases.count else { return true }
    count(in: keyspace.databases[database])
    return false
  }

  /// What it has found, at its end.
  func ended(at milliseconds: Int64) -> CensusResult {
    var result = self.result
    result.milliseconds = max(0, milliseconds - result.startedAt)
    result.prefixes = prefixes.items
    result.others = prefixes.others
    return result
  }

  /// Memory that it takes, roughly.
  var byteCount: Int { prefixes.byteCount + 2 * Census.largestByteCount }

  private mutating func goToNextDatabase() {
    database += 1
    cursor = 0
  }

  private mutating func count(in database: Database) {
    var met = self.met
    self.met = []
    met.removeAll(keepingCapacity: true)
    for _ in 0..<Self.bucketsPerStep {
      cursor = database.keys.scan(cursor) {
        $0.prefetch()
        met.append($0)
      }
      if cursor == 0 { break }
    }
    if result.databases.last?.number != database.number, !met.isEmpty {
      result.databases.append(CensusResult.OfDatabase(number: database.number))
    }
    for entry in met { count(entry, in: database) }
    self.met = met
    if cursor == 0 { goToNextDatabase() }
  }

  private mutating func count(_ entry: Entry, in database: Database) {
    let type = entry.header.type
    let bytes = entry.memoryUsage(database.allocator, samples: Self.samples)
    let elements = type == .string ? 0 : ValuePart.elementCount(of: entry)
    let count = CensusResult.Count(keys: 1, bytes: bytes, elements: elements)
    keyCount += 1
    let index = Int(type.rawValue)
    result.types[index].count.add(count)
    if bytes > result.types[index].mostBytes { result.types[index].mostBytes = bytes }
    if elements > result.types[index].mostElements { result.types[index].mostElements = elements }
    result.databases[result.databases.count - 1].count.add(count)
    if result.rules.isOff {
      result.others.add(count)
    } else {
      prefixes.add(count, of: entry.key, weight: bytes)
    }
    guard bytes > result.byBytes.threshold || elements > result.byElements.threshold else { return }
    note(entry, count, in: database)
  }

  private mutating func note(_ entry: Entry, _ count: CensusResult.Count, in database: Database) {
    let name = entry.key
    let key = CensusResult.Key(
      name: name.extracting(first: min(name.byteCount, CensusResult.Key.nameByteCountMax)).copied,
      nameByteCount: name.byteCount, database: database.number, type: entry.header.type,
      bytes: count.bytes, elements: count.elements, hash: entry.hash(database.seed))
    if count.bytes > result.byBytes.threshold { result.byBytes.add(key) }
    if count.elements > result.byElements.threshold { result.byElements.add(key) }
  }
}
