// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Requests as people type them into telnet: words on a line, with quotes and escapes.
///
/// Words end at a blank, tab, or line end. `"..."` knows \n \r \t \b \a \xHH and takes any other
/// escaped byte as it is; `'...'` knows only \'. A closing quote must be followed by white space or
/// the end of the line.
extension RequestParser {
  /// Reads a whole inline request; the same results as `beginSlowly`.
  mutating func inline(
    _ base: UnsafeMutableRawPointer, _ available: Int, _ limits: RequestLimits,
    _ slices: inout SliceBuffer
  ) -> Outcome {
    isRegular = false
    guard let newline = unsafe lineFeed(base, available, limits) else {
      if available > limits.maxInlineLength { return .failure(.tooBigInlineRequest) }
      needed = available + 1
      return .incomplete
    }
    var end = newline
    if end > 0, unsafe base.load(fromByteOffset: end - 1, as: UInt8.self) == 0x0D { end -= 1 }
    let before = slices.count
    var words = unsafe InlineWords(base: base, end: end)
    while words.skipBlanks() {
      guard let word = words.next() else {
        slices.truncate(to: before)
        return .failure(.unbalancedQuotes)
      }
      slices.append(word)
    }
    parsed = newline + 1
    return slices.count == before ? .empty : .request
  }

  /// Offset of the line feed that ends the request; nil if it is not there yet, or too far away.
  private mutating func lineFeed(
    _ base: UnsafeMutableRawPointer, _ available: Int, _ limits: RequestLimits
  ) -> Int? {
    guard scanned != Int.max else { return nil }
    let searchEnd = min(available, limits.maxInlineLength + 1)
    let from = min(scanned, searchEnd)
    let found = unsafe memchr(base + from, 0x0A, searchEnd - from)
    let end = unsafe found.map { unsafe UnsafeRawPointer($0) - UnsafeRawPointer(base) }
    // Compatibility: Redis looks for the line end with C string functions, so a line with a zero
    // byte never ends and becomes an error when it has grown too long.
    if unsafe memchr(base + from, 0, (end ?? searchEnd) - from) != nil {
      scanned = Int.max
      return nil
    }
    scanned = searchEnd
    return end
  }
}

/// Splits one line into words, unescaping each word in place.
@safe
private struct InlineWords {
  private let base: UnsafeMutableRawPointer
  private let end: Int
  private var index = 0

  init(base: UnsafeMutableRawPointer, end: Int) {
    unsafe self.base = base
    self.end = end
  }

  /// The byte at an offset; 0, which no line contains, at and behind the end.
  private func byte(_ offset: Int) -> UInt8 {
    offset < end ? unsafe base.load(fromByteOffset: offset, as: UInt8.self) : 0
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 9 && byte <= 13) }

  /// Steps to the next word; false at the end of the line.
  mutating func skipBlanks() -> Bool {
    while Self.isSpace(byte(index)) { index += 1 }
    return index < end
  }

  /// Reads the word at hand; nil if its quotes don't match.
  mutating func next() -> Slice? {
    let start = index
    // The word is never longer than what it is read from, so writing it back overtakes nothing.
    var written = start
    while index < end {
      switch byte(index) {
      case 0x20, 0x09, 0x0A, 0x0D: return slice(start, written)
      case 0x22:
        index += 1
        return doubleQuoted(&written) ? slice(start, written) : nil
      case 0x27:
        index += 1
        return singleQuoted(&written) ? slice(start, written) : nil
      case let other:
        put(other, &written)
        index += 1
      }
    }
    return slice(start, written)
  }

  private func slice(_ start: Int, _ end: Int) -> Slice {
    Slice(offset: UInt32(start), count: UInt32(end - start))
  }

  private func put(_ byte: UInt8, _ written: inout Int) {
    unsafe base.storeBytes(of: byte, toByteOffset: written, as: UInt8.self)
    written += 1
  }

  /// Steps over a closing quote; false if something is glued to it.
  private mutating func close() -> Bool {
    index += 1
    return index == end || Self.isSpace(byte(index))
  }

  private mutating func doubleQuoted(_ written: inout Int) -> Bool {
    while index < end {
      switch byte(index) {
      case 0x22: return close()
      case 0x5C where index + 1 < end:
        if byte(index + 1) == 0x78, let high = Self.hexadecimal(byte(index + 2)),
          let low = Self.hexadecimal(byte(index + 3))
        {
          put(high << 4 | low, &written)
          index += 4
        } else {
          put(Self.unescaped(byte(index + 1)), &written)
          index += 2
        }
      case let other:
        put(other, &written)
        index += 1
      }
    }
    return false
  }

  private mutating func singleQuoted(_ written: inout Int) -> Bool {
    while index < end {
      switch byte(index) {
      case 0x27: return close()
      case 0x5C where byte(index + 1) == 0x27:
        put(0x27, &written)
        index += 2
      case let other:
        put(other, &written)
        index += 1
      }
    }
    return false
  }

  private static func unescaped(_ byte: UInt8) -> UInt8 {
    switch byte {
    case 0x6E: 0x0A  // n
    case 0x72: 0x0D  // r
    case 0x74: 0x09  // t
    case 0x62: 0x08  // b
    case 0x61: 0x07  // a
    default: byte
    }
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
