// SPDX-License-Identifier: Apache-2.0

/// What an integer of BITFIELD does when it leaves the range of its type.
public enum BitfieldOverflow: Sendable {
  /// It keeps its lowest bits.
  case wrap
  /// It stays at the end of the range.
  case saturate
  /// It isn't stored.
  case fail
}

/// An integer of 1 to 64 bits with a sign, or of 1 to 63 bits without one.
public struct BitfieldType: Equatable, Sendable {
  /// Whether the highest bit is a sign.
  public let isSigned: Bool
  /// Number of bits.
  public let bitCount: Int

  /// Nil if there is no such type.
  public init?(isSigned: Bool, bitCount: Int) {
    guard bitCount >= 1, bitCount <= (isSigned ? 64 : 63) else { return nil }
    self.isSigned = isSigned
    self.bitCount = bitCount
  }

  /// The number that bits of this type stand for.
  public func number(_ bits: UInt64) -> Int {
    guard isSigned else { return Int(truncatingIfNeeded: bits) }
    let unused = UInt64(64 &- bitCount)
    return Int(truncatingIfNeeded: Int64(bitPattern: bits << unused) >> Int64(unused))
  }

  /// The sum as it is stored; nil if it overflows and that means not to store it.
  ///
  /// `number` may lie outside of the type's range: a number that is to be stored is added to zero
  /// the other way round.
  public func sum(_ number: Int, _ increment: Int, _ overflow: BitfieldOverflow) -> Int? {
    isSigned
      ? signedSum(number, increment, overflow) : unsignedSum(number, increment, overflow)
  }

  private func signedSum(_ number: Int, _ increment: Int, _ overflow: BitfieldOverflow) -> Int? {
    let maximum = Int.max >> (64 &- bitCount)
    let minimum = ~maximum
    // Compatibility: the room is computed modulo 2^64, so a very negative number that is stored
    // into a narrow field saturates at the maximum.
    let up = maximum &- number
    let down = minimum &- number
    let isNarrow = bitCount < 64
    let limit: Int
    if number > maximum || (isNarrow && increment > up)
      || (number >= 0 && increment > 0 && increment > up)
    {
      limit = maximum
    } else if number < minimum || (isNarrow && increment < down)
      || (number < 0 && increment < 0 && increment < down)
    {
      limit = minimum
    } else {
      return number &+ increment
    }
    switch overflow {
    case .wrap: return self.number(UInt64(bitPattern: Int64(number &+ increment)))
    case .saturate: return limit
    case .fail: return nil
    }
  }

  private func unsignedSum(_ number: Int, _ increment: Int, _ overflow: BitfieldOverflow) -> Int? {
    let value = UInt64(bitPattern: Int64(number))
    let maximum: UInt64 = .max >> UInt64(64 &- bitCount)
    let up = Int64(bitPattern: maximum &- value)
    let down = Int64(bitPattern: 0 &- value)
    let limit: UInt64
    if value > maximum || (increment > 0 && Int64(increment) > up) {
      limit = maximum
    } else if increment < 0 && Int64(increment) < down {
      limit = 0
    } else {
      return number &+ increment
    }
    switch overflow {
    case .wrap:
      let sum = UInt64(bitPattern: Int64(number &+ increment))
      return Int(truncatingIfNeeded: sum & maximum)
    case .saturate: return Int(truncatingIfNeeded: limit)
    case .fail: return nil
    }
  }
}
