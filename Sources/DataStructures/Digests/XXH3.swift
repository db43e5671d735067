// SPDX-License-Identifier: Apache-2.0
//
// XXH3 with 64 bits as Yann Collet's specification defines it (github.com/Cyan4973/xxHash), with
// the default secret and seed 0: what the DIGEST command prints. It is not keyed and so protects
// from nobody; tables use SipHash.
//
// Five formulas by length: none, 1-16, 17-128, 129-240 and longer. The long one runs eight
// independent sums over stripes of 64 bytes and stirs them after every sixteen stripes.

/// The 64-bit XXH3 hash of bytes.
public enum XXH3 {
  /// The hash of `bytes` with the default secret and seed 0.
  ///
  /// - Complexity: O(n), several bytes per cycle.
  public static func hash64(_ bytes: RawSpan) -> UInt64 {
    switch bytes.byteCount {
    case 0: finalMix64(secret(56) ^ secret(64))
    case 1...16: hashUpTo16(bytes)
    case 17...128: hashUpTo128(bytes)
    case 129...240: hashUpTo240(bytes)
    default: hashLong(bytes)
    }
  }

  private static func hashUpTo16(_ bytes: RawSpan) -> UInt64 {
    let count = bytes.byteCount
    if count > 8 {
      let low = bytes.octets8(at: 0) ^ secret(24) ^ secret(32)
      let high = bytes.octets8(at: count - 8) ^ secret(40) ^ secret(48)
      return finalMix(UInt64(count) &+ low.byteSwapped &+ high &+ foldedProduct(low, high))
    }
    if count >= 4 {
      let word = UInt64(bytes.octets4(at: count - 4)) | UInt64(bytes.octets4(at: 0)) << 32
      var mixed = word ^ secret(8) ^ secret(16)
      mixed ^= rotatedLeft(mixed, 49) ^ rotatedLeft(mixed, 24)
      mixed = mixed &* 0x9fb2_1c65_1e98_df25
      mixed ^= mixed >> 35 &+ UInt64(count)
      mixed = mixed &* 0x9fb2_1c65_1e98_df25
      return mixed ^ mixed >> 28
    }
    let first = UInt64(bytes.octet(at: 0))
    let middle = UInt64(bytes.octet(at: count >> 1))
    let last = UInt64(bytes.octet(at: count - 1))
    let combined = first << 16 | middle << 24 | last | UInt64(count) << 8
    let flip = (secret(0) ^ secret(0) >> 32) & 0xffff_ffff
    return finalMix64(combined ^ flip)
  }

  private static func hashUpTo128(_ bytes: RawSpan) -> UInt64 {
    let count = bytes.byteCount
    var sum = UInt64(count) &* Prime.first
    // Pairs of 16 bytes from both ends towards the middle, each with its part of the secret.
    for pair in 0...((count - 1) / 32) {
      sum = sum &+ mix16(bytes, at: 16 * pair, secretAt: 32 * pair)
      sum = sum &+ mix16(bytes, at: count - 16 * (pair + 1), secretAt: 32 * pair + 16)
    }
    return finalMix(sum)
  }

  private static func hashUpTo240(_ bytes: RawSpan) -> UInt64 {
    let count = bytes.byteCount
    var sum = UInt64(count) &* Prime.first
    for round in 0..<8 {
      sum = sum &+ mix16(bytes, at: 16 * round, secretAt: 16 * round)
    }
    sum = finalMix(sum)
    for round in 8..<(count / 16) {
      sum = sum &+ mix16(bytes, at: 16 * round, secretAt: 16 * (round - 8) + 3)
    }
    return finalMix(sum &+ mix16(bytes, at: count - 16, secretAt: 119))
  }

  private static func hashLong(_ bytes: RawSpan) -> UInt64 {
    let count = bytes.byteCount
    var sums = Sums()
    let stripes = (count - 1) / 64
    for stripe in 0..<stripes {
      let inBlock = stripe % stripesPerBlock
      sums.add(bytes, at: 64 * stripe, secretAt: 8 * inBlock)
      if inBlock == stripesPerBlock - 1 { sums.stir() }
    }
    // The last 64 bytes are always taken, though they may overlap what was taken before.
    sums.add(bytes, at: count - 64, secretAt: 121)
    return sums.merged(start: UInt64(count) &* Prime.first)
  }

  private static func mix16(_ bytes: RawSpan, at offset: Int, secretAt: Int) -> UInt64 {
    foldedProduct(
      bytes.octets8(at: offset) ^ secret(secretAt),
      bytes.octets8(at: offset + 8) ^ secret(secretAt + 8))
  }
}

