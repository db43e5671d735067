// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A ziplist: the packed form of small collections before Redis 7, read once and never written.
///
///     0       4      8       10                                          total - 1
///     +-------+------+-------+---------+---------+-----    -----+---------+------+
///     | total | tail | count | entry   | entry   |     ....     | entry   | 0xFF |
///     +-------+------+-------+---------+---------+-----    -----+---------+------+
///
///     entry: length of the entry before   1 byte below 254, else 254 and 4 bytes
///            encoding                     00nnnnnn, 01nnnnnn n: text of 6 or 14 bits of length
///                                         10______ and 4 bytes, high ones first: longer text
///                                         0xC0, 0xD0, 0xE0, 0xF0, 0xFE: integer of 16, 32, 64, 24
///                                         and 8 bits; 0xF1 - 0xFD: 0 to 12
///            text or integer, low bytes first
///
/// `tail` is where the last entry begins, `count` is 65535 if it is not known. All that is said
/// twice must agree: whoever believed one and read the other would read something else.
struct Ziplist {
  /// What an entry holds.
  enum Item {
    case integer(Int)
    /// Where the text lies.
    case text(Range<Int>)
  }

  private var position = headerCount
  private static let headerCount = 10
  private static let unknownCount = 65_535
  /// Where the last entry read begins, and how many there were.
  private var start = headerCount
  private var count = 0

  /// Starts at the first entry; nil if the frame is damaged.
  init?(_ bytes: RawSpan) {
    let count = bytes.byteCount
    guard count >= Ziplist.headerCount + 1, bytes.little(4, at: 0) == count,
      bytes.byte(count - 1) == 0xff, bytes.little(4, at: 4) < count
    else { return nil }
  }

  /// True behind the last entry.
  func isAtEnd(_ bytes: RawSpan) -> Bool { position == bytes.byteCount - 1 }

  /// Whether the frame tells of the entries that were read, at the end.
  func isConsistent(_ bytes: RawSpan) -> Bool {
    let stored = bytes.little(2, at: 8)
    return bytes.little(4, at: 4) == start && (stored == Ziplist.unknownCount || stored == count)
  }

  /// The next entry; nil if it is damaged. Only before the end.
  mutating func next(_ bytes: RawSpan) -> Item? {
    let end = bytes.byteCount - 1
    guard position < end, let before = lengthBefore(bytes, end),
      before == (count == 0 ? 0 : position - start)
    else { return nil }
    start = position
    count += 1
    position += bytes.byte(position) < 254 ? 1 : 5
    guard position < end else { return nil }
    let code = bytes.byte(position)
    let rest = end - position
    switch code >> 6 {
    case 0: return text(Int(code & 63), behind: 1, rest)
    case 1:
      guard rest > 1 else { return nil }
      return text(Int(code & 63) << 8 | Int(bytes.byte(position + 1)), behind: 2, rest)
    case 2:
      guard rest > 5, code == 0x80 else { return nil }
      let length = (1...4).reduce(0) { $0 << 8 | Int(bytes.byte(position + $1)) }
      return text(length, behind: 5, rest)
    default: return integer(code, bytes, rest)
    }
  }

  /// What an entry says about the length of the one before it.
  private func lengthBefore(_ bytes: RawSpan, _ end: Int) -> Int? {
    let first = bytes.byte(position)
    if first < 254 { return Int(first) }
    guard first == 254, end - position > 5 else { return nil }
    return bytes.little(4, at: position + 1)
  }

  private mutating func text(_ count: Int, behind head: Int, _ rest: Int) -> Item? {
    guard head + count <= rest else { return nil }
    let start = position + head
    position = start + count
    return .text(start..<position)
  }

  private mutating func integer(_ code: UInt8, _ bytes: RawSpan, _ rest: Int) -> Item? {
    let width: Int
    switch code {
    case 0xc0: width = 2
    case 0xd0: width = 4
    case 0xe0: width = 8
    case 0xf0: width = 3
    case 0xfe: width = 1
    case 0xf1...0xfd:
      position += 1
      return .integer(Int(code & 15) - 1)
    default: return nil
    }
    guard 1 + width <= rest else { return nil }
    let value = bytes.signedLittle(width, at: position + 1)
    position += 1 + width
    return .integer(value)
  }
}

/// A zipmap: the packed form of small hashes before Redis 2.6.
///
///     +-------+--------------+------+--------------+------+-------+----   ----+------+
///     | count | length, name        | length, free, value         |    ...    | 0xFF |
///     +-------+--------------+------+--------------+------+-------+----   ----+------+
///
/// A length is one byte below 254, or 254 and 4 bytes; `free` bytes behind a value are unused.
/// `count` is 254 if it is not known.
struct Zipmap {
  private var position = 1
  private var count = 0
  private static let unknownCount = 254

  /// Starts at the first name; nil if the frame is damaged.
  init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= 2, bytes.byte(bytes.byteCount - 1) == 0xff else { return nil }
  }

  /// True behind the last value.
  func isAtEnd(_ bytes: RawSpan) -> Bool { position == bytes.byteCount - 1 }

  /// Whether the frame tells of the pairs that were read, at the end.
  func isConsistent(_ bytes: RawSpan) -> Bool {
    let stored = Int(bytes.byte(0))
    return stored == Zipmap.unknownCount || stored == count
  }

  /// Where the next name and value lie; nil if they are damaged. Only before the end.
  mutating func next(_ bytes: RawSpan) -> Pair? {
    count += 1
    guard let name = text(bytes, hasFree: false), let value = text(bytes, hasFree: true) else {
      return nil
    }
    return Pair(name: name, value: value)
  }

  /// Where a name and its value lie.
  struct Pair {
    let name: Range<Int>
    let value: Range<Int>
  }

  private mutating func text(_ bytes: RawSpan, hasFree: Bool) -> Range<Int>? {
    let end = bytes.byteCount - 1
    guard position < end else { return nil }
    var count = Int(bytes.byte(position))
    position += 1
    if count == 254 {
      guard end - position >= 4 else { return nil }
      count = bytes.little(4, at: position)
      position += 4
    } else if count == 255 {
      return nil
    }
    var free = 0
    if hasFree {
      guard position < end else { return nil }
      free = Int(bytes.byte(position))
      position += 1
    }
    guard count + free <= end - position else { return nil }
    let start = position
    position += count + free
    return start..<(start + count)
  }
}

extension RawSpan {
  /// An unsigned integer of `width` bytes, the lowest first; at most seven.
  func little(_ width: Int, at offset: Int) -> Int {
    (0..<width).reduce(0) { $0 | Int(byte(offset + $1)) << (8 * $1) }
  }

  /// A signed integer of `width` bytes, the lowest first; at most eight.
  func signedLittle(_ width: Int, at offset: Int) -> Int {
    let bits = (0..<width).reduce(UInt64(0)) {
      $0 | UInt64(byte(offset + $1)) << UInt64(8 * $1)
    }
    let unused = UInt64(64 - 8 * width)
    return Int(Int64(bitPattern: bits << unused) >> Int64(unused))
  }
}
