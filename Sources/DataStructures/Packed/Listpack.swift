// SPDX-License-Identifier: Apache-2.0
//
// A listpack is a list of texts and integers in one piece of memory. It is Redis's format, which
// its file listpack.md publishes, byte for byte, since it travels in RDB files and DUMP payloads.
//
// `Listpack` looks at the bytes and never changes them: it doesn't know who owns the memory. Who
// does is a `ListpackOwner` and gets all editing operations from that protocol.
//
// What a newcomer gets wrong: a position is the offset of an entry from the first byte, not its
// index. Positions behind an edit move. Text like "12" comes back as the integer 12, whose `bytes`
// are empty: ask for `text`, or for `integer` first.

/// A view on the bytes of a listpack; valid until they are edited or moved.
///
///     0             4         6                                           byteCount
///     +-------------+---------+---------+---------+--  ...  --+---------+------+
///     | byte count  | entries | entry 0 | entry 1 |           | entry n | 0xFF |
///     +-------------+---------+---------+---------+--  ...  --+---------+------+
///     entry:  head | text | length of both          (see ListpackForm)
///
/// The numbers at the start are little endian; 65535 entries mean "count them".
///
/// - Complexity: `first`, `last`, `next` and `previous` are O(1), everything that looks for
///   something is O(n) over adjacent memory.
@safe
public struct Listpack {
  /// The first byte.
  public let start: UnsafeMutableRawPointer

  /// Where it is.
  public var address: UInt { UInt(bitPattern: unsafe start) }

  /// A view on a well-formed listpack.
  @inlinable @inline(__always)
  public init(_ start: UnsafeMutableRawPointer) { unsafe self.start = unsafe start }

  /// A view on bytes for which `isValid` has said yes; they must outlive it.
  @inlinable
  public init(validated bytes: RawSpan) {
    assert(Listpack.isValid(bytes))
    let base = unsafe bytes.withUnsafeBytes { unsafe $0.baseAddress.unsafelyUnwrapped }
    unsafe self.init(UnsafeMutableRawPointer(mutating: base))
  }

  /// Bytes of a listpack without entries.
  @inlinable public static var emptyByteCount: Int { 7 }

  /// Bytes in front of the first entry.
  @inlinable static var headerCount: Int { 6 }

  /// The entry count that says "count them".
  @inlinable static var unknownCount: Int { 65535 }

  /// Writes a listpack without entries to memory with room for `emptyByteCount` bytes.
  @inlinable
  public static func writeEmpty(to start: UnsafeMutableRawPointer) {
    unsafe start.storeBytes(of: UInt32(emptyByteCount).littleEndian, as: UInt32.self)
    unsafe start.storeBytes(of: 0, toByteOffset: 4, as: UInt16.self)
    unsafe start.storeBytes(of: 0xFF, toByteOffset: 6, as: UInt8.self)
  }

  /// Bytes of a listpack whose only entry is `text`.
  @inlinable
  public static func byteCount(holding text: RawSpan) -> Int {
    emptyByteCount &+ ListpackForm(text).entryCount
  }

  /// Writes a listpack whose only entry is `text` to memory with room for
  /// `byteCount(holding:)` bytes.
  @inlinable
  public static func write(holding text: RawSpan, to start: UnsafeMutableRawPointer) {
    let form = ListpackForm(text)
    let byteCount = emptyByteCount &+ form.entryCount
    unsafe writeHeader(byteCount: byteCount, count: 1, to: start)
    unsafe form.write(text, to: start + headerCount)
    unsafe start.storeBytes(of: 0xFF, toByteOffset: byteCount &- 1, as: UInt8.self)
  }

  // MARK: - As a whole

  /// Bytes of the whole listpack.
  @inlinable @inline(__always)
  public var byteCount: Int {
    unsafe Int(UInt32(littleEndian: start.loadUnaligned(as: UInt32.self)))
  }

