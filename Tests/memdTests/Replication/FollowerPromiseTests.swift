// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// WAIT, `min-replicas-to-write`, and restarts after which nobody needs a full copy.
@Suite struct FollowerPromiseTests {
  /// A leader with followers that have everything.
  private func makeCluster(
    _ count: Int = 3, seed: UInt64 = 1, _ configure: @escaping (Configuration) -> Void = { _ in }
  ) -> SimulatedCluster {
    let cluster = SimulatedCluster.followers(count, seed: seed, configure)
    #expect(cluster.run { cluster.hosts.allSatisfy(\.isReady) })
    cluster.ask(0, "SET first 1")
    #expect(cluster.attachFollowers())
    return cluster
  }

  // MARK: - WAIT

  @Test func `WAIT answers when so many followers have it, or when the time is over`() {
    let cluster = makeCluster()
    #expect(cluster.ask(0, "WAIT 0 0") == ":2\r\n" || cluster.ask(0, "WAIT 2 0") == ":2\r\n")
    // They tell once a second by themselves; this is much faster, as they are asked.
    let start = cluster.now
    cluster.ask(0, "SET k 1")
    #expect(cluster.ask(0, "WAIT 2 400") == ":2\r\n")
    #expect(cluster.now - start < 30_000_000)
    cluster.network.isolate("node2")
    cluster.ask(0, "SET k 2")
    #expect(cluster.ask(0, "WAIT 1 400") == ":1\r\n")
    let offset = cluster.server(0)?.effects.stream.offset ?? 0
    #expect(cluster.ask(0, "WAIT 2 100") == ":1\r\n")
    // It asks once, and not again with each answer.
    #expect((cluster.server(0)?.effects.stream.offset ?? 0) - offset < 100)
    cluster.network.heal()
    #expect(cluster.ask(0, "WAIT 3 100").hasPrefix(":"))
    #expect(cluster.ask(0, "MULTI\r\nSET k 4\r\nWAIT 5 0\r\nEXEC").contains("*2\r\n+OK\r\n:"))
    for (line, error) in [
      ("WAIT x 0", "-ERR value is not an integer or out of range\r\n"),
      ("WAIT 1 x", "-ERR timeout is not an integer or out of range\r\n"),
      ("WAIT 1 -1", "-ERR timeout is negative\r\n"),
    ] {
      #expect(cluster.ask(0, line) == error)
    }
    #expect(cluster.ask(1, "WAIT 1 0").hasPrefix("-ERR WAIT cannot be used with replica"))
    #expect(cluster.ask(1, "WAITAOF 0 1 0").hasPrefix("-ERR WAITAOF cannot be used with replica"))
    #expect(cluster.data(1) == cluster.data(0))
  }

  @Test func `WAITAOF counts followers whose log has it`() {
    let cluster = makeCluster(2) { $0.appendOnly = true }
    cluster.run(milliseconds: 3000)
    cluster.ask(0, "SET k 1")
    #expect(cluster.ask(0, "WAITAOF 1 1 1").hasPrefix("*2\r\n"))
    cluster.run(milliseconds: 2500)
    // Both sync once a second, and a follower tells once a second how far that is.
    let client = cluster.hosts[0].transport?.connect(fromHost: "operator")
    client?.send("WAITAOF 1 1 5000\r\n")
    var text = ""
    for _ in 0..<600 where text.isEmpty {
      cluster.run(milliseconds: 10)
      text = client?.receiveText() ?? ""
    }
    #expect(text == "*2\r\n:1\r\n:1\r\n")
  }

  // MARK: - min-replicas-to-write

  @Test func `without enough good followers nobody may write`() {
    let cluster = makeCluster { $0.minReplicasMaxLag = 1 }
    #expect(cluster.ask(0, "CONFIG SET min-replicas-to-write 2") == "+OK\r\n")
    #expect(cluster.ask(0, "SET k 1") == "+OK\r\n")
    #expect(cluster.ask(0, "INFO replication").contains("min_slaves_good_slaves:2\r\n"))
    cluster.network.isolate("node1")
    cluster.run(milliseconds: 3500)
    let refusal = "-NOREPLICAS Not enough good replicas to write.\r\n"
    #expect(cluster.ask(0, "SET k 2") == refusal)
    #expect(cluster.ask(0, "GET k") == "$1\r\n1\r\n")
    #expect(cluster.ask(0, "MULTI\r\nSET k 2\r\nEXEC").hasPrefix("+OK\r\n" + refusal))
    cluster.network.heal()
    #expect(cluster.catchesUp(1, with: 0))
    cluster.run(milliseconds: 1500)
    #expect(cluster.ask(0, "SET k 3") == "+OK\r\n")
    #expect(cluster.catchesUp(2, with: 0))
    // What comes from the leader is not refused.
    #expect(cluster.data(1) == cluster.data(0))
  }

