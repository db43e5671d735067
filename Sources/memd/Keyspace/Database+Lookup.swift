// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Look-ups that leave the access time alone, and those that find keys without a name.

extension Database {
  /// The entry of `key` for a command that asks about the key, not for its value: counts hit or
  /// miss, but is no access.
  ///
  /// - Parameter announcesMiss: whether a missing key makes a `keymiss` event.
  func inspect(_ key: Key, announcesMiss: Bool = true) -> Entry? {
    guard let entry = find(key) else {
      statistics.misses &+= 1
      if announcesMiss { announce(.keyMiss, key) }
      return nil
    }
    statistics.hits &+= 1
    return entry
  }

  /// The entry of `key`, also one that is due and still there, without any trace of the look-up.
  func findAny(_ key: Key) -> Entry? { contents.table.find(key.bytes, hash: key.hash) }

  /// True if the entry is due, so that no look-up may show it.
  func hides(_ entry: Entry) -> Bool { isDue(entry) && moment.expiryMode != .ignore }

  /// Removes entries that were met by an iteration and are due, unless they are only hidden now.
  func expireHidden(_ entries: [Entry]) {
    guard moment.expiryMode == .remove else { return }
    for entry in entries {
      let bytes = entry.key
      expire(entry, Key(bytes, hash: entry.hash(seed)))
    }
  }

  /// The type of the value that a reader would find, without any trace of the look-up.
  func visibleType(of key: RawSpan, hash: UInt64) -> Entry.ValueType? {
    guard let entry = contents.table.find(key, hash: hash), !hides(entry) else { return nil }
    return entry.header.type
  }

  /// An entry that is not due, nil if there is none. Each has the same chance, unless a hundred
  /// draws in a row were due: then it is one of the first that a scan finds.
  ///
  /// - Complexity: O(1) expected; O(n) if nearly all keys are due.
  func visibleRandomEntry(using random: inout RandomGenerator) -> Entry? {
    for _ in 0..<100 {
      guard let entry = contents.table.random(using: &random) else { return nil }
      guard hides(entry) else { return entry }
      expireHidden([entry])
    }
    // A hundred draws were due: whatever isn't is found by looking through all.
    var found: Entry?
    var cursor: UInt64 = 0
    repeat {
      cursor = contents.table.scan(cursor) { if !hides($0) { found = $0 } }
    } while cursor != 0 && found == nil
    return found
  }
}
