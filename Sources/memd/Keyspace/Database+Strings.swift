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
  func stringForWriting(_ key: Key) throws(CommandError) -> WritableString? {
    guard let entry = write(key) else { return nil }
    guard entry.header.isString else { throw .wrongType }
    return WritableString(entry)
  }

  // MARK: - Writing

  /// Stores `bytes` under `key`, as an integer if they are the canonical text of one.
  ///
  /// Any value of any type that the key had is replaced. This counts as an access.
  @discardableResult
  @inline(__always)
  func setString(_ key: Key, _ bytes: RawSpan, deadline: DeadlineChange = .clear) -> WritableEntry {
    if bytes.byteCount <= 20, bytes.byteCount > 0, bytes.byte(0) <= UInt8(ascii: "9"),
      let integer = DecimalText.parse(bytes)
    {
      return store(key, .integer(integer), deadline: deadline)
    }
    return store(key, .bytes(bytes), deadline: deadline)
  }

  /// Stores an integer under `key`.
  @discardableResult
  func setInteger(_ key: Key, _ value: Int, deadline: DeadlineChange = .keep) -> WritableEntry {
    store(key, .integer(value), deadline: deadline)
  }

  /// Stores a new string value; in place if the entry's shape allows. A due key is removed first.
  @discardableResult
  func store(
    _ key: Key, _ value: borrowing Entry.NewString, deadline: DeadlineChange
  ) -> WritableEntry {
    guard let location = locateForWriting(key) else {
      var hasDeadline = false
      if case .at = deadline { hasDeadline = true }
      let entry = makeEntry(key, value, hasDeadline: hasDeadline)
      if case .at(let instant) = deadline { entry.writable.deadline = instant }
      return insert(entry, key)
    }
    let old = contents.table.element(at: location)
    let had = old.header.hasDeadline
    let has = if case .at = deadline { true } else { deadline == .keep && had }
    if had == has, fits(value, in: old) {
      let entry = open(old)
      overwrite(entry, with: value)
      if case .at(let instant) = deadline {
        let before = old.deadline
        entry.deadline = instant
        contents.expirations.deadlineChanged(KeyExpiration(old), from: before)
      }
      if moment.touchesKeys { touch(old) }
      return entry
    }
    let entry = makeEntry(key, value, hasDeadline: has)
    if has {
      entry.writable.deadline =
        if case .at(let instant) = deadline { instant } else { old.deadline }
    }
    return replace(at: location, with: entry, .replaced)
  }

  /// The entry of a new value; a large one keeps the memory that it was received into.
  @inline(__always)
  private func makeEntry(
    _ key: Key, _ value: borrowing Entry.NewString, hasDeadline: Bool
  ) -> DetachedEntry {
    switch value {
    case .integer: break
    case .bytes(let bytes):
      guard bytes.byteCount >= StringBlock.adoptedByteCountMin,
        let block = adoptReceived(bytes)
      else { break }
      return DetachedEntry.make(
        key: key.bytes, type: .string, encoding: Entry.StringEncoding.block.rawValue,
        word: block.word, hasDeadline: hasDeadline, allocator: allocator)
    }
    return DetachedEntry.make(
      key: key.bytes, string: value, hasDeadline: hasDeadline, allocator: allocator)
  }

  /// The block that a large value was received into, if the keyspace may keep it.
  @inline(never)
  private func adoptReceived(_ bytes: RawSpan) -> StringBlock? { received?.adopt(bytes, allocator) }

  /// True if `value` can take the place of what an entry holds without any of it moving.
  @inline(__always)
  private func fits(_ value: borrowing Entry.NewString, in entry: Entry) -> Bool {
    let header = entry.header
    guard header.isString else { return false }
    switch value {
    case .integer: return header.encoding == Entry.StringEncoding.integer.rawValue
    case .bytes(let bytes):
      guard header.isEmbedded, bytes.byteCount < 256 else { return false }
      let layout = Entry.Layout(header, at: entry)
      let count = layout.valueOffset + bytes.byteCount
      return Allocator.sameSize(count, layout.byteCount) && count <= Entry.embeddedByteCountMax
    }
  }

  /// Writes `value` into the memory of an entry that it fits in.
  @inline(__always)
  private func overwrite(_ entry: WritableEntry, with value: borrowing Entry.NewString) {
    var header = entry.header
    switch value {
    case .integer(let integer): entry.valueWord = UInt64(bitPattern: Int64(integer))
    case .bytes(let bytes):
      header.embeddedCount = bytes.byteCount
      header.encoding =
        bytes.byteCount <= Entry.embstrByteCountMax
        ? Entry.StringEncoding.embedded.rawValue : Entry.StringEncoding.embeddedRaw.rawValue
      entry.header = header
      let offset = Entry.Layout(header, at: entry.entry).valueOffset
      unsafe (entry.pointer + offset).copy(bytes)
    }
  }

  // MARK: - Counting

  /// Adds `delta` to the integer of `key`, a missing one counting as zero, and returns the sum.
  ///
  /// Throws WRONGTYPE, or that the string is no integer, or that the sum would overflow.
  @inline(__always)
  func increment(_ key: Key, by delta: Int) throws(CommandError) -> Int {
    guard let entry = write(key) else {
      setInteger(key, delta, deadline: .clear)
      return delta
    }
    let header = entry.header
    guard header.isString else { throw .wrongType }
    guard header.encoding == Entry.StringEncoding.integer.rawValue else {
      return try incrementText(StringValue(entry.entry), key, by: delta)
    }
    let old = Int(truncatingIfNeeded: Int64(bitPattern: entry.valueWord))
    let (sum, overflows) = old.addingReportingOverflow(delta)
    if overflows { throw .overflow }
    entry.valueWord = UInt64(bitPattern: Int64(sum))
    return sum
  }

  /// Adds to an integer that is stored as text (APPEND has made it one); it is one afterwards.
  @inline(never)
  private func incrementText(
    _ value: StringValue, _ key: Key, by delta: Int
  ) throws(CommandError) -> Int {
    guard let old = DecimalText.parse(value.stored) else { throw .notInteger }
    let (sum, overflows) = old.addingReportingOverflow(delta)
    if overflows { throw .overflow }
    setInteger(key, sum)
    return sum
  }
}
