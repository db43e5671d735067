// SPDX-License-Identifier: Apache-2.0

import DataStructures

// The events of Redis 8.2 about values that are replaced altogether, whatever they were: by SET and
// its like, by commands that store a result, and by RENAME, COPY and RESTORE. Commands that change
// a value in place have no part in it.

extension Call {
  /// Says that the value of `key`, if it has one, is about to be replaced by one of `type`.
  @inline(__always)
  func replaces(_ key: Key, by type: Entry.ValueType) {
    if effects.attention.kinds.contains(.replacements) {
      announceReplacement(of: replacedType(key, in: database), key, by: type, in: database)
    }
  }

  /// The type of the value that is about to be replaced; nil if there is none, or if nobody wants
  /// to hear of it.
  @inline(never)
  func replacedType(_ key: Key, in database: Database) -> Entry.ValueType? {
    guard effects.attention.kinds.contains(.replacements) else { return nil }
    return database.visibleType(of: key.bytes, hash: key.hash)
  }

  /// Says that a value was replaced, for a command that says so behind everything else.
  @inline(never)
  func announceReplacement(
    of old: Entry.ValueType?, _ key: Key, by new: Entry.ValueType, in database: Database
  ) {
    guard let old else { return }
    effects.notify(.overwritten, key, in: database)
    if old != new { effects.notify(.typeChanged, key, in: database) }
  }
}