/// Stripes between two stirrings: the secret moves by a word per stripe and then starts again.
private let stripesPerBlock = 16

/// The eight sums of the formula for long inputs.
private struct Sums {
  private var lanes: [8 of UInt64] = [
    0xc2b2_ae3d, Prime.first, Prime.second, Prime.third, 0x85eb_ca77_c2b2_ae63, 0x85eb_ca77,
    0x27d4_eb2f_1656_67c5, Prime.small,
  ]

  /// Adds a stripe of 64 bytes.
  @inline(__always)
  mutating func add(_ bytes: RawSpan, at offset: Int, secretAt: Int) {
    for lane in 0..<8 {
      let word = bytes.octets8(at: offset &+ 8 &* lane)
      let keyed = word ^ secret(secretAt &+ 8 &* lane)
      lanes[lane ^ 1] &+= word
      lanes[lane] &+= (keyed & 0xffff_ffff) &* (keyed >> 32)
    }
  }

  /// Spreads each sum's high bits into its low ones.
  mutating func stir() {
    for lane in 0..<8 {
      var sum = lanes[lane]
      sum ^= sum >> 47
      sum ^= secret(128 &+ 8 &* lane)
      lanes[lane] = sum &* Prime.small
    }
  }

  /// The hash that the sums amount to.
  func merged(start: UInt64) -> UInt64 {
    var result = start
    for pair in 0..<4 {
      let low = lanes[2 * pair] ^ secret(11 + 16 * pair)
      let high = lanes[2 * pair + 1] ^ secret(19 + 16 * pair)
      result = result &+ foldedProduct(low, high)
    }
    return finalMix(result)
  }
}

private enum Prime {
  static var small: UInt64 { 0x9e37_79b1 }
  static var first: UInt64 { 0x9e37_79b1_85eb_ca87 }
  static var second: UInt64 { 0xc2b2_ae3d_27d4_eb4f }
  static var third: UInt64 { 0x1656_67b1_9e37_79f9 }
}

/// The specification's default secret, 192 bytes as little-endian words.
private let secretWords: [24 of UInt64] = [
  0xbe4b_a423_396c_feb8, 0x1cad_21f7_2c81_017c, 0xdb97_9083_e96d_d4de, 0x1f67_b3b7_a4a4_4072,
  0x78e5_c0cc_4ee6_79cb, 0x2172_ffcc_7dd0_5a82, 0x8e24_43f7_7446_08b8, 0x4c26_3a81_e690_35e0,
  0xcb00_c391_bb52_283c, 0xa32e_531b_8b65_d088, 0x4ef9_0da2_9748_6471, 0xd8ac_dea9_46ef_1938,
  0x3f34_9ce3_3f76_faa8, 0x1d4f_0bc7_c7bb_dcf9, 0x3159_b4cd_4be0_518a, 0x6473_78d9_c97e_9fc8,
  0xc3eb_d334_83ac_c5ea, 0xeb63_13fa_ffa0_81c5, 0x49da_f0b7_51dd_0d17, 0x9e68_d429_2655_16d3,
  0xfca1_477d_58be_162b, 0xce31_d07a_d1b8_f88f, 0x2804_1695_8f3a_cb45, 0x7e40_4bbb_cafb_d7af,
]

/// Eight bytes of the secret from any offset on.
@inline(__always)
private func secret(_ offset: Int) -> UInt64 {
  let shift = UInt64(offset & 7) &* 8
  let low = secretWords[offset >> 3]
  return shift == 0 ? low : low >> shift | secretWords[offset >> 3 &+ 1] << (64 &- shift)
}

private func foldedProduct(_ a: UInt64, _ b: UInt64) -> UInt64 {
  let product = a.multipliedFullWidth(by: b)
  return product.low ^ product.high
}

private func rotatedLeft(_ word: UInt64, _ count: UInt64) -> UInt64 {
  word &<< count | word &>> (64 &- count)
}

private func finalMix(_ word: UInt64) -> UInt64 {
  let mixed = (word ^ word >> 37) &* 0x1656_6791_9e37_79f9
  return mixed ^ mixed >> 32
}

/// The older XXH64's final mix, which the shortest inputs use.
private func finalMix64(_ word: UInt64) -> UInt64 {
  var mixed = (word ^ word >> 33) &* Prime.second
  mixed = (mixed ^ mixed >> 29) &* Prime.third
  return mixed ^ mixed >> 32
}
