// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Nobody needs a full copy, in whatever order leaders and followers are restarted and replaced.
@Suite struct RestartOrderTests {
  private func makeCluster(
    chained: Bool, _ configure: @escaping (Configuration) -> Void = { _ in }
  ) -> SimulatedCluster {
    let cluster = SimulatedCluster.followers(3, seed: 1, configure)
    #expect(cluster.run { cluster.hosts.allSatisfy(\.isReady) })
    cluster.ask(0, "SET first 1")
    #expect(cluster.attachFollowers(chained: chained))
    return cluster
  }

  private func writes(_ cluster: SimulatedCluster, _ count: Int, until isOver: () -> Bool) {
    let client = cluster.connect(0)
    for index in 0..<count where !isOver() {
      client?.send("SET k \(index)\r\n")
      cluster.run(milliseconds: 1)
    }
  }

  private func start(_ cluster: SimulatedCluster, _ number: Int, following leader: Int?) {
    cluster.hosts[number].replicaOf = leader.map { LeaderAddress(host: "node\($0)", port: 6379) }
    cluster.start(number)
    #expect(cluster.run { cluster.hosts[number].isReady })
  }

  @Test(arguments: [false, true])
  func `a leader that died and is demoted goes on where it was`(demotedTwice: Bool) {
    let cluster = makeCluster(chained: false) { $0.appendOnly = true }
    cluster.ask(0, "SELECT 3\r\nSET k 1")
    for number in 1...2 { #expect(cluster.catchesUp(number, with: 0)) }
    cluster.run(milliseconds: 1500)
    cluster.kill(0, .process)
    cluster.ask(1, "REPLICAOF NO ONE")
    cluster.ask(1, "SET k 2")
    cluster.ask(2, "REPLICAOF node1 6379")
    #expect(cluster.catchesUp(2, with: 1))
    // It leads until somebody says that another one does.
    start(cluster, 0, following: nil)
    if demotedTwice {
      // By way of a leader that can't be reached.
      cluster.ask(0, "REPLICAOF node9 6379")
      cluster.run(milliseconds: 1500)
    }
    cluster.ask(0, "REPLICAOF node1 6379")
    #expect(cluster.catchesUp(0, with: 1))
    #expect(cluster.server(1)?.statistics.fullSyncs == 0)
    #expect(cluster.data(0) == cluster.data(1))
  }

  /// The second server leads, with data in database 3; the first one died and is back, and leads.
  private func makeSplitCluster() -> SimulatedCluster {
    let cluster = makeCluster(chained: false) { $0.appendOnly = true }
    cluster.ask(0, "SELECT 3\r\nSET k 1")
    for number in 1...2 { #expect(cluster.catchesUp(number, with: 0)) }
    cluster.run(milliseconds: 1500)
    cluster.kill(0, .process)
    cluster.ask(1, "REPLICAOF NO ONE")
    cluster.ask(2, "REPLICAOF node1 6379")
    #expect(cluster.catchesUp(2, with: 1))
    start(cluster, 0, following: nil)
    return cluster
  }

  @Test(arguments: [
    "PUBLISH c m\r\nPUBLISH c m", "SELECT 5\r\nPUBLISH c m\r\nSPUBLISH c m", "GET k",
  ])
  func `messages of a leader that died and is demoted don't matter`(messages: String) {
    let cluster = makeSplitCluster()
    cluster.ask(0, messages)
    // The log's helper has passed over them.
    cluster.run(milliseconds: 1500)
    cluster.ask(0, messages)
    cluster.ask(0, "REPLICAOF node1 6379")
    #expect(cluster.catchesUp(0, with: 1))
    cluster.ask(1, "SELECT 3\r\nINCR k")
    #expect(cluster.catchesUp(0, with: 1))
    #expect(cluster.server(1)?.statistics.fullSyncs == 0)
    #expect(cluster.data(0) == cluster.data(1))
    // Nor do they in its log.
    cluster.run(milliseconds: 1500)
    cluster.kill(0, .process)
    start(cluster, 0, following: 1)
    #expect(cluster.catchesUp(0, with: 1))
    #expect(cluster.server(1)?.statistics.fullSyncs == 0)
    #expect(cluster.data(0) == cluster.data(1))
  }

  @Test func `a leader that died before it was demoted knows its former name again`() {
    let cluster = makeSplitCluster()
    cluster.ask(0, "PUBLISH c m")
    cluster.ask(0, "REPLICAOF node9 6379")
    cluster.run(milliseconds: 1500)
    cluster.kill(0, .process)
    start(cluster, 0, following: 1)
    #expect(cluster.catchesUp(0, with: 1))
    #expect(cluster.server(1)?.statistics.fullSyncs == 0)
    #expect(cluster.data(0) == cluster.data(1))
  }

  @Test(arguments: [
    "SET mine 1", "PUBLISH c m\r\nSET mine 1\r\nPUBLISH c m",
    "MULTI\r\nPUBLISH c m\r\nDEL k\r\nEXEC", "SET mine 1\r\nDEL mine",
  ])
  func `data of a leader that died and is demoted do`(commands: String) {
    let cluster = makeSplitCluster()
    cluster.ask(0, "SELECT 3\r\n" + commands)
    cluster.ask(0, "REPLICAOF node1 6379")
    #expect(cluster.catchesUp(0, with: 1))
    #expect(cluster.server(1)?.statistics.fullSyncs == 1)
    #expect(cluster.data(0) == cluster.data(1))
  }

  @Test func `messages that a follower has had are not taken back`() {
    let cluster = makeSplitCluster()
    cluster.ask(2, "REPLICAOF node0 6379")
    #expect(cluster.catchesUp(2, with: 0))
    cluster.ask(0, "PUBLISH c m")
    #expect(cluster.catchesUp(2, with: 0))
    let stream = cluster.server(0)?.effects.stream
    let (name, offset) = (stream?.replicationID, stream?.offset)
    cluster.ask(2, "REPLICAOF node1 6379")
    cluster.run(milliseconds: 100)
    cluster.ask(0, "REPLICAOF node9 6379")
    #expect(stream?.replicationID == name && stream?.offset == offset)
  }

  @Test func `a follower that led for a moment goes on in the database of its leader's stream`() {
    let cluster = makeCluster(chained: false)
    cluster.ask(0, "SELECT 3\r\nSET k 1")
    #expect(cluster.catchesUp(1, with: 0))
    let before = cluster.server(0)?.statistics.fullSyncs
    cluster.ask(1, "REPLICAOF NO ONE")
    cluster.ask(1, "REPLICAOF node0 6379")
    #expect(cluster.catchesUp(1, with: 0))
    cluster.ask(0, "SELECT 3\r\nSET k 2\r\nSET l 1")
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.data(1) == cluster.data(0))
    #expect(cluster.server(0)?.statistics.fullSyncs == before)
  }

  @Test func `a leader that died, came back and wrote does not go on with another history`() {
    let cluster = makeCluster(chained: false) { $0.appendOnly = true }
    cluster.run(milliseconds: 1500)
    cluster.kill(0, .process)
    cluster.ask(1, "REPLICAOF NO ONE")
    cluster.ask(1, "SET k 2")
    start(cluster, 0, following: nil)
    cluster.ask(0, "SET mine 1")
    cluster.ask(0, "REPLICAOF node1 6379")
    #expect(cluster.catchesUp(0, with: 1))
    #expect(cluster.server(1)?.statistics.fullSyncs == 1)
    #expect(cluster.data(0) == cluster.data(1))
  }

  @Test func `a leader that came back and is followed is asked for by its new name`() {
    let cluster = makeCluster(chained: false) { $0.appendOnly = true }
    cluster.run(milliseconds: 1500)
    cluster.hosts[0].terminate()
    #expect(cluster.run { cluster.hosts[0].exitCode != nil })
    start(cluster, 0, following: nil)
    #expect(cluster.catchesUp(1, with: 0))
    // The one that takes over knows the name under which it followed, and none before that.
    cluster.ask(1, "REPLICAOF NO ONE")
    cluster.ask(0, "REPLICAOF node1 6379")
    #expect(cluster.catchesUp(0, with: 1))
    #expect(cluster.server(1)?.statistics.fullSyncs == 0)
  }

  @Test func `a follower that ends lets its own followers have everything, and no more`() {
    let cluster = makeCluster(chained: true) {
      $0.saveRules = [SaveRule(seconds: 3600, changes: 1)]
    }
    cluster.network.setDelay(between: "node1", "node2", 20_000_000...30_000_000)
    writes(cluster, 100) { false }
    let before = cluster.now
    cluster.hosts[1].terminate()
    writes(cluster, 3000) { cluster.hosts[1].exitCode != nil }
    #expect(cluster.now - before < 500_000_000)
    start(cluster, 1, following: 0)
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.catchesUp(2, with: 1))
    #expect(cluster.server(1)?.statistics.fullSyncs == 0)
    #expect(cluster.server(1)?.statistics.partialSyncs == 1)
    #expect(cluster.data(2) == cluster.data(0))
  }

