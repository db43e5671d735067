// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// FAILOVER between simulated servers, among writers, partitions and deaths.
@Suite struct FailoverClusterTests {
  /// Adds members to a set, one after the other, at whichever server leads, and remembers which of
  /// them were acknowledged.
  private final class Writer {
    private let cluster: SimulatedCluster
    private var number = 0
    private var client: SimulatedClient?
    private var waitsFor: Int?
    private let end: Int64
    private let moves: Bool
    private let interval: ClosedRange<Int64>
    private(set) var acknowledged: [Int] = []

    init(
      _ cluster: SimulatedCluster, until end: Int64, moves: Bool,
      every interval: ClosedRange<Int64> = 100_000...1_500_000
    ) {
      self.cluster = cluster
      self.end = end
      self.moves = moves
      self.interval = interval
      act()
    }

    private func act() {
      guard cluster.now < end else { return }
      if client == nil || client?.isClosed == true {
        client = cluster.hosts[number].transport?.connect(fromHost: "writer")
        waitsFor = nil
      }
      let text = client?.receiveText() ?? ""
      if let member = waitsFor, !text.isEmpty {
        waitsFor = nil
        if text == ":1\r\n" { acknowledged.append(member) }
        if text.hasPrefix("-READONLY"), moves {
          number = 1 - number
          client = nil
        }
      } else if waitsFor == nil, let client {
        let member = cluster.nextValue()
        waitsFor = member
        client.send("SADD s \(member)\r\n")
      }
      cluster.schedule(at: cluster.now + cluster.generator.number(in: interval), act)
    }

    /// Members that a server doesn't have although they were acknowledged.
    func isMissing(at number: Int) -> Bool {
      let members = acknowledged.map { "\($0)" }.joined(separator: " ")
      return cluster.ask(number, "SMISMEMBER s \(members)").contains(":0")
    }
  }

  /// A leader with followers that have everything.
  private func makeCluster(
    _ count: Int, seed: UInt64 = 1, _ configure: @escaping (Configuration) -> Void = { _ in }
  ) -> SimulatedCluster {
    let cluster = SimulatedCluster.followers(count, seed: seed, configure)
    cluster.ask(0, "SADD s 0")
    #expect(cluster.attachFollowers())
    return cluster
  }

  private func state(_ cluster: SimulatedCluster, _ number: Int = 0) -> String {
    cluster.server(number)?.failover.stageName ?? "no server"
  }

  private func leads(_ cluster: SimulatedCluster, _ number: Int) -> Bool {
    cluster.server(number).map { $0.following == nil } ?? false
  }

  // MARK: - Roles

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `roles are swapped under writes, nothing is lost and nobody needs a copy`(seed: UInt64) {
    let cluster = makeCluster(3, seed: seed)
    let copies = cluster.server(0)?.statistics.fullSyncs ?? 0
    let id = cluster.server(0)?.effects.stream.replicationID
    let writer = Writer(cluster, until: cluster.now + 400_000_000, moves: true)
    cluster.run(milliseconds: 100)
    let command = seed % 2 == 0 ? "FAILOVER TO node1 6379 TIMEOUT 5000" : "FAILOVER TO node1 6379"
    // A follower is known by its address.
    let place = cluster.server(0)?.followers.all.first?.follower
    place?.announcedAddress = "node1"
    #expect(cluster.ask(0, command) == "+OK\r\n")
    #expect(cluster.run { leads(cluster, 1) && cluster.isOnline(0) })
    #expect(state(cluster) == "no-failover")
    cluster.ask(2, "REPLICAOF node1 6379")
    cluster.run(milliseconds: 600)
    for number in [0, 2] {
      #expect(cluster.catchesUp(number, with: 1))
      #expect(cluster.data(number) == cluster.data(1))
    }
    #expect(writer.acknowledged.count > 50)
    #expect(!writer.isMissing(at: 1))
    #expect(cluster.server(1)?.statistics.fullSyncs == 0, "seed \(seed)")
    #expect(cluster.server(0)?.statistics.fullSyncs == copies)
    #expect(cluster.server(1)?.effects.stream.secondID == id)
    #expect(cluster.ask(0, "ROLE").contains("slave"))
    #expect(cluster.ask(0, "INFO replication").contains("master_failover_state:no-failover\r\n"))
    #expect(cluster.ask(0, "SADD s x").hasPrefix("-READONLY"))
  }

