// SPDX-License-Identifier: Apache-2.0

/// How one entry of a listpack is written: its head and how many bytes of text follow.
///
///     head                                        what it stands for
///     0vvvvvvv                                    an integer of 0 to 127
///     10nnnnnn                                    text of n < 64 bytes
///     110vvvvv vvvvvvvv                           an integer of 13 bits with sign
///     1110nnnn nnnnnnnn                           text of n < 4096 bytes
///     0xF0, n in 4 bytes                          longer text
///     0xF1 - 0xF4, value in 2, 3, 4 or 8 bytes    an integer
///
/// The multi-byte numbers behind 0xF0 to 0xF4 are little endian, the others have their high bits
/// first. Text that is the canonical form of an integer is always written as the integer, in the
/// shortest of these forms.
@frozen @usableFromInline
struct ListpackForm {
  /// The first eight bytes of the head, little endian.
  @usableFromInline let head: UInt64
  /// The ninth byte; only 64-bit integers have one.
  @usableFromInline let lastOfHead: UInt8
  /// Bytes of the head.
  @usableFromInline let headCount: Int
  /// Bytes of text behind the head.
  @usableFromInline let textCount: Int

  /// Takes the parts as they are.
  @inlinable @inline(__always)
  init(head: UInt64, lastOfHead: UInt8 = 0, headCount: Int, textCount: Int = 0) {
    self.head = head
    self.lastOfHead = lastOfHead
    self.headCount = headCount
    self.textCount = textCount
  }

  /// The form of `text`: an integer if it is the canonical form of one.
  @inlinable @inline(__always)
  init(_ text: RawSpan) {
    if let integer = CanonicalInteger.parse(text) {
      self.init(integer: integer)
    } else {
      self.init(textCount: text.byteCount)
    }
  }

  /// The form of text that is no integer.
  @inlinable @inline(__always)
  init(textCount count: Int) {
    if count < 64 {
      self.init(head: UInt64(count) | 0x80, headCount: 1, textCount: count)
    } else if count < 4096 {
      let head = UInt64(count >> 8) | 0xE0 | UInt64(count & 0xFF) << 8
      self.init(head: head, headCount: 2, textCount: count)
    } else {
      precondition(count <= Int(UInt32.max), "text too long for a listpack")
      self.init(head: 0xF0 | UInt64(count) << 8, headCount: 5, textCount: count)
    }
  }

  /// The shortest form of an integer.
  @inlinable
  init(integer: Int) {
    let bits = UInt64(bitPattern: Int64(integer))
    switch integer {
    case 0...127: self.init(head: bits, headCount: 1)
    case -4096...4095:
      let head = (bits >> 8) & 0x1F | 0xC0 | (bits & 0xFF) << 8
      self.init(head: head, headCount: 2)
    case -0x8000...0x7FFF: self.init(head: 0xF1 | (bits & 0xFFFF) << 8, headCount: 3)
    case -0x80_0000...0x7F_FFFF: self.init(head: 0xF2 | (bits & 0xFF_FFFF) << 8, headCount: 4)
    case -0x8000_0000...0x7FFF_FFFF:
      self.init(head: 0xF3 | (bits & 0xFFFF_FFFF) << 8, headCount: 5)
    default:
      let last = UInt8(truncatingIfNeeded: bits >> 56)
      self.init(head: 0xF4 | bits << 8, lastOfHead: last, headCount: 9)
    }
  }

  /// Bytes of head and text.
  @inlinable @inline(__always)
  var encodedCount: Int { headCount &+ textCount }

  /// Bytes of the whole entry.
  @inlinable @inline(__always)
  var entryCount: Int { encodedCount &+ ListpackForm.backlenCount(encodedCount) }

  /// Writes the entry to memory with room for `entryCount` bytes; `text` is the text that this is
  /// the form of, and not looked at if the entry is an integer.
  @inlinable @inline(__always)
  func write(_ text: RawSpan, to place: UnsafeMutableRawPointer) {
    unsafe writeHead(to: place)
    if textCount > 0 {
      unsafe text.withUnsafeBytes {
        assert($0.count == textCount)
        let source = unsafe $0.baseAddress.unsafelyUnwrapped
        unsafe (place + headCount).copyMemory(from: source, byteCount: textCount)
      }
    }
    unsafe ListpackForm.writeBacklen(encodedCount, to: place + encodedCount)
  }

  /// Writes the entry of an integer.
  @inlinable @inline(__always)
  func write(to place: UnsafeMutableRawPointer) {
    assert(textCount == 0)
    unsafe writeHead(to: place)
    unsafe ListpackForm.writeBacklen(headCount, to: place + headCount)
  }

  /// Writes the bytes in front of the text.
  @inlinable @inline(__always)
  func writeHead(to place: UnsafeMutableRawPointer) {
    unsafe place.storeBytes(of: UInt8(truncatingIfNeeded: head), as: UInt8.self)
    if headCount == 1 { return }
    var rest = head >> 8
    var index = 1
    while index < min(headCount, 8) {
      unsafe place.storeBytes(
        of: UInt8(truncatingIfNeeded: rest), toByteOffset: index, as: UInt8.self)
      rest >>= 8
      index &+= 1
    }
    if headCount == 9 { unsafe place.storeBytes(of: lastOfHead, toByteOffset: 8, as: UInt8.self) }
  }

  // MARK: - The length behind an entry

  // The last part of an entry is the length of what is before it in groups of seven bits, high bits
  // first; all groups but the first have bit 7, so that it can be read from behind.

  /// Bytes that the length of `encodedCount` bytes takes.
  @inlinable @inline(__always)
  static func backlenCount(_ encodedCount: Int) -> Int {
    if encodedCount <= 127 { return 1 }
    // Compatibility: the largest number of two and more groups already gets one group more.
    if encodedCount < 16_383 { return 2 }
    if encodedCount < 2_097_151 { return 3 }
    return encodedCount < 268_435_455 ? 4 : 5
  }

  /// Writes the length behind an entry.
  @inlinable @inline(__always)
  static func writeBacklen(_ encodedCount: Int, to place: UnsafeMutableRawPointer) {
    if encodedCount <= 127 {
      unsafe place.storeBytes(of: UInt8(truncatingIfNeeded: encodedCount), as: UInt8.self)
      return
    }
    var rest = encodedCount
    var index = backlenCount(encodedCount) &- 1
    while index >= 0 {
      let group = UInt8(truncatingIfNeeded: rest & 127) | (index > 0 ? 128 : 0)
      unsafe place.storeBytes(of: group, toByteOffset: index, as: UInt8.self)
      rest >>= 7
      index &-= 1
    }
  }
}
