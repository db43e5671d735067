// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct MessageDeliveryTests {
  @Test func `who publishes to itself gets the reply first, also in a transaction`() {
    let server = TestServer()
    server.run("HELLO 3")
    server.run("SUBSCRIBE x")
    server.client.post("PUBLISH x 1")
    server.client.post("PUBLISH x 2")
    server.turn()
    #expect(
      server.client.replies() == [
        1, .push(["message", "x", "1"]), 1, .push(["message", "x", "2"]),
      ])
    for line in ["MULTI", "PUBLISH x 3", "SET k v", "EXEC"] { server.client.post(line) }
    server.turn()
    #expect(
      server.client.replies() == [
        .ok, .status("QUEUED"), .status("QUEUED"), [1, .ok], .push(["message", "x", "3"]),
      ])
  }

  @Test func `a client that waits for a key gets messages meanwhile`() {
    let server = TestServer()
    let waiting = server.connect()
    waiting.run("HELLO 3")
    waiting.run("SUBSCRIBE x")
    waiting.post("BLPOP l 0")
    server.turn()
    #expect(server.run("PUBLISH x 1") == 1)
    #expect(waiting.replies() == [.push(["message", "x", "1"])])
    server.run("RPUSH l a")
    #expect(waiting.replies() == [["l", "a"]])
  }

  @Test func `CLIENT REPLY silences neither messages nor what SUBSCRIBE answers`() {
    let server = TestServer()
    let other = server.connect()
    other.post("CLIENT REPLY OFF")
    other.post("SUBSCRIBE x")
    other.post("PING")
    server.turn()
    #expect(other.replies() == [["subscribe", "x", 1]])
    server.run("PUBLISH x 1")
    #expect(other.replies() == [["message", "x", "1"]])
  }

  @Test func `who watches with MONITOR and is subscribed gets both`() {
    let server = TestServer()
    let other = server.connect()
    other.run("MONITOR")
    other.run("SUBSCRIBE x")
    server.run("PUBLISH x 1")
    let replies = other.replies()
    #expect(replies.count == 3)
    #expect(replies.dropFirst().first == ["message", "x", "1"])
    #expect(replies.last?.text.hasSuffix("\"PUBLISH\" \"x\" \"1\"") ?? false)
  }

  // MARK: - Large messages

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `large and small messages arrive in order however slowly they are taken`(seed: UInt64) {
    let server = TestServer(seed: seed, follows: false)
    let subscribers = (0..<6).map { _ in server.connect() }
    for (number, subscriber) in subscribers.enumerated() {
      if number % 2 == 1 { subscriber.run("HELLO 3") }
      subscriber.run("SUBSCRIBE x")
      if number > 2 { subscriber.run("PSUBSCRIBE x*") }
    }
    server.transport.network.faults.socketBufferByteCount = 30_000
    server.transport.network.faults.takenByteCountMax = 20_000
    let lengths = [10, 9000, 100_000, 3, 8192, 8191, 50_000, 1]
    for (number, length) in lengths.enumerated() {
      let text = String(repeating: String(number), count: length)
      server.server.publish(Array("x".utf8).rawSpan, Array(text.utf8).rawSpan)
      server.turn()
    }
    var received = subscribers.map { _ in [UInt8]() }
    for _ in 0..<400 {
      server.turn()
      for (number, subscriber) in subscribers.enumerated() {
        received[number] += subscriber.connection.receive(limit: 7777)
      }
    }
    for (number, bytes) in received.enumerated() {
      var parser = ReplyParser(bytes)
      for (index, length) in lengths.enumerated() {
        let text = Reply.bulk(String(repeating: String(index), count: length))
        var expected: [[Reply]] = [["message", "x", text]]
        if number > 2 { expected.append(["pmessage", "x*", "x", text]) }
        for elements in expected {
          let reply = number % 2 == 1 ? Reply.push(elements) : .array(elements)
          #expect(parser.next() == reply, "seed \(seed), \(number), \(index)")
        }
      }
      #expect(parser.isAtEnd)
    }
    #expect(server.server.clients.all.allSatisfy { !$0.flags.contains(.sharesOutput) })
    #expect(server.server.clients.all.allSatisfy { $0.pendingOutput == 0 })
  }

  /// A server with subscribers whose sockets hold little, and how much memory it uses.
  private func serverWithSlowSubscribers(
    _ count: Int, _ configure: (Configuration) -> Void = { _ in }
  ) -> (TestServer, [TestClient]) {
    let server = TestServer(follows: false, configure: configure)
    let subscribers = (0..<count).map { _ in server.connect() }
    for subscriber in subscribers { subscriber.run("SUBSCRIBE x") }
    server.client.send(["SET", "padding", "1"])
    server.turn()
    _ = server.client.replies()
    for _ in 0..<3 { server.turn() }
    server.transport.network.faults.socketBufferByteCount = 1000
    return (server, subscribers)
  }

  private func publish(_ byteCount: Int, _ server: TestServer) {
    // More than the publisher's socket holds: it is called instead.
    let message = [UInt8](repeating: 65, count: byteCount)
    let channel: [UInt8] = [120]
    server.server.publish(channel.rawSpan, message.rawSpan)
    server.turn()
  }

  @Test func `a large message for a hundred slow subscribers is kept once`() {
    let (server, subscribers) = serverWithSlowSubscribers(100)
    let before = server.server.evictableMemory
    publish(1_000_000, server)
    let during = server.server.evictableMemory - before
    #expect(during > 1_000_000 && during < 1_500_000)
    #expect(server.server.clientMemory.total > 90_000_000)
    #expect(server.server.clientLine(server.server.clients.all[1]).logText.contains(" omem=99"))
    for subscriber in subscribers.dropLast() { subscriber.connection.close() }
    server.turn()
    #expect(server.server.evictableMemory - before > 900_000)
    subscribers[99].connection.cut()
    for _ in 0..<3 { server.turn() }
    #expect(server.server.evictableMemory - before < 100_000)
    #expect(server.server.clientMemory.elsewhere == 0)
  }

  @Test func `a subscriber over the hard limit is closed, however the message is kept`() {
    for byteCount in [5000, 40_000] {
      let (server, subscribers) = serverWithSlowSubscribers(3) {
        $0.clientOutputBufferLimits.pubsub = OutputBufferLimit(
          hardBytes: 100_000, softBytes: 0, softSeconds: 0)
      }
      var published = 0
      while published + byteCount < 100_000 {
        publish(byteCount, server)
        published += byteCount
        _ = subscribers[0].connection.receive()
      }
      #expect(server.server.clients.count == 4)
      for _ in 0..<200 {
        server.turn()
        _ = subscribers[0].connection.receive()
      }
      for _ in 0..<2 { publish(40_000, server) }
      #expect(server.server.clients.count == 2)
      #expect(server.server.statistics.outputBufferLimitDisconnections == 2)
    }
  }

  @Test func `a subscriber over the soft limit has its time`() {
    let (server, subscribers) = serverWithSlowSubscribers(2) {
      $0.clientOutputBufferLimits.pubsub = OutputBufferLimit(
        hardBytes: 0, softBytes: 50_000, softSeconds: 3)
    }
    publish(100_000, server)
    for _ in 0..<200 {
      server.turn()
      _ = subscribers[0].connection.receive()
    }
    for _ in 0..<5 { server.advance(milliseconds: 500) }
    #expect(server.server.clients.count == 3)
    for _ in 0..<10 { server.advance(milliseconds: 500) }
    #expect(server.server.clients.count == 2)
    #expect(!subscribers[0].isClosed)
  }

  @Test func `maxmemory-clients counts what subscribers share and what they are subscribed to`() {
    let (server, subscribers) = serverWithSlowSubscribers(2) { $0.maxMemoryClients = 3_000_000 }
    publish(1_000_000, server)
    #expect(server.server.clients.count == 3)
    _ = subscribers
    for _ in 0..<2 { publish(1_000_000, server) }
    #expect(server.server.clients.count < 3)
    #expect(server.server.statistics.evictedClients > 0)
    let other = TestServer(follows: false)
    let before = other.server.clientMemory.total
    for number in 0..<2000 { other.run("SUBSCRIBE channel:\(number)") }
    #expect(other.server.clientMemory.total - before > 20_000)
  }
}
