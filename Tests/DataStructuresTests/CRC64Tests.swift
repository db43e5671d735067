// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@Suite struct CRC64Tests {
  @Test func `the checksum of the usual nine digits is the published one`() {
    let digits = Array("123456789".utf8)
    let sum = CRC64.of(digits.rawSpan)
    #expect(sum == 0xe9c6_d914_c4b8_d9ca)
    let none: [UInt8] = []
    let empty = CRC64.of(none.rawSpan)
    #expect(empty == 0)
  }

  @Test func `a text in pieces has the checksum of the whole`() {
    let text = Array("This is a test of the emergency broadcast system, the third one.".utf8)
    let whole = CRC64.of(text.rawSpan)
    for cut in 0...text.count {
      let first = Array(text[..<cut])
      let rest = Array(text[cut...])
      var checksum = CRC64(CRC64.of(first.rawSpan))
      checksum.update(rest.rawSpan)
      #expect(checksum.value == whole, "cut at \(cut)")
    }
  }

  @Test func `eight bytes at once are the same as one after the other`() {
    var random = RandomGenerator(seed: 7)
    let bytes = (0..<1000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    var checksum = CRC64()
    for byte in bytes {
      let one = [byte]
      checksum.update(one.rawSpan)
    }
    let whole = CRC64.of(bytes.rawSpan)
    #expect(checksum.value == whole)
  }
}
