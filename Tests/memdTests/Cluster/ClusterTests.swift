// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct ClusterTests {
  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `servers that die at any moment have kept what SAVE promises`(seed: UInt64) {
    let cluster = Chaos.run(seed: seed, milliseconds: 300)
    var operations = 0
    var deaths = 0
    var saves = 0
    for host in cluster.hosts {
      saves += host.history.operations.count { $0.action == .save && $0.isDone }
      let fault = HistoryChecker.fault(in: host.history, promise: .saved)
      #expect(fault == nil, "seed \(seed), \(host.name): \(fault?.description ?? "")")
      #expect(host.exitCode == nil, "seed \(seed): \(host.name) did not start")
      operations += host.history.operations.count { $0.isDone }
      deaths += host.history.deaths.count
    }
    #expect(operations > 200 && deaths > 0 && saves > 10, "\(operations), \(deaths), \(saves)")
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a server that lives is linearizable through cuts and partitions`(seed: UInt64) {
    let cluster = Chaos.run(
      seed: seed, milliseconds: 200, deaths: 0
    ) { _ in
    } prepare: { cluster in
      cluster.network.faults.cutsPerMillion = 20_000
      cluster.network.faults.deliveredByteCountMax = 30
      for time in stride(from: 20, to: 180, by: 40) as StrideTo<Int64> {
        let client = "client\(cluster.generator.number(in: 0...11))"
        cluster.schedule(at: time * 1_000_000) { [unowned cluster] in
          cluster.network.block(from: "node\(time % 3)", to: client)
          cluster.network.isolate("node\((time + 1) % 3)")
        }
        cluster.schedule(at: (time + 15) * 1_000_000) { [unowned cluster] in
          cluster.network.heal()
        }
      }
    }
    for host in cluster.hosts {
      #expect(HistoryChecker.fault(in: host.history) == nil, "seed \(seed)")
      #expect(host.history.operations.count { $0.outcome == .unknown } > 0)
    }
  }

  @Test
  func `a disk that lies about its syncs is found out, and so is a promise that is too large`() {
    var liesFound = 0
    var lossesFound = 0
    for seed in 1...12 as ClosedRange<UInt64> {
      let lied = Chaos.run(
        seed: seed, milliseconds: 200, style: .nothing
      ) { _ in
      } prepare: { cluster in
        for host in cluster.hosts { host.disk.faults.liesAboutSync = true }
      }
      if lied.hosts.contains(where: { HistoryChecker.fault(in: $0.history, promise: .saved) != nil }
      ) {
        liesFound += 1
      }
      let honest = Chaos.run(seed: seed, milliseconds: 200, saves: false)
      if honest.hosts.contains(where: { HistoryChecker.fault(in: $0.history) != nil }) {
        lossesFound += 1
      }
    }
    #expect(liesFound >= 6, "\(liesFound) of 12")
    #expect(lossesFound >= 10, "\(lossesFound) of 12")
  }

  @Test func `the same seed gives the same run, another one another`() {
    func run(_ seed: UInt64) -> (UInt64, Int, [[History.Operation]]) {
      let cluster = Chaos.run(seed: seed, milliseconds: 100)
      return (cluster.trace, cluster.turnCount, cluster.hosts.map(\.history.operations))
    }
    let (first, second, other) = (run(1), run(1), run(2))
    #expect(first.0 == second.0 && first.1 == second.1 && first.2 == second.2)
    #expect(first.0 != other.0)
  }

  @Test func `servers reach each other, through their own clocks`() {
    let cluster = SimulatedCluster(hostCount: 2, seed: 1)
    cluster.hosts[0].clock.setWall(milliseconds: 1_800_000_000_000)
    var rest: [History.Action] = [.append(key: 0, value: 1), .append(key: 0, value: 2)]
    let client = cluster.addClient(of: 1) { _ in rest.isEmpty ? nil : rest.removeFirst() }
    cluster.run { client.isDone }
    let link = try? cluster.hosts[0].transport?.connect(to: "node1", port: 6379, from: nil)
    cluster.run(milliseconds: 2)
    #expect(link.map { cluster.hosts[0].transport?.connectError(of: $0) } == 0)
    #expect(cluster.hosts[1].server?.clients.count == 2)
    #expect(
      cluster.hosts[0].server?.moment.milliseconds != cluster.hosts[1].server?.moment.milliseconds)
    #expect(client.lastReply == 2)
  }
}

/// Budgets of time, with a clock that work moves.
@Suite struct ChargedTimeTests {
  @Test func `many keys that are due at once are removed in slices, between which requests run`() {
    let server = TestServer(follows: false)
    for index in 0..<5000 { server.run("SET key:\(index) x PXAT 1700000010000") }
    server.clock.nanosecondsPerReading = 20_000
    server.clock.advance(milliseconds: 20_000)
    var turns = 0
    var longest: Int64 = 0
    while server.server.keyspace.keyCount > 0, turns < 10_000 {
      let start = server.clock.monotonicNanoseconds()
      server.client.post("PING")
      server.turn()
      #expect(server.client.next() == .status("PONG"))
      longest = max(longest, server.clock.monotonicNanoseconds() - start)
      turns += 1
    }
    // 313 steps of 16 keys make 6.3 ms: more than six turns of a millisecond.
    #expect(turns > 6 && turns < 10_000, "\(turns) turns")
    #expect(longest < 1_500_000, "\(longest) ns")
  }

  @Test func `every command costs its price, and long pipelines renew the time`() {
    let server = TestServer(follows: false)
    server.clock.nanosecondsPerReading = 100_000
    let start = server.clock.monotonicNanoseconds()
    for _ in 0..<100 { server.client.post("TIME") }
    server.turn()
    let replies = server.client.replies()
    #expect(replies.count == 100 && replies.first != replies.last)
    #expect(server.clock.monotonicNanoseconds() - start >= 10_000_000)
  }
}
