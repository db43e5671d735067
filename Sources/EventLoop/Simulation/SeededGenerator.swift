// SPDX-License-Identifier: Apache-2.0

/// Random numbers that a seed determines: SplitMix64 (Steele, Lea and Flood, 2014, public
/// constants).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The same seed gives the same numbers.
  public init(seed: UInt64) { state = seed }

  /// 64 random bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A number of a range.
  public mutating func number(in range: ClosedRange<Int64>) -> Int64 {
    range.lowerBound == range.upperBound
      ? range.lowerBound : Int64.random(in: range, using: &self)
  }

  /// True so many times in a million.
  public mutating func happens(perMillion: Int) -> Bool {
    perMillion > 0 && number(in: 1...1_000_000) <= Int64(perMillion)
  }
}
