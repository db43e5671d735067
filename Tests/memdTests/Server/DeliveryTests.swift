// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct DeliveryTests {
  @Test func `requests that arrive byte by byte are answered as if they came at once`() {
    let server = TestServer()
    let text =
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\nbc\r\n\r\n*0\r\nGET k\r\n*1\r\n$4\r\nPING\r\n"
      + "SET q \"a b\"\r\nGET q\r\n"
    let expected = "+OK\r\n$5\r\na\r\nbc\r\n+PONG\r\n+OK\r\n$3\r\na b\r\n"
    #expect(server.client.exchange(text) == expected)
    let slow = server.connect()
    var received = ""
    for byte in text.utf8 {
      slow.connection.send([byte])
      server.turn()
      received += slow.connection.receiveText()
    }
    #expect(received == expected)
    #expect(server.server.clients.all.allSatisfy { $0.input == nil })
    #expect(server.server.clientMemory.total == 0)
  }

  @Test func `a long argument arrives in pieces and is stored whole`() {
    let server = TestServer()
    let value = String(repeating: "0123456789", count: 100_000)
    server.client.send(["SET", "k", value])
    server.client.send(["STRLEN", "k"])
    server.settle()
    #expect(server.client.replies() == [.ok, 1_000_000])
    #expect(server.run("GETRANGE k 999995 999999") == "56789")
  }

  @Test func `delayed and cut into small pieces, pipelines of many clients keep their order`() {
    for seed in UInt64(1)...3 {
      let server = TestServer(seed: seed, follows: false)
      server.transport.network.faults.delayNanoseconds = 0...2_000_000
      server.transport.network.faults.deliveredByteCountMax = 60
      server.transport.network.faults.takenByteCountMax = 40
      server.transport.network.faults.shufflesEvents = true
      let clients = (0..<20).map { _ in server.connect() }
      for (number, client) in clients.enumerated() {
        var bytes: [UInt8] = []
        for step in 0..<20 { bytes += Array("APPEND k\(number) \(step % 10)\r\n".utf8) }
        Self.sendAll(bytes, by: client, server)
      }
      server.settle()
      server.advance(milliseconds: 3)
      for (number, client) in clients.enumerated() {
        #expect(client.replies() == (1...20).map { .integer($0) }, "seed \(seed), \(number)")
      }
    }
  }

  @Test func `a thousand pipelining clients survive cuts at random`() {
    let seed: UInt64 = 7
    let server = TestServer(seed: seed, follows: false)
    server.transport.network.faults.deliveredByteCountMax = 400
    server.transport.network.faults.shufflesEvents = true
    let clients = (0..<1000).map { _ in server.transport.connect() }
    server.turn()
    server.transport.network.faults.cutsPerMillion = 20_000
    for round in 0..<5 {
      for (number, client) in clients.enumerated() {
        client.send("MULTI\r\nSET c\(number) \(round)\r\nINCR n\(number)\r\nEXEC\r\n")
      }
      server.turn()
    }
    server.transport.network.faults.cutsPerMillion = 0
    server.settle()
    server.transport.network.faults = SimulatedFaults()
    for number in clients.indices { server.client.post("MGET n\(number) c\(number)") }
    server.settle()
    var survivors = 0
    for (number, client) in clients.enumerated() {
      // Cut or not: a transaction ran as a whole or not at all, and nobody got another's reply.
      let values = server.client.next()?.elements.map(\.text) ?? []
      #expect(values.count == 2)
      let rounds = Int(values.first ?? "") ?? 0
      #expect(rounds == (Int(values.last ?? "") ?? -1) + 1, "seed \(seed), client \(number)")
      var parser = ReplyParser(client.receive())
      guard !client.isClosed else { continue }
      survivors += 1
      #expect(rounds == 5)
      for round in 1...5 {
        #expect(parser.next() == .ok, "seed \(seed), client \(number)")
        for _ in 0..<2 { #expect(parser.next() == .status("QUEUED")) }
        #expect(parser.next() == .array([.ok, .integer(round)]))
      }
    }
    #expect(survivors > 100 && survivors < 1000)
    #expect(server.server.clients.count == survivors + 1)
    #expect(server.server.clients.all.count == survivors + 1)
    #expect(server.server.clientMemory.total == 0)
  }

  @Test func `whoever writes everything before reading gets all replies`() {
    let server = TestServer(follows: false)
    server.transport.network.faults.socketBufferByteCount = 64 << 10
    server.client.send(["SET", "k", String(repeating: "x", count: 50_000)])
    server.settle(limit: 50)
    _ = server.client.replies()
    // 200 replies of 50 KB: far more than the socket and a turn take.
    for _ in 0..<200 { server.client.post("GET k") }
    server.settle(limit: 300)
    #expect(server.server.clients.all[0].pendingOutput > 9_000_000)
    #expect(server.server.intake.resuming.isEmpty)
    var count = 0
    for _ in 0..<1000 where count < 200 {
      count += server.client.replies().count
      server.turn()
    }
    #expect(count == 200)
    #expect(server.server.clientMemory.total == 0)
  }

  @Test func `what was sent before the end of the connection still runs`() {
    let server = TestServer()
    let other = server.connect()
    // More than one turn takes of one connection.
    for _ in 0..<10_000 { other.post("INCR k") }
    other.connection.finishSending()
    server.settle(limit: 100)
    #expect(other.replies().count == 10_000)
    #expect(other.isClosed)
    #expect(server.run("GET k") == "10000")
    #expect(server.server.clients.count == 1)
  }

  @Test func `requests that had to wait for the next turn run although the sender is done`() {
    let server = TestServer(follows: false)
    server.run("SETRANGE k 299999 x")
    let other = server.connect()
    // A megabyte of replies per turn: the end of the connection is seen long before the last one.
    for _ in 0..<300 { other.post("STRLEN k") }
    for _ in 0..<300 { other.post("GET k") }
    other.connection.finishSending()
    var count = 0
    for _ in 0..<2000 where count < 600 {
      server.turn()
      count += other.replies().count
    }
    #expect(count == 600)
  }

  @Test func `replies that wait for a slow reader leave although the reader sends no more`() {
    let server = TestServer()
    let other = server.connect()
    for index in 0..<300 { other.post("ECHO \(index)") }
    other.connection.finishSending()
    server.transport.network.faults.socketBufferByteCount = 100
    server.settle(limit: 10)
    var replies: [Reply] = []
    for _ in 0..<100 {
      replies += other.replies()
      server.turn()
    }
    #expect(replies == (0..<300).map { .bulk("\($0)") })
    #expect(other.isClosed)
    #expect(server.server.clients.count == 1)
  }

  private static func sendAll(_ bytes: [UInt8], by client: TestClient, _ server: TestServer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      guard case .bytes(let count) = client.connection.send(Array(rest)) else { return }
      rest = rest.dropFirst(count)
      if count == 0 { server.turn() }
    }
  }
}
