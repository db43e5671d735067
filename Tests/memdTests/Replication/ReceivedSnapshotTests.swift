// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// A leader's snapshot becomes the follower's own, from which it starts the next time.
@Suite struct ReceivedSnapshotTests {
  private func makeCluster(
    _ configure: @escaping (Configuration) -> Void = { _ in }
  ) -> SimulatedCluster {
    let cluster = SimulatedCluster.followers(2, seed: 1, configure)
    for number in 0...1 {
      cluster.server(number)?.log.destination = .file("log", cluster.hosts[number].disk)
    }
    cluster.ask(0, "SELECT 3\r\nSET theirs 1")
    cluster.ask(1, "SET mine 1")
    return cluster
  }

  private func hasSnapshot(_ cluster: SimulatedCluster) -> Bool {
    cluster.run(milliseconds: 50)
    return cluster.hosts[1].disk.paths.contains("dump.rdb")
  }

  private func log(_ cluster: SimulatedCluster, _ number: Int) -> String {
    ((try? cluster.hosts[number].disk.read("log")) ?? [])
      .map { String(Unicode.Scalar($0)) }.joined()
  }

  @Test(arguments: [DisklessLoad.auto, .disabled], [SimulatedTransport.Death.process, .power])
  func `a follower that dies goes on behind it`(
    option: DisklessLoad, death: SimulatedTransport.Death
  ) {
    let cluster = makeCluster { $0.replDisklessLoad = option }
    cluster.ask(1, "REPLICAOF node0 6379")
    #expect(cluster.catchesUp(1, with: 0))
    #expect(hasSnapshot(cluster))
    cluster.ask(0, "SET later 1")
    cluster.hosts[1].replicaOf = LeaderAddress(host: "node0", port: 6379)
    cluster.kill(1, death)
    cluster.start(1)
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.data(1) == cluster.data(0))
    #expect(cluster.server(0)?.statistics.fullSyncs == 1)
    #expect(cluster.server(0)?.statistics.partialSyncs == 1)
    #expect(cluster.hosts[1].disk.paths.filter { $0.hasPrefix("temp") } == [])
  }

  @Test func `it has no file if that is not wanted`() {
    for option in [DisklessLoad.swapDatabases, .onEmptyDatabase, .flushBeforeLoad, .auto] {
      let cluster = makeCluster {
        $0.replDisklessLoad = option
        $0.rdbDelSyncFiles = true
      }
      cluster.ask(1, "REPLICAOF node0 6379")
      #expect(cluster.catchesUp(1, with: 0))
      #expect(!hasSnapshot(cluster), "\(option)")
    }
    // Whoever saves anyway keeps it.
    let cluster = makeCluster {
      $0.rdbDelSyncFiles = true
      $0.saveRules = SaveRule.defaults
    }
    cluster.ask(1, "REPLICAOF node0 6379")
    #expect(cluster.catchesUp(1, with: 0))
    #expect(hasSnapshot(cluster))
  }

  @Test func `no file of former data stays where none is wanted`() {
    let cluster = makeCluster { $0.rdbDelSyncFiles = true }
    cluster.ask(1, "SET former 1\r\nSAVE")
    #expect(hasSnapshot(cluster))
    cluster.ask(1, "REPLICAOF node0 6379")
    #expect(cluster.catchesUp(1, with: 0))
    #expect(!hasSnapshot(cluster))
  }

  @Test func `what can't get the name is not loaded`() {
    let cluster = makeCluster()
    let old = cluster.data(1)
    cluster.hosts[1].disk.faults.failsRename = true
    cluster.ask(1, "REPLICAOF node0 6379")
    cluster.run(milliseconds: 2500)
    #expect(!cluster.isOnline(1))
    #expect(cluster.data(1) == old)
    #expect(
      log(cluster, 1).contains(
        "Failed trying to rename the temp DB into dump.rdb in MASTER <-> REPLICA synchronization:"))
    cluster.hosts[1].disk.faults.failsRename = false
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.data(1) == cluster.data(0))
  }

  @Test func `beside the old data it gets the name when they go`() {
    let cluster = makeCluster { $0.replBacklogSize = 16 << 10 }
    cluster.ask(1, "REPLICAOF node0 6379")
    #expect(cluster.catchesUp(1, with: 0))
    let disk = cluster.hosts[1].disk
    let first = disk.content(of: "dump.rdb")
    disk.faults.failsRename = true
    let filling = (0..<6).map { "SET k\($0) \(String(repeating: "f", count: 4000))\r\n" }.joined()
    cluster.ask(0, "MULTI\r\nCLIENT KILL TYPE replica\r\n\(filling)EXEC")
    let line = "Failed trying to rename the temp DB into dump.rdb"
    #expect(cluster.run { log(cluster, 1).contains(line) })
    #expect(cluster.server(1)?.following?.placement?.place == .beside)
    #expect(cluster.data(1).count < cluster.data(0).count)
    #expect(disk.content(of: "dump.rdb") == first)
    disk.faults.failsRename = false
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.data(1) == cluster.data(0))
    #expect(disk.content(of: "dump.rdb") != first)
  }
}
