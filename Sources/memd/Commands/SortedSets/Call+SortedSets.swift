// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

extension Call {
  /// The sorted set of a key for reading; nil if there is no such key.
  @inline(__always)
  func sortedSet(_ key: Key) throws(CommandError) -> SortedSetValue? {
    guard let entry = try database.collection(key, .sortedSet) else { return nil }
    return SortedSetValue(entry)
  }

  /// The sorted set of a key, to be changed; nil if there is no such key.
  @inline(__always)
  func sortedSetEditor(_ key: Key) throws(CommandError) -> SortedSetEditor? {
    guard let entry = try database.collectionForWriting(key, .sortedSet) else { return nil }
    return SortedSetEditor(entry, hash: key.hash, in: database)
  }

  /// Creates the key with a sorted set, which must not stay empty.
  func addSortedSet(_ key: Key) -> SortedSetEditor {
    SortedSetEditor(database.addPacked(key, .sortedSet), hash: key.hash, in: database)
  }

  /// The argument at `index` as a score.
  @inline(__always)
  func score(_ index: Int) throws(CommandError) -> Double {
    guard let score = DoubleText.parse(arguments[index]) else { throw .notFloat }
    return score
  }

  /// Removes members with these ranks, and the key if none is left, and says so.
  func removeMembers(
    _ ranks: Range<Int>, of editor: consuming SortedSetEditor, _ key: Key, _ event: KeyEvent
  ) {
    let isAll = ranks.count == editor.value.count
    // A set that loses everything is freed in slices, with its key.
    if !isAll { editor.remove(ranks) }
    changed(key, event, count: ranks.count)
    if isAll { removeEmptied(key) }
  }

  /// Stores what a command has put together under `key`, or removes the key if that is nothing, and
  /// replies with the number of members.
  ///
  /// - Parameter count: what a set that is stored counts for as a change.
  func store(_ result: SortedSetResult, _ key: Key, _ event: KeyEvent, count: Int = 1) {
    guard result.count > 0 else {
      if database.delete(key) { changed(key, .delete) }
      return reply.integer(0)
    }
    replaces(key, by: .sortedSet)
    reply.integer(result.store(key, in: database))
    changed(key, event, count: count)
  }

  /// Followers get the members themselves, for a command that older ones don't understand.
  func propagateWhole(_ result: SortedSetResult, _ key: Key) {
    // A key that is due goes now, in front of what is said here.
    let exists = database.find(key) != nil
    guard result.count > 0 || exists else { return }
    effects.rewrite("DEL", argumentCount: 1)
    effects.append(key.bytes)
    var left = result.count
    result.forEach { element in
      // Requests of a few hundred words, however large the set is.
      if (result.count - left) % 256 == 0 {
        effects.rewrite("ZADD", argumentCount: 1 + 2 * min(left, 256))
        effects.append(key.bytes)
      }
      left -= 1
      var text = ScoreText()
      effects.append(text.write(element.score))
      effects.append(element.member)
    }
  }
}