  @Test func `a shutdown that is called off lets a follower go on`() {
    let cluster = makeCluster(chained: true)
    cluster.network.partition("node1", "node2")
    cluster.ask(0, "SET k 1")
    cluster.run(milliseconds: 100)
    cluster.hosts[1].terminate()
    cluster.run(milliseconds: 100)
    cluster.ask(0, "SET k 2")
    cluster.run(milliseconds: 100)
    #expect(cluster.ask(1, "GET k") == "$1\r\n1\r\n")
    #expect(cluster.ask(1, "SHUTDOWN ABORT") == "+OK\r\n")
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.ask(1, "GET k") == "$1\r\n2\r\n")
    #expect(cluster.server(0)?.statistics.partialSyncs == 0)
  }

  @Test func `whoever has more of the history than a follower waits until that has it, too`() {
    let cluster = makeCluster(chained: true)
    let stream = cluster.server(1)?.effects.stream
    let name = stream?.replicationID ?? ""
    let offset = (stream?.offset ?? 0) + 1
    let refusal = "-NOMASTERLINK Can't SYNC while behind what is asked for\r\n"
    #expect(cluster.ask(1, "PSYNC \(name) \(offset + 100)") == refusal)
    #expect(cluster.ask(1, "PSYNC \(name) \(offset)").hasPrefix("+CONTINUE"))
    // A leader has all of its history; of another one nobody waits for more.
    #expect(cluster.ask(0, "PSYNC \(name) \(offset + 100_000)").hasPrefix("+FULLRESYNC"))
    let other = String(repeating: "a", count: 40)
    #expect(cluster.ask(1, "PSYNC \(other) \(offset + 100)").hasPrefix("+FULLRESYNC"))
  }
}
