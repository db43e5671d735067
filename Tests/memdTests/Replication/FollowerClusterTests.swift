// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Leaders and followers on one simulated network, in which everything may happen.
@Suite struct FollowerClusterTests {
  /// Changes of all kinds, in several databases.
  private func change(_ generator: inout SeededGenerator) -> String {
    let key = "k\(generator.number(in: 0...30))"
    let value = generator.number(in: 0...1000)
    return switch generator.number(in: 0...11) {
    case 0: "SET \(key) \(value)"
    case 1: "SET \(key) \(value) PX \(generator.number(in: 1...300))"
    case 2: "INCR n\(key)"
    case 3: "RPUSH l\(key) \(value) \(value)"
    case 4: "LPOP l\(key)"
    case 5: "ZADD z \(value) \(key)"
    case 6: "MULTI\r\nINCR n\(key)\r\nSADD s \(value)\r\nEXEC"
    case 7: "SELECT \(generator.number(in: 0...3))"
    case 8: "DEL \(key)"
    case 9: "SET big\(key) \(String(repeating: "x", count: 3000))"
    case 10: "PUBLISH c hello"
    default: "XADD x * f \(value)"
    }
  }

  /// Lets a client of a server change data all the time until a moment.
  private func write(_ cluster: SimulatedCluster, to number: Int, until end: Int64) {
    var client: SimulatedClient?
    func next() {
      guard cluster.now < end else { return }
      if client == nil || client?.isClosed == true {
        client = cluster.hosts[number].transport?.connect(fromHost: "writer")
      }
      for _ in 0..<5 { client?.send(change(&cluster.generator) + "\r\n") }
      _ = client?.receive()
      cluster.schedule(at: cluster.now + cluster.generator.number(in: 200_000...3_000_000), next)
    }
    next()
  }

  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `followers have their leader's data, whatever happens to their links`(seed: UInt64) {
    let cluster = SimulatedCluster.followers(4, seed: seed) {
      $0.replDisklessSync = seed % 2 == 0
      $0.replBacklogSize = seed % 3 == 0 ? 16 << 10 : 1 << 20
    }
    write(cluster, to: 0, until: cluster.now + 3_000_000_000)
    cluster.run(milliseconds: 20)
    // The last one follows a follower.
    for (number, leader) in [(1, 0), (2, 0), (3, 1)] {
      #expect(cluster.ask(number, "REPLICAOF node\(leader) 6379") == "+OK\r\n")
    }
    for time in stride(from: 300, to: 2500, by: 300) as StrideTo<Int64> {
      cluster.schedule(at: time * 1_000_000) { [unowned cluster] in
        let name = "node\(cluster.generator.number(in: 0...3))"
        switch cluster.generator.number(in: 0...2) {
        case 0: cluster.network.isolate(name)
        case 1: cluster.network.faults.cutsPerMillion = 5_000
        default: cluster.network.faults.deliveredByteCountMax = 50
        }
      }
      cluster.schedule(at: (time + 120) * 1_000_000) { [unowned cluster] in
        cluster.network.heal()
        cluster.network.faults.cutsPerMillion = 0
        cluster.network.faults.deliveredByteCountMax = .max
      }
    }
    cluster.run(milliseconds: 3500)
    for (number, leader) in [(1, 0), (2, 0), (3, 1)] {
      #expect(cluster.catchesUp(number, with: leader), "seed \(seed), node\(number)")
    }
    for number in 1...3 {
      #expect(cluster.data(number) == cluster.data(0), "seed \(seed), node\(number)")
      #expect(cluster.server(number)?.statistics.unexpectedErrorReplies == 0)
    }
    let statistics = cluster.server(0)?.statistics
    #expect((statistics?.fullSyncs ?? 0) + (statistics?.partialSyncs ?? 0) >= 2)
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `a follower takes its leader's place, and all others go on from there`(seed: UInt64) {
    let cluster = SimulatedCluster.followers(3, seed: seed)
    write(cluster, to: 0, until: cluster.now + 400_000_000)
    for number in 1...2 { cluster.ask(number, "REPLICAOF node0 6379") }
    cluster.run(milliseconds: 300)
    #expect(cluster.isOnline(1) && cluster.isOnline(2))
    let oldID = cluster.server(0)?.effects.stream.replicationID
    cluster.kill(0)
    cluster.run(milliseconds: 10)
    // The one that is ahead leads.
    let isFirstAhead =
      (cluster.server(1)?.effects.stream.offset ?? 0)
      >= (cluster.server(2)?.effects.stream.offset ?? 0)
    let (new, other) = isFirstAhead ? (1, 2) : (2, 1)
    #expect(cluster.ask(new, "REPLICAOF NO ONE") == "+OK\r\n")
    #expect(cluster.server(new)?.effects.stream.secondID == oldID)
    #expect(cluster.server(new)?.effects.stream.replicationID != oldID)
    #expect(cluster.ask(new, "SET only here").hasPrefix("+OK"))
    #expect(cluster.ask(other, "REPLICAOF node\(new) 6379") == "+OK\r\n")
    #expect(cluster.catchesUp(other, with: new))
    #expect(cluster.server(new)?.statistics.fullSyncs == 0, "seed \(seed)")
    #expect(cluster.server(new)?.statistics.partialSyncs == 1, "seed \(seed)")
    #expect(cluster.data(other) == cluster.data(new))
    // The old one comes back with nothing.
    cluster.start(0)
    #expect(cluster.ask(0, "REPLICAOF node\(new) 6379") == "+OK\r\n")
    #expect(cluster.ask(new, "SELECT 2\r\nSET behind 1").hasPrefix("+OK"))
    #expect(cluster.catchesUp(0, with: new))
    #expect(cluster.data(0) == cluster.data(new))
  }

  @Test(arguments: [true, false])
  func `a sync that dies half way leaves the old data, and is done again`(isDiskless: Bool) {
    let cluster = SimulatedCluster.followers(2, seed: 3) {
      $0.replDisklessSync = isDiskless
      $0.rdbCompression = false
    }
    for index in 0..<100 {
      cluster.ask(0, "SET k\(index) \(String(repeating: "v", count: 5000))")
    }
    cluster.ask(1, "SET mine 1")
    let old = cluster.data(1)
    cluster.network.faults.deliveredByteCountMax = 1000
    cluster.ask(1, "REPLICAOF node0 6379")
    let hasBegun = cluster.run {
      cluster.server(1)?.following?.receiver.map { $0.byteCount > 10_000 } == true
    }
    #expect(hasBegun)
    #expect(cluster.ask(1, "INFO replication").contains("master_sync_in_progress:1\r\n"))
    cluster.network.isolate("node0")
    #expect(cluster.run { cluster.server(1)?.following?.isSyncing == false })
    #expect(cluster.data(1) == old)
    #expect(cluster.ask(1, "GET mine") == "$1\r\n1\r\n")
    #expect(cluster.ask(1, "INFO replication").contains("master_link_status:down\r\n"))
    cluster.network.heal()
    cluster.network.faults.deliveredByteCountMax = .max
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.data(1) == cluster.data(0))
    cluster.run(milliseconds: 20)
    #expect(cluster.hosts[1].disk.paths.filter { $0.hasPrefix("temp") } == [])
  }