  // MARK: - Restarts

  /// Restarts a server, which has loaded its data then.
  private func restart(
    _ cluster: SimulatedCluster, _ number: Int, _ death: SimulatedTransport.Death = .process
  ) {
    cluster.kill(number, death)
    cluster.start(number)
    #expect(cluster.run { cluster.hosts[number].isReady })
  }

  private func restartCleanly(_ cluster: SimulatedCluster, _ number: Int) {
    cluster.hosts[number].terminate()
    #expect(cluster.run { cluster.hosts[number].exitCode != nil })
    cluster.start(number)
    #expect(cluster.run { cluster.hosts[number].isReady })
  }

  private enum Kind: CaseIterable {
    case snapshot, log, logOfAKilledServer
  }

  @Test(arguments: Kind.allCases, 1...3 as ClosedRange<UInt64>)
  private func `a leader that restarts is followed on without a full copy`(
    kind: Kind, seed: UInt64
  ) {
    let cluster = makeCluster(seed: seed) {
      $0.appendOnly = kind != .snapshot
      $0.saveRules = kind == .snapshot ? [SaveRule(seconds: 3600, changes: 1)] : []
    }
    cluster.ask(0, "SELECT 3\r\nSET k 1\r\nSET due 1 PX 30\r\nPUBLISH c m\r\nSET l 2")
    // With PINGs that are no part of the log.
    cluster.run(milliseconds: 2500)
    cluster.ask(0, "SET m 3")
    cluster.run(milliseconds: 1500)
    for number in 1...2 { #expect(cluster.catchesUp(number, with: 0)) }
    let id = cluster.server(0)?.effects.stream.replicationID
    let offset = cluster.server(1)?.effects.stream.offset ?? 0
    if kind == .logOfAKilledServer { restart(cluster, 0) } else { restartCleanly(cluster, 0) }
    let stream = cluster.server(0)?.effects.stream
    #expect(stream?.secondID == id)
    #expect(stream?.replicationID != id)
    cluster.ask(0, "SET behind 1")
    for number in 1...2 { #expect(cluster.catchesUp(number, with: 0), "\(kind), seed \(seed)") }
    let statistics = cluster.server(0)?.statistics
    // PINGs behind the last command were not logged: whoever has had them is ahead of a server
    // that was killed.
    let isAhead = offset > (stream?.secondOffset ?? 0) - 1
    if kind != .logOfAKilledServer || !isAhead {
      #expect(statistics?.fullSyncs == 0, "\(kind), seed \(seed)")
      #expect(statistics?.partialSyncs == 2, "\(kind), seed \(seed)")
    }
    for number in 1...2 { #expect(cluster.data(number) == cluster.data(0)) }
  }

  @Test(arguments: Kind.allCases, 1...3 as ClosedRange<UInt64>)
  private func `a follower that restarts goes on where it was`(kind: Kind, seed: UInt64) {
    let cluster = makeCluster(2, seed: seed) {
      $0.appendOnly = kind != .snapshot
      $0.saveRules = kind == .snapshot ? [SaveRule(seconds: 3600, changes: 1)] : []
    }
    cluster.ask(0, "SELECT 5\r\nSET k 1\r\nSET due 1 PX 500\r\nPUBLISH c m\r\nSET l 2")
    cluster.run(milliseconds: 2500)
    cluster.ask(0, "SET m 3")
    #expect(cluster.catchesUp(1, with: 0))
    cluster.run(milliseconds: 2500)
    let before = cluster.server(0)?.statistics.fullSyncs
    cluster.hosts[1].replicaOf = LeaderAddress(host: "node0", port: 6379)
    if kind == .logOfAKilledServer { restart(cluster, 1) } else { restartCleanly(cluster, 1) }
    cluster.ask(0, "SELECT 5\r\nSET n 3\r\nINCR k")
    #expect(cluster.catchesUp(1, with: 0), "\(kind), seed \(seed)")
    #expect(cluster.data(1) == cluster.data(0), "\(kind), seed \(seed)")
    #expect(cluster.server(0)?.statistics.fullSyncs == before, "\(kind), seed \(seed)")
    #expect(cluster.server(0)?.statistics.partialSyncs == 1, "\(kind), seed \(seed)")
  }
}
