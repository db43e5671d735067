// SPDX-License-Identifier: Apache-2.0

internal import Glibc

extension DoubleText {
  /// Reads a bound of a range of scores, which may look more freely than a score; nil for NaN.
  ///
  /// Compatibility: redis-server hands these to C's `strtod` as they are. So blanks may come first,
  /// no text at all is zero, what is too large is infinite, and a NUL ends the text.
  public static func parseBound(_ text: RawSpan) -> Double? {
    if let value = parse(text) { return value }
    return unsafe text.withUnsafeBytes { bytes in
      let count = unsafe bytes.firstIndex(of: 0) ?? bytes.count
      return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: count + 1) { copy in
        guard let start = copy.baseAddress else { return nil }
        for index in 0..<count { unsafe copy[index] = CChar(bitPattern: bytes[index]) }
        unsafe copy[count] = 0
        var end: UnsafeMutablePointer<CChar>?
        let value = unsafe strtod(start, &end)
        // Without a number nothing is used up, which is all of an empty text.
        guard unsafe end == start + count, !value.isNaN else { return nil }
        return value
      }
    }
  }
}
