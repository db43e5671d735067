// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@Suite struct CRC64Tests {
  @Test func `the checksum of the usual nine digits is the published one`() {
    #expect(CRC64.of(Array("123456789".utf8).rawSpan) == 0xe9c6_d914_c4b8_d9ca)
    #expect(CRC64.of([UInt8]().rawSpan) == 0)
  }

  @Test func `a text in pieces has the checksum of the whole`() {
    let text = Array("This is a test of the emergency broadcast system, the third one.".utf8)
    let whole = CRC64.of(text.rawSpan)
    for cut in 0...text.count {
      var checksum = CRC64(CRC64.of(Array(text[..<cut]).rawSpan))
      checksum.update(Array(text[cut...]).rawSpan)
      #expect(checksum.value == whole, "cut at \(cut)")
    }
  }

  @Test func `eight bytes at once are the same as one after the other`() {
    var random = RandomGenerator(seed: 7)
    let bytes = (0..<1000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    var checksum = CRC64()
    for byte in bytes { checksum.update([byte].rawSpan) }
    #expect(checksum.value == CRC64.of(bytes.rawSpan))
  }
}
