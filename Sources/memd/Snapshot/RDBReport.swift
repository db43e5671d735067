// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What is in an RDB file: counted value by value while it is read, so that its memory doesn't grow
/// with the file's.
final class RDBReport {
  /// Keys of one type in one database.
  struct Tally {
    var keyCount = 0
    /// Of the values, as they stand in the file.
    var byteCount = 0
  }

  /// One database.
  struct Part {
    let number: Int
    var tallies = [Tally](repeating: Tally(), count: Entry.ValueType.all.count)
    var deadlineCount = 0
    var expiredCount = 0

    var keyCount: Int { tallies.reduce(0) { $0 + $1.keyCount } }
    var byteCount: Int { tallies.reduce(0) { $0 + $1.byteCount } }
  }

  /// A key that is the longest, or whose value is the largest.
  struct Record {
    let key: ByteText
    let keyByteCount: Int
    let database: Int
    let byteCount: Int
    let elementCount: Int
  }

  /// What the end of the file says about its checksum.
  enum Checksum {
    case unknown
    /// The file is of a version without checksums.
    case none
    /// Its writer was told not to compute it.
    case disabled
    case right
  }

  private(set) var parts: [Part] = []
  private(set) var longestKey: Record?
  private(set) var largest = [Record?](repeating: nil, count: Entry.ValueType.all.count)
  private(set) var emptyCount = 0
  private(set) var libraryCount = 0
  var checksum = Checksum.unknown
  private var database = 0
  private var current: Int?
  /// Hears what is read beside the keys, as it comes.
  private let tell: (String) -> Void

  /// Databases with numbers of their own in the report; the keys of further ones are the last
  /// one's.
  private static let partCountMax = 1024
  /// Bytes of a key that are remembered and shown.
  private static let shownByteCountMax = 128

  init(tell: @escaping (String) -> Void) { self.tell = tell }

  // MARK: - Reading

  /// The keys that follow are of this database.
  func select(_ number: Int) {
    database = number
    current = nil
    tell("Selecting DB ID \(number)")
  }

  /// A field about the file as a whole.
  func noteField(_ name: RawSpan, _ value: RawSpan) {
    let name = Self.shown(name).dropFirst().dropLast()
    tell("AUX FIELD \(name) = \(Self.shown(value))")
  }

  /// Something that memd passes over.
  func noteSkipped(_ what: String) { tell("Skipping \(what)") }

  /// A library of functions.
  func note(_ library: LibraryHeader) {
    libraryCount += 1
    tell("Library of functions \(Self.shown(library.name.rawSpan))")
  }

  /// A collection without elements.
  func noteEmpty(_ key: RawSpan) {
    emptyCount += 1
    if emptyCount <= 10 { tell("Empty key \(Self.shown(key))") }
  }

  /// A key with its value, which took so many bytes in the file.
  func note(_ key: RawSpan, _ entry: Entry, byteCount: Int, deadline: Int64?, now: Int64) {
    let type = Int(entry.header.type.rawValue)
    let part = current ?? part(database)
    current = part
    parts[part].tallies[type].keyCount += 1
    parts[part].tallies[type].byteCount += byteCount
    if let deadline {
      parts[part].deadlineCount += 1
      if deadline < now { parts[part].expiredCount += 1 }
    }
    let isLongest = key.byteCount > longestKey?.keyByteCount ?? -1
    let isLargest = byteCount > largest[type]?.byteCount ?? -1
    guard isLongest || isLargest else { return }
    let record = Record(
      key: ByteText(key.extracting(first: min(key.byteCount, Self.shownByteCountMax))),
      keyByteCount: key.byteCount, database: database, byteCount: byteCount,
      elementCount: entry.elementCount)
    if isLongest { longestKey = record }
    if isLargest { largest[type] = record }
  }

  private func part(_ number: Int) -> Int {
    if let found = parts.firstIndex(where: { $0.number == number }) { return found }
    if parts.count == Self.partCountMax { return parts.count - 1 }
    parts.append(Part(number: number))
    return parts.count - 1
  }

  // MARK: - Text

  /// Bytes from the file, escaped so that they can't write anything else on a terminal.
  static func shown(_ bytes: RawSpan) -> String {
    let count = min(bytes.byteCount, shownByteCountMax)
    let text = DirectiveText.quoted(ByteText(bytes.extracting(first: count))).logText
    let more = bytes.byteCount > count ? "..." : ""
    return "'\(text.dropFirst().dropLast())'\(more)"
  }

  /// What was counted, a line for each.
  var lines: [String] {
    let keyCount = parts.reduce(0) { $0 + $1.keyCount }
    var lines = [
      "\(keyCount) keys read", "\(parts.reduce(0) { $0 + $1.deadlineCount }) expires",
      "\(parts.reduce(0) { $0 + $1.expiredCount }) already expired",
    ]
    if emptyCount > 0 { lines.append("\(emptyCount) empty keys") }
    if libraryCount > 0 { lines.append("\(libraryCount) libraries of functions") }
    for part in parts { lines += Self.lines(of: part) }
    if let record = longestKey {
      let key = Self.text(of: record)
      lines.append("longest key: \(record.keyByteCount) bytes, \(key) in db \(record.database)")
    }
    for type in Entry.ValueType.all {
      guard let record = largest[Int(type.rawValue)] else { continue }
      let elements = type == .string ? "" : ", \(record.elementCount) elements"
      lines.append(
        "largest \(type.name): \(record.byteCount) bytes\(elements), \(Self.text(of: record))"
          + " in db \(record.database)")
    }
    return lines
  }

  private static func text(of record: Record) -> String {
    shown(record.key.rawSpan) + (record.keyByteCount > record.key.count ? "..." : "")
  }

  private static func lines(of part: Part) -> [String] {
    let whole =
      "db \(part.number): \(part.keyCount) keys, \(part.deadlineCount) expires,"
      + " \(part.expiredCount) already expired, \(part.byteCount) bytes of values"
    return [whole]
      + Entry.ValueType.all.compactMap { type in
        let tally = part.tallies[Int(type.rawValue)]
        guard tally.keyCount > 0 else { return nil }
        return "db \(part.number): \(type.name): \(tally.keyCount) keys, \(tally.byteCount) bytes"
      }
  }
}

extension Entry.ValueType {
  /// In the order of their numbers, which are those from 0 on.
  static let all: [Entry.ValueType] = [.string, .list, .set, .sortedSet, .hash, .stream]
}

extension Entry {
  /// Number of elements of a collection; 1 for a string.
  var elementCount: Int {
    switch header.type {
    case .string: 1
    case .list: ListValue(self).count
    case .set: SetValue(self).count
    case .sortedSet: SortedSetValue(self).count
    case .hash: HashValue(self).count
    case .stream: StreamValue(self).count
    }
  }
}
