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

}

extension DetachedEntry {
  /// Makes the entry of a string; with a deadline, `deadline` is to be set by the caller.
  static func make(
    key: RawSpan, string value: borrowing Entry.NewString, hasDeadline: Bool, allocator: Allocator
  ) -> DetachedEntry {
    switch value {
    case .integer(let integer):
      return make(
        key: key, type: .string, encoding: Entry.StringEncoding.integer.rawValue,
        word: UInt64(bitPattern: Int64(integer)), hasDeadline: hasDeadline, allocator: allocator)
    case .bytes(let bytes):
      if Entry.embeds(keyCount: key.byteCount, valueCount: bytes.byteCount) {
        let encoding: Entry.StringEncoding =
          bytes.byteCount <= Entry.embstrByteCountMax ? .embedded : .embeddedRaw
        let header = Entry.Header(
          type: .string, encoding: encoding.rawValue, keyCount: key.byteCount,
          embeddedCount: bytes.byteCount, deadline: hasDeadline)
        let entry = allocate(header, key: key, allocator: allocator)
        let offset = Entry.Layout(header, keyCount: key.byteCount).valueOffset
        unsafe (entry.writable.pointer + offset).copy(bytes)
        return entry
      }
      let block = StringBlock(capacity: bytes.byteCount, allocator: allocator)
      unsafe block.start.copy(bytes)
      block.count = bytes.byteCount
      return make(
        key: key, type: .string, encoding: Entry.StringEncoding.block.rawValue, word: block.word,
        hasDeadline: hasDeadline, allocator: allocator)
    }
  }

  /// Makes an entry whose value is one word: an integer, or the address of a collection.
  static func make(
    key: RawSpan, type: Entry.ValueType, encoding: UInt8, word: UInt64, hasDeadline: Bool,
    allocator: Allocator
  ) -> DetachedEntry {
    let header = Entry.Header(
      type: type, encoding: encoding, keyCount: key.byteCount, embeddedCount: 0,
      deadline: hasDeadline)
    let entry = allocate(header, key: key, allocator: allocator)
    entry.writable.valueWord = word
    return entry
  }
}

extension Entry {
  /// The same entry with room for a deadline or without, which refers to the same value: it is to
  /// take this one's place as one that has moved. The caller fills the deadline.
  func reshaped(withDeadline: Bool, allocator: Allocator) -> DetachedEntry {
    let old = header
    assert(old.hasDeadline != withDeadline)
    var new = old
    new.bits ^= 1 << 8
    let oldOffset = old.wordOffset
    let tailCount = byteCount - oldOffset
    let entry = DetachedEntry.allocate(new, key: key, allocator: allocator)
    let target = unsafe entry.writable.pointer + new.wordOffset
    unsafe target.copyMemory(from: pointer + oldOffset, byteCount: tailCount)
    return entry
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
