// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Reads the elements of RDB bytes from a file or from memory.
///
/// Nothing is believed: every length is held against what is really there, and memory grows with
/// the bytes that have come, not with what they announce. Errors are thrown, nothing traps.
@safe
final class RDBReader {
  /// With fewer bytes at hand the next key may need those that follow.
  private static let lowByteCount = 64 << 10

  /// Where pieces of a file come from; nil for memory.
  private let source: ReadAhead?
  private var piece: FilePiece?
  /// The bytes that are here: all of them for memory, a piece for a file.
  private var window: UnsafeRawPointer
  private var position = 0
  private var end: Int
  /// Offset of the window's first byte.
  private var windowOffset = 0
  /// Where the piece begins in the window, behind what was left of the one before.
  private var piecePosition = 0
  private let compressed = Held(ByteBuffer())
  /// Whose numbers are meant.
  var dialect = RDBFormat.Dialect.redis
  /// False saves the time for the checksum; to be set before anything is read.
  var sumsUp: Bool {
    get { source?.sumsUp ?? false }
    set { source?.sumsUp = newValue }
  }
  /// Packed values that were looked at byte by byte.
  private(set) var sanitizations = 0

  /// Reads an open file from where it stands.
  ///
  /// - Parameter helpers: who reads ahead and sums up; nil if nobody does.
  init(file: DiskFile, helpers: Helpers? = nil) {
    source = ReadAhead(file, helpers: helpers)
    unsafe window = UnsafeRawPointer(bitPattern: 16).unsafelyUnwrapped
    end = 0
  }

