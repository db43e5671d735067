// SPDX-License-Identifier: Apache-2.0

/// Incremental parser of the requests of one connection.
///
/// A request is an array of bulk strings (`*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`) or a line of words
/// ("inline"). The parser copies nothing: it appends one slice per argument, whose offset counts
/// from the first byte of the request.
///
/// It is a value of a few words that remembers how far it got: bytes are given to `next` again from
/// the start of the request, with more behind them, but what was parsed is not looked at again. The
/// bytes may have been moved in between. Results don't depend on how the bytes were cut.
///
/// The parser accepts exactly what redis-server accepts, also where that is generous: the line end
/// behind an argument is not checked, and any byte may follow a carriage return. `isCanonical`
/// tells whether that freedom was used.
@safe
public struct RequestParser: Sendable {
  /// What became of a call of `next`.
  public enum Outcome: Equatable, Sendable {
    /// The slices of one request were appended and `position` is behind it.
    case request
    /// A request without arguments was consumed: a blank line, `*0` or a negative count.
    case empty
    /// More bytes are needed; nothing was consumed.
    case incomplete
    /// The bytes are no request. The connection is done for, and so is the parser.
    case failure(ProtocolError)
  }

  /// Offset of the next argument's header, or of its bytes if `bulkLength` is known.
  @usableFromInline var parsed = 0
  /// Arguments still to come; 0 before the request's first line is complete.
  @usableFromInline var remaining = 0
  /// Length of the argument at `parsed`; -1 as long as its header is not complete.
  @usableFromInline var bulkLength = -1
  /// Offset up to which the end of the current line was looked for in vain.
  @usableFromInline var scanned = 0
  /// Least number of bytes worth another call; 0 between requests.
  @usableFromInline var needed = 0
  /// Whether the request so far has the form that a canonical encoder would have produced.
  @usableFromInline var isRegular = true

  /// Makes a parser that stands between two requests.
  @inlinable public init() {}

  /// Whether a part of a request was seen.
  @inlinable public var isInsideRequest: Bool { needed != 0 }

  /// Whether the last request's bytes are what a canonical encoder would have produced.
  ///
  /// If so they can be forwarded verbatim. Never true for an inline request.
  @inlinable public var isCanonical: Bool { isRegular }

  /// Least number of bytes, from the request's first, with which another call makes sense.
  @inlinable public var bytesNeeded: Int { needed == 0 ? 1 : needed }

  /// Length of the argument that is being received; 0 if none is.
  @inlinable public var bulkLengthPending: Int { bulkLength > 0 ? bulkLength : 0 }

  /// Offset, from the request's first byte, of the argument that is being received.
  @inlinable public var bulkOffsetPending: Int { parsed }

  /// Forgets a half-read request.
  @inlinable public mutating func reset() { self = RequestParser() }

  /// Parses one request that starts at `position`.
  ///
  /// - `.request`: its slices were appended, `position` is behind it.
  /// - `.empty`: `position` is behind an empty request, no slice was appended.
  /// - `.incomplete`: `position` is where it was. The slices of complete arguments were appended;
  ///   keep them (or carry them to another buffer) and the next call appends the rest.
  /// - `.failure`: slices of the broken request may have been appended: truncate.
  ///
  /// The bytes are only changed where inline words with escapes are unescaped in place.
  /// - Complexity: O(new bytes that are not inside of arguments + new arguments).
  @inlinable
  public mutating func next(
    in bytes: UnsafeMutableRawBufferPointer, position: inout Int, limits: RequestLimits,
    slices: inout SliceBuffer
  ) -> Outcome {
    precondition(position >= 0 && position <= bytes.count)
    // Clamped, so that every offset fits a slice; `suspend` refuses a request that hits the clamp.
    let available = min(bytes.count &- position, Int(UInt32.max))
    guard available > 0, let first = bytes.baseAddress else { return .incomplete }
    let base = unsafe first + position
    if remaining == 0 {
      var left = unsafe Self.shortCount(at: base, available: available, limits: limits)
      if left > 0 {
        var offset = left < 10 ? 4 : 5
        isRegular = true
        unsafe shortArguments(of: base, available, &offset, &left, limits, &slices)
        if left == 0 {
          position &+= offset
          // Only these may have been left behind by a call that saw a part of the first line.
          scanned = 0
          needed = 0
          return .request
        }
        parsed = offset
        remaining = left
      }
    }
    return unsafe nextSlowly(base, available, &position, limits, &slices)
  }

  /// Parses arguments whose lengths have up to three digits: here a busy server spends its time.
  ///
  /// Stops at the first argument that has another form or is cut. No more than 256 at once, as that
  /// many slices are reserved beforehand, to keep everything in registers.
  @inlinable @inline(__always)
  mutating func shortArguments(
    of base: UnsafeMutableRawPointer, _ available: Int, _ offset: inout Int, _ left: inout Int,
    _ limits: RequestLimits, _ slices: inout SliceBuffer
  ) {
    guard limits.maxBulkLength >= 999 else { return }
    let batch = min(left, 256)
    var missing = batch
    var at = offset
    var deviation: UInt16 = 0
    var slice = unsafe slices.reserve(batch)
    while missing > 0 && available &- at >= 8 {
      let word = unsafe UInt64(
        littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      var length = (word &>> 8 & 0xFF) &- 48
      guard length <= 9 else { break }
      var start = at &+ 4
      if word & 0xFFFF_00FF != 0x0A0D_0024 {
        let second = (word &>> 16 & 0xFF) &- 48
        guard length != 0 && second <= 9 else { break }
        length = length &* 10 &+ second
        start = at &+ 5
        if word & 0xFF_FF00_00FF != 0x0A_0D00_0024 {
          let third = (word &>> 24 & 0xFF) &- 48
          guard word & 0xFFFF_0000_00FF == 0x0A0D_0000_0024 && third <= 9 else { break }
          length = length &* 10 &+ third
          start = at &+ 6
        }
      }
      let end = start &+ Int(truncatingIfNeeded: length)
      guard end &+ 2 <= available else { break }
      unsafe slice.initialize(
        to: Slice(
          offset: UInt32(truncatingIfNeeded: start), count: UInt32(truncatingIfNeeded: length))
      )
      unsafe slice += 1
      let lineEnd = unsafe base.loadUnaligned(fromByteOffset: end, as: UInt16.self)
      deviation |= UInt16(littleEndian: lineEnd) ^ 0x0A0D
      at = end &+ 2
      missing &-= 1
    }
    slices.used &+= batch &- missing
    left &-= batch &- missing
    offset = at
    isRegular = isRegular && deviation == 0
  }

  /// The count of a first line with one or two digits; 0 if it has another form or breaks a limit.
  @inlinable @inline(__always)
  static func shortCount(
    at base: UnsafeMutableRawPointer, available: Int, limits: RequestLimits
  ) -> Int {
    guard available >= 5, limits.maxArguments >= 99 else { return 0 }
    let word = unsafe UInt32(littleEndian: base.loadUnaligned(as: UInt32.self))
    let tens = Int(truncatingIfNeeded: (word &>> 8) & 0xFF) &- 48
    guard tens >= 1 && tens <= 9 else { return 0 }
    if word & 0xFFFF_00FF == 0x0A0D_002A { return tens }
    let ones = Int(truncatingIfNeeded: (word &>> 16) & 0xFF) &- 48
    guard word & 0xFF00_00FF == 0x0D00_002A, ones >= 0 && ones <= 9, limits.authenticated,
      unsafe base.load(fromByteOffset: 4, as: UInt8.self) == 0x0A
    else { return 0 }
    return tens &* 10 &+ ones
  }
}
