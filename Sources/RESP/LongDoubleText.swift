// SPDX-License-Identifier: Apache-2.0

internal import Glibc

#if arch(x86_64)
  /// The type in which Redis adds floating-point increments: C's long double.
  public typealias LongDouble = Float80
#else
  /// The type in which floating-point increments are added where Swift has no wider one.
  public typealias LongDouble = Double
#endif

/// The numbers of INCRBYFLOAT and HINCRBYFLOAT as text.
///
/// They are added with 64 bits of mantissa and written with 17 digits behind the point, less
/// trailing zeros, so that 0.1 + 0.2 is `0.3`. There is never an exponent: the text can have 5 KB.
public enum LongDoubleText {
  /// The most bytes that a number may have as text when it is read, as in Redis.
  public static var maxByteCount: Int { 5119 }

  /// Reads a number; nil if the text is none, is NaN, out of range or longer than the limit.
  public static func parse(_ text: RawSpan) -> LongDouble? {
    unsafe text.withUnsafeBytes { bytes in
      #if arch(x86_64)
        unsafe CText.parse(bytes, maxByteCount: maxByteCount) { unsafe strtold($0, $1) }
      #else
        unsafe CText.parse(bytes, maxByteCount: maxByteCount) { unsafe strtod($0, $1) }
      #endif
    }
  }

  /// Appends the text of a number to a buffer.
  public static func append(_ value: LongDouble, to buffer: inout ByteBuffer) {
    if value.isNaN { return buffer.append("nan") }
    if value.isInfinite { return buffer.append(value < 0 ? "-inf" : "inf") }
    let room = maxByteCount + 1
    buffer.reserve(room)
    let text = unsafe buffer.tail
    #if arch(x86_64)
      var count = unsafe CText.write(value, "%.17Lf", to: text, byteCount: room)
    #else
      var count = unsafe CText.write(value, "%.17f", to: text, byteCount: room)
    #endif
    // There are always 17 digits behind a point, so this ends in front of an integer's digits.
    while unsafe text.load(fromByteOffset: count - 1, as: UInt8.self) == 0x30 { count -= 1 }
    if unsafe text.load(fromByteOffset: count - 1, as: UInt8.self) == 0x2E { count -= 1 }
    if count == 2, unsafe text.loadUnaligned(as: UInt16.self).littleEndian == 0x302D {
      return buffer.append(byte: 0x30)
    }
    buffer.end += count
  }

  /// The text of a number as a string, for what is not on a hot path.
  public static func string(_ value: LongDouble) -> String {
    var buffer = ByteBuffer()
    append(value, to: &buffer)
    return unsafe buffer.bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }
}
