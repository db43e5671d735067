// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@Suite struct WordsTests {
  // Spans can't stand in an expectation.
  private func spells(_ bytes: [UInt8], _ word: String) -> Bool {
    let all = bytes.rawSpan.spells(word)
    let text = bytes.rawSpan.spells(ByteText(word))
    #expect(all == text)
    return all
  }

  private func echo(_ bytes: [UInt8], _ limit: Int = RawSpan.echoByteCountMax) -> [UInt8] {
    bytes.rawSpan.echo(ofAtMost: limit).copied
  }

  private func text(_ bytes: [UInt8], _ limit: Int) -> String? {
    bytes.rawSpan.text(ofAtMost: limit)
  }

  @Test func `a word is spelt in any case of ASCII, and of nothing else`() {
    let word = Array("aZ[`{@1".utf8)
    let isLiteral = word.rawSpan.spells("Az[`{@1" as StaticString)
    #expect(isLiteral)
    #expect(spells(word, "Az[`{@1"))
    #expect(!spells(Array("@".utf8), "`") && !spells(Array("[".utf8), "{"))
    #expect(!spells(word, "az[`{@") && !spells(word, "az[`{@12"))
    #expect(spells([], ""))
    // The letters that Unicode folds to k and s, and to an e with an accent in two pieces.
    #expect(!spells(Array("\u{212a}".utf8), "k") && !spells(Array("\u{17f}".utf8), "s"))
    #expect(!spells(Array("e\u{301}".utf8), "\u{e9}") && !spells(Array("\u{c9}".utf8), "\u{e9}"))
  }

  @Test func `an echo ends at 128 bytes and at a zero`() {
    let long = [UInt8](repeating: 0xff, count: 1000)
    #expect(echo(long) == [UInt8](repeating: 0xff, count: 128))
    #expect(echo([1, 2, 0, 3]) == [1, 2])
    #expect(echo([1, 2, 3], 2) == [1, 2])
    #expect(echo([]) == [])
  }

  @Test func `an interpolation repeats bytes as they are`() {
    let word: [UInt8] = [0x61, 0xff, 0x0a]
    let text: ByteText = "'\(echo: word)' \(7) \("own") \(upperCased: word.rawSpan)"
    #expect(
      text.bytes == Array("'a".utf8) + [0xff, 0x0a] + Array("' 7 own A".utf8) + [0xff, 0x0a])
    #expect(("\(whole: [0, 1])" as ByteText).bytes == [0, 1])
  }

  @Test func `only what is short and UTF-8 becomes a String`() {
    #expect(text(Array("é".utf8), 2) == "é")
    #expect(text(Array("é".utf8), 1) == nil)
    #expect(text([0xff], 9) == nil)
    #expect(text([0x61, 0], 9) == nil)
    #expect(ByteText([0x61, 0xff]).logText == "a\u{fffd}")
    #expect(ByteText([UInt8](repeating: 0x61, count: 2000)).logText.utf8.count == 1024)
  }

  @Test func `numbers are read from bytes`() {
    #expect(ByteText("-12").integer() == -12 && ByteText("17").integer(radix: 8) == 15)
    #expect(ByteText("1x").integer() == nil && ByteText("").integer() == nil)
    #expect(ByteText("1.5").double == 1.5 && ByteText("x").double == nil)
    #expect(ByteText("1a").integer(radix: 8) == nil)
    #expect(ByteText([UInt8](repeating: 0x31, count: 65)).integer() == nil)
  }

  @Test func `texts are joined and parted at blanks`() {
    let parts: [ByteText] = ["a", "", "b"]
    #expect(parts.joined(by: " ") == "a  b")
    #expect(("a  b" as ByteText).partsBetweenBlanks == parts)
    #expect(ByteText("AbÉ").folded == "abÉ")
  }
}
