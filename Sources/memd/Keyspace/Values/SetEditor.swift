// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The set of a key, to be changed.
struct SetEditor: SetStorage {
  private(set) var entry: WritableEntry
  private let hash: UInt64
  private let database: BorrowedDatabase

  /// - Parameter hash: the hash of the entry's key.
  init(_ entry: WritableEntry, hash: UInt64, in database: Database) {
    self.entry = entry
    self.hash = hash
    self.database = BorrowedDatabase(database)
  }

  /// Creates `key`, which is absent, with an empty set for `count` members of which `first` is one.
  init(new key: Key, first: RawSpan, count: Int, in database: Database) {
    hash = key.hash
    self.database = BorrowedDatabase(database)
    let limits = database.limits
    if count <= limits.intsetEntriesMax, CanonicalInteger.parse(first) != nil {
      entry = database.addPacked(key, .set, count: IntSet.emptyByteCount, as: .intset)
      unsafe IntSet.writeEmpty(to: entry.packedStart)
    } else if count <= limits.setMaxListpackEntries {
      entry = database.addPacked(key, .set)
    } else {
      entry = SetEditor.addTable(key, in: database)
    }
  }

  /// Creates `key`, which is absent, with the large form of an empty set.
  private static func addTable(_ key: Key, in database: Database) -> WritableEntry {
    let table = SetValue.WritableTable(
      HashTable(allocator: database.allocator, seed: database.seed),
      allocator: database.allocator)
    return database.addCollection(key, .set, .table, word: table.word)
  }

  var value: SetValue { SetValue(entry) }
  var form: SetValue.Form { value.form }
  var intset: IntSet { value.intset }
  var listpack: Listpack { entry.entry.listpack }
  var table: SetValue.Table { value.table }
  var writableTable: SetValue.WritableTable { entry.box(of: HashTable<SetMember>.self) }
  var allocator: Allocator { database.use { $0.allocator } }
  var seed: HashSeed { database.seed }
  var limits: EncodingLimits { database.use { $0.limits } }

  mutating func resize(to byteCount: Int) {
    let (entry, hash) = (entry, hash)
    self.entry = database.use { $0.resizePacked(entry, hash: hash, to: byteCount) }
  }

  mutating func become(packed bytes: RawSpan) {
    let (entry, hash) = (entry, hash)
    self.entry = database.use { $0.convert(entry, hash: hash, toPacked: .packed, bytes) }
  }

  mutating func become(_ table: SetValue.WritableTable) {
    let (entry, hash) = (entry, hash)
    self.entry = database.use { $0.convert(entry, hash: hash, to: .table, word: table.word) }
  }
}
