// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP
import Testing

@testable import memd

/// Followers that load beside their old data, while everything happens and clients look on.
@Suite struct LoadingBesideClusterTests {
  private static let keyCount = 12

  /// Sets all keys to one number in one transaction, again and again, until a moment.
  private func write(_ cluster: SimulatedCluster, until end: Int64) {
    var client: SimulatedClient?
    var generation = 0
    func next() {
      guard cluster.now < end else { return }
      if client == nil || client?.isClosed == true {
        client = cluster.hosts[0].transport?.connect(fromHost: "writer")
      }
      generation += 1
      let pairs = (0..<Self.keyCount).map { "k\($0) \(generation)" }.joined(separator: " ")
      let padding = String(repeating: "x", count: 800)
      client?.send(
        "MULTI\r\nMSET \(pairs)\r\nSET pad\(generation % 60) \(padding)\r\nEXEC\r\n")
      _ = client?.receive()
      cluster.schedule(at: cluster.now + 3_000_000, next)
    }
    next()
  }

  /// Reads all keys of a server, again and again, and never sees numbers of two transactions.
  ///
  /// - Returns: how many readings there were while a snapshot was being loaded beside.
  private func read(_ cluster: SimulatedCluster, from number: Int, until end: Int64) -> Counter {
    let counter = Counter()
    let keys = (0..<Self.keyCount).map { "k\($0)" }.joined(separator: " ")
    var client: SimulatedClient?
    var received: [UInt8] = []
    func next() {
      guard cluster.now < end else { return }
      if client == nil || client?.isClosed == true {
        client = cluster.hosts[number].transport?.connect(fromHost: "reader\(number)")
        received = []
      }
      received += client?.receive() ?? []
      var parser = ReplyParser(received)
      while !parser.isAtEnd, let reply = parser.next() {
        if case .array(let values) = reply {
          #expect(values.allSatisfy { $0 == values[0] }, "two transactions: \(values)")
          if cluster.server(number)?.persistence.isLoadingBeside == true { counter.beside += 1 }
        }
        received.removeFirst(parser.position)
        parser = ReplyParser(received)
      }
      client?.send("MGET \(keys)\r\n")
      cluster.schedule(at: cluster.now + 700_000, next)
    }
    next()
    return counter
  }

  private final class Counter {
    var beside = 0
  }

  /// Makes all followers of the first server ask for everything.
  private func forceFullSync(_ cluster: SimulatedCluster) {
    // More than any block of the history.
    let filling = (0..<30).map { "SET fill\($0) \(String(repeating: "f", count: 8000))\r\n" }
    let request = "MULTI\r\nCLIENT KILL TYPE replica\r\n\(filling.joined())EXEC\r\n"
    let client = cluster.hosts[0].transport?.connect(fromHost: "operator")
    var rest = Array(request.utf8)[...]
    for _ in 0..<1000 where !rest.isEmpty {
      if case .bytes(let count) = client?.send(Array(rest)) { rest = rest.dropFirst(count) }
      cluster.run(milliseconds: 1)
    }
    cluster.run(milliseconds: 2)
    client?.close()
  }

  @Test(arguments: 1...2 as ClosedRange<UInt64>)
  func `readers see old or new data, and in the end all have the leader's`(seed: UInt64) {
    let cluster = SimulatedCluster.followers(3, seed: seed) {
      $0.replBacklogSize = 16 << 10
      $0.loadingProcessEventsIntervalBytes = 1024
      $0.appendOnly = seed % 2 == 0
      $0.rdbCompression = false
      $0.replDisklessSync = seed % 3 != 0
      $0.replDisklessLoad = seed % 4 == 0 ? .swapDatabases : .auto
    }
    let end = cluster.now + 4_000_000_000
    write(cluster, until: end)
    cluster.run(milliseconds: 200)
    cluster.ask(1, "REPLICAOF node0 6379")
    cluster.ask(2, "REPLICAOF node1 6379")
    #expect(cluster.run { cluster.isOnline(1) && cluster.isOnline(2) })
    let counters = [1, 2].map { read(cluster, from: $0, until: end) }
    for turn in 0..<3 {
      forceFullSync(cluster)
      let limit = cluster.now + 3_000_000_000
      let hasBegun = cluster.run {
        cluster.now > limit || cluster.server(1)?.persistence.isLoadingBeside == true
      }
      #expect(hasBegun && cluster.now <= limit, "seed \(seed), turn \(turn)")
      for _ in 0..<Int(cluster.generator.number(in: 0...15)) { cluster.run(milliseconds: 0) }
      switch (turn + Int(seed)) % 5 {
      case 0: cluster.network.isolate("node0")
      case 1: cluster.network.faults.cutsPerMillion = 20_000
      case 2:
        cluster.hosts[1].replicaOf = LeaderAddress(host: "node0", port: 6379)
        cluster.kill(1, .process)
        cluster.start(1)
      case 3: cluster.server(1)?.giveUpLoadingBeside()
      default: break
      }
      cluster.run(milliseconds: 150)
      cluster.network.heal()
      cluster.network.faults.cutsPerMillion = 0
      #expect(cluster.run { cluster.isOnline(1) && cluster.isOnline(2) })
      cluster.run(milliseconds: 50)
    }
    cluster.run(milliseconds: max(0, (end - cluster.now) / 1_000_000))
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.catchesUp(2, with: 1))
    for number in 1...2 { #expect(cluster.data(number) == cluster.data(0), "seed \(seed)") }
    #expect(counters[0].beside > 0, "somebody read while a snapshot was loaded")
    #expect(cluster.server(1)?.keyspace.hasReplacement == false)
  }

