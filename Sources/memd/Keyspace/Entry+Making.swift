// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

extension Entry {
  /// Largest entry whose string value stands behind the key; larger values get a block.
  static let embeddedByteCountMax = 256
  /// Longest string that OBJECT ENCODING calls embstr.
  static let embstrByteCountMax = 44

  /// A value about to be stored, in the form it will have.
  enum NewString: ~Escapable {
    case integer(Int)
    case bytes(RawSpan)
  }

  /// The bytes of an entry for `keyCount` and `valueCount`, embedded.
  static func embeddedByteCount(keyCount: Int, valueCount: Int, deadline: Bool) -> Int {
    (deadline ? 24 : 8) + (keyCount >= Int(Header.longKey) ? 8 : 0) + keyCount + valueCount
  }

  /// True if a string of `valueCount` bytes is stored behind a key of `keyCount` bytes.
  static func embeds(keyCount: Int, valueCount: Int) -> Bool {
    valueCount < 256
      && embeddedByteCount(keyCount: keyCount, valueCount: valueCount, deadline: true)
        <= embeddedByteCountMax
  }

  /// Allocates an entry with header and key; the value and, if any, the deadline are to be filled.
  static func allocate(
    _ header: Header, key: RawSpan, allocator: Allocator
  ) -> Entry {
    let layout = Layout(header, keyCount: key.byteCount)
    let pointer = unsafe allocator.allocate(layout.byteCount)
    let entry = unsafe Entry(pointer)
    entry.header = header
    if header.hasLongKey {
      unsafe pointer.storeBytes(
        of: key.byteCount, toByteOffset: layout.keyOffset - 8, as: Int.self)
    }
    unsafe (pointer + layout.keyOffset).copy(key)
    return entry
  }

  /// Makes the entry of a string; with a deadline, `deadline` is to be set by the caller.
  static func make(
    key: RawSpan, string value: borrowing NewString, hasDeadline: Bool, allocator: Allocator
  ) -> Entry {
    switch value {
    case .integer(let integer):
      let entry = make(
        key: key, type: .string, encoding: StringEncoding.integer.rawValue,
        word: UInt64(bitPattern: Int64(integer)), hasDeadline: hasDeadline, allocator: allocator)
      return entry
    case .bytes(let bytes):
      if embeds(keyCount: key.byteCount, valueCount: bytes.byteCount) {
        let encoding: StringEncoding =
          bytes.byteCount <= embstrByteCountMax ? .embedded : .embeddedRaw
        let header = Header(
          type: .string, encoding: encoding.rawValue, keyCount: key.byteCount,
          embeddedCount: bytes.byteCount, deadline: hasDeadline)
        let entry = allocate(header, key: key, allocator: allocator)
        let offset = Layout(header, keyCount: key.byteCount).valueOffset
        unsafe (entry.pointer + offset).copy(bytes)
        return entry
      }
      let block = StringBlock(capacity: bytes.byteCount, allocator: allocator)
      unsafe block.start.copy(bytes)
      block.count = bytes.byteCount
      return make(
        key: key, type: .string, encoding: StringEncoding.block.rawValue, word: block.word,
        hasDeadline: hasDeadline, allocator: allocator)
    }
  }

  /// Makes an entry whose value is one word: an integer, or the address of a collection.
  static func make(
    key: RawSpan, type: ValueType, encoding: UInt8, word: UInt64, hasDeadline: Bool,
    allocator: Allocator
  ) -> Entry {
    let header = Header(
      type: type, encoding: encoding, keyCount: key.byteCount, embeddedCount: 0,
      deadline: hasDeadline)
    let entry = allocate(header, key: key, allocator: allocator)
    entry.valueWord = word
    return entry
  }

  /// The same entry with room for a deadline or without; this one is freed.
  ///
  /// The caller fills the deadline and tells the table.
  func reshaped(withDeadline: Bool, allocator: Allocator) -> Entry {
    let old = header
    assert(old.hasDeadline != withDeadline)
    var new = old
    new.bits ^= 1 << 8
    let oldCount = byteCount
    let oldOffset = old.wordOffset
    let tailCount = oldCount - oldOffset
    let target = unsafe allocator.allocate(new.wordOffset + tailCount)
    let entry = unsafe Entry(target)
    entry.header = new
    unsafe (target + new.wordOffset).copyMemory(from: pointer + oldOffset, byteCount: tailCount)
    unsafe allocator.deallocate(pointer, byteCount: oldCount)
    return entry
  }

  /// A byte for byte copy elsewhere in memory; this one is freed. The caller tells table and wheel.
  func relocated(_ allocator: Allocator) -> Entry {
    let count = byteCount
    let target = unsafe allocator.allocate(count)
    unsafe target.copyMemory(from: pointer, byteCount: count)
    unsafe allocator.deallocate(pointer, byteCount: count)
    return unsafe Entry(target)
  }

  /// The same value and deadline under another key; the value is moved, this entry is freed.
  func renamed(to key: RawSpan, allocator: Allocator) -> Entry {
    let old = header
    var new = Header(
      type: old.type, encoding: old.encoding, keyCount: key.byteCount,
      embeddedCount: old.embeddedCount, deadline: old.hasDeadline)
    if old.isEmbedded,
      Entry.embeddedByteCount(
        keyCount: key.byteCount, valueCount: old.embeddedCount, deadline: true)
        > Entry.embeddedByteCountMax
    {
      return renamedOutOfLine(to: key, allocator: allocator)
    }
    new.access = old.access
    new.epoch = old.epoch
    let entry = Entry.allocate(new, key: key, allocator: allocator)
    if old.hasDeadline { entry.deadline = deadline }
    if old.isEmbedded {
      let from = Layout(old, at: self).valueOffset
      let to = Layout(new, keyCount: key.byteCount).valueOffset
      unsafe (entry.pointer + to).copyMemory(from: pointer + from, byteCount: old.embeddedCount)
    } else {
      entry.valueWord = valueWord
    }
    unsafe allocator.deallocate(pointer, byteCount: byteCount)
    return entry
  }

  /// Renaming to a key so long that the embedded value needs a block.
  private func renamedOutOfLine(to key: RawSpan, allocator: Allocator) -> Entry {
    let entry: Entry
    if header.isString {
      let value = StringValue(self)
      entry = Entry.make(
        key: key, string: .bytes(value.stored), hasDeadline: header.hasDeadline,
        allocator: allocator)
    } else {
      entry = copiedPacked(to: key, allocator: allocator)
    }
    if header.hasDeadline { entry.deadline = deadline }
    entry.header.access = header.access
    entry.header.epoch = header.epoch
    unsafe allocator.deallocate(pointer, byteCount: byteCount)
    return entry
  }

  /// Frees the entry alone: the value has been freed, or belongs to someone else now.
  func freeShell(_ allocator: Allocator) {
    unsafe allocator.deallocate(pointer, byteCount: byteCount)
  }
}

extension UnsafeMutableRawPointer {
  /// Copies all bytes of `span` to this address, which must have room for them.
  @inline(__always)
  func copy(_ span: RawSpan) {
    unsafe span.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe copyMemory(from: start, byteCount: source.count)
    }
  }
}
