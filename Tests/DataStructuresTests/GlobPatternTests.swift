// SPDX-License-Identifier: Apache-2.0
import DataStructures
import Testing

struct GlobPatternTests {
  @Test(arguments: [
    ("h?llo", "hello"), ("h*llo", "heeeello"), ("h*llo", "hllo"), ("h[ae]llo", "hallo"),
    ("h[^e]llo", "hbllo"), ("h[a-b]llo", "hbllo"), ("h[b-a]llo", "hallo"), ("*", "x"),
    ("**a**", "bab"), ("a*b*c", "abbbcc"), ("\\*", "*"), ("a\\", "a\\"), ("[\\]]", "]"),
    ("[a", "a"), ("[a-", "-"), ("[a-]", "_"), ("[^", "a"), ("", ""), ("a*", "a"),
  ])
  func `Matches as the reference server does`(pattern: String, text: String) {
    #expect(matches(pattern, text))
  }

  @Test(arguments: [
    ("h?llo", "hllo"), ("h[^e]llo", "hello"), ("h[ae]llo", "hillo"), ("*", ""), ("**", ""),
    ("", "a"), ("a", ""), ("a*", "ba"), ("*a", "ab"), ("[", "["), ("[]a]", "a"), ("[]", "]"),
    ("A", "a"), ("[a-z]", "A"), ("\\a", "b"), ("a?", "a"), ("a*?", "a"),
  ])
  func `Refuses as the reference server does`(pattern: String, text: String) {
    #expect(!matches(pattern, text))
  }

  @Test
  func `Ignoring case folds letters and ranges but not escapes in classes`() {
    #expect(matches("MAX*[M-M]emory", "maxmemory", ignoringCase: true))
    #expect(matches("[A-Z]", "q", ignoringCase: true))
    #expect(matches("\\A", "a", ignoringCase: true))
    #expect(!matches("[\\A]", "a", ignoringCase: true))
  }

  @Test
  func `Ranges order bytes as signed characters`() {
    let text: [UInt8] = [0xf0]
    let toA: [UInt8] = [0x5b, 0x80, 0x2d, 0x61, 0x5d]
    let toTop: [UInt8] = [0x5b, 0x61, 0x2d, 0x7f, 0x5d]
    let isBelowA = GlobPattern.matches(pattern: toA.octets, text: text.octets)
    let isAboveA = GlobPattern.matches(pattern: toTop.octets, text: text.octets)
    #expect(isBelowA && !isAboveA)
  }

  @Test
  func `Every short pattern agrees with a recursive definition`() {
    let alphabet = Array("ab*?".utf8)
    let texts = words(over: Array("ab".utf8), upTo: 4)
    for pattern in words(over: alphabet, upTo: 4) {
      for text in texts where !text.isEmpty {
        let isMatch = GlobPattern.matches(pattern: pattern.octets, text: text.octets)
        #expect(isMatch == isDefined(pattern[...], text[...]), "\(pattern) \(text)")
      }
    }
  }

  @Test
  func `More than a thousand stars match nothing`() {
    let text = String(repeating: "a", count: 1001)
    let most = String(repeating: "*a", count: 1000)
    #expect(matches(most, text))
    #expect(matches(most + "***", text))
    #expect(matches("**" + most, text))
    #expect(!matches(most + "*a", text))
    #expect(!matches(most + "*?*", text))
  }

  @Test(.timeLimit(.minutes(5)))
  func `A hostile pattern costs at most the product of the lengths`() {
    let pattern = String(repeating: "a*", count: 400) + "b"
    #expect(!matches(pattern, String(repeating: "a", count: 4000)))
    #expect(matches(pattern, String(repeating: "a", count: 4000) + "b"))
  }

  private func matches(_ pattern: String, _ text: String, ignoringCase: Bool = false) -> Bool {
    let pattern = Array(pattern.utf8)
    let text = Array(text.utf8)
    return GlobPattern.matches(
      pattern: pattern.octets, text: text.octets, ignoringCase: ignoringCase)
  }

  private func words(over alphabet: [UInt8], upTo length: Int) -> [[UInt8]] {
    var all: [[UInt8]] = [[]]
    var last = all
    for _ in 0..<length {
      last = last.flatMap { word in alphabet.map { word + [$0] } }
      all += last
    }
    return all
  }

  private func isDefined(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
    guard let element = pattern.first else { return text.isEmpty }
    if element == UInt8(ascii: "*") {
      if isDefined(pattern.dropFirst(), text) { return true }
      return !text.isEmpty && isDefined(pattern, text.dropFirst())
    }
    guard let byte = text.first, element == UInt8(ascii: "?") || element == byte else {
      return false
    }
    return isDefined(pattern.dropFirst(), text.dropFirst())
  }
}
