// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

extension Call {
  /// Fields with a deadline before this one are due, and not shown.
  @inline(__always)
  var fieldThreshold: Int64 { moment.fieldThreshold }

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
    guard HashValue(entry).hasDueFields(before: fieldThreshold) else { return entry }
    return removingDueFields(entry, key, from: first, to: end, step: step)
  }

  @inline(never)
  private func removingDueFields(
    _ entry: WritableEntry, _ key: Key, from first: Int, to end: Int, step: Int
  ) -> WritableEntry? {
    var entry = entry
    var due: [Int] = []
    for index in stride(from: first, to: end, by: step) {
      if database.isFieldDue(arguments[index], of: entry.entry, before: fieldThreshold) {
        due.append(index)
      }
    }
    guard !due.isEmpty else { return entry }
    for index in due {
      // False for a field that is named twice.
      _ = database.removeField(arguments[index], of: &entry, hash: key.hash)
    }
    database.announceExpiry(ofFields: due.count, key) { visit in
      for index in due { visit(StoredText(arguments[index])) }
    }
    guard HashValue(entry).count == 0 else { return entry }
    removeEmptied(key)
    return nil
  }
}
