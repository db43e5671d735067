// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct PauseTests {
  @Test func `writes wait for the end of the pause, and what follows them waits with them`() {
    let server = TestServer()
    server.run("SET k 1")
    #expect(server.run("CLIENT PAUSE 1000 WRITE") == .ok)
    let writer = server.connect()
    for line in ["GET k", "SET k 2", "GET k", "PING"] { writer.post(line) }
    server.turn()
    #expect(writer.replies() == ["1"])
    #expect(server.run("GET k") == "1")
    server.advance(milliseconds: 999)
    #expect(writer.replies() == [])
    server.advance(milliseconds: 2)
    #expect(writer.replies() == [.ok, "2", .status("PONG")])
  }

  @Test func `a pause of everything holds reads, too, but not for ever`() {
    let server = TestServer()
    server.run("CLIENT PAUSE 100")
    let other = server.connect()
    other.post("PING")
    server.turn()
    #expect(other.replies() == [])
    server.advance(milliseconds: 101)
    #expect(other.replies() == [.status("PONG")])
  }

  @Test func `UNPAUSE lets everybody go on in the order in which they came`() {
    let server = TestServer()
    server.run("CLIENT PAUSE 100000 WRITE")
    let others = (0..<5).map { _ in server.connect() }
    for (index, other) in others.enumerated() {
      other.post("APPEND k \(index)")
      server.turn()
      other.post("APPEND k \(index)")
    }
    server.turn()
    #expect(server.run("CLIENT UNPAUSE") == .ok)
    server.turn()
    #expect(server.run("GET k") == "0011223344")
    for other in others { #expect(other.replies().count == 2) }
  }

  @Test func `requests that arrive during the pause, whole or in parts, follow in order`() {
    let server = TestServer()
    server.run("CLIENT PAUSE 100000 WRITE")
    let other = server.connect()
    other.post("APPEND k a")
    server.turn()
    let more = "APPEND k b\r\n*3\r\n$6\r\nAPPEND\r\n$1\r\nk\r\n$1\r\nc\r\nAPPEND k d\r\n"
    for byte in more.utf8 {
      other.connection.send([byte])
      server.turn()
    }
    server.run("CLIENT UNPAUSE")
    server.turn()
    #expect(server.run("GET k") == "abcd")
  }

  @Test func `a pause that ends within the turn in which a request met it changes no order`() {
    let server = TestServer()
    server.run("CLIENT PAUSE 100000 WRITE")
    let other = server.connect()
    // All in one turn: requests of the first, the end of the pause, more of the first.
    other.post("APPEND k a")
    server.client.post("CLIENT UNPAUSE")
    other.post("APPEND k b")
    server.turn()
    other.post("APPEND k c")
    server.settle()
    #expect(server.client.replies() == [.ok])
    #expect(server.run("GET k") == "abc")
  }

  @Test func `a client with requests in two parts of the turn in which a pause ends keeps order`() {
    let server = TestServer(follows: false)
    server.run("SETRANGE large 1100000 x")
    server.run("CLIENT PAUSE 100000 WRITE")
    let other = server.connect()
    // A full batch with more than a megabyte of replies: what follows waits for the next turn.
    for _ in 0..<63 { other.post("PING") }
    other.post("GET large")
    other.post("APPEND k a")
    server.turn()
    #expect(server.server.intake.resuming.count == 1)
    server.client.post("CLIENT UNPAUSE")
    other.post("APPEND k b")
    server.turn()
    server.settle(limit: 10)
    _ = server.client.replies()
    #expect(server.run("GET k") == "ab")
  }

  @Test func `EXEC waits if its queue writes, and runs if it only reads`() {
    let server = TestServer()
    let reader = server.connect()
    let writer = server.connect()
    for client in [reader, writer] { client.run("MULTI") }
    reader.run("GET k")
    writer.run("SET k 1")
    server.run("CLIENT PAUSE 1000 WRITE")
    reader.post("EXEC")
    writer.post("EXEC")
    server.turn()
    #expect(reader.replies() == [[nil]])
    #expect(writer.replies() == [])
    server.run("CLIENT UNPAUSE")
    server.turn()
    #expect(writer.replies() == [.array([.ok])])
  }

  @Test func `a transaction that begins a pause still runs to its end`() {
    let server = TestServer()
    server.run("MULTI")
    server.run("CLIENT PAUSE 1000 WRITE")
    server.run("SET k 1")
    #expect(server.run("EXEC") == .array([.ok, .ok]))
  }

  @Test func `a later pause makes neither shorter nor milder`() {
    let server = TestServer()
    server.run("CLIENT PAUSE 10000")
    server.server.beginPause(.writes, until: 0)
    let other = server.connect()
    other.post("PING")
    server.advance(milliseconds: 5000)
    #expect(other.replies() == [])
    server.advance(milliseconds: 5001)
    #expect(other.replies() == [.status("PONG")])
  }

  @Test func `keys don't expire during a pause, but are hidden`() {
    let server = TestServer(follows: false)
    server.run("SET k 1 PX 10")
    server.run("CLIENT PAUSE 1000 WRITE")
    server.advance(milliseconds: 500)
    #expect(server.run("GET k") == nil)
    #expect(server.server.keyspace.keyCount == 1)
    server.advance(milliseconds: 501)
    #expect(server.server.keyspace.keyCount == 0)
  }

  @Test func `a client that leaves during the pause takes its requests along`() {
    let server = TestServer()
    server.run("CLIENT PAUSE 1000 WRITE")
    let other = server.connect()
    other.post("SET k 1")
    server.turn()
    #expect(server.server.pause.waiting.count == 1)
    other.connection.close()
    server.turn()
    #expect(server.server.pause.waiting.isEmpty)
    server.advance(milliseconds: 1001)
    server.turn()
    #expect(server.run("GET k") == nil)
    #expect(server.server.clientMemory.total == 0)
  }

  @Test func `a long pipeline met by a pause is neither lost nor reordered`() {
    let server = TestServer()
    server.run("CLIENT PAUSE 1000 WRITE")
    let other = server.connect()
    // More than a turn takes; the pause is met while the rest waits for the next turn.
    for index in 0..<5000 { other.post("APPEND k \(index % 10)") }
    server.settle(limit: 20)
    #expect(server.server.pause.waiting.count == 1)
    #expect(server.run("INFO clients").text.contains("\r\nblocked_clients:1\r\n"))
    server.advance(milliseconds: 1001)
    server.settle(limit: 200)
    let replies = other.replies()
    #expect(replies == (1...5000).map { .integer($0) })
    let expected = String(repeating: "0123456789", count: 500)
    #expect(server.run("GET k") == .bulk(expected))
  }
}
