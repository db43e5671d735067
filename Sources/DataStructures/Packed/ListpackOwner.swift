// SPDX-License-Identifier: Apache-2.0

/// Whoever owns the memory of a listpack and can make it larger or smaller.
///
/// Every edit keeps the byte count, the entry count and the lengths behind the entries right. Text
/// that is the canonical form of an integer is stored as that integer. Bytes that are handed in
/// must not lie in the listpack itself: they move while it is edited.
public protocol ListpackOwner {
  /// The listpack as it is now; a copy of the view is worthless after the next edit.
  var listpack: Listpack { get }

  /// Moves the bytes to memory with room for `byteCount`, keeping the first ones.
  ///
  /// The byte count in the listpack's header still is the old one; it is changed after the move.
  mutating func resize(to byteCount: Int)
}

extension ListpackOwner {
  // MARK: - One entry

  /// Puts `text` in front of the entry at `position`; `end` appends.
  @inlinable
  public mutating func insert(_ text: RawSpan, at position: Int) {
    let form = ListpackForm(text)
    let place = unsafe splice(at: position, removing: 0, inserting: form.entryCount, entries: 1)
    unsafe form.write(text, to: place)
  }

  /// Puts an integer in front of the entry at `position`; `end` appends.
  @inlinable
  public mutating func insert(integer: Int, at position: Int) {
    let form = ListpackForm(integer: integer)
    let place = unsafe splice(at: position, removing: 0, inserting: form.entryCount, entries: 1)
    unsafe form.write(to: place)
  }

  /// Puts `text` behind the last entry.
  @inlinable
  public mutating func append(_ text: RawSpan) { insert(text, at: listpack.end) }

  /// Puts an integer behind the last entry.
  @inlinable
  public mutating func append(integer: Int) { insert(integer: integer, at: listpack.end) }

  /// Puts `text` in front of the first entry.
  @inlinable
  public mutating func prepend(_ text: RawSpan) { insert(text, at: Listpack.headerCount) }

  /// Puts an integer in front of the first entry.
  @inlinable
  public mutating func prepend(integer: Int) { insert(integer: integer, at: Listpack.headerCount) }

  /// Puts `text` in the place of the entry at `position`.
  @inlinable
  public mutating func replace(at position: Int, with text: RawSpan) {
    let form = ListpackForm(text)
    let place = unsafe splice(
      at: position, removing: listpack.entryCount(at: position), inserting: form.entryCount,
      entries: 0)
    unsafe form.write(text, to: place)
  }

  /// Puts an integer in the place of the entry at `position`.
  @inlinable
  public mutating func replace(at position: Int, withInteger integer: Int) {
    let form = ListpackForm(integer: integer)
    let place = unsafe splice(
      at: position, removing: listpack.entryCount(at: position), inserting: form.entryCount,
      entries: 0)
    unsafe form.write(to: place)
  }

  /// Removes the entry at `position`; the one behind it, or the end, is there then.
  @inlinable
  public mutating func remove(at position: Int) {
    let removed = listpack.entryCount(at: position)
    unsafe splice(at: position, removing: removed, inserting: 0, entries: -1)
  }

  // MARK: - Several entries

  /// Puts two texts, say a name and its value, in front of the entry at `position`.
  @inlinable
  public mutating func insert(_ first: RawSpan, _ second: RawSpan, at position: Int) {
    let firstForm = ListpackForm(first)
    let secondForm = ListpackForm(second)
    let place = unsafe splice(
      at: position, removing: 0, inserting: firstForm.entryCount &+ secondForm.entryCount,
      entries: 2)
    unsafe firstForm.write(first, to: place)
    unsafe secondForm.write(second, to: place + firstForm.entryCount)
  }

  /// Puts two texts behind the last entry; the memory grows once.
  @inlinable
  public mutating func append(_ first: RawSpan, _ second: RawSpan) {
    insert(first, second, at: listpack.end)
  }

  /// Removes `count` entries from `position` on, fewer if the list ends before.
  @inlinable
  public mutating func remove(at position: Int, count: Int) {
    let listpack = listpack
    var stop = position
    var removed = 0
    while removed < count, listpack.byte(stop) != 0xFF {
      stop &+= listpack.entryCount(at: stop)
      removed &+= 1
    }
    unsafe splice(at: position, removing: stop &- position, inserting: 0, entries: -removed)
  }

  /// Removes the bytes of `count` adjacent entries, which stand from `position` to `stop`.
  @inlinable
  public mutating func remove(from position: Int, to stop: Int, count: Int) {
    unsafe splice(at: position, removing: stop &- position, inserting: 0, entries: -count)
  }

  /// Puts the `count` entries that stand from `first` to `stop` in another listpack at `position`.
  @inlinable
  public mutating func insert(
    entriesOf other: Listpack, from first: Int, to stop: Int, count: Int, at position: Int
  ) {
    let byteCount = stop &- first
    guard byteCount > 0 else { return }
    let place = unsafe splice(at: position, removing: 0, inserting: byteCount, entries: count)
    unsafe place.copyMemory(from: other.start + first, byteCount: byteCount)
  }

  // MARK: - The one place that moves bytes

  /// Replaces `removed` bytes at `position` by `inserted` bytes to be written, and returns where;
  /// `change` is by how much the number of entries changes.
  @inlinable
  @discardableResult
  mutating func splice(
    at position: Int, removing removed: Int, inserting inserted: Int, entries change: Int
  ) -> UnsafeMutableRawPointer {
    let old = listpack
    let oldByteCount = old.byteCount
    let oldCount = old.storedCount
    let byteCount = oldByteCount &+ inserted &- removed
    let tailCount = oldByteCount &- position &- removed
    assert(position >= Listpack.headerCount && removed >= 0 && tailCount >= 1)
    precondition(byteCount <= Int(UInt32.max), "listpack too large")
    if byteCount > oldByteCount { resize(to: byteCount) }
    if inserted != removed {
      let place = unsafe listpack.start + position
      unsafe (place + inserted).copyMemory(from: place + removed, byteCount: tailCount)
    }
    if byteCount < oldByteCount { resize(to: byteCount) }
    let start = unsafe listpack.start
    unsafe start.storeBytes(
      of: UInt32(truncatingIfNeeded: byteCount).littleEndian, as: UInt32.self)
    if change != 0 && oldCount != Listpack.unknownCount {
      let count = UInt16(truncatingIfNeeded: min(oldCount &+ change, Listpack.unknownCount))
      unsafe start.storeBytes(of: count.littleEndian, toByteOffset: 4, as: UInt16.self)
    }
    return unsafe start + position
  }
}
