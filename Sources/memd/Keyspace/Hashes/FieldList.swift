// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A view on the fields of a packed hash; valid until the keyspace changes.
///
/// Without deadlines the packed bytes are a listpack of names and values in turn. As soon as a
/// field has had a deadline (OBJECT ENCODING says listpackex) they are
///
///     0                 8              16
///     +-----------------+--------------+------------------------------------------+
///     | filed deadline  | wheel record | listpack: name, value, deadline, name .. |
///     +-----------------+--------------+------------------------------------------+
///
/// with the fields in the order of their deadlines and those without one, which have the deadline
/// 0, behind them. The first 16 bytes are the wheel's, see `HashExpiration`.
struct FieldList {
  let listpack: Listpack
  /// Listpack entries per field.
  let stride: Int

  /// Bytes in front of the listpack of a hash that may have deadlines.
  static let headerCount = 16

  /// The fields of an entry that is a packed hash.
  @inline(__always)
  init(_ entry: Entry) {
    let encoding = entry.header.encoding
    if FieldList.hasDeadlines(encoding) {
      unsafe listpack = Listpack(
        UnsafeMutableRawPointer(mutating: entry.packedStart) + FieldList.headerCount)
      stride = 3
    } else {
      listpack = entry.listpack
      stride = 2
    }
  }

  /// The same for a listpack that is not in an entry.
  init(_ listpack: Listpack, stride: Int) {
    self.listpack = listpack
    self.stride = stride
  }

  /// Whether packed fields of this encoding have deadlines.
  @inline(__always)
  static func hasDeadlines(_ encoding: UInt8) -> Bool {
    encoding >= Entry.CollectionEncoding.embeddedPackedDeadlines.rawValue
  }

  /// Number of fields.
  var count: Int { listpack.count / stride }
  /// Position of the first field.
  @inline(__always) var first: Int? { listpack.first }

  /// Position of the field of this name.
  @inline(__always)
  func find(_ name: RawSpan) -> Int? { listpack.find(name, from: listpack.first, stride: stride) }

  /// Position of the field behind the one at `position`.
  @inline(__always)
  func next(_ position: Int) -> Int? {
    var position = position
    for _ in 1..<stride { position &+= listpack.entryCount(at: position) }
    return listpack.next(position)
  }

  /// Position behind the field at `position`, which may be the end.
  func end(ofFieldAt position: Int) -> Int {
    var position = position
    for _ in 0..<stride { position &+= listpack.entryCount(at: position) }
    return position
  }

  /// Position of the value of the field at `position`.
  @inline(__always)
  func valuePosition(_ position: Int) -> Int { position &+ listpack.entryCount(at: position) }

  /// The name of the field at `position`.
  @inline(__always)
  func name(at position: Int) -> StoredText { StoredText(listpack, at: position) }

  /// The value of the field at `position`.
  @inline(__always)
  func value(at position: Int) -> StoredText { StoredText(listpack, at: valuePosition(position)) }

  /// The deadline of the field at `position`; nil if it has none.
  @inline(__always)
  func deadline(at position: Int) -> Int64? {
    guard stride == 3 else { return nil }
    let value = valuePosition(position)
    let deadline = listpack.integer(at: value &+ listpack.entryCount(at: value)) ?? 0
    return deadline == 0 ? nil : Int64(deadline)
  }

  /// Whether the field at `position` has a deadline before `threshold`.
  @inline(__always)
  func isDue(at position: Int, before threshold: Int64) -> Bool {
    guard let deadline = deadline(at: position) else { return false }
    return deadline < threshold
  }

  /// Number of fields with a deadline before `threshold`, which are the first ones, and where they
  /// end.
  func due(before threshold: Int64, limit: Int = .max) -> (count: Int, end: Int) {
    var count = 0
    var position = first
    while count < limit, let current = position, isDue(at: current, before: threshold) {
      count += 1
      position = next(current)
    }
    return (count, position ?? listpack.end)
  }

  /// Where a field with this deadline belongs: behind those that are not later.
  func place(for deadline: Int64?) -> Int {
    guard let deadline else { return listpack.end }
    var position = first
    while let current = position, let other = self.deadline(at: current), other <= deadline {
      position = next(current)
    }
    return position ?? listpack.end
  }
}

/// The fields of a packed hash for whoever changes them; nothing else may change the keyspace
/// meanwhile.
struct PackedFields: ListpackOwner {
  private var packed: PackedValue
  private let offset: Int
  private var isReserved = false

  init(_ entry: WritableEntry, hash: UInt64, in database: Database) {
    packed = PackedValue(entry, hash: hash, in: BorrowedDatabase(database))
    offset = FieldList.hasDeadlines(entry.header.encoding) ? FieldList.headerCount : 0
  }

  /// The same for an entry that was made with more room than its listpack needs.
  init(reserved entry: WritableEntry, hash: UInt64, in database: Database) {
    self.init(entry, hash: hash, in: database)
    isReserved = true
  }

  /// The entry as it is now.
  var entry: WritableEntry { packed.entry }
  var listpack: Listpack { unsafe Listpack(packed.start + offset) }
  var list: FieldList { FieldList(listpack, stride: offset == 0 ? 2 : 3) }

  mutating func resize(to count: Int) {
    if isReserved, count <= packed.byteCount - offset { return }
    packed.resize(to: offset + count)
  }

  /// Makes room for `count` bytes more at once; until `endReservation` the entry has spare bytes.
  mutating func reserve(_ count: Int) {
    packed.resize(to: packed.byteCount + count)
    isReserved = true
  }

  /// Gives spare bytes back.
  mutating func endReservation() {
    guard isReserved else { return }
    isReserved = false
    packed.resize(to: offset + listpack.byteCount)
  }

  /// Gives a field a value; it loses its deadline unless that is to be kept. True if it is new.
  @inline(__always)
  mutating func set(_ name: RawSpan, _ value: RawSpan, keepsDeadline: Bool = false) -> Bool {
    let list = self.list
    guard let position = list.find(name) else {
      append(name, value)
      if offset != 0 { append(integer: 0) }
      return true
    }
    if !keepsDeadline, list.deadline(at: position) != nil {
      remove(from: position, to: list.end(ofFieldAt: position), count: 3)
      append(name, value)
      append(integer: 0)
    } else {
      replace(at: list.valuePosition(position), with: value)
    }
    return false
  }

  /// Removes the field at `position`.
  mutating func removeField(at position: Int) {
    let list = self.list
    remove(from: position, to: list.end(ofFieldAt: position), count: list.stride)
  }
}
