// SPDX-License-Identifier: Apache-2.0
import RESP
import Testing

@Suite struct ReplyWriterTests {
  /// What a writer holds after `body`, in both versions.
  private func both(_ body: (inout ReplyWriter) -> Void) -> [String] {
    [ProtocolVersion.resp2, .resp3].map { version in
      var writer = ReplyWriter(version: version)
      body(&writer)
      return array(writer.bytes).text
    }
  }

  private func same(_ text: String) -> [String] { [text, text] }

  @Test func `Scalars that both versions know are written alike`() {
    #expect(both { $0.ok() } == same("+OK\r\n"))
    #expect(both { $0.status("QUEUED") } == same("+QUEUED\r\n"))
    #expect(both { $0.status("a\r\nb" as String) } == same("+a  b\r\n"))
    #expect(both { $0.bulk("hello") } == same("$5\r\nhello\r\n"))
    #expect(both { $0.bulk("" as String) } == same("$0\r\n\r\n"))
    #expect(both { $0.bulk(unsafe [UInt8]().span.bytes) } == same("$0\r\n\r\n"))
    #expect(both { $0.bulk("é" as String) } == same("$2\r\né\r\n"))
    #expect(both { $0.bulk(integer: -12345) } == same("$6\r\n-12345\r\n"))
    #expect(both { $0.array(0) } == same("*0\r\n"))
    #expect(both { $0.append("raw\r\n") } == same("raw\r\n"))
  }

