// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct EvictionTests {
  private static let value = String(repeating: "x", count: 10_000)

  /// A server with 50 keys of 10 KB each.
  private func filledServer(
    _ policy: MaxMemoryPolicy, follows: Bool = true
  ) -> TestServer {
    let server = TestServer(follows: follows) {
      $0.maxMemoryPolicy = policy
      $0.maxMemoryEvictionTenacity = 100
    }
    for number in 0..<50 { server.run(["SET", "k\(number)", EvictionTests.value]) }
    return server
  }

  private func keyCount(_ server: TestServer) -> Int { server.server.keyspace.keyCount }

  @Test(arguments: [MaxMemoryPolicy.allKeysLRU, .allKeysLFU, .allKeysRandom])
  func `a lower maxmemory evicts at once, without another command`(policy: MaxMemoryPolicy) {
    let server = filledServer(policy)
    let limit = server.server.evictableMemory - 100_000
    #expect(server.run("CONFIG SET maxmemory \(limit)") == .ok)
    server.turn()
    #expect(server.server.evictableMemory <= limit)
    #expect(30..<41 ~= keyCount(server))
    #expect(server.server.keyspace.statistics.evictedKeys == 50 - keyCount(server))
    #expect(!server.server.hasBackgroundWork)
  }

  @Test func `nothing that may go ends the attempt, and lets the loop sleep`() {
    let server = filledServer(.volatileLRU)
    #expect(server.run("CONFIG SET maxmemory 1") == .ok)
    server.turn()
    #expect(keyCount(server) == 50)
    #expect(!server.server.hasBackgroundWork)
    #expect(server.run("SET k v").text.hasPrefix("OOM "))
    #expect(server.run("STRLEN k1") == 10_000)
  }

  @Test func `taking maxmemory away ends an eviction that is under way`() {
    let server = filledServer(.allKeysLRU)
    server.server.upkeep.eviction.continues = true
    server.turn()
    #expect(keyCount(server) == 50)
    #expect(!server.server.upkeep.eviction.continues)
  }

  @Test func `output that nobody reads counts, and drives keys out`() {
    let server = filledServer(.allKeysLRU, follows: false)
    let limit = server.server.evictableMemory + 50_000
    server.run("CONFIG SET maxmemory \(limit)")
    server.transport.network.faults.socketBufferByteCount = 1000
    let reader = server.connect()
    let before = server.server.evictableMemory
    for _ in 0..<20 { reader.post("GET k1") }
    server.turn()
    #expect(server.server.clientMemory.total > 150_000)
    #expect(server.server.evictableMemory >= before + 150_000)
    server.run("PING")
    #expect(keyCount(server) < 50)
    #expect(server.server.evictableMemory <= limit)
    reader.connection.close()
    server.turn()
    #expect(server.server.clientMemory.total < 50_000)
  }

  @Test func `input of unfinished requests counts, and drives keys out`() {
    let server = filledServer(.allKeysLRU, follows: false)
    let limit = server.server.evictableMemory + 50_000
    server.run("CONFIG SET maxmemory \(limit)")
    let writer = server.connect()
    writer.connection.send("*30\r\n")
    for _ in 0..<20 { writer.connection.send("$10000\r\n\(EvictionTests.value)\r\n") }
    server.settle(limit: 50)
    #expect(server.server.clientMemory.total > 150_000)
    server.run("PING")
    #expect(keyCount(server) < 50)
    #expect(server.server.evictableMemory <= limit)
  }

  @Test func `while clients are paused nothing is evicted, and writes wait rather than fail`() {
    let server = filledServer(.allKeysLRU)
    let other = server.connect()
    server.run("CLIENT PAUSE 1000 WRITE")
    server.run("CONFIG SET maxmemory 1")
    other.post("SET k v")
    server.turn()
    #expect(other.next() == nil)
    #expect(keyCount(server) == 50)
    server.advance(milliseconds: 1001)
    server.settle(limit: 5)
    #expect(other.next()?.text.hasPrefix("OOM ") ?? false)
    #expect(keyCount(server) == 0)
  }
}
