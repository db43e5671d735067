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
    effects.notify(.new, key, in: self)
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

extension Keyspace {
  /// Exchanges the contents of two databases; transactions that watch keys of either fail.
  func swap(_ one: Database, _ other: Database) {
    guard one !== other else { return }
    effects.watched.touchAll(in: one, replacedBy: other)
    effects.watched.touchAll(in: other, replacedBy: one)
    one.swapContents(with: other)
    effects.blocked.signalAll(in: one)
    effects.blocked.signalAll(in: other)
  }

  /// Empties all databases; returns how many keys there were.
  func flushAll(lazily: Bool) -> Int {
    effects.tracking?.forgetAll()
    return databases.reduce(0) { $0 + empty($1, lazily: lazily) }
  }

  /// Empties a database; returns how many keys there were.
  ///
  /// - Parameter lazily: memory is freed in slices of the turns to come. Few keys are freed at
  ///   once in any case.
  /// - Complexity: O(keys), or O(1) if lazily.
  func flush(_ database: Database, lazily: Bool) -> Int {
    effects.tracking?.forgetAll()
    return empty(database, lazily: lazily)
  }

  private func empty(_ database: Database, lazily: Bool) -> Int {
    let count = database.count
    guard count > 0 else { return 0 }
    // Watchers are told while the keys are still there: only a key that existed has changed.
    effects.watched.touchAll(in: database)
    let contents = database.takeContents()
    effects.blocked.signalAll(in: database)
    unlinked.add(contents)
    if !lazily {
      while unlinked.free(upTo: .max) {}
    } else if count <= UnlinkedData.elementsAtOnce {
      // Few keys go at once, unless one of them is large: that one is freed in slices.
      _ = unlinked.free(upTo: 16 * UnlinkedData.elementsAtOnce)
    }
    return count
  }
}
