// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A view on the fields of a hash; valid until the keyspace changes.
///
/// Small hashes are a `FieldList`, large ones a `FieldTable`. A field whose deadline has passed is
/// there until it is removed, but whoever asks with a `threshold` doesn't see it. A hash of which
/// all fields are due so is an empty one for the moment until they, and it with them, are removed.
struct HashValue: CollectionValue {
  let entry: Entry

  init(_ entry: Entry) { self.entry = entry }

  /// Whether the hash has its large form.
  @inline(__always)
  var isTable: Bool { entry.header.encoding == Entry.CollectionEncoding.table.rawValue }

  /// The large form, if the hash has it.
  @inline(__always)
  var table: Boxed<FieldTable> { entry.box(of: FieldTable.self) }

  /// Number of fields, those that are due included.
  var count: Int { isTable ? table.pointee.fields.count : FieldList(entry).count }

  // MARK: - CollectionValue

  static func free(_ value: UnlinkedValue, budget: inout Int, _ allocator: Allocator) -> Bool {
    let table = value.box(of: FieldTable.self)
    guard table.pointee.drain(budget: &budget) else { return false }
    table.free(allocator)
    return true
  }

  func copiedWord(_ allocator: Allocator, seed: HashSeed) -> UInt64 {
    table.pointee.copied(allocator, seed: seed).word
  }

  func allocatedSize(_ allocator: Allocator, samples: Int) -> Int {
    table.allocatedSize(allocator) + table.pointee.allocatedSize(allocator, samples: samples)
  }

  static func leaveSparseSlabs(
    of entry: WritableEntry, _ cursor: UInt64, _ allocator: Allocator,
    visit: (_ hasMoved: Bool) -> Void
  ) -> UInt64 {
    entry.box(of: FieldTable.self).pointee.leaveSparseSlabs(cursor, visit: visit)
  }

  func mix(into digest: inout DatasetDigest) {
    forEach(before: .min) { name, value, deadline in
      var one = DatasetDigest()
      var scratch = DecimalScratch()
      one.mix(name.text(&scratch))
      one.mix(value.text(&scratch))
      if deadline != nil { one.add(HashValue.expires.rawSpan) }
      digest.add(one)
    }
  }

  /// What is added to the digest of a field that expires, whenever that is, as by Redis 7.4.
  private static let expires = Array("!!hexpire!!".utf8)
}

extension HashValue {
  // MARK: - Reading

  /// The value of a field; nil if there is none, or if its deadline is before `threshold`.
  ///
  /// - Parameter hash: the hash of the name, 0 if nobody has computed it.
  @inline(__always)
  func find(_ name: RawSpan, hash: UInt64 = 0, before threshold: Int64) -> StoredText? {
    guard isTable else { return findPacked(name, before: threshold) }
    guard let field = table.pointee.find(name, hash: hash) else { return nil }
    if field.hasDeadline, field.deadline < threshold { return nil }
    return StoredText(field.value)
  }

  @inline(__always)
  private func findPacked(_ name: RawSpan, before threshold: Int64) -> StoredText? {
    let list = FieldList(entry)
    guard let position = list.find(name) else { return nil }
    if list.stride == 3, list.isDue(at: position, before: threshold) { return nil }
    return list.value(at: position)
  }

  /// A field's deadline as a reader sees it.
  enum FieldState {
    case missing
    case lasting
    case expiring(Int64)
  }

  /// Whether a field is there, not being due, and when it expires.
  func state(of name: RawSpan, before threshold: Int64) -> FieldState {
    let deadline: Int64?
    if isTable {
      guard let field = table.pointee.find(name) else { return .missing }
      deadline = field.deadlineIfAny
    } else {
      let list = FieldList(entry)
      guard let position = list.find(name) else { return .missing }
      deadline = list.deadline(at: position)
    }
    guard let deadline else { return .lasting }
    return deadline < threshold ? .missing : .expiring(deadline)
  }

  /// Number of fields that are not due.
  ///
  /// - Complexity: O(1) unless fields are due that have not been removed yet
  func visibleCount(_ moment: Moment) -> Int {
    count - dueCount(before: moment.fieldThreshold)
  }

  /// Number of fields whose deadline is before `threshold`.
  func dueCount(before threshold: Int64) -> Int {
    if isTable { return table.pointee.deadlines.count(before: threshold) }
    let list = FieldList(entry)
    return list.stride == 3 ? list.due(before: threshold).count : 0
  }

  /// Visits the fields whose deadline is not before `threshold`, in no particular order; `visit`
  /// must not change the keyspace.
  @inline(__always)
  func forEach(
    before threshold: Int64, _ visit: (StoredText, StoredText, Int64?) -> Void
  ) {
    if isTable {
      table.pointee.fields.forEach { field in
        let deadline = field.deadlineIfAny
        if let deadline, deadline < threshold { return }
        visit(StoredText(field.name), StoredText(field.value), deadline)
      }
      return
    }
    let list = FieldList(entry)
    var position = list.first
    while let current = position {
      let deadline = list.deadline(at: current)
      position = list.next(current)
      if let deadline, deadline < threshold { continue }
      visit(list.name(at: current), list.value(at: current), deadline)
    }
  }

  // MARK: - Deadlines

  /// The earliest deadline of all fields; nil if none has one.
  var earliestDeadline: Int64? {
    if isTable { return table.pointee.deadlines.first?.deadline }
    let list = FieldList(entry)
    guard list.stride == 3, let first = list.first else { return nil }
    return list.deadline(at: first)
  }

  /// Whether any field's deadline is before `threshold`.
  @inline(__always)
  func hasDueFields(before threshold: Int64) -> Bool {
    guard let earliestDeadline else { return false }
    return earliestDeadline < threshold
  }
}

extension Moment {
  /// Fields whose deadline is before this are not there for commands; nothing is for the leader's
  /// stream, which never sees one as expired.
  var fieldThreshold: Int64 { expiryMode == .ignore ? .min : milliseconds }
}
