// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct ClientLimitTests {
  /// A server whose sockets hold little, and a client with a value of 100 KB to ask for.
  private func serverWithLargeValue(_ configure: @escaping (Configuration) -> Void) -> TestServer {
    let server = TestServer(follows: false, configure: configure)
    server.client.send(["SET", "k", String(repeating: "x", count: 100_000)])
    server.settle(limit: 100)
    _ = server.client.replies()
    server.transport.network.faults.socketBufferByteCount = 10_000
    server.keepLog()
    return server
  }

  @Test func `a client over the hard limit of output is closed at the end of the turn`() {
    let server = serverWithLargeValue {
      $0.clientOutputBufferLimits.normal = OutputBufferLimit(
        hardBytes: 250_000, softBytes: 0, softSeconds: 0)
    }
    let other = server.connect()
    for _ in 0..<2 { other.post("GET k") }
    server.turn()
    #expect(server.server.clients.count == 2)
    for line in ["GET k", "GET k", "SET after 1"] { other.post(line) }
    server.turn()
    #expect(server.server.clients.count == 1)
    #expect(server.server.statistics.outputBufferLimitDisconnections == 1)
    #expect(server.run("EXISTS after") == 0)
    #expect(
      server.logText.contains(
        "scheduled to be closed ASAP for overcoming of output buffer limits."))
  }

  @Test func `output limits don't count the first 16 KB, so a tiny limit can be taken back`() {
    let server = serverWithLargeValue { _ in }
    server.run("CONFIG SET client-output-buffer-limit \"normal 10 0 0\"")
    let other = server.connect()
    #expect(server.run("INFO stats").text.contains("client_output_buffer_limit_disconnections:0"))
    other.post("GET k")
    server.turn()
    #expect(server.server.clients.count == 1)
    #expect(server.server.statistics.outputBufferLimitDisconnections == 1)
    #expect(server.run("CONFIG SET client-output-buffer-limit \"normal 0 0 0\"") == .ok)
  }

  @Test func `a client over the soft limit has its time`() {
    let server = serverWithLargeValue {
      $0.clientOutputBufferLimits.normal = OutputBufferLimit(
        hardBytes: 0, softBytes: 50_000, softSeconds: 5)
    }
    let other = server.connect()
    let quick = server.connect()
    other.post("GET k")
    quick.post("GET k")
    server.turn()
    for _ in 0..<10 {
      server.advance(milliseconds: 500)
      _ = quick.replies()
    }
    #expect(server.server.clients.count == 3)
    for _ in 0..<4 {
      server.advance(milliseconds: 500)
      _ = quick.replies()
      server.turn()
    }
    #expect(server.server.clients.count == 2)
    #expect(!quick.isClosed)
  }

  @Test func `a request longer than the query buffer limit ends its client`() {
    let server = TestServer(follows: false) { $0.clientQueryBufferLimit = 1 << 20 }
    server.keepLog()
    server.client.send(["SET", "k", String(repeating: "x", count: (1 << 20) + 1000)])
    server.settle(limit: 100)
    server.client.send(["SET", "k", String(repeating: "x", count: 1000)])
    server.settle(limit: 100)
    #expect(server.client.isClosed)
    #expect(server.server.statistics.queryBufferLimitDisconnections == 1)
    #expect(server.logText.contains("Closing client that reached max query buffer length: id="))
    #expect(server.logText.contains("(qbuf initial bytes: \"*3\\r\\n$3\\r\\nSET\\r\\n$1\\r\\nk"))
  }

  @Test func `a transaction longer than the query buffer limit ends its client`() {
    let server = TestServer(follows: false) { $0.clientQueryBufferLimit = 1 << 20 }
    server.run("MULTI")
    for _ in 0..<20 {
      server.client.send(["SET", "k", String(repeating: "x", count: 60_000)])
      server.settle(limit: 10)
    }
    #expect(server.client.isClosed)
    #expect(server.server.statistics.queryBufferLimitDisconnections == 1)
  }

  @Test func `before AUTH the query buffer is limited to a megabyte`() {
    let server = TestServer(follows: false) { $0.requirePass = "secret" }
    server.client.run("AUTH secret")
    let stranger = server.connect()
    for client in [server.client, stranger] as [TestClient] {
      client.connection.send("*10\r\n")
      for _ in 0..<9 {
        client.connection.send("$16000\r\n\(String(repeating: "x", count: 16_000))\r\n")
      }
      server.settle(limit: 20)
    }
    #expect(server.server.queryBufferLimit(of: server.server.clients.all[0]) == 1 << 30)
    #expect(server.server.queryBufferLimit(of: server.server.clients.all[1]) == 1 << 20)
    #expect(server.server.clients.count == 2)
  }

  @Test func `maxmemory-clients closes the largest client first and spares the exempt`() {
    let server = serverWithLargeValue { $0.maxMemoryClients = 600_000 }
    let exempt = server.connect()
    exempt.run("CLIENT NO-EVICT ON")
    let small = server.connect()
    let large = server.connect()
    for _ in 0..<3 { exempt.post("GET k") }
    server.turn()
    small.post("GET k")
    server.turn()
    for _ in 0..<2 { large.post("GET k") }
    server.turn()
    server.advance(milliseconds: 200)
    #expect(large.isClosed)
    #expect(!small.isClosed)
    #expect(!exempt.isClosed)
    #expect(server.server.statistics.evictedClients == 1)
    #expect(server.logText.contains("Evicting client: id="))
    #expect(server.server.clientMemory.total <= 600_000)
  }

  @Test func `clients go before keys do, also in the middle of a turn`() {
    let server = serverWithLargeValue { _ in }
    let greedy = server.connect()
    for _ in 0..<4 { greedy.post("GET k") }
    server.turn()
    let limit = server.server.evictableMemory - 100_000
    server.client.post(
      "CONFIG SET maxmemory \(limit) maxmemory-clients 200kb maxmemory-policy allkeys-lru")
    server.client.post("SET small 1")
    server.turn()
    #expect(server.client.replies() == [.ok, .ok])
    #expect(server.server.statistics.evictedClients == 1)
    #expect(server.server.keyspace.statistics.evictedKeys == 0)
    #expect(server.run("EXISTS k small") == 2)
  }

  @Test func `a request larger than maxmemory-clients never runs`() {
    let server = TestServer(follows: false) { $0.maxMemoryClients = 1_000_000 }
    let other = server.connect()
    other.send(["MSET", "small", "1", "large", String(repeating: "x", count: 900_000)])
    server.settle(limit: 100)
    #expect(server.run("EXISTS small") == 1)
    other.send(["MSET", "second", "1", "large", String(repeating: "x", count: 1_000_000)])
    server.settle(limit: 100)
    #expect(server.run("EXISTS second") == 0)
    #expect(other.isClosed)
    #expect(server.server.statistics.evictedClients == 1)
  }

  @Test func `a buffer for a large argument is as large as the argument, not twice as large`() {
    let server = TestServer(follows: false)
    server.transport.network.faults.deliveredByteCountMax = 50_000
    let count = 1_000_000
    server.client.connection.send("*2\r\n$\(count)\r\n")
    server.client.connection.send([UInt8](repeating: 65, count: count))
    server.settle(limit: 200)
    let input = server.server.clients.all[0].input
    #expect(input?.remaining == count + 14)
    #expect((input?.capacity ?? 0) < count + 1000)
    let line = server.server.clientLine(server.server.clients.all[0])
    #expect(line.logText.contains(" qbuf=\(count) "))
  }

  @Test func `HRANDFIELD that would draw for ever is refused`() {
    let server = serverWithLargeValue {
      $0.clientOutputBufferLimits.normal = OutputBufferLimit(
        hardBytes: 100_000, softBytes: 0, softSeconds: 0)
    }
    server.run("HSET h a b")
    let other = server.connect()
    other.post("HRANDFIELD h -999999999")
    server.turn()
    #expect(server.server.clients.count == 2)
    #expect(server.server.statistics.outputBufferLimitDisconnections == 0)
    #expect(other.next()?.text.hasPrefix("ERR reply of ") == true)
  }

  @Test func `maxmemory-clients may be a share of maxmemory, and has a floor`() {
    let server = TestServer {
      $0.maxMemoryClients = -5
      $0.maxMemory = 100 << 20
    }
    #expect(server.server.clientMemoryLimit == 5 << 20)
    server.server.configuration.maxMemory = 0
    #expect(server.server.clientMemoryLimit == nil)
    server.server.configuration.maxMemoryClients = 1
    #expect(server.server.clientMemoryLimit == 128 << 10)
  }

  @Test func `clients beyond maxclients are told so, and room that becomes free is used`() {
    let server = TestServer { $0.maxClients = 3 }
    let others = (0..<2).map { _ in server.connect() }
    let rejected = server.connect()
    #expect(rejected.next() == .error("ERR max number of clients reached"))
    #expect(rejected.isClosed)
    #expect(server.server.statistics.connectionsRejected == 1)
    others[0].connection.close()
    server.turn()
    #expect(server.connect().run("PING") == .status("PONG"))
  }

  @Test func `protected mode lets only this machine in until there is a password`() {
    let server = TestServer()
    let stranger = server.transport.connect(fromHost: "10.1.2.3")
    server.turn()
    #expect(stranger.receiveText().hasPrefix("-DENIED Redis is running in protected mode"))
    #expect(stranger.isClosed)
    server.run("CONFIG SET requirepass secret")
    let other = server.transport.connect(fromHost: "10.1.2.3")
    server.turn()
    other.send("PING\r\n")
    server.turn()
    #expect(other.receiveText() == "-NOAUTH Authentication required.\r\n")
    server.run("CONFIG SET requirepass \"\"")
    server.server.configuration.protectedMode = false
    let third = server.transport.connect(fromHost: "10.1.2.3")
    third.send("PING\r\n")
    server.turn()
    server.turn()
    #expect(third.receiveText() == "+PONG\r\n")
  }
}
