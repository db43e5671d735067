// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct DirectiveTextTests {
  private func split(_ line: String) -> [String]? {
    DirectiveText.split(line.utf8)?.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(arguments: [
    ("", []), ("  port\t6379 ", ["port", "6379"]), ("a \"b c\" d", ["a", "b c", "d"]),
    ("a 'b \"c\"'", ["a", "b \"c\""]), (#"a 'it\'s'"#, ["a", "it's"]),
    (#"a "\x41\n\t\"\\""#, ["a", "A\n\t\"\\"]), (#"a "\xzz""#, ["a", "xzz"]),
    (#"a b"c d""#, ["a", "bc d"]), ("a \"\"", ["a", ""]), (#"a '\n'"#, ["a", "\\n"]),
  ])
  func `Words are split as the reference server splits them`(line: String, words: [String]) {
    #expect(split(line) == words)
  }

  @Test(arguments: ["a \"b", "a 'b", #"a "b"c"#, "a 'b'c", #"a "b\""#])
  func `Quotes that don't close or don't end a word are refused`(line: String) {
    #expect(split(line) == nil)
  }

  @Test func `A quoted word is read back as it was`() {
    var seed: UInt64 = 0x5EED
    for round in 0..<2000 {
      var word = ""
      seed = seed &* 6_364_136_223_846_793_005 &+ 1
      for index in 0..<Int(seed >> 60) {
        let code = UInt32(truncatingIfNeeded: seed >> (8 + UInt64(index))) & 0x3FF
        word.unicodeScalars.append(Unicode.Scalar(code) ?? "?")
      }
      let line = "x " + DirectiveText.quoted(ByteText(word)).logText
      #expect(line.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "round \(round)")
      #expect(split(line) == ["x", word], "round \(round): \(line)")
    }
  }
}