  @Test(arguments: [0, 9, 10, 99, 100, -1, -10, 12345, Int.max, Int.min])
  func `Integers are written`(value: Int) {
    #expect(both { $0.integer(value) } == same(":\(value)\r\n"))
    #expect(
      both { $0.bulk(integer: value) } == same("$\(String(value).utf8.count)\r\n\(value)\r\n"))
  }

  @Test func `Bulk strings of every small length are written`() {
    for length in 0..<300 {
      let bytes = (0..<length).map { UInt8($0 & 0x7F) }
      let expected = "$\(length)\r\n" + bytes.text + "\r\n"
      #expect(both { $0.bulk(unsafe bytes.span.bytes) } == same(expected))
    }
  }

  @Test func `Types that only RESP3 has are translated`() {
    #expect(both { $0.null() } == ["$-1\r\n", "_\r\n"])
    #expect(both { $0.nullArray() } == ["*-1\r\n", "_\r\n"])
    #expect(both { $0.map(3) } == ["*6\r\n", "%3\r\n"])
    #expect(both { $0.set(12) } == ["*12\r\n", "~12\r\n"])
    #expect(both { $0.push(123) } == ["*123\r\n", ">123\r\n"])
    #expect(both { $0.boolean(true) } == [":1\r\n", "#t\r\n"])
    #expect(both { $0.boolean(false) } == [":0\r\n", "#f\r\n"])
    #expect(both { $0.double(3.141) } == ["$5\r\n3.141\r\n", ",3.141\r\n"])
    #expect(
      both { $0.double(3.1) } == ["$18\r\n3.1000000000000001\r\n", ",3.1000000000000001\r\n"])
    #expect(both { $0.double(-.infinity) } == ["$4\r\n-inf\r\n", ",-inf\r\n"])
    #expect(both { $0.double(1_234_567_890) } == ["$10\r\n1234567890\r\n", ",1234567890\r\n"])
    #expect(both { $0.double(123_456_789) } == ["$9\r\n123456789\r\n", ",123456789\r\n"])
    #expect(both { $0.humanDouble(0.5) } == ["$3\r\n0.5\r\n", ",0.5\r\n"])
    #expect(both { $0.bigNumber("123456789") } == ["$9\r\n123456789\r\n", "(123456789\r\n"])
    #expect(
      both { $0.verbatim("a\nb", format: "txt") } == ["$3\r\na\nb\r\n", "=7\r\ntxt:a\nb\r\n"])
    var writer = ReplyWriter(version: .resp3)
    writer.attribute(1)
    #expect(array(writer.bytes).text == "|1\r\n")
  }

  @Test func `Floating-point numbers of every length are written`() {
    var text = ""
    for digit in 1...17 {
      text += String(digit % 10)
      let number = digit == 17 ? "1.2345678901234567" : text
      let expected = ["$\(number.utf8.count)\r\n\(number)\r\n", ",\(number)\r\n"]
      #expect(both { $0.double(Double(number) ?? 0) } == expected)
      let negative = ["$\(number.utf8.count + 1)\r\n-\(number)\r\n", ",-\(number)\r\n"]
      #expect(both { $0.double(-(Double(number) ?? 0)) } == negative)
    }
  }

  @Test func `Errors never carry a line end of the client`() {
    #expect(both { $0.error("ERR syntax error") } == same("-ERR syntax error\r\n"))
    #expect(both { $0.error("ERR \r\n+OK\r\n" as String) } == same("-ERR   +OK\r\n"))
    #expect(both { $0.error(text: unsafe "ERR a\nb".bytes.span.bytes) } == same("-ERR a b\r\n"))
    #expect(both { $0.error("" as String) } == same("-\r\n"))
    #expect(both { $0.error("\n\r" as String) } == same("-\r\n"))
  }

  @Test func `Protocol errors are written with Redis's texts`() {
    func written(_ error: ProtocolError) -> [UInt8] {
      var writer = ReplyWriter()
      error.write(to: &writer)
      return array(writer.bytes)
    }
    #expect(
      written(.invalidMultibulkLength).text == "-ERR Protocol error: invalid multibulk length\r\n")
    #expect(
      written(.expectedDollar(got: 0x3A)).text == "-ERR Protocol error: expected '$', got ':'\r\n")
    #expect(
      written(.expectedDollar(got: 0x0D)).text == "-ERR Protocol error: expected '$', got ' '\r\n")
    #expect(
      written(.expectedDollar(got: 0xFF))
        == "-ERR Protocol error: expected '$', got '".bytes + [0xFF] + "'\r\n".bytes)
    #expect(ProtocolError.expectedDollar(got: 0x78).message.hasSuffix("expected '$', got 'x'"))
    let texts: [(ProtocolError, String)] = [
      (.invalidBulkLength, "invalid bulk length"),
      (.tooBigInlineRequest, "too big inline request"),
      (.tooBigMultibulkCount, "too big mbulk count string"),
      (.tooBigBulkCount, "too big bulk count string"),
      (.unbalancedQuotes, "unbalanced quotes in request"),
      (.unauthenticatedMultibulkLength, "unauthenticated multibulk length"),
      (.unauthenticatedBulkLength, "unauthenticated bulk length"),
    ]
    for (error, text) in texts {
      #expect(written(error).text == "-ERR Protocol error: \(text)\r\n")
    }
  }

  @Test func `Aggregates can be counted afterwards, nested ones too`() {
    #expect(
      both { writer in
        writer.ok()
        let outer = writer.beginAggregate()
        for index in 0..<12 {
          let inner = writer.beginAggregate()
          writer.integer(index)
          writer.endArray(inner, count: 1)
        }
        writer.endArray(outer, count: 12)
        writer.endMap(writer.beginAggregate(), count: 0)
      }
        == ["*0", "%0"].map { last in
          "+OK\r\n*12\r\n" + (0..<12).map { "*1\r\n:\($0)\r\n" }.joined() + "\(last)\r\n"
        })
    for (index, type) in ["*20", "%10"].enumerated() {
      #expect(
        both { writer in
          let mark = writer.beginAggregate()
          for _ in 0..<20 { writer.null() }
          writer.endMap(mark, count: 10)
        }[index].hasPrefix(type))
    }
    #expect(both { $0.endSet($0.beginAggregate(), count: 100) } == ["*100\r\n", "~100\r\n"])
  }

  @Test func `An abandoned reply is truncated away`() {
    var writer = ReplyWriter()
    writer.ok()
    let mark = writer.beginAggregate()
    writer.bulk("x")
    writer.truncate(to: mark.offset)
    #expect(array(writer.bytes).text == "+OK\r\n")
  }

  @Test func `A writer without replies owns no memory, and memory moves between writers`() throws {
    var first = ReplyWriter()
    let nothing = (first.capacity, first.count, first.takeStorage() == nil)
    #expect(nothing == (0, 0, true))
    first.bulk("hello")
    let capacity = first.capacity
    first.removeFirst(first.count)
    let taken = first.takeStorage()
    let storage = try #require(taken)
    #expect(storage.capacity == capacity)
    let left = first.capacity
    #expect(left == 0)
    var second = ReplyWriter()
    second.adopt(storage)
    let adopted = (second.capacity, second.count)
    #expect(adopted == (capacity, 0))
    second.ok()
    first.ok()
    let texts = (array(second.bytes).text, array(first.bytes).text)
    #expect(texts == ("+OK\r\n", "+OK\r\n"))
    second.removeAll()
    let offered = second.takeStorage()
    first.adopt(try #require(offered))
    let kept = array(first.bytes).text
    #expect(kept == "+OK\r\n")
  }
}
