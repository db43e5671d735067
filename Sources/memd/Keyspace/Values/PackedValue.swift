// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The packed bytes of a collection, wherever they are, for whoever changes them.
///
/// Growing and shrinking may move the bytes between entry and block, and the entry in memory;
/// `entry` is always the current one. Nothing else may change the keyspace meanwhile.
@safe
struct PackedValue: ListpackOwner {
  private(set) var entry: WritableEntry
  private let hash: UInt64
  private let database: BorrowedDatabase

  /// - Parameter hash: the hash of the entry's key.
  init(_ entry: WritableEntry, hash: UInt64, in database: BorrowedDatabase) {
    self.entry = entry
    self.hash = hash
    self.database = database
  }

  /// First of the bytes; valid until the next `resize`.
  var start: UnsafeMutableRawPointer { unsafe entry.packedStart }
  var byteCount: Int { entry.entry.packedByteCount }

  /// The bytes as a listpack; worthless after the next edit.
  var listpack: Listpack { entry.entry.listpack }

  /// Makes room for `count` bytes; as many of the old ones as fit are kept, new ones are undefined.
  mutating func resize(to count: Int) {
    let (entry, hash) = (entry, hash)
    self.entry = database.use { $0.resizePacked(entry, hash: hash, to: count) }
  }
}

extension Entry {
  /// A packed collection's bytes as a listpack; valid until the keyspace changes.
  var listpack: Listpack { unsafe Listpack(UnsafeMutableRawPointer(mutating: packedStart)) }

  /// Address of a packed collection's bytes.
  var packedStart: UnsafeRawPointer {
    let header = self.header
    assert(CollectionEncoding.isPacked(header.encoding) && !header.isString)
    if header.isEmbedded {
      return unsafe UnsafeRawPointer(pointer + Layout(header, at: self).valueOffset)
    }
    return unsafe UnsafeRawPointer(PackedBlock(word: valueWord).start)
  }

  /// Number of a packed collection's bytes.
  var packedByteCount: Int {
    let header = self.header
    return header.isEmbedded ? header.embeddedCount : PackedBlock(word: valueWord).count
  }

  /// A packed collection's bytes; valid until the keyspace changes.
  var packedBytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: packedStart, byteCount: packedByteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }
}

extension DetachedEntry {
  /// Makes the entry of a packed collection; with a deadline, `deadline` is to be set.
  static func make(
    key: RawSpan, type: Entry.ValueType, packed bytes: RawSpan,
    as encoding: Entry.CollectionEncoding, hasDeadline: Bool, allocator: Allocator
  ) -> DetachedEntry {
    let entry = makePacked(
      key: key, type: type, count: bytes.byteCount, as: encoding, hasDeadline: hasDeadline,
      allocator: allocator)
    unsafe entry.writable.packedStart.copy(bytes)
    return entry
  }

  /// Makes the entry of a packed collection of `count` bytes, which the caller fills.
  static func makePacked(
    key: RawSpan, type: Entry.ValueType, count: Int, as encoding: Entry.CollectionEncoding,
    hasDeadline: Bool, allocator: Allocator
  ) -> DetachedEntry {
    guard Entry.embeds(keyCount: key.byteCount, valueCount: count) else {
      return make(
        key: key, type: type, encoding: encoding.outOfLine.rawValue,
        word: PackedBlock(count: count, allocator: allocator).word, hasDeadline: hasDeadline,
        allocator: allocator)
    }
    let header = Entry.Header(
      type: type, encoding: encoding.embedded.rawValue, keyCount: key.byteCount,
      embeddedCount: count, deadline: hasDeadline)
    return allocate(header, key: key, allocator: allocator)
  }
}
