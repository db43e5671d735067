// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// A server that is started again has the end of its log in its stream, so whoever is a little
/// behind goes on from there.
@Suite struct RestoredHistoryTests: LogServer {
  // MARK: - Byte by byte

  /// Does something that has an effect, or is for followers only.
  private func act(_ server: TestServer, _ random: inout SeededGenerator, publishes: Bool) {
    let key = "k\(random.number(in: 0...20))"
    switch random.number(in: 0...(publishes ? 11 : 8)) {
    case 0: server.run("SELECT \(random.number(in: 0...3))")
    case 1: server.run("INCR \(key)")
    case 2: server.run("SET \(key) 1 PX \(random.number(in: 1...40))")
    case 3: server.run("RPUSH l\(key) a b c")
    case 4: server.server.effects.ping()
    case 5: transaction(server, ["SET \(key) 1", "APPEND \(key) 2", "DEL \(key)"])
    case 6: server.advance(milliseconds: 30)
    case 9: server.run("PUBLISH channel \(key)")
    case 10: transaction(server, ["SET \(key) 1", "PUBLISH channel \(key)", "DEL \(key)"])
    case 11: transaction(server, ["PUBLISH channel \(key)", "PUBLISH channel \(key)"])
    default:
      server.run("SET \(key) \(String(repeating: "x", count: Int(random.number(in: 0...3000))))")
    }
  }

  private func transaction(_ server: TestServer, _ lines: [String]) {
    server.run("MULTI")
    for line in lines { server.run(line) }
    server.run("EXEC")
  }

  /// Waits until the log has everything.
  private func rest(_ server: TestServer) {
    for _ in 0..<5 { server.advance(milliseconds: 100) }
  }

  /// Compares what a server has in its stream that was started from another one's files, with what
  /// that had; returns how many bytes that is.
  private func compare(_ restarted: TestServer, with server: TestServer) -> Int {
    let old = server.server.effects.stream
    let new = restarted.server.effects.stream
    #expect(new.secondID == old.replicationID)
    let end = new.secondOffset - 1
    let start = new.firstHistoryOffset - 1
    #expect(end <= old.offset && start <= end)
    let skipped = start - (old.firstHistoryOffset - 1)
    guard skipped >= 0 else { return end - start }
    let expected = old.copy(behind: old.firstHistoryOffset - 1).dropFirst(skipped)
    #expect(new.copy(behind: start).prefix(end - start).elementsEqual(expected.prefix(end - start)))
    return end - start
  }

  @Test(arguments: 0..<40) func `what is restored is what there was, byte by byte`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let server = makeServer(seed % 2 == 0 ? .always : .everySecond) {
      $0.aofTimestampEnabled = seed % 3 == 0
    }
    for _ in 0..<120 { act(server, &random, publishes: seed % 4 > 0) }
    rest(server)
    let stream = server.server.effects.stream
    let count = compare(restarted(server), with: server)
    if seed % 4 == 0 { #expect(count == stream.offset) }
    // Wherever the log is torn.
    let path = "appendonlydir/appendonly.aof.1.incr.aof"
    let bytes = server.disk.content(of: path) ?? []
    for _ in 0..<10 {
      let lost = Int(random.number(in: 0...2000))
      server.disk.setContent(Array(bytes.dropLast(lost)), of: path)
      _ = compare(restarted(server), with: server)
    }
  }

  @Test func `no more is kept than there is to be of history`() {
    let server = makeServer { $0.replBacklogSize = 100_000 }
    for index in 0..<500 { server.run("SET k\(index) \(String(repeating: "x", count: 1000))") }
    rest(server)
    let again = restarted(server) { $0.replBacklogSize = 100_000 }
    #expect(again.server.effects.stream.historyCount == 100_000)
    #expect(again.server.effects.stream.byteCount <= 4 * ReplicationStream.blockByteCount)
    #expect(compare(again, with: server) == 100_000)
  }

  @Test func `a log that was rewritten has the history from there on`() {
    let server = makeServer()
    server.run("SET a 1")
    server.run("BGREWRITEAOF")
    rest(server)
    let start = server.server.effects.stream.offset
    server.run("SELECT 2")
    server.run("SET b 1")
    rest(server)
    let again = restarted(server)
    #expect(compare(again, with: server) == server.server.effects.stream.offset - start)
    #expect(again.server.effects.stream.firstHistoryOffset == start + 1)
  }

