// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

// A request of a few bytes must not make a reply of gigabytes: what it would take is estimated, and
// it is refused before it fills the memory.

@Suite struct ReservedReplyTests {
  /// Every large reply that a small request can ask for, of data of some kilobytes.
  static let requests: [[String]] = [
    ["SRANDMEMBER", "set", "-2147483648"], ["SRANDMEMBER", "integers", "-9223372036854775807"],
    ["SRANDMEMBER", "large-set", "-100000000"], ["SRANDMEMBER", "small-set", "-10000000"],
    ["ZRANDMEMBER", "sorted-set", "-2147483648"],
    ["ZRANDMEMBER", "sorted-set", "-4611686018427387903", "WITHSCORES"],
    ["ZRANDMEMBER", "large-sorted-set", "-100000000"],
    ["HRANDFIELD", "hash", "-9223372036854775807"],
    ["HRANDFIELD", "hash", "-4611686018427387903", "WITHVALUES"],
    ["HRANDFIELD", "large-hash", "-100000000"],
    ["HRANDFIELD", "large-hash", "-100", "WITHVALUES"],
    ["MGET"] + repeated("string"), ["HMGET", "hash"] + repeated("field"),
    ["HMGET", "large-hash"] + repeated("field"),
    ["HGETEX", "hash", "FIELDS", "\(count)"] + repeated("field"),
    ["HGETEX", "large-hash", "PERSIST", "FIELDS", "\(count)"] + repeated("field"),
    ["SORT", "one"] + pairs("GET", "str*"), ["SORT_RO", "one"] + pairs("GET", "str*"),
    ["SORT", "one"] + pairs("GET", "ha*->field"),
    ["SORT", "ones", "GET", "str*"],
    ["COMMAND", "DOCS"] + repeated("config"), ["COMMAND", "INFO"] + repeated("config"),
    ["LATENCY", "HISTOGRAM"] + repeated("config"), ["CLIENT", "LIST", "ID"] + repeated("1"),
    ["XREAD", "STREAMS"] + repeated("stream") + repeated("0"),
    ["XREADGROUP", "GROUP", "group", "consumer", "STREAMS"] + repeated("stream") + repeated("0"),
    ["XCLAIM", "stream", "group", "consumer", "0"] + repeated("1-1"),
  ]

  private static let count = 20_000

  private static func repeated(_ word: String) -> [String] {
    Array(repeating: word, count: count)
  }

  private static func pairs(_ first: String, _ second: String) -> [String] {
    Array(repeating: [first, second], count: count).flatMap { $0 }
  }

  /// A server whose clients may get so many bytes, with large values.
  private static func server(limit: Int) -> TestServer {
    let server = TestServer(follows: false) {
      $0.clientOutputBufferLimits.normal = OutputBufferLimit(
        hardBytes: limit, softBytes: 0, softSeconds: 0)
    }
    server.transport.network.faults.socketBufferByteCount = 1 << 30
    let large = String(repeating: "x", count: 20_000)
    for request in [
      ["SET", "string", large], ["SET", "str1", large], ["HSET", "ha1", "field", large],
      ["RPUSH", "one", "1"], ["RPUSH", "ones"] + repeated("1"),
      ["SADD", "set", "a", "b"], ["SADD", "integers", "1", "2"], ["SADD", "small-set", large],
      ["ZADD", "sorted-set", "1", "a", "2", "b"], ["HSET", "hash", "field", "value"],
      ["HSET", "large-hash", "field", large],
      ["XADD", "stream", "1-1", "field", large], ["XGROUP", "CREATE", "stream", "group", "0"],
      ["XREADGROUP", "GROUP", "group", "consumer", "STREAMS", "stream", ">"],
    ] { server.ask(request) }
    for index in 0..<600 {
      server.run("SADD large-set member:\(index)")
      server.run("ZADD large-sorted-set \(index) member:\(index)")
    }
    server.run(["HSET", "hash", "field", String(repeating: "v", count: 60)])
    server.run("CONFIG GET port")
    return server
  }

