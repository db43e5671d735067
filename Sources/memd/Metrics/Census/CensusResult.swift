// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What one pass over all keys has found.
struct CensusResult: Sendable {
  /// Keys of one type, or of one prefix.
  struct Count: PrefixCount {
    var keys = 0
    /// See `Entry.memoryUsage`.
    var bytes = 0
    /// Items, members, fields and entries; strings have none.
    var elements = 0

    mutating func add(_ other: Count) {
      keys += other.keys
      bytes += other.bytes
      elements += other.elements
    }
  }

  /// Keys of one type.
  struct OfType: Sendable {
    let type: Entry.ValueType
    var count = Count()
    /// Those of the key with most.
    var mostBytes = 0
    var mostElements = 0
  }

  /// Keys of one database.
  struct OfDatabase: Sendable {
    let number: Int
    var count = Count()
  }

  /// A key with much in it.
  struct Key: Sendable {
    /// The name, or its beginning (`nameByteCountMax`).
    let name: [UInt8]
    let nameByteCount: Int
    let database: Int
    let type: Entry.ValueType
    let bytes: Int
    let elements: Int
    /// Of the whole name.
    let hash: UInt64

    static let nameByteCountMax = 128
  }

  /// The keys with most of something, most first.
  struct Largest: Sendable {
    static let capacity = 32

    private(set) var keys: [Key] = []
    /// A key with no more than this is not among them.
    private(set) var threshold = 0
    private let measure: @Sendable (Key) -> Int

    init(by measure: @escaping @Sendable (Key) -> Int) { self.measure = measure }

    /// Puts a key in its place; one that is met again takes the place of what was known of it.
    ///
    /// - Complexity: O(`capacity`)
    mutating func add(_ key: Key) {
      keys.removeAll { $0.hash == key.hash && $0.database == key.database }
      let value = measure(key)
      let place = keys.firstIndex { measure($0) < value } ?? keys.count
      keys.insert(key, at: place)
      if keys.count > Self.capacity { keys.removeLast() }
      threshold = keys.count < Self.capacity ? 0 : keys.last.map(measure) ?? 0
    }
  }

  /// Milliseconds since 1970 at which the pass began, and how long it took.
  var startedAt: Int64 = 0
  var milliseconds: Int64 = 0
  /// Whether databases were emptied or swapped too often meanwhile: what they held before may have
  /// been counted, too.
  var isDisturbed = false
  /// By the types' numbers.
  var types = Entry.ValueType.allCases.map { OfType(type: $0) }
  /// Those with keys, by number.
  var databases: [OfDatabase] = []
  var prefixes: [PrefixTally<Count>.Item] = []
  /// Keys that belong to none of the prefixes.
  var others = Count()
  /// By what prefixes were told apart.
  var rules = PrefixAccounting.off
  var byBytes = Largest { $0.bytes }
  var byElements = Largest { $0.elements }

  var keyCount: Int { types.reduce(0) { $0 + $1.count.keys } }
  var byteCount: Int { types.reduce(0) { $0 + $1.count.bytes } }
}