  @Test func `data that a log's commands don't make again are nobody's history`() {
    let server = makeServer()
    server.run("SET a 1")
    rest(server)
    let path = "appendonlydir/appendonly.aof.1.incr.aof"
    let bytes = server.disk.content(of: path) ?? []
    let wrong = "*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*3\r\n$5\r\nRPUSH\r\n$1\r\na\r\n$1\r\nb\r\n"
    server.disk.setContent(bytes + Array(wrong.utf8), of: path)
    let again = restarted(server)
    #expect(again.run("GET a") == "2")
    let stream = again.server.effects.stream
    #expect(!stream.isShared && stream.offset == 0 && stream.historyCount == 0)
    // Nor are they for the next start.
    again.run("SET c 1")
    rest(again)
    let last = restarted(again)
    #expect(last.run("MGET a c") == ["2", "1"])
    #expect(!last.server.effects.stream.isShared)
  }

  @Test func `DEBUG LOADAOF leaves the stream as it is`() {
    let server = makeServer()
    for _ in 0..<3 { server.run("INCR a") }
    let stream = server.server.effects.stream
    let before = (stream.replicationID, stream.offset)
    server.run("DEBUG LOADAOF")
    #expect(stream.replicationID == before.0 && stream.offset == before.1)
  }

  // MARK: - Followers

  private func makeCluster(
    _ count: Int = 3, chained: Bool = false,
    _ configure: @escaping (Configuration) -> Void = { _ in }
  ) -> SimulatedCluster {
    let cluster = SimulatedCluster.followers(count, seed: 1) {
      $0.appendOnly = true
      $0.appendFsync = .always
      configure($0)
    }
    #expect(cluster.run { cluster.hosts.allSatisfy(\.isReady) })
    cluster.ask(0, "SET first 1")
    #expect(cluster.attachFollowers(chained: chained))
    return cluster
  }

  private func start(_ cluster: SimulatedCluster, _ number: Int, following leader: Int?) {
    cluster.hosts[number].replicaOf = leader.map { LeaderAddress(host: "node\($0)", port: 6379) }
    cluster.start(number)
    #expect(cluster.run { cluster.hosts[number].isReady })
  }

  @Test func `whoever lacks what a killed leader has in its log goes on`() {
    let cluster = makeCluster()
    cluster.network.partition("node0", "node1")
    cluster.ask(0, "SELECT 3\r\nSET k 1\r\nINCR k")
    // Long enough for them to lose each other, and what is under way.
    cluster.run(milliseconds: 3000)
    cluster.kill(0, .power)
    cluster.network.heal("node0", "node1")
    start(cluster, 0, following: nil)
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.catchesUp(2, with: 0))
    #expect(cluster.server(0)?.statistics.fullSyncs == 0)
    #expect(cluster.data(1) == cluster.data(0))
    #expect(cluster.data(2) == cluster.data(0))
  }

  @Test func `whoever lacks what its killed leader, a follower, has in its log goes on`() {
    let cluster = makeCluster(chained: true)
    cluster.network.partition("node1", "node2")
    cluster.ask(0, "SELECT 3\r\nSET k 1\r\nPUBLISH c m\r\nINCR k")
    #expect(cluster.catchesUp(1, with: 0))
    // Long enough for them to lose each other, and what is under way.
    cluster.run(milliseconds: 3000)
    cluster.kill(1, .power)
    cluster.network.heal("node1", "node2")
    start(cluster, 1, following: 0)
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.catchesUp(2, with: 1))
    #expect(cluster.server(1)?.statistics.fullSyncs == 0)
    #expect(cluster.data(2) == cluster.data(0))
  }

  @Test func `whoever lacks a message that the log doesn't have needs everything`() {
    let cluster = makeCluster()
    cluster.network.partition("node0", "node1")
    cluster.ask(0, "SET k 1\r\nPUBLISH c m\r\nINCR k")
    // Long enough for them to lose each other, and what is under way.
    cluster.run(milliseconds: 3000)
    cluster.kill(0, .power)
    cluster.network.heal("node0", "node1")
    start(cluster, 0, following: nil)
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.server(0)?.statistics.fullSyncs == 1)
    #expect(cluster.data(1) == cluster.data(0))
  }
}
