// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@Suite struct LZFTests {
  /// What `bytes` expand to; nil if that fails.
  private func expanded(_ bytes: RawSpan, to count: Int) -> [UInt8]? {
    var output = [UInt8](repeating: 0, count: count)
    let isRight = unsafe output.withUnsafeMutableBytes { target in
      unsafe LZF.decompress(bytes, into: target)
    }
    return isRight ? output : nil
  }

  /// Bytes that repeat themselves more or less.
  private func text(_ random: inout RandomGenerator, count: Int, alphabet: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      if bytes.count > 10, random.next(below: 3) == 0 {
        let start = random.next(below: bytes.count - 4)
        let length = min(random.next(below: 400) + 1, bytes.count - start)
        bytes += Array(bytes[start..<(start + length)])
      } else {
        bytes.append(UInt8(random.next(below: alphabet)))
      }
    }
    return Array(bytes.prefix(count))
  }

  @Test func `what was compressed expands to itself`() {
    var random = RandomGenerator(seed: 11)
    var compressor = LZFCompressor()
    var compressedCount = 0
    for round in 0..<2000 {
      let count = random.next(below: round % 100 == 0 ? 100_000 : 600)
      let bytes = text(&random, count: count, alphabet: random.next(below: 255) + 1)
      guard compressor.compress(bytes.rawSpan) else { continue }
      compressedCount += 1
      let compressed = compressor.compressed.copied
      #expect(compressed.count <= count - 4, "round \(round)")
      let isSame = expanded(compressed.rawSpan, to: count) == bytes
      #expect(isSame, "round \(round)")
    }
    #expect(compressedCount > 1000)
  }

  @Test func `repetition shrinks, and noise is left alone`() {
    var compressor = LZFCompressor()
    let same = [UInt8](repeating: 65, count: 10_000)
    let shrinks = compressor.compress(same.rawSpan)
    let count = compressor.compressed.byteCount
    #expect(shrinks)
    #expect(count < 200)
    var random = RandomGenerator(seed: 3)
    let noise = (0..<10_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let noiseShrinks = compressor.compress(noise.rawSpan)
    #expect(!noiseShrinks)
    let tooShort = [UInt8](repeating: 1, count: 8)
    let fewShrink = compressor.compress(tooShort.rawSpan)
    #expect(!fewShrink)
  }

  @Test func `the format is that of LibLZF`() {
    // Five literals, then nine bytes from five before.
    let bytes: [UInt8] = [4, 97, 98, 99, 100, 101, 7 << 5, 0, 4]
    let result = expanded(bytes.rawSpan, to: 14)
    #expect(result == Array("abcdeabcdeabcd".utf8))
  }

  @Test func `malformed bytes are refused`() {
    let cases: [(bytes: [UInt8], count: Int, why: String)] = [
      ([0, 97, 0], 2, "literal missing"), ([0, 97, 1 << 5], 4, "offset missing"),
      ([0, 97, 7 << 5, 1], 11, "offset missing"), ([0, 97, 1 << 5, 1], 4, "before the start"),
      ([0, 97, 1 << 5, 0], 3, "longer than said"), ([0, 97, 1 << 5, 0], 5, "shorter than said"),
    ]
    for one in cases {
      let result = expanded(one.bytes.rawSpan, to: one.count)
      #expect(result == nil, "\(one.why)")
    }
    let right: [UInt8] = [0, 97, 1 << 5, 0]
    let result = expanded(right.rawSpan, to: 4)
    #expect(result == Array("aaaa".utf8))
  }

  @Test func `arbitrary bytes never read or write outside`() {
    var random = RandomGenerator(seed: 23)
    for _ in 0..<20_000 {
      let bytes = (0..<random.next(below: 40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let span = bytes.rawSpan
      _ = expanded(span, to: random.next(below: 300))
    }
  }
}
