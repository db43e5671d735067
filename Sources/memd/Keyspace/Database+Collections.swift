// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Lists, sets, sorted sets, hashes and streams as the keyspace sees them: entries of a type whose
// value is packed or hangs off one address.

extension Database {
  // MARK: - Look-up

  /// The entry of `key` for a command that reads this type; nil if there is no such key.
  ///
  /// - Throws: WRONGTYPE for a key of another type.
  @inline(__always)
  func collection(_ key: Key, _ type: Entry.ValueType) throws(CommandError) -> Entry? {
    guard let entry = read(key) else { return nil }
    guard entry.header.type == type else { throw .wrongType }
    return entry
  }

  /// The entry of `key` for a command that is going to change it; a due key is removed first.
  ///
  /// - Throws: WRONGTYPE for a key of another type.
  @inline(__always)
  func collectionForWriting(
    _ key: Key, _ type: Entry.ValueType
  ) throws(CommandError) -> WritableEntry? {
    guard let entry = write(key) else { return nil }
    guard entry.header.type == type else { throw .wrongType }
    return entry
  }

  // MARK: - Making

  /// Creates `key`, which is absent, with `count` packed bytes that the caller fills.
  func addPacked(
    _ key: Key, _ type: Entry.ValueType, count: Int,
    as encoding: Entry.CollectionEncoding = .packed
  ) -> WritableEntry {
    let entry = DetachedEntry.makePacked(
      key: key.bytes, type: type, count: count, as: encoding, hasDeadline: false,
      allocator: allocator)
    return insert(entry, key)
  }

  /// Creates `key`, which is absent, with an empty listpack, which must not stay empty.
  func addPacked(_ key: Key, _ type: Entry.ValueType) -> WritableEntry {
    let entry = addPacked(key, type, count: Listpack.emptyByteCount)
    unsafe Listpack.writeEmpty(to: entry.packedStart)
    return entry
  }

  /// Creates `key`, which is absent, with a large form at the address `word`.
  func addCollection(
    _ key: Key, _ type: Entry.ValueType, _ encoding: Entry.CollectionEncoding, word: UInt64
  ) -> WritableEntry {
    let entry = DetachedEntry.make(
      key: key.bytes, type: type, encoding: encoding.rawValue, word: word, hasDeadline: false,
      allocator: allocator)
    return insert(entry, key)
  }

  /// Gives `key` a new value, as SINTERSTORE, SORT STORE and RESTORE do; any old one of any type
  /// goes, and so does its deadline. A due key is removed first.
  @discardableResult
  func overwrite(_ key: Key, with entry: consuming DetachedEntry) -> WritableEntry {
    guard let location = locateForWriting(key) else { return insert(entry, key) }
    return replace(at: location, with: entry, .replaced)
  }

  // MARK: - Changing the form

  /// Replaces the packed value of an entry by a large form of the same contents.
  ///
  /// - Returns: the entry, which has moved.
  func convert(
    _ entry: WritableEntry, hash: UInt64, to encoding: Entry.CollectionEncoding, word: UInt64
  ) -> WritableEntry {
    let old = entry.header
    let new = DetachedEntry.make(
      key: entry.key, type: old.type, encoding: encoding.rawValue, word: word,
      hasDeadline: old.hasDeadline, allocator: allocator)
    return replace(entry, hash: hash, with: new, .remade)
  }

  /// Replaces the value of an entry by packed bytes of the same contents, which may lie in the old
  /// value.
  ///
  /// - Returns: the entry, which has moved.
  func convert(
    _ entry: WritableEntry, hash: UInt64, toPacked encoding: Entry.CollectionEncoding,
    _ bytes: RawSpan
  ) -> WritableEntry {
    let old = entry.header
    let new = DetachedEntry.make(
      key: entry.key, type: old.type, packed: bytes, as: encoding, hasDeadline: old.hasDeadline,
      allocator: allocator)
    return replace(entry, hash: hash, with: new, .remade)
  }

  /// Gives packed bytes another length, in place if the memory allows.
  ///
  /// - Returns: the entry, which may have moved.
  func resizePacked(_ entry: WritableEntry, hash: UInt64, to count: Int) -> WritableEntry {
    var header = entry.header
    if !header.isEmbedded, count > UInt8.max {
      let block = PackedBlock(word: entry.valueWord)
      entry.valueWord = block.resized(to: count, allocator: allocator).word
      return entry
    }
    if header.isEmbedded, count <= UInt8.max {
      let layout = Entry.Layout(header, at: entry.entry)
      let wanted = layout.valueOffset + count
      if wanted <= Entry.embeddedByteCountMax, Allocator.sameSize(wanted, layout.byteCount) {
        header.embeddedCount = count
        entry.header = header
        return entry
      }
    }
    let new = DetachedEntry.makePacked(
      key: entry.key, type: header.type, count: count, as: header.collectionEncoding,
      hasDeadline: header.hasDeadline, allocator: allocator)
    let kept = min(count, entry.entry.packedByteCount)
    unsafe new.writable.packedStart.copyMemory(from: entry.packedStart, byteCount: kept)
    return replace(entry, hash: hash, with: new, .remade)
  }

  // MARK: - Removal

  /// Frees an entry that belongs to nobody; a large value is freed in slices.
  func discard(_ entry: consuming DetachedEntry) { unlinked.discard(entry) }
}
