// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Fields whose deadline has passed leave through the funnel, as keys do: event, watchers, HDEL for
// followers. A hash that loses its last field that way is deleted.

extension Database {
  /// Whether a field's deadline is before `threshold`.
  func isFieldDue(
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
    if HashValue(entry).count == 0 {
      if remove(key) { announce(.delete, key) }
    } else {
      deadlinesChanged(of: entry)
    }
    return removed
  }

  private func expireTableFields(of entry: WritableEntry, _ key: Key, _ limit: Int) -> Int {
    let table = entry.box(of: FieldTable.self)
    var fields: [WritableHashField] = []
    while fields.count < limit, let field = table.pointee.takeDue(before: moment.milliseconds) {
      fields.append(field)
    }
    guard !fields.isEmpty else { return 0 }
    announceExpiry(ofFields: fields.count, key) { visit in
      for field in fields { visit(StoredText(field.reading.name)) }
    }
    for field in fields { field.free(allocator) }
    return fields.count
  }

  private func expirePackedFields(of entry: inout WritableEntry, _ key: Key, _ limit: Int) -> Int {
    let list = FieldList(entry.entry)
    guard list.stride == 3, let first = list.first else { return 0 }
    let due = list.due(before: moment.milliseconds, limit: limit)
    guard due.count > 0 else { return 0 }
    announceExpiry(ofFields: due.count, key) { visit in
      var position = first
      for _ in 0..<due.count {
        visit(list.name(at: position))
        position = list.end(ofFieldAt: position)
      }
    }
    var fields = PackedFields(entry, hash: key.hash, in: self)
    fields.remove(from: first, to: due.end, count: due.count * list.stride)
    entry = fields.entry
    return due.count
  }
}
