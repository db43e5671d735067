// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Fields whose deadline has passed leave through the funnel, as keys do: event, watchers, HDEL for
// followers. A hash that loses its last field that way is deleted.

extension Call {
  /// The hash of `key` for a command that is going to change it; nil if there is none.
  ///
  /// Those of the fields that the command names which are due are removed first, so that the
  /// command needs to know nothing of deadlines that have passed.
  ///
  /// - Parameter step: distance of the fields among the arguments, which begin at `first` and end
  ///   before `end`.
  @inline(__always)
  func hashForWriting(
    _ key: Key, fieldsFrom first: Int, to end: Int, step: Int = 1
  ) throws(CommandError) -> WritableEntry? {
    guard let entry = try database.collectionForWriting(key, .hash) else { return nil }
    guard HashValue(entry).hasDueFields(before: moment.fieldThreshold) else { return entry }
    return removingDueFields(entry, key, from: first, to: end, step: step)
  }

  @inline(never)
  private func removingDueFields(
    _ entry: WritableEntry, _ key: Key, from first: Int, to end: Int, step: Int
  ) -> WritableEntry? {
    var entry = entry
    let threshold = moment.fieldThreshold
    var due: [Int] = []
    for index in stride(from: first, to: end, by: step) {
      if database.isFieldDue(arguments[index], of: entry.entry, before: threshold) {
        due.append(index)
      }
    }
    guard !due.isEmpty else { return entry }
    for index in due {
      // False for a field that is named twice.
      _ = database.removeField(arguments[index], of: &entry, hash: key.hash)
    }
    database.statistics.expiredSubkeys += due.count
    for index in due { effects.mention(field: arguments[index]) }
    effects.fieldsExpire(due.count, of: key, in: database)
    for index in due { effects.append(arguments[index]) }
    guard HashValue(entry).count == 0 else { return entry }
    removeEmptied(key)
    return nil
  }
}

extension Database {
  /// Whether a field's deadline is before `threshold`.
  fileprivate func isFieldDue(
    _ name: RawSpan, of entry: Entry, before threshold: Int64
  ) -> Bool {
    if HashValue(entry).isTable {
      let field = HashValue(entry).table.pointee.find(name)
      guard let deadline = field?.deadlineIfAny else { return false }
      return deadline < threshold
    }
    let list = FieldList(entry)
    guard let position = list.find(name) else { return false }
    return list.isDue(at: position, before: threshold)
  }

  /// Takes one hash with due fields out of its wheel; `work` limits how many records are looked at.
  func nextHashWithDueFields(work: inout Int) -> Entry? {
    contents.fieldExpirations.nextDue(now: moment.milliseconds, work: &work)?.entry
  }

  /// Removes at most `limit` due fields of a hash that the wheel has just handed over; if it has
  /// more fields that expire, it is filed again. Returns how many are gone.
  func expireFields(of due: Entry, limit: Int) -> Int {
    let bytes = due.key.copied
    let key = Key(bytes.rawSpan, seed: seed)
    var entry = open(due)
    let removed =
      HashValue(entry).isTable
      ? expireTableFields(of: entry, key, limit) : expirePackedFields(of: &entry, key, limit)
    statistics.expiredSubkeys += removed
    if HashValue(entry).count == 0 {
      if remove(key) { effects.notify(.delete, key, in: self) }
    } else {
      deadlinesChanged(of: entry)
    }
    return removed
  }

  private func expireTableFields(of entry: WritableEntry, _ key: Key, _ limit: Int) -> Int {
    let table = entry.box(of: FieldTable.self)
    var fields: [HashField] = []
    while fields.count < limit, let field = table.pointee.takeDue(before: moment.milliseconds) {
      fields.append(field)
    }
    guard !fields.isEmpty else { return 0 }
    for field in fields { effects.mention(field: field.name) }
    effects.fieldsExpire(fields.count, of: key, in: self)
    for field in fields {
      effects.append(field.name)
      field.free(allocator)
    }
    return fields.count
  }

  private func expirePackedFields(of entry: inout WritableEntry, _ key: Key, _ limit: Int) -> Int {
    let list = FieldList(entry.entry)
    guard list.stride == 3, let first = list.first else { return 0 }
    let due = list.due(before: moment.milliseconds, limit: limit)
    guard due.count > 0 else { return 0 }
    if effects.attention.kinds.contains(.fields) {
      var position = first
      for _ in 0..<due.count {
        effects.mention(field: list.name(at: position))
        position = list.end(ofFieldAt: position)
      }
    }
    effects.fieldsExpire(due.count, of: key, in: self)
    var position = first
    for _ in 0..<due.count {
      effects.append(list.name(at: position))
      position = list.end(ofFieldAt: position)
    }
    var fields = PackedFields(entry, hash: key.hash, in: self)
    fields.remove(from: first, to: due.end, count: due.count * list.stride)
    entry = fields.entry
    return due.count
  }
}
