// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A list for a handler that changes it; knows both forms and when to go from one to the other.
///
/// Who adds elements calls `prepare` with all of them first; who removes some calls `settle` at the
/// end, unless the list is empty then: an empty list must be removed. Text that is handed in must
/// not lie in the list itself.
struct ListEditor {
  /// The entry; it may move with each change.
  private(set) var entry: WritableEntry
  private let hash: UInt64
  private let database: BorrowedDatabase
  /// How much goes into one listpack.
  private let limit: QuickListLimit

  /// - Parameter hash: the hash of the entry's key.
  init(_ entry: WritableEntry, hash: UInt64, in database: Database) {
    self.entry = entry
    self.hash = hash
    self.database = BorrowedDatabase(database)
    limit = database.limits.list
  }

  /// The list as it is now.
  var value: ListValue { ListValue(entry) }

  /// The large form.
  private var chain: WritableBox<QuickList> { entry.box(of: QuickList.self) }

  private var packed: PackedValue { PackedValue(entry, hash: hash, in: database) }

  // MARK: - Form

  /// Makes the list large if it would be too large for a listpack with `count` more elements of
  /// `byteCount` bytes together.
  mutating func prepare(adding count: Int, byteCount: Int) {
    guard value.isPacked else { return }
    let listpack = entry.entry.listpack
    let isSmall = limit.allows(
      byteCount: listpack.byteCount + byteCount, entryCount: listpack.count + count)
    if !isSmall { makeLarge() }
  }

  private mutating func makeLarge() {
    let (entry, hash) = (entry, hash)
    self.entry = database.use { database in
      var list = QuickList(allocator: database.allocator)
      list.pushBack(entriesOf: entry.entry.listpack)
      let chain = WritableBox(list, allocator: database.allocator)
      return database.convert(entry, hash: hash, to: .quicklist, word: chain.word)
    }
  }

  /// Makes a list small again that has shrunk enough; it must not be empty.
  mutating func settle() {
    let value = value
    guard !value.isPacked else { return }
    guard let listpack = value.chain.pointee.packedForm(limit, dividedBy: 2) else { return }
    let (entry, hash) = (entry, hash)
    self.entry = database.use {
      $0.convert(entry, hash: hash, toPacked: .packed, listpack.allBytes)
    }
  }

  // MARK: - Ends

  /// Puts an element at one end.
  @inline(__always)
  mutating func push(_ text: RawSpan, at end: ListEnd) {
    let value = value
    if !value.isPacked {
      if end == .left {
        chain.pointee.pushFront(text, limit: limit)
      } else {
        chain.pointee.pushBack(text, limit: limit)
      }
      return
    }
    var packed = packed
    if end == .left { packed.prepend(text) } else { packed.append(text) }
    entry = packed.entry
  }

  /// Removes the element at one end.
  @inline(__always)
  mutating func removeElement(at end: ListEnd) {
    let value = value
    if !value.isPacked {
      if end == .left {
        chain.pointee.removeFirst()
      } else {
        chain.pointee.removeLast()
      }
      return
    }
    guard let cursor = value.element(at: end) else { return }
    removePacked(at: cursor.position)
  }

  /// Removes `count` elements, all of which exist, at one end.
  mutating func remove(_ count: Int, at end: ListEnd) {
    removeRange(from: end == .left ? 0 : value.count - count, count: count)
  }

  // MARK: - Anywhere

  /// Removes `count` elements from the one with index `start` on, all of which exist.
  mutating func removeRange(from start: Int, count: Int) {
    guard count > 0 else { return }
    let value = value
    if value.isPacked {
      guard let position = entry.entry.listpack.position(at: start) else { return }
      var packed = packed
      packed.remove(at: position, count: count)
      entry = packed.entry
      return
    }
    let chain = chain
    database.use { database in
      let allocator = database.allocator
      let dropped = WritableBox(QuickList(allocator: allocator), allocator: allocator)
      chain.pointee.removeRange(from: start, count: count, into: &dropped.pointee)
      database.unlinked.discard(
        UnlinkedValue(
          type: .list, encoding: Entry.CollectionEncoding.quicklist.rawValue, word: dropped.word))
    }
  }

  /// Puts an element in front of the one at `cursor`, or behind it.
  mutating func insert(_ text: RawSpan, _ side: ListSide, _ cursor: ListCursor) {
    let value = value
    if !value.isPacked {
      if side == .before {
        chain.pointee.insert(text, before: cursor, limit: limit)
      } else {
        chain.pointee.insert(text, after: cursor, limit: limit)
      }
      return
    }
    var packed = packed
    let listpack = packed.listpack
    let position =
      side == .before ? cursor.position : listpack.next(cursor.position) ?? listpack.end
    packed.insert(text, at: position)
    entry = packed.entry
  }

  /// Gives the element at `cursor` another value.
  mutating func replace(_ cursor: ListCursor, with text: RawSpan) {
    let value = value
    if !value.isPacked {
      return chain.pointee.replace(at: cursor, with: text, limit: limit)
    }
    var packed = packed
    packed.replace(at: cursor.position, with: text)
    entry = packed.entry
  }

  /// Removes the element at `cursor` and returns its neighbour in the direction of reading.
  mutating func remove(_ cursor: ListCursor, backwards: Bool) -> ListCursor? {
    let value = value
    if !value.isPacked {
      return backwards
        ? chain.pointee.removeBackwards(at: cursor)
        : chain.pointee.remove(at: cursor)
    }
    let previous = backwards ? entry.entry.listpack.previous(cursor.position) : nil
    removePacked(at: cursor.position)
    let listpack = entry.entry.listpack
    if backwards { return previous.map { ListCursor(listpack, at: $0) } }
    return cursor.position == listpack.end ? nil : ListCursor(listpack, at: cursor.position)
  }

  private mutating func removePacked(at position: Int) {
    var packed = packed
    packed.remove(at: position)
    entry = packed.entry
  }
}

/// A side of an element.
enum ListSide {
  case before
  case after
}

extension Database {
  /// Creates `key`, which is absent, with a list that holds one element.
  func addList(_ key: Key, _ text: RawSpan) -> WritableEntry {
    let byteCount = Listpack.byteCount(holding: text)
    let limit = limits.list
    // Compatibility: the length as it is decides, not the size of the listpack's entry.
    if limit.allows(byteCount: Listpack.emptyByteCount + text.byteCount, entryCount: 1) {
      let entry = addPacked(key, .list, count: byteCount)
      unsafe Listpack.write(holding: text, to: entry.packedStart)
      return entry
    }
    var list = QuickList(allocator: allocator)
    list.pushBack(text, limit: limit)
    let chain = WritableBox(list, allocator: allocator)
    return addCollection(key, .list, .quicklist, word: chain.word)
  }
}
