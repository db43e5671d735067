// SPDX-License-Identifier: Apache-2.0

extension DoubleText {
  /// Appends a number with four digits behind the point, as C's `%.4f` writes it.
  public static func appendFixed(_ value: Double, to buffer: inout ByteBuffer) {
    guard value >= 0, value < 4_503_599_627_370_496 else {
      // The largest double has 309 digits.
      buffer.reserve(320)
      buffer.end += unsafe CText.write(value, "%.4f", to: buffer.tail, byteCount: 320)
      return
    }
    let scaled = roundedTenThousandfold(value)
    buffer.append(integer: Int(scaled / 10_000))
    buffer.append(byte: 0x2E)
    var unit: UInt64 = 1000
    while unit > 0 {
      buffer.append(byte: 48 + UInt8(truncatingIfNeeded: scaled / unit % 10))
      unit /= 10
    }
  }

  /// A number below 2^52 times 10000, rounded to an integer, ties to even.
  ///
  /// The product of the mantissa's 53 bits is exact in 128, so that it is rounded once.
  private static func roundedTenThousandfold(_ value: Double) -> UInt64 {
    guard value >= 1e-9 else { return 0 }
    let product = UInt128(value.significandBitPattern | 1 << 52) * 10_000
    let shift = UInt128(52 - Int(value.exponent))
    let quotient = product >> shift
    let rest = product & (1 << shift - 1)
    let half: UInt128 = 1 << (shift - 1)
    let roundsUp = rest > half || rest == half && quotient & 1 == 1
    return UInt64(truncatingIfNeeded: quotient) + (roundsUp ? 1 : 0)
  }
}

extension ReplyWriter {
  /// Replies with a bulk string of a number with four digits behind the point, as GEODIST does.
  public mutating func bulk(fixed value: Double) {
    var text = ByteBuffer()
    DoubleText.appendFixed(value, to: &text)
    buffer.appendBulk(text.bytes)
  }
}
