// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Room for the text of one score, on the stack of whoever needs it.
struct ScoreText {
  private var bytes = InlineArray<32, UInt8>(repeating: 0)

  /// Writes a score as listpacks keep it: an integer in full, anything else like `DoubleText`.
  ///
  /// Redis looks for integers up to 2^62 before it prints, so 1e17 is 100000000000000000 here, and
  /// minus zero loses its sign.
  @_lifetime(&self)
  mutating func writePacked(_ score: Double) -> RawSpan {
    if let integer = Int(exactly: score), integer.magnitude <= 1 << 62 {
      let count = unsafe withUnsafeMutableBytes(of: &bytes) {
        unsafe DecimalText.write(integer, to: $0.baseAddress.unsafelyUnwrapped)
      }
      return unsafe bytes.span.bytes.extracting(first: count)
    }
    return write(score)
  }

  /// Writes a score as replies show it.
  @_lifetime(&self)
  mutating func write(_ score: Double) -> RawSpan {
    let count = unsafe withUnsafeMutableBytes(of: &bytes) {
      unsafe DoubleText.write(score, to: $0.baseAddress.unsafelyUnwrapped)
    }
    return unsafe bytes.span.bytes.extracting(first: count)
  }
}
