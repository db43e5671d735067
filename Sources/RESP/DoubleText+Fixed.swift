// SPDX-License-Identifier: Apache-2.0

extension DoubleText {
  /// Appends a number with four digits behind the point, as redis-server writes distances.
  ///
  /// It is multiplied by 10000 and rounded then, which differs from `%.4f` once in a while. What
  /// has no such integer, NaN included, becomes the least integer there is.
  public static func appendFixed(_ value: Double, to buffer: inout ByteBuffer) {
    let scaled = Int64(exactly: (value * 10_000).rounded(.toNearestOrEven)) ?? .min
    if scaled < 0 { buffer.append(byte: 0x2D) }
    let digits = scaled.magnitude
    buffer.append(integer: Int(digits / 10_000))
    buffer.append(byte: 0x2E)
    var unit: UInt64 = 1000
    while unit > 0 {
      buffer.append(byte: 48 + UInt8(truncatingIfNeeded: digits / unit % 10))
      unit /= 10
    }
  }

  /// A number with six digits behind the point, as C's `%f` writes it; for error texts.
  public static func plainString(_ value: Double) -> String {
    var buffer = ByteBuffer()
    buffer.reserve(320)
    buffer.end += unsafe CText.write(value, "%f", to: buffer.tail, byteCount: 320)
    return unsafe buffer.bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
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
