// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

struct SipHash13Tests {
  private func hash(_ bytes: [UInt8], _ seed: HashSeed) -> UInt64 {
    unsafe bytes.withUnsafeBytes { unsafe SipHash13.hash(RawSpan(_unsafeBytes: $0), seed) }
  }

  /// Hashes of 0, 01, 0001 ... under the key zero, made with CPython 3.11 and PYTHONHASHSEED=0.
  private static let expected: [UInt64] = [
    0x68a9_1412_8e01_e473, 0x010b_ac45_c41e_3669, 0x4d4c_9a4a_8ef6_e0ad, 0x7cc4_3f98_813e_4dbd,
    0x5abe_2169_dff3_6275, 0xe3c2_5f87_624f_1cdb, 0x2f09_8ab0_c751_325a, 0xead4_11e6_7ebe_2eea,
    0x7592_7f9d_9512_4362, 0xaf9f_77a6_5ab5_1a1d, 0xfe64_ce8b_6617_fcff, 0xa6ba_f4fb_0f9f_e1c2,
    0xa0cf_3211_850f_8e0d, 0x7f86_0493_79fb_fe67, 0xf30e_b725_bb91_c9ea, 0x8972_1884_33a5_c5b7,
    0x4883_c49a_2c00_9c1d, 0xadc2_c0b6_3044_067d, 0x091f_4a33_29f8_7d19,
  ]

  @Test func `Hashes agree with another implementation for 1 to 19 bytes`() {
    for (index, expected) in SipHash13Tests.expected.enumerated() {
      let bytes = (0...UInt8(index)).map { $0 }
      #expect(hash(bytes, HashSeed(k0: 0, k1: 0)) == expected, "\(index + 1) bytes")
    }
  }

  @Test func `The published vector of the empty message holds`() {
    let seed = HashSeed(k0: 0x0706_0504_0302_0100, k1: 0x0f0e_0d0c_0b0a_0908)
    #expect(hash([], seed) == 0xabac_0158_050f_c4dc)
  }

  @Test func `Every byte and the seed count, and the place in memory does not`() {
    let seed = HashSeed(k0: 1, k1: 2)
    for count in 1...40 {
      let bytes = [UInt8](repeating: 7, count: count)
      let plain = hash(bytes, seed)
      #expect(hash(bytes, HashSeed(k0: 1, k1: 3)) != plain)
      for index in 0..<count {
        var changed = bytes
        changed[index] ^= 1
        #expect(hash(changed, seed) != plain)
      }
      let shifted = unsafe ([0] + bytes + [9]).withUnsafeBytes {
        unsafe SipHash13.hash(
          RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: $0[1...count])), seed)
      }
      #expect(shifted == plain)
    }
  }
}