  @Test func `who follows a follower gets what that has swapped in`() {
    let cluster = SimulatedCluster.followers(3, seed: 3) {
      $0.replBacklogSize = 16 << 10
      $0.rdbCompression = false
    }
    cluster.ask(0, "SET k 1")
    cluster.ask(1, "REPLICAOF node0 6379")
    cluster.ask(2, "REPLICAOF node1 6379")
    #expect(cluster.run { cluster.isOnline(1) && cluster.isOnline(2) })
    #expect(cluster.server(1)?.statistics.fullSyncs == 1)
    forceFullSync(cluster)
    cluster.ask(0, "SET k 2")
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.catchesUp(2, with: 1))
    #expect(cluster.ask(2, "GET k") == "$1\r\n2\r\n")
    #expect(cluster.data(2) == cluster.data(0))
    #expect(cluster.server(1)?.statistics.fullSyncs == 2)
  }

  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func `large values of all kinds come as they are`(seed: UInt64) {
    let cluster = SimulatedCluster.followers(2, seed: seed) {
      $0.replBacklogSize = 16 << 10
      $0.loadingProcessEventsIntervalBytes = 1024
      $0.rdbCompression = false
      $0.replicaReadOnly = false
    }
    cluster.ask(1, "REPLICAOF node0 6379")
    #expect(cluster.run { cluster.isOnline(1) })
    fill(cluster, from: "a")
    #expect(cluster.catchesUp(1, with: 0))
    cluster.ask(0, "DEL za sa")
    fill(cluster, from: "b")
    forceFullSync(cluster)
    #expect(cluster.run { cluster.server(1)?.persistence.isLoadingBeside == true })
    // The old ones change meanwhile, and so do their tables and blocks.
    let changes = (0..<20).map { "SADD sa own\($0)\r\nZADD za \($0) m\($0)" }
    cluster.ask(1, "DEL hb\r\n" + changes.joined(separator: "\r\n"))
    #expect(cluster.server(1)?.persistence.isLoadingBeside == true, "all of that is in time")
    #expect(cluster.catchesUp(1, with: 0))
    #expect((cluster.data(1) == cluster.data(0)) == true, "seed \(seed)")
    // They can be used, saved, moved and freed like others.
    fill(cluster, from: "c")
    cluster.ask(0, "DEL zb\r\nSPOP sb 300\r\nXTRIM xb MAXLEN 10")
    cluster.ask(1, "SAVE")
    #expect(cluster.catchesUp(1, with: 0))
    #expect((cluster.data(1) == cluster.data(0)) == true, "seed \(seed)")
  }

  /// Values with many blocks, buckets and leaves.
  private func fill(_ cluster: SimulatedCluster, from name: String) {
    for _ in 0..<12 {
      var words: [String: [String]] = ["SADD s": [], "ZADD z": [], "HSET h": [], "RPUSH l": []]
      for _ in 0..<60 {
        let number = cluster.generator.number(in: 0...5000)
        let text = "t\(number)" + String(repeating: "y", count: Int(number % 90))
        words["SADD s"]?.append(text)
        words["ZADD z"]?.append("\(Double(number) / 8) \(text)")
        words["HSET h"]?.append("\(text) \(number)")
        words["RPUSH l"]?.append(text)
      }
      for (command, texts) in words.sorted(by: { $0.key < $1.key }) {
        cluster.ask(0, "\(command)\(name) \(texts.joined(separator: " "))")
      }
      let entries = (0..<30).map { _ in "XADD x\(name) * f \(cluster.generator.number(in: 0...9))" }
      cluster.ask(0, entries.joined(separator: "\r\n"))
    }
    cluster.ask(0, "XGROUP CREATE x\(name) g 0\r\nSETRANGE big\(name) 200000 end")
    cluster.ask(0, "XREADGROUP GROUP g c COUNT 1 STREAMS x\(name) >")
    cluster.ask(0, "HSET h\(name) f v\r\nHPEXPIRE h\(name) 900000 FIELDS 1 f")
  }
}