  @Test func `what can't be is refused`() {
    let cluster = makeCluster(2)
    for (line, error) in [
      ("FAILOVER ABORT", "-ERR No failover in progress.\r\n"),
      ("FAILOVER FORCE", "-ERR FAILOVER with force option requires both a timeout and target"),
      ("FAILOVER FORCE TIMEOUT 1", "-ERR FAILOVER with force option requires both a timeout"),
      ("FAILOVER TO h 1 FORCE", "-ERR FAILOVER with force option requires both a timeout"),
      ("FAILOVER TO h 1", "-ERR FAILOVER target HOST and PORT is not a replica.\r\n"),
      ("FAILOVER TO h x", "-ERR value is not an integer or out of range\r\n"),
      ("FAILOVER TIMEOUT 0", "-ERR FAILOVER timeout must be greater than 0\r\n"),
      ("FAILOVER TIMEOUT", "-ERR syntax error\r\n"), ("FAILOVER TO h", "-ERR syntax error\r\n"),
      ("FAILOVER FORCE FORCE", "-ERR syntax error\r\n"),
      ("FAILOVER ABORT TIMEOUT 1", "-ERR syntax error\r\n"),
      ("FAILOVER TIMEOUT 1 TIMEOUT 1", "-ERR syntax error\r\n"),
    ] {
      #expect(cluster.ask(0, line).hasPrefix(error), "\(line)")
    }
    #expect(
      cluster.ask(1, "FAILOVER") == "-ERR FAILOVER is not valid when server is a replica.\r\n")
    cluster.ask(1, "REPLICAOF NO ONE")
    cluster.run(milliseconds: 50)
    #expect(cluster.ask(0, "FAILOVER") == "-ERR FAILOVER requires connected replicas.\r\n")
  }

  @Test func `while it waits nobody writes, becomes a follower or gets another role`() {
    let cluster = makeCluster(2)
    cluster.network.isolate("node1")
    cluster.ask(0, "SET k 1 PX 30")
    #expect(cluster.ask(0, "FAILOVER TIMEOUT 60000") == "+OK\r\n")
    #expect(cluster.ask(0, "INFO replication").contains("state:waiting-for-sync\r\n"))
    #expect(cluster.ask(0, "FAILOVER") == "-ERR FAILOVER already in progress.\r\n")
    for line in ["REPLICAOF NO ONE", "REPLICAOF node1 6379"] {
      #expect(cluster.ask(0, line) == "-ERR REPLICAOF not allowed while failing over.\r\n")
    }
    #expect(cluster.ask(0, "PSYNC ? -1") == "-NOMASTERLINK Can't SYNC while failing over\r\n")
    // Not even time may.
    cluster.run(milliseconds: 1500)
    let offset = cluster.server(0)?.effects.stream.offset
    #expect(cluster.ask(0, "SADD s 2") == "")
    #expect(cluster.ask(0, "GET k") == "$-1\r\n")
    #expect(cluster.server(0)?.effects.stream.offset == offset)
    #expect(cluster.ask(0, "FAILOVER ABORT") == "+OK\r\n")
    cluster.run(milliseconds: 5)
    // The one who asked is gone; what it asked for was parked, and others go on.
    #expect(cluster.ask(0, "SADD s 3") == ":1\r\n")
    #expect(cluster.ask(0, "DBSIZE") == ":1\r\n")
    cluster.network.heal()
    #expect(cluster.catchesUp(1, with: 0))
    #expect(leads(cluster, 0))
  }

  @Test func `without FORCE the time ends it, and writes go on`() {
    let cluster = makeCluster(2)
    cluster.network.isolate("node1")
    cluster.ask(0, "SADD s 1")
    #expect(cluster.ask(0, "FAILOVER TIMEOUT 300") == "+OK\r\n")
    let writer = Writer(cluster, until: cluster.now + 1_000_000_000, moves: false)
    cluster.run(milliseconds: 100)
    #expect(writer.acknowledged.isEmpty && state(cluster) == "waiting-for-sync")
    cluster.run(milliseconds: 400)
    #expect(!writer.acknowledged.isEmpty && state(cluster) == "no-failover")
    #expect(leads(cluster, 0))
    cluster.network.heal()
    #expect(cluster.catchesUp(1, with: 0))
  }

  @Test func `a target that refuses leaves all as it was`() {
    let cluster = makeCluster(2)
    cluster.ask(1, "ACL SETUSER default -psync")
    let writer = Writer(cluster, until: cluster.now + 500_000_000, moves: true)
    #expect(cluster.ask(0, "FAILOVER") == "+OK\r\n")
    #expect(cluster.run { state(cluster) == "failover-in-progress" })
    #expect(cluster.run { state(cluster) == "no-failover" })
    #expect(leads(cluster, 0) && !leads(cluster, 1))
    cluster.run(milliseconds: 500)
    #expect(!writer.acknowledged.isEmpty)
    #expect(cluster.catchesUp(1, with: 0))
    #expect(!writer.isMissing(at: 1))
    #expect(cluster.server(0)?.statistics.fullSyncs == 1)
  }

  // MARK: - What goes wrong

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a partition at any moment loses nothing that was acknowledged`(seed: UInt64) {
    let cluster = makeCluster(2, seed: seed)
    let writer = Writer(
      cluster, until: cluster.now + 3_500_000_000, moves: true, every: 1_000_000...10_000_000)
    cluster.run(milliseconds: 30)
    cluster.ask(0, "FAILOVER")
    let (start, length) = (
      cluster.generator.number(in: 0...4_000_000), cluster.generator.number(in: 1...2900)
    )
    cluster.schedule(at: cluster.now + start) { [unowned cluster] in
      cluster.network.partition("node0", "node1")
    }
    cluster.schedule(at: cluster.now + start + length * 1_000_000) { [unowned cluster] in
      cluster.network.heal()
    }
    cluster.run(milliseconds: 4000)
    #expect(cluster.run { state(cluster) == "no-failover" }, "seed \(seed)")
    #expect(leads(cluster, 0) != leads(cluster, 1), "seed \(seed)")
    let leader = leads(cluster, 0) ? 0 : 1
    #expect(cluster.catchesUp(1 - leader, with: leader), "seed \(seed)")
    #expect(writer.acknowledged.count > 20)
    #expect(!writer.isMissing(at: leader), "seed \(seed)")
    #expect(cluster.data(0) == cluster.data(1))
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a target that dies at any moment loses nothing that was acknowledged`(seed: UInt64) {
    let cluster = makeCluster(2, seed: seed)
    let writer = Writer(
      cluster, until: cluster.now + 1_500_000_000, moves: false, every: 500_000...5_000_000)
    cluster.run(milliseconds: 30)
    cluster.ask(0, "FAILOVER")
    // It comes back as a follower, or as a leader with nothing.
    cluster.hosts[1].replicaOf =
      seed % 2 == 0 ? LeaderAddress(host: "node0", port: 6379) : nil
    let delay = cluster.generator.number(in: 0...4_000_000)
    var isDone = false
    cluster.schedule(at: cluster.now + delay) { [unowned cluster] in
      cluster.kill(1, .process)
    }
    cluster.schedule(at: cluster.now + 800_000_000) { [unowned cluster] in
      // A leader that comes back with nothing has its followers have nothing.
      isDone = state(cluster) == "no-failover"
      if !isDone { cluster.start(1) }
    }
    cluster.run(milliseconds: 2500)
    if state(cluster) == "waiting-for-sync" { cluster.ask(0, "FAILOVER ABORT") }
    #expect(cluster.run { state(cluster) == "no-failover" }, "seed \(seed)")
    #expect(leads(cluster, 0) != isDone, "seed \(seed)")
    #expect(!writer.isMissing(at: 0), "seed \(seed)")
  }

  @Test func `FORCE hands over without what the target lacks, and to nobody else`() {
    let cluster = makeCluster(3)
    cluster.network.isolate("node1")
    cluster.server(0)?.followers.all.first?.follower?.announcedAddress = "node1"
    cluster.ask(0, "SADD s lost")
    #expect(cluster.ask(0, "FAILOVER TO node1 6379 TIMEOUT 200 FORCE") == "+OK\r\n")
    cluster.run(milliseconds: 400)
    #expect(state(cluster) == "failover-in-progress")
    #expect(!leads(cluster, 0) && !leads(cluster, 1) && !leads(cluster, 2))
    #expect(cluster.ask(0, "ROLE").contains("slave"))
    cluster.network.heal()
    #expect(cluster.run { leads(cluster, 1) && cluster.isOnline(0) })
    #expect(cluster.catchesUp(0, with: 1))
  }

  @Test func `aborted while it hands over the server leads again`() {
    let cluster = makeCluster(2)
    cluster.network.isolate("node1")
    cluster.server(0)?.followers.all.first?.follower?.announcedAddress = "node1"
    cluster.ask(0, "SADD s 1")
    let id = cluster.server(0)?.effects.stream.replicationID
    #expect(cluster.ask(0, "FAILOVER TO node1 6379 TIMEOUT 100 FORCE") == "+OK\r\n")
    #expect(cluster.run { state(cluster) == "failover-in-progress" })
    #expect(cluster.ask(0, "FAILOVER ABORT") == "+OK\r\n")
    #expect(leads(cluster, 0) && state(cluster) == "no-failover")
    #expect(cluster.server(0)?.effects.stream.secondID == id)
    #expect(cluster.ask(0, "SADD s 2") == ":1\r\n")
    cluster.network.heal()
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.data(1) == cluster.data(0))
  }
}
