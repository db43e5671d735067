// SPDX-License-Identifier: Apache-2.0
import RESP
import Testing

@Suite struct InlineRequestTests {
  private func parse(_ bytes: [UInt8]) -> [Parsed] { RequestParserCheck.parse(bytes) }

  /// Expectations taken from the replies of redis-server 7.0.15.
  @Test(
    arguments: [
      ("PING\r\n", ["PING"]), ("PING\n", ["PING"]), ("  SET  k\tv  \r\n", ["SET", "k", "v"]),
      ("\"\"\r\n", [""]), ("''\n", [""]), ("a '' b\n", ["a", "", "b"]),
      ("PING \"a\\x41\\n\\q\\\"\"\r\n", ["PING", "aA\nq\""]),
      ("PING \"\\r\\t\\b\\a\\\\\"\r\n", ["PING", "\r\t\u{8}\u{7}\\"]),
      ("PING 'a\\'b\\n'\r\n", ["PING", "a'b\\n"]),
      ("PING a\"b c\"\r\n", ["PING", "ab c"]), ("PING a'b c'\r\n", ["PING", "ab c"]),
      ("PING a\u{b}b\r\n", ["PING", "a\u{b}b"]), ("PING\u{b}a\r\n", ["PING\u{b}a"]),
      ("\u{b}PING\r\n", ["PING"]), ("PING \u{c}a\r\n", ["PING", "a"]),
      ("PING\ra\r\n", ["PING", "a"]), ("PING a\r\r\n", ["PING", "a"]),
      ("PING a\\x41\r\n", ["PING", "a\\x41"]), ("PING \"a\\x4\"\r\n", ["PING", "ax4"]),
      ("PING \"a\\xg1\"\r\n", ["PING", "axg1"]), ("PING \"\\x6a\\x6B\"\r\n", ["PING", "jk"]),
      ("PING \"a\"\u{b}\r\n", ["PING", "a"]), ("PING \"a\rb\"\r\n", ["PING", "a\rb"]),
      ("$4\r\n", ["$4"]), ("PING \"*1\"\r\n", ["PING", "*1"]),
    ] as [(String, [String])])
  func `A line is split into words`(line: String, words: [String]) {
    let expected = [Parsed.request(words.map(\.bytes), canonical: false)]
    #expect(parse(line.bytes) == expected)
    for cut in 0...line.utf8.count {
      #expect(RequestParserCheck.parse(line.bytes, cuts: [cut]) == expected)
    }
  }

  @Test(arguments: [
    "PING \"abc\r\n", "PING 'abc\r\n", "PING \"abc\"d\r\n", "PING 'abc'd\r\n",
    "PING a\"b c\"d\r\n", "PING \"a\\\r\n", "PING \"a\\\"\r\n", "PING \"a\"\"b\"\r\n", "\"\n",
    "PING 'a\\'\r\n", "PING \"a\\x4\r\n",
  ])
  func `Unbalanced quotes are refused`(line: String) {
    #expect(parse(line.bytes) == [.failure(.unbalancedQuotes)])
  }

  @Test func `Bytes above 127 are no white space`() {
    let line: [UInt8] = "PING ".bytes + [0x80, 0xA0, 0x85, 0xFF] + "\r\n".bytes
    #expect(
      parse(line) == [.request(["PING".bytes, [0x80, 0xA0, 0x85, 0xFF]], canonical: false)])
  }

  @Test func `An escape can produce every byte`() {
    let digits = "0123456789abcdef".bytes
    var line = "ECHO \"".bytes
    for byte in 0..<256 { line += "\\x".bytes + [digits[byte / 16], digits[byte % 16]] }
    line += "\"\r\n".bytes
    #expect(
      parse(line) == [.request(["ECHO".bytes, (0..<256).map { UInt8($0) }], canonical: false)])
  }
}