  @Test func `a disk that fails ends a sync and nothing else, and it recovers`() {
    let cluster = SimulatedCluster.followers(2, seed: 5)
    cluster.ask(0, "SET theirs 1")
    cluster.ask(1, "SET mine 1")
    let old = cluster.data(1)
    cluster.hosts[1].disk.faults.failsWrite = true
    cluster.ask(1, "REPLICAOF node0 6379")
    cluster.run(milliseconds: 3000)
    #expect(cluster.data(1) == old)
    #expect(!cluster.isOnline(1))
    cluster.hosts[1].disk.faults.failsWrite = false
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.data(1) == cluster.data(0))
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a follower's log holds what it has, also behind a restart`(seed: UInt64) {
    let cluster = SimulatedCluster.followers(2, seed: seed) { $0.appendOnly = true }
    write(cluster, to: 0, until: cluster.now + 600_000_000)
    cluster.run(milliseconds: 50)
    cluster.ask(1, "REPLICAOF node0 6379")
    #expect(cluster.run { cluster.isOnline(1) })
    cluster.run(milliseconds: 100)
    // In the middle of the stream, whatever database that has selected.
    cluster.ask(1, "BGREWRITEAOF")
    cluster.run(milliseconds: 700)
    #expect(cluster.catchesUp(1, with: 0))
    cluster.run(milliseconds: 2000)
    let before = cluster.data(1)
    #expect(before == cluster.data(0))
    cluster.kill(1, .process)
    cluster.start(1)
    #expect(cluster.run { cluster.hosts[1].isReady })
    #expect(cluster.data(1) == before, "seed \(seed)")
  }

  // MARK: - What clients see

  @Test func `a follower refuses writes, and reads too if its data are stale`() {
    let cluster = SimulatedCluster.followers(2, seed: 7)
    cluster.ask(0, "SET k v PX 400")
    cluster.ask(1, "REPLICAOF node0 6379")
    #expect(cluster.catchesUp(1, with: 0))
    let refusal = "-READONLY You can't write against a read only replica.\r\n"
    #expect(cluster.ask(1, "SET k w") == refusal)
    #expect(cluster.ask(1, "MULTI\r\nSET k w\r\nEXEC").hasPrefix("+OK\r\n" + refusal))
    #expect(cluster.ask(1, "GET k") == "$1\r\nv\r\n")
    #expect(
      cluster.ask(1, "ROLE").hasPrefix("*5\r\n$5\r\nslave\r\n$5\r\nnode0\r\n:6379\r\n$9\r\n"))
    #expect(cluster.ask(1, "CONFIG GET replicaof").contains("node0 6379"))
    #expect(cluster.ask(1, "REPLICAOF node0 6379").hasPrefix("+OK Already connected"))
    #expect(cluster.ask(1, "REPLICAOF node0 70000") == "-ERR Invalid master port\r\n")
    #expect(cluster.ask(1, "REPLICAOF node0 x") == "-ERR Invalid master port\r\n")
    cluster.kill(0)
    #expect(cluster.run { !cluster.isOnline(1) })
    cluster.run(milliseconds: 500)
    // It hides what is due and waits for its leader's word.
    #expect(cluster.ask(1, "GET k") == "$-1\r\n")
    #expect(cluster.server(1)?.keyspace.databases[0].keys.count == 1)
    let follower = cluster.ask(1, "PSYNC ? -1")
    #expect(follower == "-NOMASTERLINK Can't SYNC while not connected with my master\r\n")
    cluster.ask(1, "CONFIG SET replica-serve-stale-data no")
    #expect(cluster.ask(1, "GET k").hasPrefix("-MASTERDOWN"))
    #expect(cluster.ask(1, "PING").hasPrefix("+PONG") == false)
    #expect(cluster.ask(1, "INFO replication").contains("master_link_status:down"))
    #expect(cluster.ask(1, "PSYNC ? -1").hasPrefix("-MASTERDOWN"))
    #expect(cluster.ask(1, "REPLICAOF NO ONE") == "+OK\r\n")
    #expect(cluster.ask(1, "SET k w") == "+OK\r\n")
    #expect(cluster.ask(1, "CONFIG GET replicaof").hasSuffix("$0\r\n\r\n"))
  }
}
