// SPDX-License-Identifier: Apache-2.0
import DataStructures
import Testing

struct XXH3Tests {
  @Test
  func `The hash of a text is the one that other programs print`() {
    let hash = XXH3.hash64(Array("Hello world".utf8).octets)
    #expect(hash == 0xb6ac_b9d8_4a38_ff74)
  }

  @Test(arguments: [
    (0, 0x2d06_8005_38d3_94c2), (3, 0x5051_18c3_1312_1c0e), (8, 0x93f1_200f_9be8_2671),
    (16, 0x2e43_59e2_a04a_5e32), (128, 0x5c6a_b7b5_b236_0539), (240, 0xc079_6428_068c_d12e),
    (241, 0x859d_c8ab_6dd8_5c7c), (1024, 0x7df7_f049_c0c1_ad73), (1025, 0x29ad_cfca_c549_2652),
  ])
  func `Each formula gives the reference implementation's value`(count: Int, expected: UInt64) {
    let hash = XXH3.hash64(pattern(count: count).octets)
    #expect(hash == expected)
  }

  @Test
  func `The hashes of all lengths up to 1100 and some long ones chain to the known value`() {
    // Each message is a prefix of the same bytes; the hash over all hashes pins every length.
    let message = pattern(count: 200_000)
    let lengths = Array(0..<1100) + [2047, 2048, 2049, 4096, 65536, 100_000, 199_999]
    var chain: UInt64 = 0
    for length in lengths {
      let hash = XXH3.hash64(message.octets.extracting(first: length))
      let link = littleEndian(chain) + littleEndian(hash)
      chain = XXH3.hash64(link.octets)
    }
    #expect(chain == 0x2059_8f94_602c_3e5e)
  }

  private func pattern(count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
  }

  private func littleEndian(_ word: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
  }
}
