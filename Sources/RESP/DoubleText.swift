// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Floating-point numbers as text, as redis-server 7.0 reads and writes them.
///
/// It writes what C's `%.17g` writes: 17 significant digits without trailing zeros, so 3.1 is
/// `3.1000000000000001`, 5 is `5` and 1e17 is `1e+17`. It reads whatever `strtod` reads
/// (hexadecimal and infinity included), if that is all of the text.
public enum DoubleText {
  /// The most bytes that a double needs as text, with some reserve.
  @inlinable public static var maxByteCount: Int { 32 }

  // MARK: - Reading

  /// Reads a number; nil if the text is none, is NaN, or is out of range (too small counts too).
  public static func parse(_ text: RawSpan) -> Double? {
    unsafe text.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
      if let value = unsafe parsePlain(base, bytes.count) { return value }
      return unsafe CText.parse(bytes, maxByteCount: Int.max - 1) { unsafe strtod($0, $1) }
    }
  }

  /// Reads `[-]digits[.digits]` with no more than 15 digits; nil for every other form.
  ///
  /// Such a number is an integer below 2^53 divided by a power of ten that a double holds exactly,
  /// so the one rounding of the division gives the nearest double.
  private static func parsePlain(_ base: UnsafeRawPointer, _ count: Int) -> Double? {
    guard count <= 17 else { return nil }
    let isNegative = unsafe base.load(as: UInt8.self) == 0x2D
    var index = isNegative ? 1 : 0
    var mantissa = 0
    var digits = 0
    var fraction = -1
    while index < count {
      let byte = unsafe base.load(fromByteOffset: index, as: UInt8.self)
      let digit = Int(byte) - 48
      if digit >= 0 && digit <= 9 {
        mantissa = mantissa * 10 + digit
        digits += 1
        if fraction >= 0 { fraction += 1 }
      } else if byte == 0x2E && fraction < 0 {
        fraction = 0
      } else {
        return nil
      }
      index += 1
    }
    guard digits >= 1 && digits <= 15 else { return nil }
    let value = fraction > 0 ? Double(mantissa) / powerOfTen(fraction) : Double(mantissa)
    return isNegative ? -value : value
  }

  /// 10 to a power of at most 22, which a double holds exactly.
  private static func powerOfTen(_ exponent: Int) -> Double {
    var power = 1.0
    for _ in 0..<exponent { power *= 10 }
    return power
  }

  // MARK: - Writing

  /// Writes a number to memory with room for `maxByteCount` bytes and returns the bytes written.
  public static func write(_ value: Double, to destination: UnsafeMutableRawPointer) -> Int {
    let magnitude = value.magnitude
    if let integer = Int(exactly: value), magnitude < 1e17, integer != 0 || value.sign == .plus {
      return unsafe DecimalText.write(integer, to: destination)
    }
    if magnitude >= 1e-5 && magnitude < 1e16 {
      return unsafe writeFraction(value, to: destination)
    }
    if value.isNaN { return unsafe copy("nan", to: destination) }
    if value.isInfinite { return unsafe copy(value < 0 ? "-inf" : "inf", to: destination) }
    return unsafe CText.write(value, "%.17g", to: destination, byteCount: maxByteCount)
  }

  /// Appends the text of a number to a buffer.
  public static func append(_ value: Double, to buffer: inout ByteBuffer) {
    buffer.reserve(maxByteCount)
    buffer.end += unsafe write(value, to: buffer.tail)
  }

  /// The text of a number as a string, for what is not on a hot path.
  public static func string(_ value: Double) -> String {
    var buffer = ByteBuffer()
    append(value, to: &buffer)
    return unsafe buffer.bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  private static func copy(_ text: StaticString, to destination: UnsafeMutableRawPointer) -> Int {
    unsafe destination.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
    return text.utf8CodeUnitCount
  }

  /// Writes a number of 1e-5 up to 1e16 that is not an integer.
  ///
  /// There the 17 digits come from one exact product of 128 bits: the 53 bits of the mantissa times
  /// at most 10^22, shifted right by at most 69. About ten times faster than printf.
  private static func writeFraction(
    _ value: Double, to destination: UnsafeMutableRawPointer
  ) -> Int {
    let magnitude = value.magnitude
    var exponent = -5
    var bound = 1e-4
    while magnitude >= bound {
      exponent += 1
      bound *= 10
    }
    // The bounds are rounded: correct an estimate that is off by one.
    var digits = leadingDigits(magnitude, scale: 16 - exponent)
    if digits < 10_000_000_000_000_000 {
      exponent -= 1
      digits = leadingDigits(magnitude, scale: 16 - exponent)
    } else if digits >= 100_000_000_000_000_000 {
      exponent += 1
      digits = leadingDigits(magnitude, scale: 16 - exponent)
    }
    var count = 17
    while digits % 10 == 0 {
      digits /= 10
      count -= 1
    }
    let sign = value < 0 ? 1 : 0
    if sign == 1 { unsafe destination.storeBytes(of: 0x2D, as: UInt8.self) }
    return unsafe sign
      + place(digits, count: count, exponent: exponent, at: destination + sign)
  }

  /// A number times 10^scale, rounded to an integer, ties to even.
  private static func leadingDigits(_ magnitude: Double, scale: Int) -> UInt {
    let mantissa = UInt128(magnitude.significandBitPattern | 1 << 52)
    let shift = 52 - Int(magnitude.exponent)
    var power: UInt64 = 1
    for _ in 0..<min(scale, 19) { power &*= 10 }
    var product = mantissa &* UInt128(power)
    for _ in 19..<max(scale, 19) { product &*= 10 }
    assert(shift >= 1 && scale <= 22)
    let quotient = product >> UInt128(shift)
    let rest = product & ((1 << UInt128(shift)) - 1)
    let half: UInt128 = 1 << UInt128(shift - 1)
    let roundsUp = rest > half || (rest == half && quotient & 1 == 1)
    return UInt(truncatingIfNeeded: roundsUp ? quotient + 1 : quotient)
  }

  /// Writes digits whose first has the value 10^exponent, with a point or an exponent.
  private static func place(
    _ digits: UInt, count: Int, exponent: Int, at base: UnsafeMutableRawPointer
  ) -> Int {
    if exponent < -4 {
      // d.ddde-0X
      _ = unsafe DecimalText.writeUnsigned(digits, to: base + 1)
      unsafe base.copyMemory(from: base + 1, byteCount: 1)
      unsafe base.storeBytes(of: 0x2E, toByteOffset: 1, as: UInt8.self)
      let length = count == 1 ? 1 : count + 1
      unsafe (base + length).copyMemory(from: ("e-0" as StaticString).utf8Start, byteCount: 3)
      let last = UInt8(truncatingIfNeeded: 48 - exponent)
      unsafe base.storeBytes(of: last, toByteOffset: length + 3, as: UInt8.self)
      return length + 4
    }
    if exponent < 0 {
      // 0.000ddd
      let zeros = -exponent - 1
      unsafe (base + 0).copyMemory(
        from: ("0.0000" as StaticString).utf8Start, byteCount: 2 + zeros)
      return unsafe 2 + zeros + DecimalText.writeUnsigned(digits, to: base + 2 + zeros)
    }
    // ddd.ddd: not an integer, so digits are left behind the point.
    let whole = exponent + 1
    _ = unsafe DecimalText.writeUnsigned(digits, to: base + 1)
    unsafe base.copyMemory(from: base + 1, byteCount: whole)
    unsafe base.storeBytes(of: 0x2E, toByteOffset: whole, as: UInt8.self)
    return count + 1
  }
}
