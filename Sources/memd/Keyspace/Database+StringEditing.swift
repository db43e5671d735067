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
  func edit(
    _ string: WritableString, _ key: Key, count: Int, zeroedTo zeroed: Int
  ) -> StringEditor {
    grow(string.entry, key, to: count, zeroedTo: zeroed)
  }

  /// Creates `key` with an editable string of `count` bytes, zeros as far as `zeroed`.
  func makeEditable(_ key: Key, count: Int, zeroedTo zeroed: Int) -> StringEditor {
    let empty = DetachedEntry.make(
      key: key.bytes, string: .bytes(RawSpan()), hasDeadline: false, allocator: allocator)
    return grow(insert(empty, key), key, to: count, zeroedTo: zeroed)
  }

  /// Replaces what `key` holds, if anything, by an editable string of `count` bytes without a
  /// deadline; `fill` writes all of them and may read any value, the old one included.
  func replaceString(_ key: Key, count: Int, fill: (StringEditor) -> Void) {
    let entry = makeEditable(key.bytes, RawSpan(), count: count, capacity: count, zeroedTo: 0)
    fill(StringEditor(entry.writable))
    if let location = locateForWriting(key) {
      replace(at: location, with: entry, .replaced)
    } else {
      insert(entry, key)
    }
  }

  /// The string in an editable encoding with exactly `count` bytes.
  private func grow(
    _ entry: WritableEntry, _ key: Key, to count: Int, zeroedTo zeroed: Int
  ) -> StringEditor {
    let value = StringValue(entry.entry)
    if value.encoding == .block {
      var block = StringBlock(word: entry.valueWord)
      if block.isLong { _ = allocator.announce(.text(word: block.word)) }
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
      let layout = Entry.Layout(header, at: entry.entry)
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
    var scratch = DecimalScratch()
    let whole = value.text(&scratch)
    let text = whole.extracting(first: min(count, whole.byteCount))
    let new = makeEditable(
      key.bytes, text, count: count, capacity: StringEditor.roomy(count, had: text.byteCount),
      zeroedTo: zeroed, hasDeadline: entry.header.hasDeadline)
    return StringEditor(replace(entry, hash: key.hash, with: new, .remade))
  }

  /// A string in an editable encoding: `text`, then zeros as far as `zeroed`, `count` bytes in all.
  ///
  /// - Parameter capacity: room for later growth, if the bytes get a block of their own.
  private func makeEditable(
    _ key: RawSpan, _ text: RawSpan, count: Int, capacity: Int, zeroedTo zeroed: Int,
    hasDeadline: Bool = false
  ) -> DetachedEntry {
    if Entry.embeds(keyCount: key.byteCount, valueCount: count) {
      let header = Entry.Header(
        type: .string, encoding: Entry.StringEncoding.embeddedRaw.rawValue,
        keyCount: key.byteCount, embeddedCount: count, deadline: hasDeadline)
      let entry = DetachedEntry.allocate(header, key: key, allocator: allocator)
      let offset = Entry.Layout(header, keyCount: key.byteCount).valueOffset
      let start = unsafe entry.writable.pointer + offset
      unsafe start.copy(text)
      unsafe StringEditor.zero(start, from: text.byteCount, to: min(zeroed, count))
      return entry
    }
    let block = StringBlock(capacity: capacity, allocator: allocator)
    unsafe block.start.copy(text)
    unsafe StringEditor.zero(block.start, from: text.byteCount, to: min(zeroed, count))
    block.count = count
    return DetachedEntry.make(
      key: key, type: .string, encoding: Entry.StringEncoding.block.rawValue, word: block.word,
      hasDeadline: hasDeadline, allocator: allocator)
  }
}

/// A string that was looked up to be changed: what it is now, and what `edit` makes editable.
struct WritableString {
  let entry: WritableEntry

  init(_ entry: WritableEntry) { self.entry = entry }

  /// The string as it is.
  var value: StringValue { StringValue(entry.entry) }
}

/// The bytes of a string that may be changed in place; valid until the keyspace changes.
@safe
struct StringEditor {
  let entry: WritableEntry

  init(_ entry: WritableEntry) { self.entry = entry }

  /// The string as it is now.
  var string: WritableString { WritableString(entry) }

  var count: Int { string.value.count }

  private var start: UnsafeMutableRawPointer {
    let header = entry.header
    if header.isEmbedded {
      return unsafe entry.pointer + Entry.Layout(header, at: entry.entry).valueOffset
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
