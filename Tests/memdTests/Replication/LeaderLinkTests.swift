// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// What operators see of the link between leader and follower, and may do to it.
@Suite struct LeaderLinkTests {
  private func makeCluster(
    _ configure: @escaping (Configuration) -> Void = { _ in }
  ) -> SimulatedCluster {
    let cluster = SimulatedCluster.followers(2, seed: 1) {
      $0.enableDebugCommand = .yes
      configure($0)
    }
    for number in 0...1 {
      cluster.server(number)?.log.destination = .file("log", cluster.hosts[number].disk)
    }
    cluster.ask(0, "SET k 1")
    #expect(cluster.attachFollowers())
    return cluster
  }

  private func log(_ cluster: SimulatedCluster, _ number: Int) -> String {
    ((try? cluster.hosts[number].disk.read("log")) ?? [])
      .map { String(Unicode.Scalar($0)) }.joined()
  }

  @Test func `the leader's link is a client, and CLIENT KILL cuts it`() throws {
    let cluster = makeCluster()
    let line = cluster.ask(1, "CLIENT LIST TYPE master")
    #expect(line.contains("addr=node0:6379 "))
    #expect(line.contains(" flags=M db=0 "))
    #expect(line.contains(" user=(superuser) "))
    let id = try #require(line.split(separator: "id=").last?.prefix { $0.isNumber })
    #expect(cluster.ask(1, "CLIENT LIST ID \(id)").contains(" flags=M "))
    cluster.run(milliseconds: 5)
    #expect(cluster.ask(1, "CLIENT LIST").ranges(of: "id=").count == 2)
    #expect(cluster.ask(0, "CLIENT LIST TYPE master").contains("id=") == false)
    // The link is one of them, a follower is none.
    #expect(cluster.ask(1, "INFO clients").contains("connected_clients:2\r\n"))
    #expect(cluster.ask(0, "INFO clients").contains("connected_clients:1\r\n"))
    #expect(cluster.ask(1, "CLIENT KILL TYPE normal") == ":0\r\n")
    #expect(cluster.isOnline(1))
    #expect(cluster.ask(1, "CLIENT KILL TYPE master") == ":1\r\n")
    #expect(cluster.ask(1, "CLIENT KILL ID \(id)") == ":0\r\n")
    #expect(cluster.run { cluster.server(0)?.statistics.partialSyncs == 1 })
    cluster.ask(0, "SELECT 3\r\nSET k 2")
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.data(1) == cluster.data(0))
    #expect(cluster.ask(1, "CLIENT LIST TYPE master").contains(" flags=M db=3 "))
    let log = log(cluster, 1)
    for text in [
      "Before turning into a replica, using my own master parameters to synthesize a cached",
      "Connecting to MASTER node0:6379", "Full resync from master: ",
      "Connection with master lost.", "Caching the disconnected master state.",
      "Reconnecting to MASTER node0:6379",
    ] {
      #expect(log.contains(text), "\(text)")
    }
    cluster.ask(1, "REPLICAOF NO ONE")
    #expect(self.log(cluster, 1).contains("Discarding previously cached master state."))
    #expect(cluster.ask(1, "CLIENT LIST TYPE master").contains("id=") == false)
  }

  @Test func `bytes of replication are counted on both sides`() {
    let cluster = makeCluster()
    func figure(_ number: Int, _ name: String) -> Int {
      let text = cluster.ask(number, "INFO stats")
      return text.split(separator: "\(name):").last.flatMap { Int($0.prefix { $0.isNumber }) } ?? -1
    }
    let (sent, received) = (
      figure(0, "total_net_repl_output_bytes"), figure(1, "total_net_repl_input_bytes")
    )
    #expect(sent > 100 && received >= sent)
    #expect(figure(0, "total_net_repl_input_bytes") == 0)
    cluster.ask(0, "SET big \(String(repeating: "x", count: 5000))")
    #expect(cluster.catchesUp(1, with: 0))
    #expect(5000...5500 ~= figure(0, "total_net_repl_output_bytes") - sent)
    #expect(5000...5500 ~= figure(1, "total_net_repl_input_bytes") - received)
  }

  @Test func `without followers the history is given up after a while`() {
    let cluster = makeCluster { $0.replBacklogTTLSeconds = 2 }
    let id = cluster.server(0)?.effects.stream.replicationID
    cluster.run(milliseconds: 4000)
    #expect(cluster.ask(0, "INFO replication").contains("repl_backlog_active:1\r\n"))
    cluster.network.partition("node0", "node1")
    cluster.run(milliseconds: 8000)
    let info = cluster.ask(0, "INFO replication")
    #expect(info.contains("repl_backlog_active:0\r\n"))
    #expect(info.contains("repl_backlog_histlen:0\r\n"))
    #expect(info.contains("repl_backlog_first_byte_offset:0\r\n"))
    #expect(cluster.server(0)?.effects.stream.replicationID != id)
    cluster.ask(0, "SET k 2")
    cluster.network.heal()
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.server(0)?.statistics.fullSyncs == 2)
    #expect(cluster.server(0)?.statistics.refusedPartialSyncs == 1)
    #expect(cluster.data(1) == cluster.data(0))
    #expect(cluster.ask(0, "INFO replication").contains("repl_backlog_active:1\r\n"))
    let log = log(cluster, 0)
    #expect(log.contains("Replication backlog freed after 2 seconds without connected replicas."))
    #expect(log.contains("Replication backlog created, my new replication IDs are '"))
    // A follower keeps its own: it may have to lead.
    cluster.run(milliseconds: 4000)
    #expect(cluster.ask(1, "INFO replication").contains("repl_backlog_active:1\r\n"))
    // A server that starts has had none for no time, whatever the clock says.
    cluster.kill(0, .process)
    cluster.start(0)
    cluster.run(milliseconds: 1500)
    #expect(cluster.ask(0, "INFO replication").contains("repl_backlog_active:1\r\n"))
  }

  @Test func `DEBUG REPLICATE tells followers alone`() {
    let cluster = makeCluster()
    #expect(cluster.ask(0, "DEBUG REPLICATE SET theirs 1") == "+OK\r\n")
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.ask(1, "GET theirs") == "$1\r\n1\r\n")
    #expect(cluster.ask(0, "GET theirs") == "$-1\r\n")
    #expect(cluster.ask(1, "DEBUG REPLICATE SET a 1").hasPrefix("-ERR"))
  }

  // MARK: - Snapshots without keys

  private func hear(_ cluster: SimulatedCluster, _ lines: [String]) -> (String, isClosed: Bool) {
    let client = cluster.hosts[0].transport?.connect(fromHost: "operator")
    for line in lines { client?.send(line + "\r\n") }
    cluster.run(milliseconds: 30)
    let bytes = client?.receive() ?? []
    return (bytes.map { String(Unicode.Scalar($0)) }.joined(), client?.isClosed == true)
  }

  @Test func `REPLCONF rdb-filter-only asks for a snapshot without keys`() {
    let cluster = makeCluster()
    let capable = "REPLCONF capa eof"
    for words in ["functions", "\"\"", "'functions FUNCTIONS'"] {
      let (text, isClosed) = hear(
        cluster,
        [capable, "REPLCONF rdb-only 1", "REPLCONF rdb-filter-only \(words)", "SYNC"])
      #expect(text.hasPrefix("+OK\r\n+OK\r\n+OK\r\n$EOF:"))
      let marker = text.split(separator: "$EOF:").last?.prefix(40) ?? ""
      #expect(text.hasSuffix(marker))
      #expect(text.contains("\r\nREDIS00"))
      // No database, as there are no keys.
      #expect(!text.contains("\u{FE}\0") && !text.contains("\u{FB}\u{1}"))
      #expect(isClosed)
    }
    let (text, isClosed) = hear(
      cluster, ["REPLCONF capa eof rdb-filter-only functions", "PSYNC ? -1"])
    #expect(text.contains("+FULLRESYNC ") && !isClosed)
    for (lines, error) in [
      (["REPLCONF rdb-filter-only x"], "-ERR Unsupported rdb-filter-only option: x\r\n"),
      (["REPLCONF rdb-filter-only 'x\"'"], "-ERR Missing rdb-filter-only values\r\n"),
      (
        ["REPLCONF rdb-filter-only functions", "SYNC"],
        "+OK\r\n-ERR Filtered replica requires EOF capability\r\n"
      ),
      (
        ["REPLCONF rdb-filter-only functions", "PSYNC ? -1"],
        "+OK\r\n-ERR Filtered replica requires EOF capability\r\n"
      ),
    ] {
      #expect(hear(cluster, lines).0 == error)
    }
    #expect(cluster.isOnline(1))
  }
}
