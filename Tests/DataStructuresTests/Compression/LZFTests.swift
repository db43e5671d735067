// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@Suite struct LZFTests {
  /// What `bytes` expand to; nil if that fails.
  private func expanded(_ bytes: RawSpan, to count: Int) -> [UInt8]? {
    var output = [UInt8](repeating: 0, count: count)
    let isRight = output.withUnsafeMutableBytes { LZF.decompress(bytes, into: $0) }
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
      #expect(compressor.compressed.byteCount <= count - 4, "round \(round)")
      #expect(expanded(compressor.compressed, to: count) == bytes, "round \(round)")
    }
    #expect(compressedCount > 1000)
  }

  @Test func `repetition shrinks, and noise is left alone`() {
    var compressor = LZFCompressor()
    let same = [UInt8](repeating: 65, count: 10_000)
    #expect(compressor.compress(same.rawSpan))
    #expect(compressor.compressed.byteCount < 200)
    var random = RandomGenerator(seed: 3)
    let noise = (0..<10_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    #expect(!compressor.compress(noise.rawSpan))
    #expect(!compressor.compress([UInt8](repeating: 1, count: 8).rawSpan))
  }

  @Test func `the format is that of LibLZF`() {
    // Five literals, then nine bytes from five before.
    let bytes: [UInt8] = [4, 97, 98, 99, 100, 101, 7 << 5, 0, 4]
    #expect(expanded(bytes.rawSpan, to: 14) == Array("abcdeabcdeabcd".utf8))
  }

  @Test func `malformed bytes are refused`() {
    #expect(expanded([0, 97, 0].rawSpan, to: 2) == nil, "literal missing")
    #expect(expanded([0, 97, 1 << 5].rawSpan, to: 4) == nil, "offset missing")
    #expect(expanded([0, 97, 7 << 5, 1].rawSpan, to: 11) == nil, "offset missing")
    #expect(expanded([0, 97, 1 << 5, 1].rawSpan, to: 4) == nil, "before the start")
    #expect(expanded([0, 97, 1 << 5, 0].rawSpan, to: 3) == nil, "longer than said")
    #expect(expanded([0, 97, 1 << 5, 0].rawSpan, to: 5) == nil, "shorter than said")
    #expect(expanded([0, 97, 1 << 5, 0].rawSpan, to: 4) == Array("aaaa".utf8))
  }

  @Test func `arbitrary bytes never read or write outside`() {
    var random = RandomGenerator(seed: 23)
    for _ in 0..<20_000 {
      let bytes = (0..<random.next(below: 40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      _ = expanded(bytes.rawSpan, to: random.next(below: 300))
    }
  }
}
