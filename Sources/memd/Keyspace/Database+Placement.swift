// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Entries on the move: out of a database, into one, from one key to another.

extension Database {
  /// Removes a key as DEL does; false if there is none, a due one (which expires) included.
  func delete(_ key: Key) -> Bool {
    guard let location = contents.table.locate(key.bytes, hash: key.hash) else { return false }
    let entry = contents.table.element(at: location)
    if isDue(entry), meetDue(entry, key) == nil { return false }
    discard(detach(at: location))
    return true
  }

  /// Takes in an entry whose key is absent, as it is: its access time is not renewed.
  @discardableResult
  func attach(_ entry: consuming DetachedEntry, _ key: Key) -> WritableEntry {
    let entry = attachQuietly(entry, key)
    announce(.new, key)
    return entry
  }

  /// Gives the value of `key`, which exists, the key `new`, which doesn't.
  func rename(_ key: Key, to new: Key) {
    guard let entry = detach(key) else { return assertionFailure("nothing to rename") }
    attach(entry.renamed(to: new.bytes, allocator: allocator), new)
  }

  /// Moves a key that exists here to a database that has none of that name.
  func move(_ key: Key, to other: Database) {
    guard let entry = detach(key) else { return assertionFailure("nothing to move") }
    // Databases share allocator and hash seed: the entry stays where it is in memory.
    other.attach(entry, key)
  }
}
