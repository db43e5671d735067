// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What is not on the fast path: long counts, cut lines, limits, errors.
extension RequestParser {
  /// Goes on where the fast path stopped: at a first line if `remaining` is 0, else at an argument.
  @usableFromInline @inline(never)
  mutating func nextSlowly(
    _ base: UnsafeMutableRawPointer, _ available: Int, _ position: inout Int,
    _ limits: RequestLimits, _ slices: inout SliceBuffer
  ) -> Outcome {
    if remaining == 0 {
      isRegular = true
      let outcome = unsafe beginSlowly(base, available, limits, &slices)
      if outcome == .empty || outcome == .request && remaining == 0 {
        finish(&position)
        return outcome
      }
      guard outcome == .request else { return outcome }
    }
    var left = remaining
    var offset = parsed
    var length = bulkLength
    while true {
      if length < 0 {
        unsafe shortArguments(of: base, available, &offset, &left, limits, &slices)
        if left == 0 { break }
        if let outcome = unsafe bulkHeaderSlowly(base, available, &offset, &length, limits) {
          return suspend(outcome, offset, left, length, available)
        }
      }
      // No overflow: a length is at most 2^32 and so is an offset.
      let end = offset + length
      guard end + 2 <= available else {
        return suspend(.incomplete, offset, left, length, available)
      }
      slices.append(Slice(offset: UInt32(offset), count: UInt32(length)))
      let lineEnd = unsafe base.loadUnaligned(fromByteOffset: end, as: UInt16.self)
      isRegular = isRegular && UInt16(littleEndian: lineEnd) == 0x0A0D
      offset = end + 2
      length = -1
      left -= 1
      if left == 0 { break }
    }
    parsed = offset
    finish(&position)
    return .request
  }

  /// Steps over the request that ends at `parsed` and stands between two requests again.
  private mutating func finish(_ position: inout Int) {
    position += parsed
    parsed = 0
    remaining = 0
    bulkLength = -1
    scanned = 0
    needed = 0
  }

  /// Reads the first line of a request whatever its form.
  ///
  /// `.request` with `remaining` 0 means that an inline request is complete and ends at `parsed`;
  /// otherwise the arguments follow at `parsed`.
  private mutating func beginSlowly(
    _ base: UnsafeMutableRawPointer, _ available: Int, _ limits: RequestLimits,
    _ slices: inout SliceBuffer
  ) -> Outcome {
    guard unsafe base.load(as: UInt8.self) == 0x2A else {
      return unsafe inline(base, available, limits, &slices)
    }
    let line: Line
    switch unsafe headerLine(base, available, from: 0, limits) {
    case .incomplete:
      needed = available + 1
      return .incomplete
    case .tooLong: return .failure(.tooBigMultibulkCount)
    case .found(let found): line = found
    }
    let text = unsafe UnsafeRawBufferPointer(start: base + 1, count: line.end - 1)
    guard let count = unsafe DecimalText.parse(text), count <= limits.maxArguments else {
      return .failure(.invalidMultibulkLength)
    }
    if !limits.authenticated && count > RequestLimits.maxArgumentsBeforeAuthentication {
      return .failure(.unauthenticatedMultibulkLength)
    }
    parsed = line.end + 2
    isRegular = line.isCanonical
    if count <= 0 { return .empty }
    remaining = count
    return .request
  }

  /// Reads the header of an argument whatever its form; a result means that parsing stops here.
  private mutating func bulkHeaderSlowly(
    _ base: UnsafeMutableRawPointer, _ available: Int, _ offset: inout Int, _ length: inout Int,
    _ limits: RequestLimits
  ) -> Outcome? {
    guard offset < available else { return .incomplete }
    let line: Line
    switch unsafe headerLine(base, available, from: offset, limits) {
    case .incomplete: return .incomplete
    case .tooLong: return .failure(.tooBigBulkCount)
    case .found(let found): line = found
    }
    let first = unsafe base.load(fromByteOffset: offset, as: UInt8.self)
    guard first == 0x24 else { return .failure(.expectedDollar(got: first)) }
    let text = unsafe UnsafeRawBufferPointer(
      start: base + (offset + 1), count: line.end - offset - 1)
    guard let count = unsafe DecimalText.parse(text), count >= 0, count <= limits.maxBulkLength
    else { return .failure(.invalidBulkLength) }
    if !limits.authenticated && count > RequestLimits.maxBulkLengthBeforeAuthentication {
      return .failure(.unauthenticatedBulkLength)
    }
    guard count <= Int(UInt32.max) else { return .failure(.tooBigRequest) }
    length = count
    offset = line.end + 2
    isRegular = isRegular && line.isCanonical
    return nil
  }

  /// Keeps what was parsed, for the call with more bytes.
  private mutating func suspend(
    _ outcome: Outcome, _ offset: Int, _ left: Int, _ length: Int, _ available: Int
  ) -> Outcome {
    guard outcome == .incomplete else { return outcome }
    parsed = offset
    remaining = left
    bulkLength = length
    needed = length >= 0 ? offset + length + 2 : available + 1
    // Compatibility: Redis's query buffer limit would have ended the connection long before.
    guard needed <= Int(UInt32.max) else { return .failure(.tooBigRequest) }
    return .incomplete
  }

  private struct Line {
    /// Offset of the carriage return.
    var end: Int
    /// Whether a line feed follows it; Redis skips whatever byte is there.
    var isCanonical: Bool
  }

  private enum LineSearch {
    case found(Line)
    case incomplete
    case tooLong
  }

  /// Finds the end of the header line that starts at `start`.
  ///
  /// The limit counts from the start of the line, whether or not the line's end has been received:
  /// the answer must not depend on how the bytes were cut.
  private mutating func headerLine(
    _ base: UnsafeMutableRawPointer, _ available: Int, from start: Int, _ limits: RequestLimits
  ) -> LineSearch {
    let limit = limits.maxInlineLength
    let searchEnd = available - start > limit ? start + limit + 1 : available
    let from = max(start, min(scanned, searchEnd))
    guard let found = unsafe memchr(base + from, 0x0D, searchEnd - from) else {
      scanned = searchEnd
      return searchEnd - start > limit ? .tooLong : .incomplete
    }
    let end = unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
    guard end + 1 < available else {
      scanned = end
      return .incomplete
    }
    let follower = unsafe base.load(fromByteOffset: end + 1, as: UInt8.self)
    return .found(Line(end: end, isCanonical: follower == 0x0A))
  }
}
