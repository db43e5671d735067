// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// The end of a leader, which waits until its followers have everything.
@Suite struct LeaderShutdownTests {
  /// A leader whose follower can't be reached and lacks a change.
  private func makeCluster(
    _ configure: @escaping (Configuration) -> Void = { _ in }
  ) -> SimulatedCluster {
    let cluster = SimulatedCluster.followers(2, seed: 1) {
      $0.replTimeoutSeconds = 60
      configure($0)
    }
    cluster.ask(0, "SET k 1")
    #expect(cluster.attachFollowers())
    cluster.network.partition("node0", "node1")
    cluster.ask(0, "INCR k")
    cluster.server(0)?.log.destination = .file("log", cluster.hosts[0].disk)
    return cluster
  }

  private func log(_ cluster: SimulatedCluster) -> String {
    ((try? cluster.hosts[0].disk.read("log")) ?? []).map { String(Unicode.Scalar($0)) }.joined()
  }

  private func connect(_ cluster: SimulatedCluster) -> SimulatedClient? {
    cluster.hosts[0].transport?.connect(fromHost: "operator")
  }

  @Test func `SIGTERM waits until followers have everything`() {
    let cluster = makeCluster()
    cluster.hosts[0].terminate()
    cluster.run(milliseconds: 1000)
    #expect(cluster.hosts[0].exitCode == nil)
    let info = cluster.ask(0, "INFO server")
    #expect(info.contains("shutdown_in_milliseconds:"))
    // Nobody writes meanwhile.
    #expect(cluster.ask(0, "INCR k") == "")
    #expect(cluster.ask(0, "GET k") == "$1\r\n2\r\n")
    cluster.network.heal()
    #expect(cluster.run { cluster.hosts[0].exitCode == 0 })
    #expect(cluster.ask(1, "GET k") == "$1\r\n2\r\n")
    let log = log(cluster)
    #expect(log.contains("Waiting for replicas before shutting down."))
    #expect(log.contains("1 of 1 replicas are in sync when shutting down."))
    #expect(!log.contains("Lagging replica"))
  }

  @Test func `it waits as long as shutdown-timeout and no longer`() {
    let cluster = makeCluster { $0.shutdownTimeoutSeconds = 1 }
    let start = cluster.now
    let client = connect(cluster)
    client?.send("SHUTDOWN\r\n")
    #expect(cluster.run { cluster.hosts[0].exitCode == 0 })
    #expect(900_000_000...1_300_000_000 ~= cluster.now - start)
    cluster.run(milliseconds: 5)
    _ = client?.receive()
    #expect(client?.isClosed == true)
    #expect(log(cluster).contains("Lagging replica node1:6379 reported offset "))
    #expect(log(cluster).contains("lag=1, state=online."))
    #expect(log(cluster).contains("0 of 1 replicas are in sync when shutting down."))
  }

  @Test(arguments: ["SHUTDOWN NOW", "CONFIG SET shutdown-timeout 0\r\nSHUTDOWN"])
  func `it doesn't wait if it isn't to`(line: String) {
    let cluster = makeCluster()
    connect(cluster)?.send(line + "\r\n")
    cluster.run(milliseconds: 50)
    #expect(cluster.hosts[0].exitCode == 0)
    #expect(log(cluster).contains("0 of 1 replicas are in sync when shutting down."))
  }

  @Test func `called off it leaves all as it was, and who waited hears of it`() {
    let cluster = makeCluster()
    let clients = [connect(cluster), connect(cluster)]
    for client in clients { client?.send("SHUTDOWN\r\nPING\r\n") }
    cluster.run(milliseconds: 50)
    #expect(cluster.ask(0, "INFO clients").contains("blocked_clients:2\r\n"))
    #expect(cluster.ask(0, "INFO clients").contains("connected_clients:3\r\n"))
    #expect(cluster.ask(0, "CLIENT LIST").ranges(of: "cmd=shutdown").count == 2)
    #expect(cluster.ask(0, "SHUTDOWN ABORT") == "+OK\r\n")
    cluster.run(milliseconds: 20)
    for client in clients {
      #expect(
        client?.receiveText() == "-ERR Errors trying to SHUTDOWN. Check logs.\r\n+PONG\r\n")
    }
    #expect(cluster.ask(0, "INFO commandstats").contains("cmdstat_shutdown:calls=3,"))
    #expect(cluster.ask(0, "SHUTDOWN ABORT") == "-ERR No shutdown in progress.\r\n")
    #expect(log(cluster).contains("Shutdown manually aborted."))
    #expect(cluster.ask(0, "INCR k") == ":3\r\n")
    cluster.network.heal()
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.hosts[0].exitCode == nil)
  }

  @Test func `it goes on if it can't end when it has waited`() {
    let cluster = makeCluster()
    let client = connect(cluster)
    client?.send("SHUTDOWN SAVE\r\n")
    cluster.run(milliseconds: 50)
    cluster.hosts[0].disk.faults.failsSync = true
    cluster.network.heal()
    cluster.run(milliseconds: 1500)
    #expect(client?.receiveText() == "-ERR Errors trying to SHUTDOWN. Check logs.\r\n")
    #expect(cluster.ask(0, "INCR k") == ":3\r\n")
    #expect(cluster.ask(0, "INFO server").contains("shutdown_in_milliseconds") == false)
  }

  @Test func `a second SIGTERM changes nothing, a second SIGINT ends it at once`() {
    let cluster = makeCluster()
    cluster.hosts[0].transport?.deliver(signal: 15)
    cluster.run(milliseconds: 20)
    cluster.hosts[0].transport?.deliver(signal: 15)
    cluster.run(milliseconds: 20)
    #expect(cluster.hosts[0].exitCode == nil)
    cluster.hosts[0].transport?.deliver(signal: 2)
    cluster.run(milliseconds: 20)
    #expect(cluster.hosts[0].exitCode == 1)
    #expect(log(cluster).contains("You insist... exiting now."))
  }

  @Test func `who wants nothing but a snapshot is not waited for`() {
    let cluster = makeCluster()
    cluster.network.heal()
    #expect(cluster.catchesUp(1, with: 0))
    cluster.ask(1, "REPLICAOF NO ONE")
    let client = connect(cluster)
    client?.send("REPLCONF rdb-only 1\r\nPSYNC ? -1\r\n")
    connect(cluster)?.send("SYNC\r\n")
    cluster.run(milliseconds: 1)
    connect(cluster)?.send("SHUTDOWN\r\n")
    cluster.run(milliseconds: 50)
    #expect(cluster.hosts[0].exitCode == 0)
  }
}
