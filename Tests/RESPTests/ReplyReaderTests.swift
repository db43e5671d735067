// SPDX-License-Identifier: Apache-2.0
import RESP
import Testing

@Suite struct ReplyReaderTests {
  private func read(_ bytes: [UInt8], cuts: [Int] = []) throws -> [Reply] {
    var reader = ReplyReader()
    var replies: [Reply] = []
    var sent = 0
    for cut in cuts + [bytes.count] {
      reader.feed(bytes[sent..<cut])
      sent = cut
      while let reply = try reader.next() { replies.append(reply) }
    }
    return replies
  }

  private static let examples: [(String, Reply)] = [
    ("+OK\r\n", .status("OK")), ("-ERR x\r\n", .error("ERR x")), (":-12\r\n", .integer(-12)),
    ("$5\r\nhe\r\no\r\n", .bulk("he\r\no")), ("$0\r\n\r\n", .bulk("")), ("$-1\r\n", .null),
    ("*-1\r\n", .nullArray), ("*0\r\n", .array([])), ("_\r\n", .null), ("#t\r\n", .boolean(true)),
    ("#f\r\n", .boolean(false)), (",3.1\r\n", .double("3.1")), (",inf\r\n", .double("inf")),
    ("(12345678901234567890\r\n", .bigNumber("12345678901234567890")), ("+\r\n", .status("")),
    ("=7\r\ntxt:a\nb\r\n", .verbatim(format: "txt", text: "a\nb".bytes)),
    ("!5\r\nERR x\r\n", .error("ERR x")), ("~2\r\n:1\r\n:2\r\n", .set([.integer(1), .integer(2)])),
    ("%1\r\n$1\r\nk\r\n:2\r\n", .map([.bulk("k"), .integer(2)])), ("%0\r\n", .map([])),
    (">2\r\n+a\r\n*1\r\n_\r\n", .push([.status("a"), .array([.null])])),
    ("|1\r\n+k\r\n:1\r\n$1\r\nv\r\n", .attributed([.status("k"), .integer(1)], .bulk("v"))),
    (
      "*3\r\n*2\r\n:1\r\n*0\r\n*-1\r\n%1\r\n+a\r\n~0\r\n",
      .array([.array([.integer(1), .array([])]), .nullArray, .map([.status("a"), .set([])])])
    ),
  ]

  @Test(arguments: examples) func `Replies are read however they are cut`(
    text: String, reply: Reply
  ) throws {
    let bytes = text.bytes
    #expect(try read(bytes) == [reply])
    for cut in 0...bytes.count { #expect(try read(bytes, cuts: [cut]) == [reply]) }
    #expect(try read(bytes, cuts: Array(0..<bytes.count)) == [reply])
  }

  @Test func `Many replies in one stream are read in order`() throws {
    let bytes = Self.examples.flatMap { $0.0.bytes }
    let replies = Self.examples.map(\.1)
    #expect(try read(bytes) == replies)
    for seed in UInt64(0)..<50 {
      var random = SeededGenerator(seed: seed)
      let cuts = (0..<10).map { _ in random.below(bytes.count + 1) }.sorted()
      #expect(try read(bytes, cuts: cuts) == replies, "seed \(seed)")
    }
  }

  @Test(
    arguments: [
      ("?\r\n", .unknownType(0x3F)), ("\r\n", .unknownType(0x0D)), (":x\r\n", .invalidLength),
      ("$-2\r\n", .invalidLength), ("$x\r\n", .invalidLength), ("*-2\r\n", .invalidLength),
      ("%-1\r\n", .invalidLength), ("*99999999999\r\n", .invalidLength),
      ("$1\r\nabc", .missingLineEnd), ("#x\r\n", .invalidValue), ("_x\r\n", .invalidValue),
      ("=2\r\nab\r\n", .invalidValue), ("$9223372036854775807\r\n", .invalidLength),
    ] as [(String, ReplyError)])
  func `Malformed replies are errors`(text: String, error: ReplyError) {
    var reader = ReplyReader()
    reader.feed(text.bytes)
    #expect(throws: error) { try reader.next() }
  }

  @Test func `Nesting and lines have limits`() {
    var deep = ReplyReader()
    deep.feed(String(repeating: "*1\r\n", count: 200).bytes)
    #expect(throws: ReplyError.tooDeep) { try deep.next() }
    var long = ReplyReader()
    long.feed([UInt8](repeating: 0x2B, count: 70000))
    #expect(throws: ReplyError.tooLongLine) { try long.next() }
  }

  @Test func `What the writer writes is read back`() throws {
    var writer = ReplyWriter(version: .resp3)
    writer.map(1)
    writer.bulk("score")
    writer.double(1.5)
    writer.null()
    writer.verbatim("text", format: "txt")
    #expect(
      try read(array(writer.bytes)) == [
        .map([.bulk("score"), .double("1.5")]), .null,
        .verbatim(format: "txt", text: "text".bytes),
      ])
  }
}