  /// The entry count as it is stored; `unknownCount` if it has to be counted.
  @inlinable @inline(__always)
  var storedCount: Int {
    unsafe Int(UInt16(littleEndian: start.loadUnaligned(fromByteOffset: 4, as: UInt16.self)))
  }

  /// Number of entries.
  ///
  /// - Complexity: O(1) up to 65534 entries, then O(n).
  @inlinable
  public var count: Int {
    let stored = storedCount
    return stored != Listpack.unknownCount ? stored : countedEntries(from: Listpack.headerCount)
  }

  /// Number of entries from `position` on.
  @inlinable
  func countedEntries(from position: Int) -> Int {
    var count = 0
    var position = position
    while byte(position) != 0xFF {
      position &+= entryCount(at: position)
      count &+= 1
    }
    return count
  }

  /// Whether there is no entry.
  @inlinable @inline(__always)
  public var isEmpty: Bool { byteCount == Listpack.emptyByteCount }

  /// All bytes, as they stand in RDB files.
  @inlinable
  public var allBytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: start, byteCount: byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  // MARK: - Positions

  /// Position of the first entry.
  @inlinable @inline(__always)
  public var first: Int? { isEmpty ? nil : Listpack.headerCount }

  /// Position of the last entry.
  @inlinable @inline(__always)
  public var last: Int? { previous(end) }

  /// Position behind the last entry, where the closing 0xFF is.
  @inlinable @inline(__always)
  public var end: Int { byteCount &- 1 }

  /// Position of the entry behind the one at `position`.
  @inlinable @inline(__always)
  public func next(_ position: Int) -> Int? {
    let next = position &+ entryCount(at: position)
    return byte(next) == 0xFF ? nil : next
  }

  /// Position of the entry in front of `position`, which may be `end`.
  @inlinable @inline(__always)
  public func previous(_ position: Int) -> Int? {
    guard position > Listpack.headerCount else { return nil }
    var index = position &- 1
    let group = byte(index)
    if group < 128 { return index &- Int(group) }
    var length = Int(group & 127)
    var shift = 7
    while true {
      index &-= 1
      let group = byte(index)
      length |= Int(group & 127) << shift
      if group < 128 { return index &- length }
      shift &+= 7
      precondition(shift <= 28, "damaged listpack")
    }
  }

  /// Position of the entry with this index; negative ones count from the end, -1 is the last.
  ///
  /// - Complexity: O(n), from the nearer end.
  @inlinable
  public func position(at index: Int) -> Int? {
    let count = storedCount
    if count == Listpack.unknownCount {
      return index < 0 ? position(fromEnd: -1 &- index) : position(fromStart: index)
    }
    let index = index < 0 ? index &+ count : index
    guard index >= 0 && index < count else { return nil }
    if index &* 2 <= count { return position(fromStart: index) }
    return position(fromEnd: count &- 1 &- index)
  }

  /// Position of the entry with `count` entries in front of it.
  @inlinable
  func position(fromStart count: Int) -> Int? {
    guard var position = first else { return nil }
    var rest = count
    while rest > 0 {
      guard let next = next(position) else { return nil }
      position = next
      rest &-= 1
    }
    return position
  }

  /// Position of the entry with `count` entries behind it.
  @inlinable
  func position(fromEnd count: Int) -> Int? {
    guard var position = last else { return nil }
    var rest = count
    while rest > 0 {
      guard let previous = previous(position) else { return nil }
      position = previous
      rest &-= 1
    }
    return position
  }

  // MARK: - Entries

  /// The integer at `position`; nil if text is there.
  @inlinable @inline(__always)
  public func integer(at position: Int) -> Int? {
    let head = byte(position)
    if head < 0x80 { return Int(head) }
    if head < 0xC0 || head & 0xF0 == 0xE0 || head == 0xF0 { return nil }
    return wideInteger(head, at: position)
  }

