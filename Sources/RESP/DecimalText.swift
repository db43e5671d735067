// SPDX-License-Identifier: Apache-2.0

/// Whole numbers as text, by the strict rules that Redis applies to integers.
///
/// A number has no leading zero, no plus sign, no blank around it, and `-0` is none: every integer
/// has exactly one text, so a value that parses can be stored as the integer.
public enum DecimalText {
  /// The most bytes that an `Int` needs, the sign included.
  @inlinable public static var maxByteCount: Int { 20 }

  /// Reads an integer; nil if the text is not the canonical form of one that fits.
  /// - Complexity: O(1), no more than 20 bytes are looked at.
  @inlinable
  public static func parse(_ text: RawSpan) -> Int? {
    unsafe text.withUnsafeBytes { unsafe parse($0) }
  }

  /// Reads an integer from raw memory; the rules of `parse(_: RawSpan)`.
  @inlinable
  public static func parse(_ text: UnsafeRawBufferPointer) -> Int? {
    guard let base = text.baseAddress, text.count > 0, text.count <= 20 else { return nil }
    let isNegative = unsafe base.load(as: UInt8.self) == 0x2D
    if !isNegative {
      guard let magnitude = unsafe digits(base, text.count) else { return nil }
      return Int(exactly: magnitude)
    }
    guard let magnitude = unsafe digits(base + 1, text.count &- 1), magnitude > 0,
      magnitude <= Int.min.magnitude
    else { return nil }
    return Int(truncatingIfNeeded: 0 &- magnitude)
  }

  /// Reads an unsigned integer; nil if the text is not the canonical form of one that fits.
  @inlinable
  public static func parseUnsigned(_ text: RawSpan) -> UInt? {
    unsafe text.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return nil }
      return unsafe digits(base, bytes.count)
    }
  }

  /// Reads 1 to 20 digits without a leading zero.
  @inlinable
  static func digits(_ base: UnsafeRawPointer, _ count: Int) -> UInt? {
    guard count >= 1 && count <= 20 else { return nil }
    let first = unsafe UInt(base.load(as: UInt8.self)) &- 48
    guard first <= 9 else { return nil }
    if first == 0 { return count == 1 ? 0 : nil }
    var value = first
    // 19 digits can't overflow 64 bits.
    let safeCount = min(count, 19)
    var index = 1
    while index < safeCount {
      let digit = unsafe UInt(base.load(fromByteOffset: index, as: UInt8.self)) &- 48
      guard digit <= 9 else { return nil }
      value = value &* 10 &+ digit
      index &+= 1
    }
    if count < 20 { return value }
    let digit = unsafe UInt(base.load(fromByteOffset: 19, as: UInt8.self)) &- 48
    let (product, productOverflows) = value.multipliedReportingOverflow(by: 10)
    let (sum, sumOverflows) = product.addingReportingOverflow(digit)
    return digit <= 9 && !productOverflows && !sumOverflows ? sum : nil
  }

  /// Number of digits of an unsigned integer.
  @inlinable
  public static func digitCount(_ value: UInt) -> Int {
    if value < 10 { return 1 }
    if value < 100 { return 2 }
    if value < 1000 { return 3 }
    if value < 10000 { return 4 }
    var count = 4
    var rest = value / 10000
    while rest > 0 {
      rest /= 10
      count &+= 1
    }
    return count
  }

  /// Number of bytes that an integer takes as text, the sign included.
  @inlinable
  public static func byteCount(_ value: Int) -> Int {
    digitCount(value.magnitude) &+ (value < 0 ? 1 : 0)
  }

  /// Writes an integer to memory with room for `maxByteCount` bytes and returns the bytes written.
  ///
  /// What is behind them in that room may be overwritten, too.
  @inlinable
  public static func write(_ value: Int, to destination: UnsafeMutableRawPointer) -> Int {
    if value >= 0 { return unsafe writeUnsigned(UInt(bitPattern: value), to: destination) }
    unsafe destination.storeBytes(of: 0x2D, as: UInt8.self)
    return unsafe 1 &+ writeUnsigned(value.magnitude, to: destination + 1)
  }

  /// Writes an unsigned integer as `write` does; returns its length.
  @inlinable
  public static func writeUnsigned(_ value: UInt, to destination: UnsafeMutableRawPointer) -> Int {
    guard value < 100_000_000 else { return unsafe writeLong(value, to: destination) }
    let digits = eightDigits(value)
    let zeros = min(digits.trailingZeroBitCount &>> 3, 7)
    let text = (digits | 0x3030_3030_3030_3030) &>> UInt64(zeros &* 8)
    unsafe destination.storeBytes(of: text.littleEndian, as: UInt64.self)
    return 8 &- zeros
  }

  /// Writes an integer of nine digits or more.
  @usableFromInline @inline(never)
  static func writeLong(_ value: UInt, to destination: UnsafeMutableRawPointer) -> Int {
    let front = value / 100_000_000
    let count = unsafe writeUnsigned(front, to: destination)
    let text = eightDigits(value &- front &* 100_000_000) | 0x3030_3030_3030_3030
    unsafe destination.storeBytes(of: text.littleEndian, toByteOffset: count, as: UInt64.self)
    return count &+ 8
  }

  /// The eight digits of an integer below 10^8, one per byte, the first in the lowest.
  ///
  /// Halves are divided side by side in one word: by 100, then by 10, as products with 10486 / 2^20
  /// and 103 / 2^10, which are exact for so few digits.
  @inlinable @inline(__always)
  static func eightDigits(_ value: UInt) -> UInt64 {
    let front = UInt64(value) / 10000
    let fours = front | (UInt64(value) &- front &* 10000) &<< 32
    let hundreds = (fours &* 10486) &>> 20 & 0x0000_007f_0000_007f
    let twos = hundreds | (fours &- hundreds &* 100) &<< 16
    let tens = (twos &* 103) &>> 10 & 0x000f_000f_000f_000f
    return tens | (twos &- tens &* 10) &<< 8
  }

  /// Appends an integer to an array; for text that is not on a hot path.
  public static func append(_ value: Int, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: String(value).utf8)
  }
}
