// SPDX-License-Identifier: Apache-2.0

/// The one decimal text that each 64-bit integer has: no leading zero, no plus sign, no blank.
///
/// Text of this form can be stored as the integer, since the integer gives it back.
public enum CanonicalInteger {
  /// The integer of which `text` is the canonical form; nil if there is none.
  ///
  /// - Complexity: O(1), at most 20 bytes are looked at.
  @inlinable @inline(__always)
  public static func parse(_ text: RawSpan) -> Int? {
    let count = text.byteCount
    guard count > 0 && count <= 20 else { return nil }
    let first = text.byte(0)
    // Most texts end here: they begin with a letter.
    guard first &- 48 <= 9 || first == UInt8(ascii: "-") else { return nil }
    return parse(text, count: count, first: first)
  }

  /// Reads the rest of a text that begins with a digit or a minus sign.
  @inlinable
  static func parse(_ text: RawSpan, count: Int, first: UInt8) -> Int? {
    if first == UInt8(ascii: "0") { return count == 1 ? 0 : nil }
    let isNegative = first == UInt8(ascii: "-")
    var index = isNegative ? 1 : 0
    // A minus sign alone, "-0", and numbers of 20 digits are none.
    guard count &- index > 0 && count &- index <= 19, text.byte(index) != 48 else { return nil }
    var value: UInt = 0
    while index < count {
      let digit = UInt(text.byte(index) &- 48)
      guard digit <= 9 else { return nil }
      // 19 digits can't overflow 64 bits.
      value = value &* 10 &+ digit
      index &+= 1
    }
    if isNegative {
      return value <= Int.min.magnitude ? Int(truncatingIfNeeded: 0 &- value) : nil
    }
    return Int(exactly: value)
  }

  /// Writes the text of an integer to memory with room for 20 bytes and returns its length.
  @inlinable
  public static func write(_ value: Int, to destination: UnsafeMutableRawPointer) -> Int {
    let sign = value < 0 ? 1 : 0
    if sign == 1 { unsafe destination.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self) }
    let count = byteCount(value)
    var rest = value.magnitude
    var index = count
    repeat {
      let quotient = rest / 10
      index &-= 1
      let digit = UInt8(truncatingIfNeeded: rest &- quotient &* 10 &+ 48)
      unsafe destination.storeBytes(of: digit, toByteOffset: index, as: UInt8.self)
      rest = quotient
    } while index > sign
    return count
  }

  /// Number of bytes of an integer's text, the sign included.
  @inlinable
  public static func byteCount(_ value: Int) -> Int {
    var count = value < 0 ? 2 : 1
    var rest = value.magnitude
    while rest >= 10 {
      rest /= 10
      count &+= 1
    }
    return count
  }
}
