// SPDX-License-Identifier: Apache-2.0
import RESP
import Testing

private func request(_ arguments: String..., canonical: Bool = true) -> Parsed {
  .request(arguments.map(\.bytes), canonical: canonical)
}

@Suite struct RequestParserTests {
  private func parse(_ text: String, limits: RequestLimits = RequestLimits()) -> [Parsed] {
    RequestParserCheck.parse(text.bytes, limits: limits)
  }

  @Test func `A request of bulk strings becomes its arguments`() {
    #expect(
      parse("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$16\r\n0123456789abcdef\r\n")
        == [request("SET", "key", "0123456789abcdef")])
  }

  @Test func `Pipelined requests are read one by one`() {
    #expect(
      parse("*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n")
        == [request("PING"), request("GET", "k"), request("PING", canonical: false)])
  }

  @Test func `Lengths of one to five digits are read`() {
    for length in [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 12345, 65536] {
      let value = String(repeating: "x", count: length)
      #expect(parse("*1\r\n$\(length)\r\n\(value)\r\n") == [request(value)])
    }
  }

  @Test func `Counts of one to four digits are read`() {
    for count in [1, 2, 9, 10, 11, 99, 100, 1234] {
      let text = "*\(count)\r\n" + String(repeating: "$1\r\na\r\n", count: count)
      #expect(
        parse(text)
          == [.request(Array(repeating: "a".bytes, count: count), canonical: true)])
    }
  }

  @Test func `A request without arguments is consumed`() {
    #expect(
      parse("*0\r\n*-1\r\n\r\n\n  \r\n*-9223372036854775808\r\nPING\r\n")
        == [.empty, .empty, .empty, .empty, .empty, .empty, request("PING", canonical: false)])
  }

  @Test func `Bytes of any value are carried`() {
    let value = (0...255).map { UInt8($0) }
    let bytes = "*2\r\n$0\r\n\r\n$256\r\n".bytes + value + "\r\n".bytes
    #expect(
      RequestParserCheck.parse(bytes) == [.request([[], value], canonical: true)])
  }

  @Test func `Line ends are as loose as in Redis and then not canonical`() {
    let loose = request("PING", canonical: false)
    #expect(parse("*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n") == [loose, request("PING")])
    #expect(parse("*1\rX$4\r\nPING\r\n") == [loose])
    #expect(parse("*1\r\n$4\rXPING\r\n") == [loose])
    #expect(parse("*10\rX" + String(repeating: "$1\r\na\r\n", count: 10)).count == 1)
    let long = String(repeating: "a", count: 100)
    #expect(parse("*1\r\n$100\rX\(long)\r\n") == [request(long, canonical: false)])
  }

  @Test(
    arguments: [
      ("*abc\r\n", .invalidMultibulkLength), ("*\r\n", .invalidMultibulkLength),
      ("*+1\r\n", .invalidMultibulkLength), ("*01\r\n$4\r\n", .invalidMultibulkLength),
      ("* 1\r\n", .invalidMultibulkLength), ("*-0\r\n", .invalidMultibulkLength),
      ("*1\n$4\r\nPING\r\n", .invalidMultibulkLength),
      ("*2147483648\r\n", .invalidMultibulkLength),
      ("*99999999999999999999\r\n", .invalidMultibulkLength),
      ("*1\0\r\n", .invalidMultibulkLength),
      ("*1\r\n:4\r\n", .expectedDollar(got: 0x3A)), ("*1\r\n\r\n", .expectedDollar(got: 0x0D)),
      ("*1\r\n'4\r\n", .expectedDollar(got: 0x27)),
      ("*1\r\n$x\r\n", .invalidBulkLength), ("*1\r\n$-1\r\n", .invalidBulkLength),
      ("*1\r\n$04\r\nPING\r\n", .invalidBulkLength), ("*1\r\n$\r\n", .invalidBulkLength),
      ("*1\r\n$-0\r\n\r\n", .invalidBulkLength), ("*1\r\n$536870913\r\n", .invalidBulkLength),
      ("*1\r\n$1a\r\nxx\r\n", .invalidBulkLength), ("*1\r\n$1\n\r\nxxxxxxx", .invalidBulkLength),
      ("*1\r\n$9223372036854775808\r\n", .invalidBulkLength),
      ("*1\r\n$:\r\nxxxxxxxxxxxxxxxxxxxx", .invalidBulkLength),
      ("*1\r\n$1:\r\nxxxxxxxxxxxxxxxxxxxxxxxxx", .invalidBulkLength),
      ("*1\r\n$1/\r\nxxxxxxxxxxxxxxxxxxxxxxxxx", .invalidBulkLength),
      ("*1\r\n$00:\r\nxxxxxxxxxxxxxxxxxxxxxxxx", .invalidBulkLength),
      ("*1\r\n$01\r\nxxxxxxxxxxxxxxxxxxxxxxxxx", .invalidBulkLength),
      ("*1\r\n$11:\r\n" + String(repeating: "x", count: 140), .invalidBulkLength),
      ("*1\r\n$11/\r\n" + String(repeating: "x", count: 140), .invalidBulkLength),
      ("*1\r\n$011\r\n" + String(repeating: "x", count: 140), .invalidBulkLength),
      ("*1:\r\n$1\r\na\r\n", .invalidMultibulkLength),
      ("*:\r\n$1\r\na\r\n", .invalidMultibulkLength),
    ] as [(String, ProtocolError)])
  func `Malformed counts are refused`(text: String, error: ProtocolError) {
    #expect(parse(text) == [.failure(error)])
    for cut in 0...text.utf8.count {
      #expect(RequestParserCheck.parse(text.bytes, cuts: [cut]) == [.failure(error)])
    }
  }

  @Test func `A wrong type is reported only when its line is complete, as Redis does`() {
    #expect(parse("*1\r\nx") == [])
    #expect(parse("*1\r\n\r") == [])
    #expect(parse("*1\r\nx\r\n") == [.failure(.expectedDollar(got: 0x78))])
  }

  @Test func `The largest counts are accepted`() {
    #expect(parse("*2147483647\r\n") == [])
    #expect(parse("*1\r\n$536870912\r\n") == [])
  }

  @Test func `A client that is not authenticated gets small requests only`() {
    let limits = RequestLimits(authenticated: false)
    #expect(parse("*10\r\n", limits: limits) == [])
    #expect(parse("*11\r\n", limits: limits) == [.failure(.unauthenticatedMultibulkLength)])
    #expect(parse("*1048577\r\n", limits: limits) == [.failure(.unauthenticatedMultibulkLength)])
    #expect(parse("*11x\r\n", limits: limits) == [.failure(.invalidMultibulkLength)])
    #expect(parse("*2\r\n$16384\r\n", limits: limits) == [])
    #expect(parse("*2\r\n$16385\r\n", limits: limits) == [.failure(.unauthenticatedBulkLength)])
    #expect(parse("*1\r\n$536870913\r\n", limits: limits) == [.failure(.invalidBulkLength)])
    #expect(parse("*1\r\n$4\r\nPING\r\n", limits: limits) == [request("PING")])
  }

  @Test func `Limits below two digits hold on the fast path too`() {
    let limits = RequestLimits(maxArguments: 2, maxBulkLength: 5)
    #expect(parse("*2\r\n$5\r\nabcde\r\n$0\r\n\r\n", limits: limits) == [request("abcde", "")])
    #expect(parse("*3\r\n", limits: limits) == [.failure(.invalidMultibulkLength)])
    #expect(parse("*1\r\n$6\r\nabcdef\r\n", limits: limits) == [.failure(.invalidBulkLength)])
  }

  @Test func `A line that does not end within the limit is refused`() {
    let x = { String(repeating: "1", count: $0) }
    #expect(parse("*" + x(65535)) == [])
    #expect(parse("*" + x(65536)) == [.failure(.tooBigMultibulkCount)])
    #expect(parse("*1\r\n$" + x(65535)) == [])
    #expect(parse("*1\r\n$" + x(65536)) == [.failure(.tooBigBulkCount)])
    #expect(parse("*1\r\n" + x(70000)) == [.failure(.tooBigBulkCount)])
    #expect(parse(x(65536)) == [])
    #expect(parse(x(65537)) == [.failure(.tooBigInlineRequest)])
    #expect(parse(x(65536) + "\n") == [request(x(65536), canonical: false)])
    #expect(parse("*1\r\n$1\r\na\r\n*" + x(65536)).last == .failure(.tooBigMultibulkCount))
  }

  @Test func `An inline request with a zero byte never ends, as in Redis`() {
    #expect(parse("PI\0NG\r\nPING\r\n") == [])
    let rest = String(repeating: "A\n", count: 40000)
    for cut in [0, 1, 2, 5, 4000] {
      #expect(
        RequestParserCheck.parse(("\0" + rest).bytes, cuts: [cut])
          == [.failure(.tooBigInlineRequest)])
    }
  }

  @Test func `A pending argument is announced`() {
    var parser = RequestParser()
    var slices = SliceBuffer()
    var bytes = "xx*2\r\n$3\r\nSET\r\n$1000\r\nabc".bytes
    var position = 2
    let outcome = unsafe bytes.withUnsafeMutableBytes {
      unsafe parser.next(
        in: $0, position: &position, limits: RequestLimits(), slices: &slices)
    }
    #expect(outcome == .incomplete)
    #expect(position == 2)
    #expect(slices.count == 1)
    #expect(slices[0] == Slice(offset: 8, count: 3))
    #expect(parser.isInsideRequest)
    #expect(parser.bulkLengthPending == 1000)
    #expect(parser.bulkOffsetPending == 20)
    #expect(parser.bytesNeeded == 20 + 1000 + 2)
    parser.reset()
    #expect(!parser.isInsideRequest && parser.bytesNeeded == 1 && parser.bulkLengthPending == 0)
  }

  @Test func `Slices may move to another buffer in the middle of a request`() {
    var parser = RequestParser()
    var shared = SliceBuffer()
    var bytes = "*2\r\n$3\r\nGET\r\n$1".bytes
    var position = 0
    let limits = RequestLimits()
    _ = unsafe bytes.withUnsafeMutableBytes {
      unsafe parser.next(in: $0, position: &position, limits: limits, slices: &shared)
    }
    var own = SliceBuffer(capacity: 1)
    own.append(contentsOf: shared, from: 0)
    shared.removeAll()
    bytes += "\r\nk\r\n".bytes
    let outcome = unsafe bytes.withUnsafeMutableBytes {
      unsafe parser.next(in: $0, position: &position, limits: limits, slices: &own)
    }
    #expect(outcome == .request && position == bytes.count)
    #expect(own.count == 2)
    #expect(own[1] == Slice(offset: 17, count: 1))
  }
}
