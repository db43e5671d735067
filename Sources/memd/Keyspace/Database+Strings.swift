// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What storing a value does to the key's deadline.
enum DeadlineChange: Equatable {
  case clear
  case keep
  /// Milliseconds since 1970.
  case at(Int64)
}

extension Database {
  // MARK: - Reading

  /// The string of `key`, or nil; throws WRONGTYPE for any other type.
  @inline(__always)
  func string(_ key: Key) throws(CommandError) -> StringValue? {
    guard let entry = read(key) else { return nil }
    guard entry.header.isString else { throw .wrongType }
    return StringValue(entry)
  }

  /// The same for a command that is going to change the string.
  @inline(__always)
  func stringForWriting(_ key: Key) throws(CommandError) -> StringValue? {
    guard let entry = write(key) else { return nil }
    guard entry.header.isString else { throw .wrongType }
    return StringValue(entry)
  }

  // MARK: - Writing

  /// Stores `bytes` under `key`, as an integer if they are the canonical text of one.
  ///
  /// Any value of any type that the key had is replaced. `touches` its access time.
  @discardableResult
  @inline(__always)
  func setString(_ key: Key, _ bytes: RawSpan, deadline: DeadlineChange = .clear) -> Entry {
    if bytes.byteCount <= 20, let integer = DecimalText.parse(bytes) {
      return store(key, .integer(integer), deadline: deadline)
    }
    return store(key, .bytes(bytes), deadline: deadline)
  }

  /// Stores an integer under `key`.
  @discardableResult
  func setInteger(_ key: Key, _ value: Int, deadline: DeadlineChange = .keep) -> Entry {
    store(key, .integer(value), deadline: deadline)
  }

  /// Stores a new string value; in place if the entry's shape allows.
  @discardableResult
  func store(_ key: Key, _ value: borrowing Entry.NewString, deadline: DeadlineChange) -> Entry {
    guard let location = contents.table.locate(key.bytes, hash: key.hash) else {
      var hasDeadline = false
      if case .at = deadline { hasDeadline = true }
      let entry = Entry.make(
        key: key.bytes, string: value, hasDeadline: hasDeadline, allocator: allocator)
      if case .at(let instant) = deadline { entry.deadline = instant }
      insert(entry, key)
      return entry
    }
    let old = contents.table.element(at: location)
    let had = old.header.hasDeadline
    let has = if case .at = deadline { true } else { deadline == .keep && had }
    if had == has, overwrite(old, with: value) {
      if case .at(let instant) = deadline {
        let before = old.deadline
        old.deadline = instant
        contents.expirations.deadlineChanged(old, from: before)
      }
      if moment.touchesKeys { touch(old) }
      return old
    }
    let entry = Entry.make(key: key.bytes, string: value, hasDeadline: has, allocator: allocator)
    entry.header.access = initialAccess
    if has {
      entry.deadline = if case .at(let instant) = deadline { instant } else { old.deadline }
    }
    if had { contents.expirations.remove(old) }
    contents.table.replace(at: location, with: entry)
    if has { contents.expirations.insert(entry) }
    old.free(allocator)
    return entry
  }

  /// Writes `value` into the memory of `entry` if it is a string of the same shape.
  @inline(__always)
  private func overwrite(_ entry: Entry, with value: borrowing Entry.NewString) -> Bool {
    var header = entry.header
    guard header.isString else { return false }
    switch value {
    case .integer(let integer):
      guard header.encoding == Entry.StringEncoding.integer.rawValue else { return false }
      entry.valueWord = UInt64(bitPattern: Int64(integer))
      return true
    case .bytes(let bytes):
      guard header.isEmbedded, bytes.byteCount < 256 else { return false }
      let layout = Entry.Layout(header, at: entry)
      let count = layout.valueOffset + bytes.byteCount
      guard Allocator.sameSize(count, layout.byteCount), count <= Entry.embeddedByteCountMax
      else { return false }
      header.embeddedCount = bytes.byteCount
      header.encoding =
        bytes.byteCount <= Entry.embstrByteCountMax
        ? Entry.StringEncoding.embedded.rawValue : Entry.StringEncoding.embeddedRaw.rawValue
      entry.header = header
      unsafe (entry.pointer + layout.valueOffset).copy(bytes)
      return true
    }
  }

  // MARK: - Changing in place

  /// Makes the string of `key` at least `count` bytes long, filled with zeros, and changeable.
  ///
  /// Creates the key if it is missing. The returned entry's bytes are reached through
  /// `StringEditor`; its encoding is raw from now on, as in Redis.
  ///
  /// - Complexity: O(n) when the value has to move, amortised O(added bytes)
  func editableString(_ key: Key, atLeast count: Int) throws(CommandError) -> StringEditor {
    guard let entry = write(key) else {
      let empty = Entry.make(
        key: key.bytes, string: .bytes(RawSpan()), hasDeadline: false, allocator: allocator)
      insert(empty, key)
      return grow(empty, key, to: count)
    }
    guard entry.header.isString else { throw .wrongType }
    return grow(entry, key, to: max(count, StringValue(entry).count))
  }

  /// The string in an editable encoding with exactly `count` bytes, not fewer than it has.
  private func grow(_ entry: Entry, _ key: Key, to count: Int) -> StringEditor {
    let value = StringValue(entry)
    if value.encoding == .block {
      var block = StringBlock(word: entry.valueWord)
      if count > block.capacity {
        block = block.resized(
          to: StringEditor.roomy(count, had: block.capacity), allocator: allocator)
        entry.valueWord = block.word
      }
      unsafe StringEditor.zero(block.start, from: block.count, to: count)
      block.count = max(count, block.count)
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
          entry.pointer + layout.valueOffset, from: layout.embeddedCount, to: count)
        header.embeddedCount = count
        header.encoding = Entry.StringEncoding.embeddedRaw.rawValue
        entry.header = header
        return StringEditor(entry)
      }
    }
    return StringEditor(remade(entry, key, count: count))
  }

  /// A new entry with the same text in an editable encoding, grown to `count` bytes.
  private func remade(_ entry: Entry, _ key: Key, count: Int) -> Entry {
    var scratch = DecimalScratch()
    let text = StringValue(entry).text(&scratch)
    let hasDeadline = entry.header.hasDeadline
    let moved: Entry
    if Entry.embeds(keyCount: key.bytes.byteCount, valueCount: count) {
      moved = Entry.makeEditable(
        key: key.bytes, text: text, count: count, hasDeadline: hasDeadline, allocator: allocator)
    } else {
      let block = StringBlock(
        capacity: StringEditor.roomy(count, had: text.byteCount), allocator: allocator)
      unsafe block.start.copy(text)
      unsafe StringEditor.zero(block.start, from: text.byteCount, to: count)
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
    entry.free(allocator)
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
  /// An embedded string in the raw encoding: `text`, then zeros up to `count` bytes.
  fileprivate static func makeEditable(
    key: RawSpan, text: RawSpan, count: Int, hasDeadline: Bool, allocator: Allocator
  ) -> Entry {
    let header = Header(
      type: .string, encoding: StringEncoding.embeddedRaw.rawValue, keyCount: key.byteCount,
      embeddedCount: count, deadline: hasDeadline)
    let entry = allocate(header, key: key, allocator: allocator)
    let start = unsafe entry.pointer + Layout(header, keyCount: key.byteCount).valueOffset
    unsafe start.copy(text)
    unsafe StringEditor.zero(start, from: text.byteCount, to: count)
    return entry
  }
}
