// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

extension Database {
  /// Makes `value` the string of `key` in a form whose bytes can be changed, `count` bytes long.
  ///
  /// Bytes behind the old ones are zeros as far as `zeroed`; the caller writes those behind. With a
  /// smaller count the last bytes go. The encoding is raw from now on, as in Redis.
  ///
  /// - Complexity: O(n) when the value has to move, amortised O(added bytes)
  func edit(_ value: StringValue, _ key: Key, count: Int, zeroedTo zeroed: Int) -> StringEditor {
    grow(value.entry, key, to: count, zeroedTo: zeroed)
  }

  /// Creates `key` with an editable string of `count` bytes, zeros as far as `zeroed`.
  func makeEditable(_ key: Key, count: Int, zeroedTo zeroed: Int) -> StringEditor {
    let empty = Entry.make(
      key: key.bytes, string: .bytes(RawSpan()), hasDeadline: false, allocator: allocator)
    insert(empty, key)
    return grow(empty, key, to: count, zeroedTo: zeroed)
  }

  /// Replaces what `key` holds, if anything, by an editable string of `count` bytes without a
  /// deadline; `fill` writes all of them and may read any value, the old one included.
  func replaceString(_ key: Key, count: Int, fill: (StringEditor) -> Void) {
    let entry: Entry
    if Entry.embeds(keyCount: key.bytes.byteCount, valueCount: count) {
      entry = Entry.makeEditable(
        key: key.bytes, text: RawSpan(), count: count, zeroedTo: 0, hasDeadline: false,
        allocator: allocator)
    } else {
      let block = StringBlock(capacity: count, allocator: allocator)
      block.count = count
      entry = Entry.make(
        key: key.bytes, type: .string, encoding: Entry.StringEncoding.block.rawValue,
        word: block.word, hasDeadline: false, allocator: allocator)
    }
    fill(StringEditor(entry))
    guard let location = locateForWriting(key) else { return insert(entry, key) }
    entry.header.access = initialAccess
    let old = contents.table.element(at: location)
    if old.header.hasDeadline { contents.expirations.remove(old) }
    contents.table.replace(at: location, with: entry)
    old.free(allocator)
  }

  /// The string in an editable encoding with exactly `count` bytes.
  private func grow(
    _ entry: Entry, _ key: Key, to count: Int, zeroedTo zeroed: Int
  ) -> StringEditor {
    let value = StringValue(entry)
    if value.encoding == .block {
      var block = StringBlock(word: entry.valueWord)
      if count > block.capacity {
        block = block.resized(
          to: StringEditor.roomy(count, had: block.capacity), allocator: allocator)
        entry.valueWord = block.word
      }
      unsafe StringEditor.zero(block.start, from: block.count, to: min(zeroed, count))
      block.count = count
      return StringEditor(entry)
    }
    if value.encoding != .integer {
      var header = entry.header
      let layout = Entry.Layout(header, at: entry)
      let wanted = layout.valueOffset + count
      if count < 256, wanted <= Entry.embeddedByteCountMax,
        Allocator.sameSize(wanted, layout.byteCount)
      {
        unsafe StringEditor.zero(
          entry.pointer + layout.valueOffset, from: layout.embeddedCount,
          to: min(zeroed, count))
        header.embeddedCount = count
        header.encoding = Entry.StringEncoding.embeddedRaw.rawValue
        entry.header = header
        return StringEditor(entry)
      }
    }
    return StringEditor(remade(entry, key, count: count, zeroedTo: zeroed))
  }

  /// A new entry with the same text in an editable encoding, grown to `count` bytes.
  private func remade(_ entry: Entry, _ key: Key, count: Int, zeroedTo zeroed: Int) -> Entry {
    var scratch = DecimalScratch()
    let whole = StringValue(entry).text(&scratch)
    let text = whole.extracting(first: min(count, whole.byteCount))
    let hasDeadline = entry.header.hasDeadline
    let moved: Entry
    if Entry.embeds(keyCount: key.bytes.byteCount, valueCount: count) {
      moved = Entry.makeEditable(
        key: key.bytes, text: text, count: count, zeroedTo: zeroed, hasDeadline: hasDeadline,
        allocator: allocator)
    } else {
      let block = StringBlock(
        capacity: StringEditor.roomy(count, had: text.byteCount), allocator: allocator)
      unsafe block.start.copy(text)
      unsafe StringEditor.zero(block.start, from: text.byteCount, to: min(zeroed, count))
      block.count = count
      moved = Entry.make(
        key: key.bytes, type: .string, encoding: Entry.StringEncoding.block.rawValue,
        word: block.word, hasDeadline: hasDeadline, allocator: allocator)
    }
    moved.header.access = entry.header.access
    moved.header.epoch = entry.header.epoch
    if hasDeadline {
      moved.deadline = entry.deadline
      moved.wheelRecord = entry.wheelRecord
      contents.expirations.relocated(moved)
    }
    replace(key, with: moved)
    discard(entry)
    return moved
  }
}

/// The bytes of a string that may be changed in place; valid until the keyspace changes.
@safe
struct StringEditor {
  let entry: Entry

  init(_ entry: Entry) { self.entry = entry }

  var count: Int { StringValue(entry).count }

  private var start: UnsafeMutableRawPointer {
    let header = entry.header
    if header.isEmbedded {
      return unsafe entry.pointer + Entry.Layout(header, at: entry).valueOffset
    }
    return unsafe StringBlock(word: entry.valueWord).start
  }

  /// All bytes, to be read and changed.
  var bytes: MutableRawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe MutableRawSpan(_unsafeStart: start, byteCount: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Copies `bytes` to `offset`; they must fit.
  func write(_ bytes: RawSpan, at offset: Int) {
    precondition(offset >= 0 && bytes.byteCount <= count - offset)
    unsafe (start + offset).copy(bytes)
  }

  /// The byte at `offset`.
  subscript(offset: Int) -> UInt8 {
    get {
      precondition(offset >= 0 && offset < count)
      return unsafe start.load(fromByteOffset: offset, as: UInt8.self)
    }
    nonmutating set {
      precondition(offset >= 0 && offset < count)
      unsafe start.storeBytes(of: newValue, toByteOffset: offset, as: UInt8.self)
    }
  }

  /// Capacity for `count` bytes: twice as much up to a megabyte more, so that appending is cheap;
  /// exactly as much for the first growth of a value.
  fileprivate static func roomy(_ count: Int, had: Int) -> Int {
    had == 0 ? count : count + min(count, 1 << 20)
  }

  fileprivate static func zero(_ start: UnsafeMutableRawPointer, from: Int, to: Int) {
    guard to > from else { return }
    unsafe (start + from).initializeMemory(as: UInt8.self, repeating: 0, count: to - from)
  }
}

extension Entry {
  /// An embedded string in the raw encoding: `text`, then zeros as far as `zeroed`.
  fileprivate static func makeEditable(
    key: RawSpan, text: RawSpan, count: Int, zeroedTo zeroed: Int, hasDeadline: Bool,
    allocator: Allocator
  ) -> Entry {
    let header = Header(
      type: .string, encoding: StringEncoding.embeddedRaw.rawValue, keyCount: key.byteCount,
      embeddedCount: count, deadline: hasDeadline)
    let entry = allocate(header, key: key, allocator: allocator)
    let start = unsafe entry.pointer + Layout(header, keyCount: key.byteCount).valueOffset
    unsafe start.copy(text)
    unsafe StringEditor.zero(start, from: text.byteCount, to: min(zeroed, count))
    return entry
  }
}
