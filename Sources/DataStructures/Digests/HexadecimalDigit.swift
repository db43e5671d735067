// SPDX-License-Identifier: Apache-2.0

extension UInt8 {
  /// What the byte stands for as a hexadecimal digit, in either case; nil if it is none.
  @inlinable
  public var hexadecimalValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

extension RawSpan {
  /// What the eight hexadecimal digits from `offset` on stand for, in either case; nil if one of
  /// them is none. Traps outside the span.
  ///
  /// The eight bytes of a word are looked at together. A digit is 0x30 and its value, a letter 0x40
  /// or 0x60 and its value less nine.
  public func hexadecimalNumber(at offset: Int) -> UInt32? {
    let each: UInt64 = 0x0101_0101_0101_0101
    let word = octets8(at: offset).byteSwapped
    let letters = word >> 6 & each
    let low = word & (each &* 0x0F)
    let kinds = word & (each &* 0xF0) & ~(letters << 5)
    let values = low &+ letters &* 9
    // What is beyond 9, or beyond F, has a bit above; a letter has one when 15 is added.
    let beyond = (values | (low &+ (each &- letters) &* 6)) & each << 4
    guard kinds == each &* 0x30 &+ (letters << 4), beyond == 0,
      (low &+ letters &* 15) & each << 4 == letters << 4
    else { return nil }
    // Neighbours are put together: two digits to a byte, two bytes to sixteen bits, and so on.
    var number = values
    number = (number | number >> 4) & 0x00FF_00FF_00FF_00FF
    number = (number | number >> 8) & 0x0000_FFFF_0000_FFFF
    return UInt32(truncatingIfNeeded: number | number >> 16)
  }
}
