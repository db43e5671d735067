// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A set that is being put together and belongs to no key yet.
///
/// Whoever makes one calls `store` or `discard` in the end.
struct SetBuilder: SetStorage {
  private let database: Database
  private(set) var form = SetValue.Form.intset
  /// Of a `PackedBlock` or of a table, as the form says.
  private var word: UInt64

  /// An empty set.
  ///
  /// - Parameter startsPacked: as a listpack, else as an intset.
  init(in database: Database, startsPacked: Bool = false) {
    self.database = database
    let count = startsPacked ? Listpack.emptyByteCount : IntSet.emptyByteCount
    let block = PackedBlock(count: count, allocator: database.allocator)
    word = block.word
    if startsPacked {
      form = .packed
      unsafe Listpack.writeEmpty(to: block.start)
    } else {
      unsafe IntSet.writeEmpty(to: block.start)
    }
  }

  private var block: PackedBlock { PackedBlock(word: word) }
  var intset: IntSet { unsafe IntSet(block.start) }
  var listpack: Listpack { unsafe Listpack(block.start) }
  var table: SetValue.Table { writableTable.reading }
  var writableTable: SetValue.WritableTable { SetValue.WritableTable(owned: word) }
  var allocator: Allocator { database.allocator }
  var seed: HashSeed { database.seed }
  var limits: EncodingLimits { database.limits }

  /// Buckets that are made before the members come.
  private static let bucketsAtOnce = 1024

  /// Becomes a hash table at once, with buckets made beforehand, if `count` members, of which this
  /// is one, can't have another form. The set is empty.
  mutating func prepare(forAdding count: Int, like member: RawSpan) {
    assert(self.count == 0)
    let packedMax = limits.setMaxListpackEntries
    let isInteger = CanonicalInteger.parse(member) != nil
    guard count > (isInteger ? max(packedMax, limits.intsetEntriesMax) : packedMax) else { return }
    makeTable()
    _ = writableTable.pointee.reserve(count, atMost: SetBuilder.bucketsAtOnce)
  }

  mutating func resize(to byteCount: Int) {
    word = block.resized(to: byteCount, allocator: allocator).word
  }

  mutating func become(packed bytes: RawSpan) {
    block.free(allocator)
    form = .packed
    word = PackedBlock(count: bytes.byteCount, allocator: allocator).word
    unsafe block.start.copy(bytes)
  }

  mutating func become(_ table: SetValue.WritableTable) {
    block.free(allocator)
    form = .table
    word = table.word
  }

  /// Becomes an intset if all members are integers and few enough.
  mutating func preferIntset() {
    guard form != .intset, count <= limits.intsetEntriesMax else { return }
    var other = SetBuilder(in: database)
    var isPure = true
    forEach {
      isPure = CanonicalInteger.parse($0) != nil && other.add($0)
      return isPure
    }
    if isPure { swap(&self, &other) }
    other.discard()
  }

  /// The set as the value of an entry.
  ///
  /// - Parameter movesBytes: whether packed bytes that are few move behind the key.
  private func makeEntry(_ key: RawSpan, hasDeadline: Bool, movesBytes: Bool) -> DetachedEntry {
    let encoding: Entry.CollectionEncoding =
      switch form {
      case .intset: .intset
      case .packed: .packed
      case .table: .table
      }
    guard movesBytes, form != .table, Entry.embeds(keyCount: key.byteCount, valueCount: block.count)
    else {
      return DetachedEntry.make(
        key: key, type: .set, encoding: encoding.rawValue, word: word, hasDeadline: hasDeadline,
        allocator: allocator)
    }
    let bytes = unsafe RawSpan(_unsafeStart: block.start, byteCount: block.count)
    let entry = DetachedEntry.make(
      key: key, type: .set, packed: bytes, as: encoding, hasDeadline: hasDeadline,
      allocator: allocator)
    block.free(allocator)
    return entry
  }

  /// Makes the set the value of `key`; what the key held goes. Nothing else may be called then.
  ///
  /// - Parameter deadline: in milliseconds since 1970; nil for none.
  func store(_ key: Key, deadline: Int64? = nil) {
    let entry = makeEntry(key.bytes, hasDeadline: deadline != nil, movesBytes: true)
    if let deadline { entry.writable.deadline = deadline }
    database.overwrite(key, with: entry)
  }

  /// The set as an entry of its own, with room for a deadline or without. Nothing else may be
  /// called then.
  func finish(_ key: RawSpan, hasDeadline: Bool) -> DetachedEntry {
    makeEntry(key, hasDeadline: hasDeadline, movesBytes: true)
  }

  /// Frees the set; a large one in slices of the turns to come.
  func discard() {
    database.discard(makeEntry(RawSpan(), hasDeadline: false, movesBytes: false))
  }
}
