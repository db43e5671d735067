// SPDX-License-Identifier: Apache-2.0
import DataStructures
import Testing

struct KeywordTests {
  @Test
  func `A keyword matches its literal in any case`() {
    for text in ["nx", "NX", "Nx", "nX"] {
      #expect(Keyword("nx") ~= keyword(text))
      #expect(!(Keyword("xx") ~= keyword(text)))
    }
    #expect(Keyword("keepttl") ~= keyword("KeepTTL"))
    #expect(Keyword("absttl12") ~= keyword("ABSTTL12"))
  }

  @Test
  func `A switch over keywords chooses the case that the text names`() {
    func option(_ text: String) -> Int {
      switch keyword(text) {
      case Keyword("ex"): 1
      case Keyword("px"): 2
      case Keyword("keepttl"): 3
      default: 0
      }
    }
    #expect(["EX", "px", "KEEPTTL", "ttl"].map(option) == [1, 2, 3, 0])
  }

  @Test
  func `Only A to Z are folded, at every position and length`() {
    for length in 1...8 {
      for position in 0..<length {
        for byte in UInt8.min...UInt8.max {
          var bytes = [UInt8](repeating: UInt8(ascii: "q"), count: length)
          bytes[position] = byte
          let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
          var expected: UInt64 = 0
          for (index, element) in bytes.enumerated() {
            let folded = index == position && isUpper ? element + 32 : element
            expected |= UInt64(folded) << UInt64(8 * index)
          }
          if position == length - 1, byte == 0 { expected = .max }
          let word = Keyword(folding: bytes.octets).word
          #expect(word == expected)
        }
      }
    }
  }

  @Test
  func `Bytes that are too many or end in NUL match no literal`() {
    #expect(!(Keyword("nx") ~= keyword("nx\0")))
    #expect(!(Keyword("") ~= keyword("\0")))
    #expect(Keyword("") ~= keyword(""))
    #expect(!(Keyword("withscor") ~= keyword("withscores")))
    #expect(keyword("withscores").word == keyword("another long one").word)
  }

  @Test
  func `A folded name tells apart up to sixteen bytes`() {
    #expect(FoldedName("withscores") ~= name("WITHSCORES"))
    #expect(!(FoldedName("withscores") ~= name("WITHSCORE")))
    #expect(!(FoldedName("withscor") ~= name("WITHSCORES")))
    #expect(FoldedName("georadiusbymembe") ~= name("GEORADIUSBYMEMBE"))
    #expect(name("GEORADIUSBYMEMBER").isUnmatchable)
    #expect(name("get\0").isUnmatchable)
    #expect(FoldedName("") ~= name(""))
    #expect(FoldedName("get") ~= name("GeT"))
  }

  private func keyword(_ text: String) -> Keyword {
    Keyword(folding: Array(text.utf8).octets)
  }

  private func name(_ text: String) -> FoldedName {
    FoldedName(folding: Array(text.utf8).octets)
  }
}
