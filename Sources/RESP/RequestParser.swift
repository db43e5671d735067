// SPDX-License-Identifier: Apache-2.0

/// Incremental parser of the requests of one connection.
///
/// A request is an array of bulk strings (`*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`) or a line of words
/// ("inline"). The parser copies nothing: it appends one slice per argument, whose offset counts from
/// the first byte of the request.
///
/// It is a value of a few words that remembers how far it got: bytes are given to `next` again from
/// the start of the request, with more behind them, but what was parsed is not looked at again. The
/// bytes may have been moved in between. Results don't depend on how the bytes were cut.
///
/// The parser accepts exactly what redis-server accepts, also where that is generous: the line end
/// behind an argument is not checked, and any byte may follow a carriage return. `isCanonical` tells
/// whether that freedom was used.
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

  /// Number of arguments that the request being received still lacks, the one in transit included.
  @inlinable public var argumentsPending: Int { remaining }

  /// Forgets a half-read request.
  @inlinable public mutating func reset() { self = RequestParser() }

  /// Parses one request that starts at `position`.
  ///
  /// - `.request`: its slices were appended, `position` is behind it.
  /// - `.empty`: `position` is behind an empty request, no slice was appended.
  /// - `.incomplete`: `position` is where it was. The slices of complete arguments were appended; keep
  ///   them (or carry them to another buffer) and the next call appends the rest.
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
    var left = remaining
    var offset = parsed
    if left == 0 {
      left = unsafe Self.shortCount(at: base, available: available, limits: limits)
      offset = left < 10 ? 4 : 5
      isRegular = true
      if left == 0 {
        let outcome = unsafe beginSlowly(base, available, limits, &slices)
        guard outcome == .request else {
          if outcome == .empty { finish(&position) }
          return outcome
        }
        if remaining == 0 {
          finish(&position)
          return .request
        }
        left = remaining
        offset = parsed
      }
    }
    return unsafe arguments(
      of: base, available, from: offset, left, &position, limits, &slices)
  }

  /// Parses the arguments that are left: the loop in which a busy server spends its parsing time.
  @inlinable @inline(__always)
  mutating func arguments(
    of base: UnsafeMutableRawPointer, _ available: Int, from start: Int, _ count: Int,
    _ position: inout Int, _ limits: RequestLimits, _ slices: inout SliceBuffer
  ) -> Outcome {
    var offset = start
    var left = count
    var length = bulkLength
    var isCanonical = isRegular
    let allowsShortForm = limits.maxBulkLength >= 99
    repeat {
      if length < 0 {
        if available &- offset >= 6 && allowsShortForm {
          unsafe Self.shortLength(at: base, &offset, &length)
        }
        if length < 0 {
          isRegular = isCanonical
          if let outcome = unsafe bulkHeaderSlowly(base, available, &offset, &length, limits) {
            return suspend(outcome, offset, left, length, available)
          }
          isCanonical = isRegular
        }
      }
      // No overflow: a length is at most 2^32 and so is an offset.
      let end = offset &+ length
      guard end &+ 2 <= available else {
        isRegular = isCanonical
        return suspend(.incomplete, offset, left, length, available)
      }
      slices.append(
        Slice(offset: UInt32(truncatingIfNeeded: offset), count: UInt32(truncatingIfNeeded: length))
      )
      let lineEnd = unsafe base.loadUnaligned(fromByteOffset: end, as: UInt16.self)
      isCanonical = isCanonical && UInt16(littleEndian: lineEnd) == 0x0A0D
      offset = end &+ 2
      length = -1
      left &-= 1
    } while left > 0
    isRegular = isCanonical
    parsed = offset
    finish(&position)
    return .request
  }

  /// Steps over the request that ends at `parsed` and stands between two requests again.
  @inlinable @inline(__always)
  mutating func finish(_ position: inout Int) {
    position &+= parsed
    parsed = 0
    remaining = 0
    bulkLength = -1
    scanned = 0
    needed = 0
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

  /// Steps over an argument's header with one or two digits; leaves any other form alone.
  @inlinable @inline(__always)
  static func shortLength(
    at base: UnsafeMutableRawPointer, _ offset: inout Int, _ length: inout Int
  ) {
    let word = unsafe UInt32(
      littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    let first = Int(truncatingIfNeeded: (word &>> 8) & 0xFF) &- 48
    guard first >= 0 && first <= 9 else { return }
    if word & 0xFFFF_00FF == 0x0A0D_0024 {
      length = first
      offset &+= 4
      return
    }
    let second = Int(truncatingIfNeeded: (word &>> 16) & 0xFF) &- 48
    guard word & 0xFF00_00FF == 0x0D00_0024, first != 0, second >= 0 && second <= 9,
      unsafe base.load(fromByteOffset: offset &+ 4, as: UInt8.self) == 0x0A
    else { return }
    length = first &* 10 &+ second
    offset &+= 5
  }
}
