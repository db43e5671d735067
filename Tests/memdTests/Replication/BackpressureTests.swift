// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// `replica-backpressure`: writers wait for a follower that falls behind.
@Suite struct BackpressureTests {
  /// A leader and a follower with little room between them, and a client of the leader.
  private func make(_ setting: String = "yes") -> (SimulatedCluster, SimulatedClient?) {
    let cluster = SimulatedCluster.followers(2, seed: 1) { $0.replBacklogSize = 16 << 10 }
    #expect(cluster.attachFollowers())
    cluster.network.faults.socketBufferByteCount = 20_000
    let limits = "CONFIG SET client-output-buffer-limit \"replica 100kb 0 0\""
    #expect(cluster.ask(0, limits) == "+OK\r\n")
    #expect(cluster.ask(0, "CONFIG SET replica-backpressure \(setting)") == "+OK\r\n")
    return (cluster, cluster.connect(0))
  }

  private func write(_ count: Int, _ client: SimulatedClient?, in cluster: SimulatedCluster) -> Int
  {
    let value = String(repeating: "v", count: 1000)
    var written = 0
    for number in 0..<count {
      client?.send("SET k\(number) \(value)\r\n")
      cluster.run(milliseconds: 1)
      let text = client?.receiveText() ?? ""
      written += text.ranges(of: "+OK").count
    }
    return written
  }

  private func field(_ name: String, in cluster: SimulatedCluster) -> Int? {
    let text = cluster.ask(0, "INFO replication")
    let line = text.split(separator: "\r\n").first { $0.hasPrefix(name + ":") }
    return line.flatMap { Int($0.dropFirst(name.utf8.count + 1)) }
  }

  /// What the leader has logged.
  private func said(in cluster: SimulatedCluster) -> String {
    ByteText(cluster.hosts[0].disk.content(of: "log") ?? []).logText
  }

  private func fullSyncs(_ cluster: SimulatedCluster) -> Int? {
    cluster.server(0)?.statistics.fullSyncs
  }

  @Test func `writers wait for a follower that falls behind, and it stays`() {
    let (cluster, writer) = make()
    let reader = cluster.connect(0)
    cluster.server(0)?.log.destination = .file("log", cluster.hosts[0].disk)
    cluster.network.partition("node0", "node1")
    let written = write(200, writer, in: cluster)
    #expect(written > 40 && written < 100)
    #expect(said(in: cluster).contains("Writes wait for replica"))
    #expect(!said(in: cluster).contains("Writes go on"))
    #expect(field("replica_backpressure_active", in: cluster) == 1)
    // Whoever only reads goes on; whoever may change something waits, however it does.
    let blocked = cluster.connect(0)
    let transaction = cluster.connect(0)
    reader?.send("STRLEN k1\r\nPING\r\n")
    blocked?.send("BLPOP list 0\r\n")
    transaction?.send("MULTI\r\nINCR n\r\nEXEC\r\n")
    cluster.run(milliseconds: 5)
    #expect(reader?.receiveText() == ":1000\r\n+PONG\r\n")
    #expect(blocked?.receiveText() == "")
    #expect(transaction?.receiveText() == "+OK\r\n")
    cluster.network.heal()
    cluster.run(milliseconds: 300)
    #expect((writer?.receiveText() ?? "").ranges(of: "+OK").count == 200 - written)
    #expect(transaction?.receiveText() == "+QUEUED\r\n*1\r\n:1\r\n")
    #expect(cluster.ask(0, "RPUSH list 1") == ":1\r\n")
    #expect(blocked?.receiveText() == "*2\r\n$4\r\nlist\r\n$1\r\n1\r\n")
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.data(1) == cluster.data(0))
    #expect(fullSyncs(cluster) == 1)
    #expect(field("replica_backpressure_active", in: cluster) == 0)
    #expect(field("replica_backpressure_waits", in: cluster) ?? 0 >= 1)
    #expect(field("replica_backpressure_total_ms", in: cluster) ?? 0 >= 100)
    #expect(said(in: cluster).contains("Writes go on after"))
  }

  @Test func `without it the follower is disconnected`() {
    let (cluster, writer) = make("no")
    cluster.network.partition("node0", "node1")
    #expect(write(200, writer, in: cluster) == 200)
    #expect(cluster.server(0)?.followers.all.isEmpty == true)
    #expect(cluster.server(0)?.statistics.outputBufferLimitDisconnections == 1)
  }

  @Test func `one command with more than a follower may have is no reason, either`() {
    let (cluster, writer) = make()
    let value = String(repeating: "v", count: 300_000)
    cluster.network.faults.socketBufferByteCount = 1 << 20
    writer?.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$300000\r\n\(value)\r\nINCR n\r\n")
    cluster.network.faults.socketBufferByteCount = 20_000
    cluster.run(milliseconds: 300)
    #expect(writer?.receiveText() == "+OK\r\n:1\r\n")
    #expect(field("replica_backpressure_waits", in: cluster) == 1)
    #expect(cluster.catchesUp(1, with: 0))
    #expect(fullSyncs(cluster) == 1)
  }

  @Test func `a follower that has gone silent is given up in the end`() {
    let (cluster, writer) = make()
    cluster.network.partition("node0", "node1")
    let written = write(200, writer, in: cluster)
    cluster.run(milliseconds: 4500)
    #expect((writer?.receiveText() ?? "").ranges(of: "+OK").count == 200 - written)
    #expect(cluster.server(0)?.followers.all.isEmpty == true)
  }

  @Test func `writers go on when the setting is taken back, and the follower's limit holds`() {
    let (cluster, writer) = make()
    cluster.network.partition("node0", "node1")
    let written = write(200, writer, in: cluster)
    #expect(cluster.ask(0, "CONFIG SET replica-backpressure no") == "+OK\r\n")
    cluster.run(milliseconds: 20)
    #expect((writer?.receiveText() ?? "").ranges(of: "+OK").count == 200 - written)
    #expect(cluster.server(0)?.statistics.outputBufferLimitDisconnections == 1)
  }

  @Test func `a follower that reads all it gets keeps up with turns of many megabytes`() {
    let cluster = SimulatedCluster.followers(2, seed: 1)
    #expect(cluster.attachFollowers())
    cluster.network.faults.socketBufferByteCount = 64 << 20
    let request = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9000\r\n"
    let bytes = Array((request + String(repeating: "v", count: 9000) + "\r\n").utf8)
    let pipeline = Array(repeatElement(bytes, count: 6).joined())
    let clients = (0..<50).map { _ in cluster.connect(0) }
    var behind = 0
    for _ in 0..<12 {
      for client in clients { client?.sendAll(pipeline) }
      cluster.run(milliseconds: 1)
      for client in clients { _ = client?.receive() }
      behind = max(behind, cluster.server(0)?.followers.all.first?.pendingStream ?? .max)
    }
    #expect(behind < 8 << 20)
    #expect(cluster.catchesUp(1, with: 0))
  }

  @Test func `nobody waits for one that never says how far it is`() {
    let (cluster, writer) = make()
    let old = cluster.connect(0)
    old?.send("SYNC\r\n")
    cluster.run(milliseconds: 100)
    // It reads nothing from here on.
    cluster.network.partition("node0", "client")
    let second = cluster.hosts[0].transport?.connect(fromHost: "writer")
    cluster.run(milliseconds: 5)
    #expect(write(200, second, in: cluster) == 200)
    _ = writer
    #expect(cluster.server(0)?.statistics.outputBufferLimitDisconnections == 1)
    #expect(cluster.server(0)?.followers.all.count == 1)
  }
}
