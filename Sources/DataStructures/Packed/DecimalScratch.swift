// SPDX-License-Identifier: Apache-2.0

/// Room for the decimal digits of one integer, on the stack of whoever needs its text.
public struct DecimalScratch {
  /// The digits; 20 bytes hold every integer.
  @usableFromInline var bytes: InlineArray<24, UInt8>

  /// Room that holds no digits yet.
  @inlinable
  public init() { bytes = InlineArray(repeating: 0) }

  /// Writes the digits of `integer` and returns them.
  @inlinable
  @_lifetime(&self)
  public mutating func write(_ integer: Int) -> RawSpan {
    let count = unsafe withUnsafeMutableBytes(of: &bytes) {
      unsafe CanonicalInteger.write(integer, to: $0.baseAddress.unsafelyUnwrapped)
    }
    return unsafe bytes.span.bytes.extracting(first: count)
  }
}
