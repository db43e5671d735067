// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Where the stream ends and begins while little or nothing happens, and who can go on from there.
@Suite struct StreamAtRestTests {
  private func makeCluster(
    _ count: Int = 2, _ configure: @escaping (Configuration) -> Void = { _ in }
  ) -> SimulatedCluster {
    SimulatedCluster.followers(count, seed: 2) {
      $0.replPingReplicaPeriodSeconds = 3600
      $0.replTimeoutSeconds = 3600
      configure($0)
    }
  }

  private func info(_ cluster: SimulatedCluster, _ number: Int, _ name: String) -> String {
    let text = cluster.ask(number, "INFO everything")
    return text.split(separator: "\r\n").first { $0.hasPrefix(name + ":") }
      .map { String($0.dropFirst(name.count + 1)) } ?? ""
  }

  @Test func `without PINGs and writes the offset rests`() {
    let cluster = makeCluster(3)
    #expect(cluster.attachFollowers(chained: true))
    cluster.run(milliseconds: 30_000)
    for number in 0...2 { #expect(cluster.server(number)?.effects.stream.offset == 0) }
    // With them it is known how old the data are.
    #expect(info(cluster, 2, "replica_data_age_ms") == "-1")
    cluster.ask(0, "CONFIG SET repl-ping-replica-period 1")
    cluster.run(milliseconds: 2000)
    for number in 1...2 {
      #expect(0...1200 ~= Int(info(cluster, number, "replica_data_age_ms")) ?? -1)
    }
  }

  @Test func `another period of PINGs counts at once`() {
    let cluster = makeCluster()
    #expect(cluster.attachFollowers())
    cluster.ask(0, "CONFIG SET repl-ping-replica-period 1")
    cluster.run(milliseconds: 150)
    #expect(cluster.server(0)?.effects.stream.offset == 0)
    cluster.run(milliseconds: 1000)
    #expect(cluster.server(0)?.effects.stream.offset ?? 0 > 0)
  }

  @Test func `a history in which nothing has happened goes on, too`() {
    let cluster = makeCluster(3) { $0.saveRules = SaveRule.defaults }
    #expect(cluster.attachFollowers(chained: true))
    cluster.ask(1, "CLIENT KILL TYPE master")
    #expect(cluster.run { cluster.server(0)?.statistics.partialSyncs == 1 })
    let id = cluster.server(0)?.effects.stream.replicationID
    cluster.hosts[0].terminate()
    #expect(cluster.run { cluster.server(0) == nil })
    cluster.start(0)
    #expect(cluster.run { cluster.catchesUp(1, with: 0) && cluster.catchesUp(2, with: 1) })
    let stream = cluster.server(0)?.effects.stream
    #expect(stream?.secondID == id && stream?.secondOffset == 1 && stream?.offset == 0)
    for (number, count) in [(0, 1), (1, 1)] {
      #expect(cluster.server(number)?.statistics.partialSyncs == count)
    }
    #expect(cluster.server(0)?.statistics.fullSyncs == 0)
    #expect(cluster.server(1)?.statistics.fullSyncs == 1)
    // Who has nothing to go on from asks for everything at once.
    #expect(cluster.server(0)?.statistics.refusedPartialSyncs == 0)
  }

  @Test func `a lost link is made again at once`() {
    let cluster = makeCluster { $0.hz = 1 }
    #expect(cluster.attachFollowers())
    for _ in 0..<3 {
      cluster.ask(1, "CLIENT KILL TYPE master")
      cluster.run(milliseconds: 20)
      #expect(cluster.isOnline(1))
    }
  }

  @Test func `history is as long as its option says, or as the slowest reader needs`() {
    let server = TestServer(follows: false) { $0.replBacklogSize = 16 << 10 }
    let stream = server.server.effects.stream
    server.run(["SET", "k", String(repeating: "x", count: 50_000)])
    #expect(server.info("repl_backlog_histlen") == "16384")
    #expect(server.info("repl_backlog_first_byte_offset") == "\(stream.offset - 16383)")
    func continues(behind offset: Int) -> Bool {
      let id = Array(stream.replicationID.utf8)
      return stream.continues(id.rawSpan, behind: offset)
    }
    #expect(continues(behind: stream.offset - 16384))
    #expect(!continues(behind: stream.offset - 16385))
    let start = stream.offset
    let cursor = stream.makeCursor()
    server.run(["SET", "k", String(repeating: "x", count: 50_000)])
    #expect(server.info("repl_backlog_histlen") == "\(stream.offset - start)")
    #expect(continues(behind: start))
    stream.remove(cursor)
    #expect(server.info("repl_backlog_histlen") == "16384")
  }

  @Test func `who lacks no more than history holds is not left for it`() {
    let cluster = makeCluster {
      $0.clientOutputBufferLimits.replica = OutputBufferLimit(
        hardBytes: 20_000, softBytes: 0, softSeconds: 0)
    }
    #expect(cluster.attachFollowers())
    let text = String(repeating: "x", count: 10_000)
    let sets = (0..<4).map { "SET k\($0) \(text)\r\n" }.joined()
    cluster.ask(0, "MULTI\r\nCLIENT KILL TYPE replica\r\n\(sets)EXEC")
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.server(0)?.statistics.partialSyncs == 1)
    #expect(cluster.server(0)?.statistics.outputBufferLimitDisconnections == 0)
  }

  // MARK: - What the log says

  @Test func `a leader tells what it does for followers, and what they do wrong`() {
    let server = TestServer(follows: false) { $0.replDisklessSyncDelay = 0 }
    server.keepLog()
    func follower(_ lines: String...) -> TestClient {
      let client = server.connect()
      client.run("REPLCONF listening-port 7777")
      for line in lines { client.post(line) }
      server.settle(limit: 40)
      return client
    }
    #expect(follower().run("PSYNC id x") == .error("ERR value is not an integer or out of range"))
    #expect(follower("SYNC", "GET k").isClosed)
    _ = follower("REPLCONF capa eof", "PSYNC ? -1")
    for line in [
      ":7777 asks for synchronization but with a wrong offset",
      "== CRITICAL == This primary is sending an error to its replica: 'Replica can't interact with"
        + " the keyspace' after processing the command 'get'",
      "Replica generated a reply to command 'get', disconnecting it: ",
      "Background saving started by pid \(server.server.log.processID)",
      "Background RDB transfer started by pid \(server.server.log.processID)",
      "Diskless rdb transfer, done reading from pipe, 1 replicas still up.",
    ] { #expect(server.logText.contains(line), "\(line)") }
    #expect(server.info("unexpected_error_replies") == "1")
    #expect(server.info("replicas_waiting_psync") == "0")
  }

  @Test func `a follower tells what it has waited for in vain`() {
    let cluster = makeCluster {
      $0.replTimeoutSeconds = 2
      $0.replDisklessSyncDelay = 1000
    }
    let log = cluster.hosts[1].disk
    cluster.server(1)?.log.destination = .file("log", log)
    cluster.ask(1, "REPLICAOF node0 6379")
    cluster.run(milliseconds: 100)
    #expect(cluster.server(1)?.following?.stageName.description == "handshake")
    cluster.network.isolate("node0")
    cluster.run(milliseconds: 4000)
    #expect(
      (log.content(of: "log") ?? []).map { String(Unicode.Scalar($0)) }.joined()
        .contains("Timeout connecting to the PRIMARY..."))
  }
}
