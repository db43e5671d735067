// SPDX-License-Identifier: Apache-2.0
import RESP
import Testing

@Suite struct RequestSplitTests {
  private static let examples: [String] = [
    "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$16\r\n0123456789abcdef\r\n*1\r\n$4\r\nPING\r\n",
    "PING\r\n\r\nSET \"a b\" 'c\\'d'\n*0\r\n*2\r\n$0\r\n\r\n$1\r\nx\r\n*-3\r\n",
    "*11\r\n" + String(repeating: "$1\r\na\r\n", count: 11) + "GET \"\\x41\\n\" k\r\n",
    "*2\r\n$100\r\n" + String(repeating: "y", count: 100) + "\r\n$2\r\n\r\n\r\n*1\rZ$1\rZaZZ",
    "*1\r\n$4\r\nPING\r\n*1\r\n$04\r\n", "PING\r\n*1\r\n$1\r\na\r\n*x\r\n", "*1\r\n$1\r\na\r\n\"x",
    "*1\r\n$4\r\nPING\r\na\n*1\r\n$4\r\nPING\r\n\n*1\r\n$4\r\nPING\r\nPING\r\n",
    "*1\r\n$1\r\na\r\n+\"x\"y\r\n",
  ]

  @Test(arguments: examples)
  func `Every two-way split gives the same requests`(text: String) {
    let bytes = text.bytes
    let whole = RequestParserCheck.parse(bytes)
    #expect(!whole.isEmpty)
    for cut in 0...bytes.count {
      #expect(RequestParserCheck.parse(bytes, cuts: [cut]) == whole, "cut at \(cut)")
    }
  }

  @Test(arguments: examples)
  func `Byte by byte gives the same requests`(text: String) {
    let bytes = text.bytes
    let whole = RequestParserCheck.parse(bytes)
    let cuts = Array(0..<bytes.count)
    #expect(RequestParserCheck.parse(bytes, cuts: cuts) == whole)
    #expect(RequestParserCheck.parse(bytes, cuts: cuts, honoursBytesNeeded: true) == whole)
  }

  @Test func `Random requests come back as they were encoded`() {
    for seed in UInt64(0)..<300 {
      var random = SeededGenerator(seed: seed)
      var expected: [Parsed] = []
      var writer = CommandWriter()
      for _ in 0...random.below(4) {
        let arguments = (0...random.below(13)).map { _ -> [UInt8] in
          let length = random.below(10) == 0 ? random.below(300) : random.below(20)
          return (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        writer.begin(argumentCount: arguments.count)
        for argument in arguments { writer.append(unsafe argument.span.bytes) }
        expected.append(.request(arguments, canonical: true))
      }
      let bytes = array(writer.bytes)
      let cuts = (0..<random.below(6)).map { _ in random.below(bytes.count + 1) }.sorted()
      #expect(RequestParserCheck.parse(bytes, cuts: cuts) == expected, "seed \(seed)")
    }
  }

  /// The alphabet makes valid pieces likely.
  @Test func `Arbitrary bytes give the same result however they are cut`() {
    let pieces: [[UInt8]] = [
      "*", "$", "\r\n", "\r", "\n", "1", "2", "12", "0", "-", "\"", "'", "\\", "x4", " ", "a",
      "PING",
      "*1\r\n", "*2\r\n", "$1\r\na\r\n", "$12\r\n", "$3\r\nSET\r\n", "\0", "*10\r\n", "*11\r\n",
      "$41\r\n",
    ].map(\.bytes)
    for seed in UInt64(0)..<4000 {
      var random = SeededGenerator(seed: seed)
      var bytes: [UInt8] = []
      for _ in 0..<random.below(24) { bytes += pieces[random.below(pieces.count)] }
      #expect(RequestParserCheck.isIndependentOfCuts(bytes, seed: seed), "seed \(seed)")
    }
  }
}
