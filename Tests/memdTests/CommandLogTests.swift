// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

/// COMMANDLOG, and what the logs of large requests and replies hold.
@Suite struct CommandLogTests {
  private func makeServer() -> TestServer {
    TestServer(follows: false) {
      $0.commandlogRequestLargerThan = 200
      $0.commandlogReplyLargerThan = 100
      $0.enableDebugCommand = .yes
    }
  }

  /// A value that makes a SET longer than 200 bytes, and the reply of its GET longer than 100.
  private let value = String(repeating: "x", count: 180)

  /// The names of the commands in a log, newest first; asking doesn't make the log longer.
  private func names(_ server: TestServer, _ kind: CommandLogKind) -> [String] {
    server.server.metrics.log(of: kind).entries.map {
      String(decoding: $0.arguments.first ?? [], as: UTF8.self)
    }
  }

  @Test func `a large request is logged with its size, arguments and client`() {
    let server = makeServer()
    server.run("CLIENT SETNAME me")
    server.run("SET k \(value)")
    server.run("SET k v")
    #expect(names(server, .largeReply) == [])
    let entries = server.run("COMMANDLOG GET 10 large-request").elements
    #expect(entries.count == 1)
    let entry = entries.first?.elements ?? []
    #expect(entry.count == 6)
    // *3, $3 SET, $1 k, $180 and the value, each with the ends of their lines.
    #expect(entry[0] == 0)
    #expect(entry[2] == 208)
    #expect(entry[3].elements.prefix(2) == ["SET", "k"])
    #expect(entry[3].elements.last?.text.hasSuffix("... (52 more bytes)") == true)
    #expect(entry[5] == "me")
  }

  @Test func `a large reply is logged with its size, wherever in a pipeline it comes`() {
    let server = makeServer()
    server.run("SET k \(value)")
    #expect(names(server, .largeReply) == [])
    _ = server.client.exchange(
      "ECHO a\r\nGET k\r\nECHO b\r\nGET nothing\r\nGET k\r\nECHO c\r\n")
    let entries = server.run("COMMANDLOG GET -1 large-reply").elements
    #expect(entries.map { $0.elements[3] } == [["GET", "k"], ["GET", "k"]])
    #expect(entries.map { $0.elements[2] } == [188, 188])
    #expect(entries.map { $0.elements[0] } == [1, 0])
  }

  @Test func `what a transaction runs is logged, each command by itself, and EXEC is not`() {
    let server = makeServer()
    server.run("MULTI")
    server.run("SET k \(value)")
    server.run("GET k")
    server.run("GET other")
    server.run("GET k")
    server.run("EXEC")
    #expect(names(server, .largeRequest) == ["SET"])
    #expect(names(server, .largeReply) == ["GET", "GET"])
  }

  @Test func `the reply of a client that has waited is logged`() {
    let server = makeServer()
    let other = server.connect()
    other.send(["BLPOP", "list", "0"])
    server.turn()
    #expect(other.next() == nil)
    server.run("RPUSH list \(value)")
    #expect(names(server, .largeReply) == ["BLPOP"])
  }

  @Test func `a request that waits for the end of a pause is logged once`() {
    let server = makeServer()
    server.run("CLIENT PAUSE 100 ALL")
    let other = server.connect()
    other.send(["SET", "k", value])
    server.turn()
    #expect(server.server.parkedCount == 1)
    server.advance(milliseconds: 200)
    #expect(server.run("GET k").text == value)
    #expect(server.server.metrics.largeRequests.entries.count == 1)
  }

  @Test func `secrets stay secret, also of requests that are malformed`() {
    let server = makeServer()
    server.run("CONFIG SET commandlog-request-larger-than 0 commandlog-reply-larger-than 1")
    server.run("AUTH user secret")
    server.run("AUTH one secret three")
    server.run("NOSUCH secret")
    for kind in ["large-request", "large-reply"] {
      let entries = server.run("COMMANDLOG GET -1 \(kind)").elements
      #expect(!entries.isEmpty)
      #expect(!entries.contains { "\($0)".contains("secret") })
    }
  }

  @Test func `logs have lengths of their own; a negative threshold or length 0 turns them off`() {
    let server = makeServer()
    server.run("CONFIG SET commandlog-large-request-max-len 2")
    for _ in 0..<3 { server.run("SET k \(value)") }
    for _ in 0..<3 { server.run("GET k") }
    #expect(server.run("COMMANDLOG LEN large-request") == 2)
    #expect(server.run("COMMANDLOG LEN LARGE-REPLY") == 3)
    #expect(server.run("COMMANDLOG GET 1 large-reply").elements.count == 1)
    #expect(server.run("COMMANDLOG RESET large-request") == .ok)
    #expect(server.run("COMMANDLOG LEN large-request") == 0)
    server.run("CONFIG SET commandlog-request-larger-than -1 commandlog-large-reply-max-len 0")
    server.run("SET k \(value)")
    server.run("GET k")
    #expect(server.run("COMMANDLOG LEN large-request") == 0)
    #expect(server.run("COMMANDLOG LEN large-reply") == 3)
  }

  @Test func `the slow log has two names, and so have its options`() {
    let server = makeServer()
    server.run("CONFIG SET commandlog-execution-slower-than 1000")
    server.run("DEBUG SLEEP 0.002")
    #expect(server.run("SLOWLOG LEN") == 1)
    #expect(server.run("COMMANDLOG LEN slow") == 1)
    #expect(server.run("COMMANDLOG GET 5 slow") == server.run("SLOWLOG GET 5"))
    #expect(
      server.run("CONFIG GET slowlog-log-slower-than").elements.last
        == server.run("CONFIG GET commandlog-execution-slower-than").elements.last)
    server.run("CONFIG SET commandlog-slow-execution-max-len 0")
    #expect(server.run("CONFIG GET slowlog-max-len") == ["slowlog-max-len", "0"])
    server.run("SLOWLOG RESET")
    #expect(server.run("COMMANDLOG LEN slow") == 0)
  }

  @Test func `COMMANDLOG refuses what Valkey refuses`() {
    let server = makeServer()
    let kind = "ERR type should be one of the following: slow, large-request, large-reply"
    let count = "ERR count should be greater than or equal to -1"
    #expect(server.run("COMMANDLOG LEN fast") == .error(kind))
    #expect(server.run("COMMANDLOG RESET slowly") == .error(kind))
    #expect(server.run("COMMANDLOG GET 1 x") == .error(kind))
    #expect(server.run("COMMANDLOG GET -2 x") == .error(count))
    #expect(server.run("COMMANDLOG GET x slow") == .error(count))
    #expect(server.run("COMMANDLOG GET 1").isError)
    #expect(server.run("COMMANDLOG GET 1 slow more").isError)
    #expect(server.run("COMMANDLOG HELP").elements.count > 8)
  }

  @Test func `by default a megabyte is large`() {
    let server = TestServer(follows: false)
    #expect(
      server.run("CONFIG GET commandlog-*-larger-than").elements.map(\.text).contains("1048576"))
    #expect(server.ask(["SET", "k", String(repeating: "x", count: 1 << 20)]) == .ok)
    server.ask(["GET", "k"])
    #expect(names(server, .largeRequest) == ["SET"])
    #expect(names(server, .largeReply) == ["GET"])
  }
}
