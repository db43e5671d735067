// SPDX-License-Identifier: Apache-2.0

/// The secret of a keyed hash, drawn once when the server starts.
public struct HashSeed: Equatable, Sendable {
  /// Low half of the 128-bit key.
  public let k0: UInt64
  /// High half of the 128-bit key.
  public let k1: UInt64

  /// A seed of the two given halves.
  @inlinable
  public init(k0: UInt64, k1: UInt64) {
    self.k0 = k0
    self.k1 = k1
  }

  /// A seed drawn from `generator`.
  @inlinable
  public init(using generator: inout RandomGenerator) {
    self.init(k0: generator.next(), k1: generator.next())
  }
}

/// SipHash with one round per word and three to finish, by Aumasson and Bernstein.
///
/// Without the seed nobody can choose keys that collide, so hash flooding doesn't work.
public struct SipHash13 {
  /// First word of the state.
  @usableFromInline var v0: UInt64
  /// Second word of the state.
  @usableFromInline var v1: UInt64
  /// Third word of the state.
  @usableFromInline var v2: UInt64
  /// Fourth word of the state.
  @usableFromInline var v3: UInt64

  /// The state before the first word.
  @inlinable @inline(__always)
  init(_ seed: HashSeed) {
    v0 = seed.k0 ^ 0x736f_6d65_7073_6575
    v1 = seed.k1 ^ 0x646f_7261_6e64_6f6d
    v2 = seed.k0 ^ 0x6c79_6765_6e65_7261
    v3 = seed.k1 ^ 0x7465_6462_7974_6573
  }

  /// The 64-bit hash of `bytes` under `seed`.
  ///
  /// - Complexity: O(n); about 10 ns for 16 bytes.
  @inlinable
  public static func hash(_ bytes: RawSpan, _ seed: HashSeed) -> UInt64 {
    var state = SipHash13(seed)
    let count = bytes.byteCount
    var offset = 0
    while offset &+ 8 <= count {
      state.compress(word(bytes, at: offset))
      offset &+= 8
    }
    let length = UInt64(truncatingIfNeeded: count) &<< 56
    state.compress(length | tail(bytes, from: offset))
    return state.finish()
  }

  /// The eight bytes at `offset`, lowest first; the caller has checked that they are there.
  @inlinable @inline(__always)
  static func word(_ bytes: RawSpan, at offset: Int) -> UInt64 {
    assert(offset >= 0 && offset + 8 <= bytes.byteCount)
    return unsafe UInt64(
      littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
  }

  /// The up to seven bytes behind `offset`, lowest first, without reading past the end.
  @inlinable @inline(__always)
  static func tail(_ bytes: RawSpan, from offset: Int) -> UInt64 {
    let count = bytes.byteCount
    let rest = count &- offset
    assert(rest >= 0 && rest < 8)
    if rest == 0 { return 0 }
    // Reading the last eight bytes and shifting out the known ones needs no loop.
    if count >= 8 { return word(bytes, at: count &- 8) &>> UInt64(64 &- rest &* 8) }
    var result: UInt64 = 0
    var index = count
    while index > 0 {
      index &-= 1
      let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
      result = result &<< 8 | UInt64(byte)
    }
    return result
  }

  /// Mixes one word into the state.
  @inlinable @inline(__always)
  mutating func compress(_ word: UInt64) {
    v3 ^= word
    round()
    v0 ^= word
  }

  /// The hash of all words compressed so far.
  @inlinable @inline(__always)
  mutating func finish() -> UInt64 {
    v2 ^= 0xff
    round()
    round()
    round()
    return v0 ^ v1 ^ v2 ^ v3
  }

  /// One round of additions, rotations and exclusive ors.
  @inlinable @inline(__always)
  mutating func round() {
    v0 = v0 &+ v1
    v1 = SipHash13.rotate(v1, by: 13) ^ v0
    v0 = SipHash13.rotate(v0, by: 32)
    v2 = v2 &+ v3
    v3 = SipHash13.rotate(v3, by: 16) ^ v2
    v0 = v0 &+ v3
    v3 = SipHash13.rotate(v3, by: 21) ^ v0
    v2 = v2 &+ v1
    v1 = SipHash13.rotate(v1, by: 17) ^ v2
    v2 = SipHash13.rotate(v2, by: 32)
  }

  /// `word` rotated to the left.
  @inlinable @inline(__always)
  static func rotate(_ word: UInt64, by bits: UInt64) -> UInt64 {
    word &<< bits | word &>> (64 &- bits)
  }
}
