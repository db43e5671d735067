// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Puts a hash together, field by field: packed as long as it is small, then as a table.
///
/// Whoever makes one calls `finish` or `abandon`.
struct HashAssembler {
  /// Listpack entries per field: 3 if fields may have deadlines.
  private let stride: Int
  private let database: Database
  private var packed: ListpackBlock
  private var table: WritableBox<FieldTable>?
  private var duplicates: DuplicateCheck
  /// Deadlines of packed fields, `Int64.max` for none, in the order of the fields.
  private var deadlines: [Int64] = []
  private var count = 0

  /// - Parameter mayExpire: whether fields may have deadlines.
  init(_ database: Database, mayExpire: Bool) {
    self.database = database
    stride = mayExpire ? 3 : 2
    packed = ListpackBlock(allocator: database.allocator)
    // More fields than fit into a listpack are told apart by the table itself.
    duplicates = DuplicateCheck(count: min(database.limits.hashMaxListpackEntries, 4096) + 1)
  }

  /// Adds a field; false if there is one of that name already.
  mutating func add(_ name: RawSpan, _ value: RawSpan, deadline: Int64? = nil) -> Bool {
    count += 1
    let limits = database.limits
    if table == nil {
      let isSmall =
        count <= min(limits.hashMaxListpackEntries, 4096)
        && max(name.byteCount, value.byteCount) <= limits.hashMaxListpackValue
        && limits.packs(packed.listpack.byteCount, adding: name.byteCount + value.byteCount)
      if isSmall {
        guard duplicates.insert(SipHash13.hash(name, database.seed)) else { return false }
        packed.append(name, value)
        if stride == 3 {
          packed.append(integer: Int(deadline ?? 0))
          deadlines.append(deadline ?? .max)
        }
        return true
      }
      makeTable()
    }
    return insert(name, value, deadline)
  }

  private mutating func makeTable() {
    let allocator = database.allocator
    table = WritableBox(FieldTable(allocator: allocator, seed: database.seed), allocator: allocator)
    let list = FieldList(packed.listpack, stride: stride)
    var position = list.first
    while let current = position {
      var nameScratch = DecimalScratch()
      var valueScratch = DecimalScratch()
      _ = insert(
        list.name(at: current).text(&nameScratch), list.value(at: current).text(&valueScratch),
        list.deadline(at: current))
      position = list.next(current)
    }
  }

  private func insert(_ name: RawSpan, _ value: RawSpan, _ deadline: Int64?) -> Bool {
    guard let table, table.pointee.find(name) == nil else { return false }
    table.pointee.insert(
      WritableHashField(name, value, deadline: deadline, allocator: database.allocator))
    return true
  }

  /// Makes the entry; nil if there are no fields.
  consuming func finish(key: RawSpan, hasDeadline: Bool) -> DetachedEntry? {
    defer { packed.free() }
    if count == 0 { return nil }
    let allocator = database.allocator
    if let table {
      return DetachedEntry.make(
        key: key, type: .hash, encoding: Entry.CollectionEncoding.table.rawValue,
        word: table.word, hasDeadline: hasDeadline, allocator: allocator)
    }
    guard stride == 3 else {
      return DetachedEntry.make(
        key: key, type: .hash, packed: packed.listpack.allBytes, as: .packed,
        hasDeadline: hasDeadline, allocator: allocator)
    }
    let ordered = inOrder()
    defer { ordered.free() }
    guard deadlines.contains(where: { $0 != .max }) else {
      return DetachedEntry.make(
        key: key, type: .hash, packed: ordered.listpack.allBytes, as: .packed,
        hasDeadline: hasDeadline, allocator: allocator)
    }
    return DetachedEntry.makeExpiringHash(
      key: key, ordered.listpack.allBytes, hasDeadline: hasDeadline, allocator: allocator)
  }

  /// The fields by deadline, those without one at the end; without the deadlines if all have none.
  private func inOrder() -> ListpackBlock {
    var ordered = ListpackBlock(allocator: database.allocator)
    let list = FieldList(packed.listpack, stride: 3)
    var places: [(deadline: Int64, position: Int)] = []
    var position = list.first
    while let current = position {
      places.append((deadlines[places.count], current))
      position = list.next(current)
    }
    let hasDeadlines = deadlines.contains { $0 != .max }
    if hasDeadlines {
      places.sort {
        $0.deadline != $1.deadline ? $0.deadline < $1.deadline : $0.position < $1.position
      }
    }
    for place in places {
      let value = list.valuePosition(place.position)
      let end =
        hasDeadlines
        ? list.end(ofFieldAt: place.position) : value + list.listpack.entryCount(at: value)
      ordered.insert(
        entriesOf: list.listpack, from: place.position, to: end, count: hasDeadlines ? 3 : 2,
        at: ordered.listpack.end)
    }
    return ordered
  }

  /// Frees everything.
  consuming func abandon() {
    packed.free()
    guard let table else { return }
    var budget = Int.max
    _ = table.pointee.drain(budget: &budget)
    table.free(database.allocator)
  }
}

extension DetachedEntry {
  /// Makes the entry of a packed hash with deadlines, from a listpack of names, values and
  /// deadlines in order.
  static func makeExpiringHash(
    key: RawSpan, _ listpack: RawSpan, hasDeadline: Bool, allocator: Allocator
  ) -> DetachedEntry {
    let entry = makePacked(
      key: key, type: .hash, count: FieldList.headerCount + listpack.byteCount,
      as: .packedDeadlines, hasDeadline: hasDeadline, allocator: allocator)
    let start = unsafe entry.writable.packedStart
    // The wheel doesn't know the hash yet.
    unsafe start.storeBytes(of: Int64.max, as: Int64.self)
    unsafe start.storeBytes(of: UInt64(0), toByteOffset: 8, as: UInt64.self)
    unsafe (start + FieldList.headerCount).copy(listpack)
    return entry
  }
}
