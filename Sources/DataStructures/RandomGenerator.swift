// SPDX-License-Identifier: Apache-2.0

/// A small, fast, seeded source of random numbers: xoshiro256** by Blackman and Vigna.
///
/// Everything random in the server but secrets (`World.secretWord`) is drawn from one of these, so
/// that a seed replays a run. The numbers are good for sampling and for tests, useless as secrets.
public struct RandomGenerator: RandomNumberGenerator, Sendable {
  /// First word of the state; the four words are never all zero.
  @usableFromInline var a: UInt64
  /// Second word of the state.
  @usableFromInline var b: UInt64
  /// Third word of the state.
  @usableFromInline var c: UInt64
  /// Fourth word of the state.
  @usableFromInline var d: UInt64

  /// Equal seeds give equal sequences; neighbouring seeds give unrelated ones.
  public init(seed: UInt64) {
    // The generator's authors recommend filling the state with splitmix64.
    var counter = seed
    func word() -> UInt64 {
      counter &+= 0x9E37_79B9_7F4A_7C15
      var mixed = counter
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
    a = word()
    b = word()
    c = word()
    d = word()
  }

  /// The next 64 uniformly distributed bits.
  @inlinable
  public mutating func next() -> UInt64 {
    let product = b &* 5
    let result = ((product &<< 7) | (product &>> 57)) &* 9
    let shifted = b &<< 17
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d &<< 45) | (d &>> 19)
    return result
  }

  /// A number from `0 ..< limit`, each equally likely; `limit` must be positive.
  @inlinable
  public mutating func next(below limit: Int) -> Int {
    precondition(limit > 0)
    // Lemire's method: the high half of a product is nearly uniform; the few low halves that
    // would make some results more likely are drawn again.
    let width = UInt64(limit)
    var product = next().multipliedFullWidth(by: width)
    if product.low < width {
      let surplus = (0 &- width) % width
      while product.low < surplus { product = next().multipliedFullWidth(by: width) }
    }
    return Int(truncatingIfNeeded: product.high)
  }
}