  @Test(arguments: requests) func `a reply that a client may not get is refused`(
    _ request: [String]
  ) {
    let limit = 1 << 20
    let server = Self.server(limit: limit)
    let client = server.connect()
    // Over this the network takes what comes; below, the server's buffers would hide it.
    let before = server.server.statistics.networkOutputBytes
    let reply = server.ask(request, by: client)
    #expect(
      reply.text.hasPrefix("ERR reply of "), "\(request.prefix(6)): \(reply.text.prefix(100))")
    #expect(!client.isClosed)
    #expect(server.server.statistics.networkOutputBytes - before < 2 * limit)
    #expect(client.run("PING") == .status("PONG"))
  }

  @Test func `without limits a gigabyte is the limit, and nothing is written before it is refused`()
    async
  {
    await #expect(processExitsWith: .exitCode(0)) {
      let server = TestServer(follows: false)
      server.transport.network.faults.socketBufferByteCount = 1 << 30
      server.run("SADD s a b c")
      server.run("ZADD z 1 a 2 b")
      server.run("HSET h f v")
      server.ask(["SET", "big", String(repeating: "x", count: 1 << 20)])
      let before = ProcessFacts.residentByteCount
      for request in [
        ["ZRANDMEMBER", "z", "-2147483648"], ["SRANDMEMBER", "s", "-2147483648"],
        ["HRANDFIELD", "h", "-9223372036854775807"], ["SRANDMEMBER", "s", "-170000000"],
        ["MGET"] + Array(repeating: "big", count: 100_000),
      ] {
        let reply = server.ask(request)
        let growth = ProcessFacts.residentByteCount - before
        #expect(
          reply.text.hasPrefix("ERR reply of ") && growth < 200 << 20,
          "\(request[0]) \(reply) \(growth)")
      }
      #expect(server.run("PING") == .status("PONG"))
    }
  }

  @Test func `with maxmemory a reply is not larger than all memory`() {
    let server = TestServer(follows: false) { $0.maxMemory = 20 << 20 }
    server.run("SADD s aaaaaaaaaaaaaaaaaaaa")
    #expect(server.run("SRANDMEMBER s -10000000").text.hasPrefix("ERR reply of "))
    #expect(server.run("SRANDMEMBER s -10000").elements.count == 10000)
  }

  @Test(arguments: [
    ["SORT", "one", "STORE", "result"] + pairs("GET", "str*"),
    ["SORT", "ones", "BY", "str*", "ALPHA"],
    ["SORT", "ones", "BY", "str*", "ALPHA", "STORE", "result"],
    ["SORT", "ones", "STORE", "result", "GET", "str*"],
  ]) func `what SORT makes of little data is bounded as well, and nothing is stored`(
    _ request: [String]
  ) {
    let server = Self.server(limit: 0)
    server.run("CONFIG SET maxmemory 30mb")
    let reply = server.ask(request)
    #expect(reply.text.hasPrefix("ERR result of "), "\(request.prefix(6)): \(reply)")
    #expect(server.run("EXISTS result") == 0)
  }

  @Test func `what already waits counts, also within a transaction`() {
    let server = Self.server(limit: 3 << 20)
    let client = server.connect()
    client.run("MULTI")
    for _ in 0..<10 { client.run("SRANDMEMBER small-set -50") }
    let replies = server.ask(["EXEC"], by: client).elements
    let counts = replies.map(\.elements.count)
    #expect(counts == [50, 50, 50, 0, 0, 0, 0, 0, 0, 0])
    #expect(replies.last?.text.hasPrefix("ERR reply of ") == true)
  }

  @Test func `a transaction whose replies are over the hard limit stops to collect them`() {
    let server = Self.server(limit: 1 << 20)
    let client = server.connect()
    client.run("MULTI")
    for _ in 0..<500 { client.post("GET string") }
    server.settle(limit: 100)
    _ = client.replies()
    server.transport.network.faults.socketBufferByteCount = 1000
    client.post("EXEC")
    server.turn()
    #expect(client.isClosed)
    #expect(server.server.statistics.outputBufferLimitDisconnections == 1)
    #expect(server.server.clientMemory.total < 4 << 20)
  }
}
