// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct EvictionPolicyTests {
  private static let refusal = Reply.error(
    "OOM command not allowed when used memory > 'maxmemory'.")

  /// A server with a hundred keys `p0` ... without deadline and a hundred `t0` ... with one; later
  /// keys have later deadlines. One second passes between accesses.
  private func server(_ policy: MaxMemoryPolicy) -> TestServer {
    let server = TestServer(follows: false) {
      $0.maxMemoryPolicy = policy
      $0.maxMemorySamples = 10
      $0.lfuDecayTime = 0
    }
    for index in 0..<100 {
      server.run("SET p\(index) \(String(repeating: "v", count: 100))")
      server.run("SET t\(index) \(String(repeating: "v", count: 100)) PX \(1_000_000 + index * 9)")
      server.advance(milliseconds: 1000)
    }
    return server
  }

  /// Lets room become scarce until so many keys were evicted.
  private func evict(_ count: Int, from server: TestServer) {
    for _ in 0..<count {
      server.server.configuration.maxMemory = server.server.evictableMemory - 1
      #expect(server.server.evict())
    }
    server.server.configuration.maxMemory = 0
    #expect(server.server.keyspace.statistics.evictedKeys >= count)
  }

  /// The numbers of the keys with this prefix that are still there.
  private func left(_ prefix: String, _ server: TestServer) -> [Int] {
    (0..<100).filter { server.run("EXISTS \(prefix)\($0)") == 1 }
  }

  @Test func `without eviction what needs memory is refused and nothing goes`() {
    let server = server(.noEviction)
    server.run("CONFIG SET maxmemory 1mb")
    server.run("CONFIG SET maxmemory 100")
    let reply = server.run("SET x 1")
    #expect(reply == EvictionPolicyTests.refusal)
    #expect(server.run("GET p1") != .null)
    #expect(server.run("DEL p1") == 1)
    #expect(server.run("DBSIZE") == 199)
    #expect(server.server.keyspace.statistics.evictedKeys == 0)
    #expect(server.run("CONFIG SET maxmemory 0") == .ok)
    #expect(server.run("SET x 1") == .ok)
  }

  @Test(arguments: [
    MaxMemoryPolicy.volatileLRU, .volatileLFU, .volatileRandom, .volatileTTL,
  ])
  func `keys without a deadline never go by a volatile policy`(policy: MaxMemoryPolicy) {
    let server = server(policy)
    evict(100, from: server)
    #expect(left("t", server) == [])
    #expect(left("p", server).count == 100)
    // When no key may go any more, writes are refused.
    server.server.configuration.maxMemory = server.server.evictableMemory - 1
    server.server.applyConfiguration()
    #expect(server.run("SET x 1") == EvictionPolicyTests.refusal)
    #expect(server.server.keyspace.databases[0].expiringCount == 0)
  }

  @Test(arguments: [MaxMemoryPolicy.allKeysRandom, .volatileRandom])
  func `random policies choose no key more than another`(policy: MaxMemoryPolicy) {
    var early = 0
    for _ in 0..<4 {
      let server = server(policy)
      evict(policy.isVolatileOnly ? 50 : 100, from: server)
      early += left("t", server).filter { $0 < 50 }.count
    }
    // 100 of 200 on average, with a standard deviation of 5.
    #expect((70...130).contains(early), "\(early)")
  }

  @Test func `the key that expires first goes first`() {
    let server = server(.volatileTTL)
    evict(50, from: server)
    let left = left("t", server)
    #expect(left.count == 50)
    #expect(left.filter { $0 < 40 }.count <= 3, "\(left)")
  }

  @Test(arguments: [MaxMemoryPolicy.allKeysLRU, .volatileLRU])
  func `the key that was used longest ago goes first`(policy: MaxMemoryPolicy) {
    let server = server(policy)
    // The oldest are used again.
    for index in 0..<30 {
      server.run("GET t\(index)")
      server.run("GET p\(index)")
    }
    evict(policy.isVolatileOnly ? 50 : 100, from: server)
    let left = left("t", server)
    #expect((30...70).contains(left.count))
    #expect(left.filter { $0 < 30 }.count >= 28, "\(left)")
    #expect(left.filter { $0 >= 85 }.count >= 13, "\(left)")
  }

  @Test(arguments: [MaxMemoryPolicy.allKeysLFU, .volatileLFU])
  func `the key that is used least goes first`(policy: MaxMemoryPolicy) {
    let server = server(policy)
    for index in 0..<30 {
      for _ in 0..<20 {
        server.run("GET t\(index)")
        server.run("GET p\(index)")
      }
    }
    evict(policy.isVolatileOnly ? 70 : 140, from: server)
    let left = left("t", server)
    #expect(left.filter { $0 < 30 }.count >= 29, "\(left)")
    #expect(left.count <= 33)
  }

  @Test func `of keys used equally often the one used longest ago goes first`() {
    let server = server(.allKeysLFU)
    for index in 0..<100 {
      server.run("TOUCH p\(index)")
      server.run("TOUCH t\(index)")
      server.advance(milliseconds: 2000)
    }
    evict(100, from: server)
    #expect(left("p", server).filter { $0 < 40 }.count <= 3)
  }

  @Test func `a key that is used after it was noted as a candidate stays`() {
    let server = server(.allKeysLRU)
    evict(1, from: server)
    // Whatever is in the pool now is used; later keys are not, and go instead.
    for index in 0..<60 {
      server.run("GET t\(index)")
      server.run("GET p\(index)")
    }
    evict(60, from: server)
    let left = left("t", server) + left("p", server)
    #expect(left.filter { $0 < 60 }.count == 119, "\(left)")
  }

  @Test func `another policy does not go by the scores of the last one`() {
    let server = server(.allKeysLRU)
    evict(1, from: server)
    server.run("CONFIG SET maxmemory-policy volatile-ttl")
    evict(20, from: server)
    #expect(left("t", server).filter { $0 < 10 }.count <= 2)
  }

  @Test func `an evicted key is announced and its removal passed on`() {
    let server = TestServer { $0.maxMemoryPolicy = .allKeysLRU }
    server.run("SET a 1")
    let events = server.recordEvents()
    let stream = server.stream { evict(1, from: server) }
    #expect(events.take() == ["0 evicted a"])
    #expect(stream == ["UNLINK a"])
    #expect(server.run("DBSIZE") == 0)
  }

  @Test func `writing goes on under a limit, and memory stays below it`() {
    let server = TestServer(follows: false) {
      $0.maxMemory = 3 << 20
      $0.maxMemoryPolicy = .allKeysLRU
    }
    let value = String(repeating: "v", count: 1000)
    for index in 0..<5000 {
      #expect(server.run(["SET", "key:\(index)", value]) == .ok)
      #expect(server.server.evictableMemory < 3 << 20 + 70_000)
    }
    #expect(server.server.keyspace.statistics.evictedKeys > 2000)
    #expect(server.run("EXISTS key:4999") == 1)
  }

  @Test func `the pool keeps the best, each key once`() {
    var pool = EvictionPool()
    for score in 0..<100 {
      let name = [UInt8(score % 50)]
      pool.add(
        EvictionPool.Candidate(
          key: name, hash: UInt64(score % 50), database: 0, score: UInt64(score * 37 % 101)))
    }
    var scores: [UInt64] = []
    var names: Set<[UInt8]> = []
    while let candidate = pool.takeBest() {
      scores.append(candidate.score)
      names.insert(candidate.key)
    }
    #expect(scores.count == EvictionPool.capacity)
    #expect(names.count == EvictionPool.capacity)
    #expect(scores == scores.sorted(by: >))
  }
}
