// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What is not on the fast path: long counts, cut lines, limits, errors.
extension RequestParser {
  /// Reads the first line of a request whatever its form.
  ///
  /// `.request` with `remaining` 0 means that an inline request is complete and ends at `parsed`;
  /// otherwise the arguments follow at `parsed`.
  @usableFromInline @inline(never)
  mutating func beginSlowly(
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
  @usableFromInline @inline(never)
  mutating func bulkHeaderSlowly(
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
    scanned = 0
    isRegular = isRegular && line.isCanonical
    return nil
  }

  /// Keeps what was parsed, for the call with more bytes.
  @usableFromInline @inline(never)
  mutating func suspend(
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