  /// The integer at `position`, whose head is not a single byte.
  @inlinable
  func wideInteger(_ head: UInt8, at position: Int) -> Int {
    if head < 0xE0 {
      // 13 bits: moved to the top and back, so that the sign fills up.
      let bits = Int(head & 0x1F) << 8 | Int(byte(position &+ 1))
      return (bits << 51) >> 51
    }
    switch head {
    case 0xF1:
      let bits = unsafe start.loadUnaligned(fromByteOffset: position &+ 1, as: Int16.self)
      return Int(Int16(littleEndian: bits))
    case 0xF2:
      // The byte in front is the head: shifted out of four bytes that end with the number.
      let bits = unsafe start.loadUnaligned(fromByteOffset: position, as: Int32.self)
      return Int(Int32(littleEndian: bits) >> 8)
    case 0xF3:
      let bits = unsafe start.loadUnaligned(fromByteOffset: position &+ 1, as: Int32.self)
      return Int(Int32(littleEndian: bits))
    default:
      assert(head == 0xF4, "no entry here")
      let bits = unsafe start.loadUnaligned(fromByteOffset: position &+ 1, as: Int64.self)
      return Int(truncatingIfNeeded: Int64(littleEndian: bits))
    }
  }

  /// The text at `position`; empty if an integer is there.
  @inlinable @inline(__always)
  @_lifetime(borrow self)
  public func bytes(at position: Int) -> RawSpan {
    let headCount = textHeadCount(at: position)
    guard headCount > 0 else { return RawSpan() }
    let textCount = encodedCount(at: position) &- headCount
    let span = unsafe RawSpan(
      _unsafeStart: start + position + headCount, byteCount: textCount)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// The entry at `position` as text; an integer's digits are written into `scratch`.
  @inlinable @inline(__always)
  @_lifetime(&scratch)
  public func text(at position: Int, _ scratch: inout DecimalScratch) -> RawSpan {
    if let integer = integer(at: position) { return scratch.write(integer) }
    let span = bytes(at: position)
    return unsafe _overrideLifetime(span, mutating: &scratch)
  }

  /// Length in bytes of the entry at `position` as text.
  @inlinable
  public func textCount(at position: Int) -> Int {
    if let integer = integer(at: position) { return CanonicalInteger.byteCount(integer) }
    return encodedCount(at: position) &- textHeadCount(at: position)
  }

  /// Bytes of the entry at `position`, all its parts.
  @inlinable @inline(__always)
  public func entryCount(at position: Int) -> Int {
    let count = encodedCount(at: position)
    return count &+ ListpackForm.backlenCount(count)
  }

  // MARK: - Heads

  /// The byte at `position`.
  @inlinable @inline(__always)
  func byte(_ position: Int) -> UInt8 {
    unsafe start.load(fromByteOffset: position, as: UInt8.self)
  }

  /// Bytes of head and text of the entry at `position`.
  @inlinable @inline(__always)
  func encodedCount(at position: Int) -> Int {
    let head = byte(position)
    if head < 0x80 { return 1 }
    if head < 0xC0 { return 1 &+ Int(head & 0x3F) }
    return wideEncodedCount(head, at: position)
  }

  /// Bytes of head and text of an entry whose head is not a single byte.
  @inlinable
  func wideEncodedCount(_ head: UInt8, at position: Int) -> Int {
    if head < 0xE0 { return 2 }
    if head < 0xF0 { return 2 &+ (Int(head & 0xF) << 8 | Int(byte(position &+ 1))) }
    switch head {
    case 0xF0:
      let count = unsafe start.loadUnaligned(fromByteOffset: position &+ 1, as: UInt32.self)
      return 5 &+ Int(UInt32(littleEndian: count))
    case 0xF1: return 3
    case 0xF2: return 4
    case 0xF3: return 5
    default:
      assert(head == 0xF4, "no entry here")
      return 9
    }
  }

  /// Bytes in front of the text at `position`; 0 if an integer is there.
  @inlinable @inline(__always)
  func textHeadCount(at position: Int) -> Int {
    let head = byte(position)
    if head & 0xC0 == 0x80 { return 1 }
    if head & 0xF0 == 0xE0 { return 2 }
    return head == 0xF0 ? 5 : 0
  }
}
