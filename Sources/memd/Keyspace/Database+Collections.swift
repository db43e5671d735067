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
  ) throws(CommandError) -> Entry? {
    guard let entry = write(key) else { return nil }
    guard entry.header.type == type else { throw .wrongType }
    return entry
  }

  // MARK: - Making

  /// Creates `key`, which is absent, with `count` packed bytes that the caller fills.
  func addPacked(
    _ key: Key, _ type: Entry.ValueType, count: Int,
    as encoding: Entry.CollectionEncoding = .packed
  ) -> Entry {
    let entry = Entry.makePacked(
      key: key.bytes, type: type, count: count, as: encoding, hasDeadline: false,
      allocator: allocator)
    insert(entry, key)
    return entry
  }

  /// Creates `key`, which is absent, with an empty listpack, which must not stay empty.
  func addPacked(_ key: Key, _ type: Entry.ValueType) -> Entry {
    let entry = addPacked(key, type, count: Listpack.emptyByteCount)
    unsafe Listpack.writeEmpty(to: entry.packedStart)
    return entry
  }

  /// Creates `key`, which is absent, with a large form at the address `word`.
  func addCollection(
    _ key: Key, _ type: Entry.ValueType, _ encoding: Entry.CollectionEncoding, word: UInt64
  ) -> Entry {
    let entry = Entry.make(
      key: key.bytes, type: type, encoding: encoding.rawValue, word: word, hasDeadline: false,
      allocator: allocator)
    insert(entry, key)
    return entry
  }

  /// Gives `key` a new value, as SINTERSTORE, SORT STORE and RESTORE do; any old one of any type
  /// goes, and so does its deadline.
  func overwrite(_ key: Key, with entry: Entry) {
    if let old = detach(key) {
      discard(old)
      entry.header.access = initialAccess
      contents.table.insert(entry, hash: key.hash)
      if entry.header.hasDeadline { file(entry) }
      fileFields(of: entry)
    } else {
      insert(entry, key)
    }
  }

  // MARK: - Changing the form

  /// Replaces the value of an entry by a large form, or by another one; deadline and access time
  /// stay. What was packed is freed, an old large form is not: the new one has taken it over.
  ///
  /// - Returns: the entry, which has moved.
  func convert(
    _ entry: Entry, hash: UInt64, to encoding: Entry.CollectionEncoding, word: UInt64
  ) -> Entry {
    let old = entry.header
    if !old.isEmbedded, Entry.CollectionEncoding.isPacked(old.encoding) {
      PackedBlock(word: entry.valueWord).free(allocator)
    }
    let new = Entry.make(
      key: entry.key, type: old.type, encoding: encoding.rawValue, word: word,
      hasDeadline: old.hasDeadline, allocator: allocator)
    return substitute(new, for: entry, hash: hash)
  }

  /// Replaces the value of an entry by packed bytes, which the caller fills; the large form must
  /// have been freed.
  ///
  /// - Returns: the entry, which has moved.
  func convert(
    _ entry: Entry, hash: UInt64, toPacked encoding: Entry.CollectionEncoding, count: Int
  ) -> Entry {
    let old = entry.header
    if !old.isEmbedded, Entry.CollectionEncoding.isPacked(old.encoding) {
      PackedBlock(word: entry.valueWord).free(allocator)
    }
    let new = Entry.makePacked(
      key: entry.key, type: old.type, count: count, as: encoding, hasDeadline: old.hasDeadline,
      allocator: allocator)
    return substitute(new, for: entry, hash: hash)
  }

  /// Gives packed bytes another length, in place if the memory allows.
  ///
  /// - Returns: the entry, which may have moved.
  func resizePacked(_ entry: Entry, hash: UInt64, to count: Int) -> Entry {
    var header = entry.header
    let encoding = header.collectionEncoding
    if !header.isEmbedded, count > UInt8.max {
      let block = PackedBlock(word: entry.valueWord)
      entry.valueWord = block.resized(to: count, allocator: allocator).word
      return entry
    }
    if header.isEmbedded, count <= UInt8.max {
      let layout = Entry.Layout(header, at: entry)
      let wanted = layout.valueOffset + count
      if wanted <= Entry.embeddedByteCountMax, Allocator.sameSize(wanted, layout.byteCount) {
        header.embeddedCount = count
        entry.header = header
        return entry
      }
    }
    let new = Entry.makePacked(
      key: entry.key, type: header.type, count: count, as: encoding,
      hasDeadline: header.hasDeadline, allocator: allocator)
    let kept = min(count, entry.packedByteCount)
    unsafe new.packedStart.copyMemory(from: entry.packedStart, byteCount: kept)
    if !header.isEmbedded { PackedBlock(word: entry.valueWord).free(allocator) }
    let moved = substitute(new, for: entry, hash: hash)
    relocateFields(of: moved)
    return moved
  }

  /// Lets table and wheel know `new` instead of `old`, which has the same key and is freed without
  /// its value.
  private func substitute(_ new: Entry, for old: Entry, hash: UInt64) -> Entry {
    let header = old.header
    new.header.access = header.access
    new.header.epoch = header.epoch
    if header.hasDeadline {
      new.deadline = old.deadline
      new.wheelRecord = old.wheelRecord
      contents.expirations.relocated(new)
    }
    if let location = contents.table.locate(old, hash: hash) {
      contents.table.replace(at: location, with: new)
    } else {
      assertionFailure("an entry that was just found is gone")
    }
    old.freeShell(allocator)
    return new
  }

  // MARK: - Removal

  /// Frees an entry that table and wheel of keys have forgotten; a large value is freed in slices.
  func discard(_ entry: Entry) {
    forgetFields(of: entry)
    unlinked.discard(entry)
  }
}

extension Call {
  /// Removes a collection that has lost its last element, and announces that it is deleted.
  ///
  /// The command has said before what it changed.
  func removeEmptied(_ key: Key) {
    if database.remove(key) { effects.notify(.delete, key, in: database) }
  }
}
