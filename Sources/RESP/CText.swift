// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The C library's number formats, for what is too rare to deserve code of its own.
enum CText {
  /// Reads a text that a `strto...` function must use up; nil for NaN and out of range.
  static func parse<Value: BinaryFloatingPoint>(
    _ text: UnsafeRawBufferPointer, maxByteCount: Int,
    _ convert: (UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
  ) -> Value? {
    guard let first = unsafe text.first, text.count <= maxByteCount,
      first != 0x20, first < 9 || first > 13
    else { return nil }
    return unsafe withUnsafeTemporaryAllocation(
      of: CChar.self, capacity: text.count + 1
    ) { copy in
      guard let start = copy.baseAddress else { return nil }
      for index in 0..<text.count { unsafe copy[index] = CChar(bitPattern: text[index]) }
      unsafe copy[text.count] = 0
      var end: UnsafeMutablePointer<CChar>?
      errno = 0
      let value = unsafe withUnsafeMutablePointer(to: &end) { unsafe convert(start, $0) }
      let isOutOfRange = errno == ERANGE && (value.isInfinite || value.isZero)
      guard unsafe end == start + text.count, !isOutOfRange, !value.isNaN else { return nil }
      return value
    }
  }

  /// Writes a number with a printf format and returns the bytes written; the room must suffice.
  static func write(
    _ value: some CVarArg, _ format: StaticString, to destination: UnsafeMutableRawPointer,
    byteCount: Int
  ) -> Int {
    let text = unsafe destination.assumingMemoryBound(to: CChar.self)
    let written = unsafe format.utf8Start.withMemoryRebound(
      to: CChar.self, capacity: format.utf8CodeUnitCount + 1
    ) { pattern in
      unsafe withVaList([value]) { unsafe vsnprintf(text, byteCount, pattern, $0) }
    }
    precondition(written >= 0 && Int(written) < byteCount)
    return Int(written)
  }
}
