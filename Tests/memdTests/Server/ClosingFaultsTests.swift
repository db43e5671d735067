// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

// Clients that stop talking, that come when there is no place, or that talk where they must not.

@Suite struct ClosingFaultsTests {
  private static let valueByteCount = 300_000

  private func serverWithLargeValue() -> TestServer {
    let server = TestServer(follows: false)
    server.client.send(["SET", "k", String(repeating: "x", count: Self.valueByteCount)])
    server.settle(limit: 100)
    _ = server.client.replies()
    server.transport.network.faults.socketBufferByteCount = 10_000
    return server
  }

  // MARK: - Closed in one direction

  @Test func `a client that has closed its sending side gets all replies if it reads them`() {
    let server = serverWithLargeValue()
    let other = server.connect()
    other.post("GET k")
    other.post("GET k")
    other.connection.finishSending()
    var received = 0
    // It is slow, but it reads: a little every ten seconds.
    for _ in 0..<200 {
      server.advance(milliseconds: 10_000)
      received += other.connection.receive().count
    }
    #expect(received > 2 * Self.valueByteCount)
    #expect(other.connection.isClosed)
    #expect(server.server.clients.count == 1)
  }

  @Test(arguments: ["", "QUIT", "*1\r\nx\r\n"])
  func `a client that leaves and reads nothing more is freed`(_ farewell: String) {
    let server = serverWithLargeValue()
    let other = server.connect()
    other.post("GET k")
    if farewell.hasPrefix("*") { _ = other.connection.send(farewell) } else { other.post(farewell) }
    if farewell.isEmpty { other.connection.finishSending() }
    server.settle(limit: 20)
    #expect(server.server.clients.count == 2)
    for _ in 0..<700 { server.advance(milliseconds: 100) }
    #expect(server.server.clients.count == 1)
    #expect(server.server.clientMemory.total < 100_000)
  }

  @Test func `a client that reads nothing and may still speak stays`() {
    let server = serverWithLargeValue()
    let other = server.connect()
    other.post("GET k")
    for _ in 0..<1000 { server.advance(milliseconds: 100) }
    #expect(server.server.clients.count == 2)
  }

  @Test func `clients that are about to leave count for maxmemory-clients and soft limits`() {
    for setting in ["maxmemory-clients 200000", "client-output-buffer-limit \"normal 0 10000 1\""] {
      let server = serverWithLargeValue()
      let other = server.connect()
      other.post("GET k")
      other.connection.finishSending()
      server.turn()
      #expect(server.server.clients.count == 2)
      server.run("CONFIG SET \(setting)")
      for _ in 0..<50 { server.advance(milliseconds: 100) }
      #expect(server.server.clients.count == 1, "\(setting)")
    }
  }

  // MARK: - No descriptors

  @Test(arguments: [24, 23, 12, 105] as [Int32])
  func `without descriptors the loop sleeps, says so once a second, and recovers`(_ code: Int32) {
    let server = TestServer(follows: false)
    server.keepLog()
    server.transport.acceptFailure = code
    let waiting = server.transport.connect()
    let turnsBefore = server.server.statistics.turns
    server.turn()
    #expect(server.transport.nextEventNanoseconds == nil, "the listener is reported again at once")
    for _ in 0..<30 { server.advance(milliseconds: 100) }
    #expect(server.server.statistics.turns - turnsBefore == 31)
    let lines = server.logText.split(separator: "\n").filter {
      $0.contains("Accepting client connection: ")
    }
    #expect((3...4).contains(lines.count), "\(lines.count) lines in three seconds")
    server.transport.acceptFailure = 0
    server.advance(milliseconds: 100)
    server.turn()
    _ = waiting.send("PING\r\n")
    server.turn()
    #expect(waiting.receiveText() == "+PONG\r\n")
  }

  @Test func `a connection that was aborted while it waited delays nobody`() {
    let server = TestServer(follows: false)
    server.transport.acceptFailure = 103
    let waiting = server.transport.connect()
    server.turn()
    server.transport.acceptFailure = 0
    server.turn()
    _ = waiting.send("PING\r\n")
    server.turn()
    #expect(waiting.receiveText() == "+PONG\r\n")
  }

  // MARK: - Behind SYNC

  private static let behind = [
    "PING", "SET k 1", "GET k", "NOSUCH", "MULTI", "SUBSCRIBE c", "REPLCONF listening-port 1",
    "CLIENT REPLY OFF", "QUIT", "RESET", "REPLCONF", "GET",
  ]

  @Test(arguments: behind, [false, true])
  func `what a follower asks for behind SYNC closes its connection`(
    _ line: String, _ isPipelined: Bool
  ) {
    let server = TestServer()
    server.run(["SET", "other", String(repeating: "x", count: 100)])
    let follower = server.connect()
    follower.post("SYNC")
    if !isPipelined {
      server.settle(limit: 20)
      #expect(follower.connection.receiveText().hasPrefix("$"))
    }
    follower.post(line)
    server.settle(limit: 20)
    let text = follower.connection.receiveText()
    #expect(follower.isClosed, "\(line)")
    // No reply stands behind the snapshot or in it; the snapshot may be cut short.
    #expect(!text.contains("PONG") && !text.contains("-ERR") && !text.contains("+OK"))
    #expect(server.run("EXISTS k") == 0)
    #expect(server.run("INFO replication").text.contains("connected_slaves:0\r\n"))
  }

  @Test func `a follower may tell how far it is, ask again, and keep its line alive`() {
    let server = TestServer()
    let follower = server.connect()
    follower.post("SYNC")
    server.settle(limit: 20)
    _ = follower.connection.receiveText()
    for line in ["REPLCONF ACK 42", "REPLCONF GETACK *", "SYNC"] { follower.post(line) }
    _ = follower.connection.send("\r\n")
    server.settle(limit: 20)
    #expect(follower.connection.receiveText() == "")
    #expect(!follower.isClosed)
    #expect(server.run("ROLE").elements.last?.elements.count == 1)
  }

  @Test func `a protocol error behind SYNC closes without a word`() {
    let server = TestServer()
    let follower = server.connect()
    follower.post("SYNC")
    server.settle(limit: 20)
    _ = follower.connection.receiveText()
    _ = follower.connection.send("*1\r\nx\r\n")
    server.settle(limit: 20)
    #expect(follower.connection.receiveText() == "")
    #expect(follower.isClosed)
  }
}