  /// Reads bytes that stay where they are until the reader is gone.
  init(unowned bytes: UnsafeRawBufferPointer) {
    source = nil
    unsafe window = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 16).unsafelyUnwrapped
    end = bytes.count
  }

  deinit { compressed.free() }

  /// Whether going on now may mean to wait for the helper.
  var isStarved: Bool {
    guard end - position < RDBReader.lowByteCount, let source else { return false }
    return source.isBehind()
  }

  /// Waits until nobody reads ahead any more. Reading may go on, without a helper; or the caller
  /// may use the file for something else.
  func stopReadingAhead() { source?.stop() }

  /// Bytes that have been read.
  var offset: Int { windowOffset + position }

  /// Bytes that are still to be read, as far as that is known.
  var remainingByteCount: Int { source.map { max(0, $0.byteCount - offset) } ?? end - position }

  /// True if there are no more bytes; a file is asked.
  func isAtEnd() throws(RDBError) -> Bool {
    if position < end { return false }
    return try !fill(1)
  }

  /// An error at the present place.
  func failure(_ reason: RDBError.Reason) -> RDBError { RDBError(reason, offset: offset) }

  /// An error about the shape of something.
  func malformed(_ what: StaticString) -> RDBError { failure(.malformed(what)) }

  /// An error about the bytes of a packed form.
  func broken(_ form: StaticString) -> RDBError { failure(.integrity(form)) }

  /// An error about something that is there again.
  func duplicate(_ what: StaticString) -> RDBError { failure(.duplicate(what)) }

  /// A packed value is about to be looked at.
  func noteSanitization() { sanitizations &+= 1 }

  /// The checksum of all bytes of a file that have been read.
  func checksum() -> UInt64 {
    guard let piece else { return 0 }
    // Whatever was left of the piece before was read together with some of this one.
    var sum = CRC64(piece.sumBefore)
    sum.update(piece.bytes(first: position - piecePosition))
    return sum.value
  }

  // MARK: - Bytes

  /// Brings at least `count` bytes (few) into the window; false if there are not so many.
  private func fill(_ count: Int) throws(RDBError) -> Bool {
    let rest = end - position
    if rest >= count { return true }
    precondition(count <= FilePiece.roomByteCount)
    guard let next = try nextPiece() else { return false }
    let start = unsafe next.start - rest
    unsafe start.copyMemory(from: window + position, byteCount: rest)
    if let piece { source?.recycle(piece) }
    piece = next
    windowOffset += position
    unsafe window = UnsafeRawPointer(start)
    position = 0
    piecePosition = rest
    end = rest + next.byteCount
    // Only the last piece of a file is small.
    return end >= count
  }

  private func nextPiece() throws(RDBError) -> FilePiece? {
    do throws(DiskError) {
      return try source?.next()
    } catch {
      throw failure(.disk(error))
    }
  }

  @inline(__always)
  private func need(_ count: Int) throws(RDBError) {
    if end &- position >= count { return }
    guard try fill(count) else { throw failure(.truncated) }
  }

  /// The next byte.
  @inline(__always)
  func byte() throws(RDBError) -> UInt8 {
    try need(1)
    defer { position &+= 1 }
    return unsafe window.load(fromByteOffset: position, as: UInt8.self)
  }

  /// An integer of fixed size, the lowest byte first.
  @inline(__always)
  func littleEndian<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type = Number.self
  ) throws(RDBError) -> Number {
    let count = MemoryLayout<Number>.size
    try need(count)
    defer { position &+= count }
    return Number(
      littleEndian: unsafe window.loadUnaligned(fromByteOffset: position, as: Number.self))
  }

  /// A double of eight bytes.
  func double() throws(RDBError) -> Double {
    Double(bitPattern: try littleEndian(UInt64.self))
  }

  /// Appends `count` bytes to `target`, which grows as they come.
  func bytes(_ count: Int, to target: inout ByteBuffer) throws(RDBError) {
    var missing = count
    while missing > 0 {
      if position == end { try need(1) }
      let part = min(missing, end - position)
      target.append(unsafe RawSpan(_unsafeStart: window + position, byteCount: part))
      position += part
      missing -= part
    }
  }

  /// Passes over bytes.
  func skip(_ count: Int) throws(RDBError) {
    var missing = count
    while missing > 0 {
      if position == end { try need(1) }
      let part = min(missing, end - position)
      position += part
      missing -= part
    }
  }

  // MARK: - Lengths

  /// A length, or the form of an encoded string.
  private func lengthOrForm() throws(RDBError) -> (value: UInt64, isForm: Bool) {
    let first = try byte()
    switch first >> 6 {
    case RDBFormat.LengthForm.bits6: return (UInt64(first & 63), false)
    case RDBFormat.LengthForm.bits14:
      return (UInt64(first & 63) << 8 | UInt64(try byte()), false)
    case RDBFormat.LengthForm.encoded: return (UInt64(first & 63), true)
    default:
      switch first {
      case RDBFormat.LengthForm.bytes4:
        return (UInt64(try littleEndian(UInt32.self).byteSwapped), false)
      case RDBFormat.LengthForm.bytes8:
        return (try littleEndian(UInt64.self).byteSwapped, false)
      default: throw malformed("length")
      }
    }
  }

  /// A number that is written like a length.
  func number() throws(RDBError) -> UInt64 {
    let (value, isForm) = try lengthOrForm()
    if isForm { throw malformed("length") }
    return value
  }

  /// A length.
  func length() throws(RDBError) -> Int {
    // Far more than any file has; sums of a few of them don't overflow.
    guard let value = Int(exactly: try number()), value < 1 << 48 else {
      throw malformed("length")
    }
    return value
  }

  // MARK: - Strings

  /// A string in any of its forms; `target` is emptied first.
  func string(into target: inout ByteBuffer) throws(RDBError) {
    target.removeAll()
    let (value, isForm) = try lengthOrForm()
    guard isForm else {
      guard let count = Int(exactly: value), count < 1 << 48 else { throw malformed("length") }
      return try bytes(count, to: &target)
    }
    switch value {
    case RDBFormat.StringForm.int8: target.append(integer: Int(try littleEndian(Int8.self)))
    case RDBFormat.StringForm.int16: target.append(integer: Int(try littleEndian(Int16.self)))
    case RDBFormat.StringForm.int32: target.append(integer: Int(try littleEndian(Int32.self)))
    case RDBFormat.StringForm.compressed: try compressedString(into: &target)
    default: throw malformed("string encoding")
    }
  }

  private func compressedString(into target: inout ByteBuffer) throws(RDBError) {
    let compressedCount = try length()
    let count = try length()
    compressed.value.removeAll(keepingCapacity: compressed.value.capacity < 1 << 20)
    try bytes(compressedCount, to: &compressed.value)
    // What is announced must be possible before memory is taken for it.
    guard count <= compressedCount * LZF.expansionMax else {
      throw malformed("compressed string")
    }
    var isRight = false
    let source = compressed.value.bytes
    unsafe target.append(upTo: count) { room in
      isRight = unsafe LZF.decompress(source, into: room)
      return isRight ? count : 0
    }
    guard isRight else { throw malformed("compressed string") }
  }

  /// Passes over a string.
  func skipString() throws(RDBError) {
    let (value, isForm) = try lengthOrForm()
    guard isForm else {
      guard let count = Int(exactly: value), count < 1 << 48 else { throw malformed("length") }
      return try skip(count)
    }
    switch value {
    case RDBFormat.StringForm.int8: try skip(1)
    case RDBFormat.StringForm.int16: try skip(2)
    case RDBFormat.StringForm.int32: try skip(4)
    case RDBFormat.StringForm.compressed:
      let count = try length()
      _ = try length()
      try skip(count)
    default: throw malformed("string encoding")
    }
  }
}
