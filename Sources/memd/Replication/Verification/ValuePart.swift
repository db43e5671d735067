// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What of a value is compared at once: small values as a whole, large ones part by part.
///
/// A part means the same on all servers: their tables have other seeds, so members of sets and
/// fields of hashes are named.
enum ValuePart: Equatable {
  case whole
  /// Bytes of a string, elements of a list, members of a sorted set by rank.
  case range(start: Int, count: Int)
  /// Entries of a stream, from this id on.
  case entries(from: StreamID, count: Int)
  /// Members of a set, fields of a hash.
  case named([ByteText])

  /// The positions that are meant among `count` of them.
  func range(within count: Int) -> Range<Int> {
    guard case .range(let start, let length) = self else { return 0..<count }
    let first = min(start, count)
    return first..<first + min(length, count - first)
  }

  /// The first id that is meant, and how many entries.
  var entries: (first: StreamID, count: Int) {
    guard case .entries(let first, let count) = self else { return (.zero, .max) }
    return (first, count)
  }

  /// Where the comparison of a large value goes on.
  enum Position: Equatable {
    case index(Int)
    case entry(StreamID)
    /// As `HashTable.scan` counts.
    case cursor(UInt64)
  }

  // MARK: - Limits

  /// A longer string, and a collection with more elements, is compared part by part.
  static let wholeByteCountMax = 64 << 10
  static let wholeElementCountMax = 128
  /// Elements of a part, names in one, and the bytes of those.
  private static let elementCount = 256
  private static let nameCountMax = 64
  private static let namesByteCountMax = 1 << 10
  /// Buckets that are looked at for them: names that aren't sent are many, perhaps.
  private static let stepsMax = 256
  /// A longer name isn't sent, so such a member or field only counts.
  static let nameByteCountMax = 1 << 10
  /// So far from both ends the elements of a list are compared: to reach them is a walk.
  private static let listReach = 1 << 20

  // MARK: - What is compared next

  /// Where to begin with a value; nil if it is compared as a whole.
  static func start(of entry: Entry) -> Position? {
    let count = elementCount(of: entry)
    switch entry.header.type {
    case .string: return count > wholeByteCountMax ? .index(0) : nil
    case .list, .sortedSet: return count > wholeElementCountMax ? .index(0) : nil
    case .stream: return count > wholeElementCountMax ? .entry(.zero) : nil
    // What is packed is gone through by whoever looks for an element, too.
    case .set:
      let isLarge = SetValue(entry).form == .table
      return isLarge && count > wholeElementCountMax ? .cursor(0) : nil
    case .hash:
      return HashValue(entry).isTable && count > wholeElementCountMax ? .cursor(0) : nil
    }
  }

  /// Bytes of a string, elements of anything else.
  static func elementCount(of entry: Entry) -> Int {
    switch entry.header.type {
    case .string: StringValue(entry).count
    case .list: ListValue(entry).count
    case .set: SetValue(entry).count
    case .sortedSet: SortedSetValue(entry).count
    case .hash: HashValue(entry).count
    case .stream: StreamValue(entry).count
    }
  }

  /// The part of a large value that begins at a position, and where the next one does; nil if there
  /// is none, or if the value has become another one.
  static func part(of entry: Entry, at position: Position) -> (ValuePart, next: Position?)? {
    guard start(of: entry) != nil else { return nil }
    switch (entry.header.type, position) {
    case (.string, .index(let index)): return slice(entry, index, wholeByteCountMax)
    case (.sortedSet, .index(let index)): return slice(entry, index, elementCount)
    case (.list, .index(let index)):
      let count = elementCount(of: entry)
      let isFar = index >= listReach && index < count - listReach
      return slice(entry, isFar ? count - listReach : index, elementCount)
    case (.stream, .entry(let first)): return entries(of: StreamValue(entry).stream, from: first)
    case (.set, .cursor(let cursor)):
      let table = SetValue(entry).table
      return names(from: cursor) { cursor, take in
        table.pointee.scan(cursor) { take($0.bytes) }
      }
    case (.hash, .cursor(let cursor)):
      let table = HashValue(entry).table
      return names(from: cursor) { cursor, take in
        table.pointee.fields.scan(cursor) { take($0.name) }
      }
    default: return nil
    }
  }

  private static func slice(
    _ entry: Entry, _ index: Int, _ length: Int
  ) -> (ValuePart, next: Position?)? {
    let count = elementCount(of: entry)
    guard index < count else { return nil }
    let isLast = count - index <= length
    return (.range(start: index, count: length), isLast ? nil : .index(index + length))
  }

  private static func entries(
    of stream: Stream, from first: StreamID
  ) -> (ValuePart, next: Position?)? {
    var entries = stream.entries(from: first)
    var count = 0
    var last: StreamID?
    while count < elementCount, let entry = entries.next() {
      count += 1
      last = entry.id
    }
    // The last part may have no entry, but pending ones that were deleted.
    let next = count == elementCount ? last?.successor.map { Position.entry($0) } : nil
    return (.entries(from: first, count: elementCount), next)
  }

  private static func names(
    from first: UInt64, scan: (UInt64, _ take: (RawSpan) -> Void) -> UInt64
  ) -> (ValuePart, next: Position?) {
    var names: [ByteText] = []
    var byteCount = 0
    var cursor = first
    var steps = 0
    repeat {
      steps += 1
      cursor = scan(cursor) { name in
        guard name.byteCount <= nameByteCountMax else { return }
        names.append(ByteText(name))
        byteCount += name.byteCount
      }
    } while cursor != 0 && names.count < nameCountMax && byteCount < namesByteCountMax
      && steps < stepsMax
    return (.named(names), cursor == 0 ? nil : .cursor(cursor))
  }
}
