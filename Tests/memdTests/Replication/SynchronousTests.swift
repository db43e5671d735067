// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// `sync-replicas` and `max-unconfirmed-ms`: what nobody is told, and when writes stop.
@Suite struct SynchronousTests {
  private func makeCluster(
    _ count: Int = 3, seed: UInt64 = 1, _ configure: @escaping (Configuration) -> Void = { _ in }
  ) -> SimulatedCluster {
    let cluster = SimulatedCluster.followers(count, seed: seed, configure)
    #expect(cluster.attachFollowers())
    return cluster
  }

  private func field(_ name: String, of number: Int, in cluster: SimulatedCluster) -> String {
    let text = cluster.ask(number, "INFO replication")
    let line = text.split(separator: "\r\n").first { $0.hasPrefix(name + ":") }
    return line.map { String($0.dropFirst(name.utf8.count + 1)) } ?? "none"
  }

  // MARK: - sync-replicas

  @Test func `a reply leaves when so many followers have what it shows`() {
    let cluster = makeCluster()
    #expect(cluster.ask(0, "CONFIG SET sync-replicas 2") == "+OK\r\n")
    #expect(cluster.ask(0, "SET k 1") == "+OK\r\n")
    #expect(field("sync_replicas_state", of: 0, in: cluster) == "synchronous")
    #expect(cluster.data(1) == cluster.data(0))
    #expect(cluster.data(2) == cluster.data(0))
    cluster.network.isolate("node2")
    let writer = cluster.connect(0)
    let reader = cluster.connect(0)
    let other = cluster.connect(0)
    let observer = cluster.connect(0)
    observer?.send("SUBSCRIBE c\r\n")
    cluster.run(milliseconds: 5)
    writer?.send("SET k 2\r\n")
    cluster.run(milliseconds: 5)
    #expect(observer?.receiveText().hasPrefix("*3\r\n") == true)
    reader?.send("GET k\r\n")
    other?.send("PING\r\n")
    observer?.send("PING\r\n")
    cluster.run(milliseconds: 900)
    #expect(cluster.data(1) == cluster.data(0))
    #expect(writer?.receiveText() == "")
    #expect(reader?.receiveText() == "")
    // Who only asks whether it lives is answered; who listens may hear of keys.
    #expect(other?.receiveText() == "+PONG\r\n")
    #expect(observer?.receiveText() == "")
    #expect(Int(field("sync_replicas_unconfirmed_ms", of: 0, in: cluster)) ?? 0 >= 900)
    #expect(field("sync_replicas_waiting_clients", of: 0, in: cluster) == "3")
    cluster.network.heal()
    #expect(cluster.catchesUp(2, with: 0))
    cluster.run(milliseconds: 200)
    #expect(writer?.receiveText() == "+OK\r\n")
    #expect(reader?.receiveText() == "$1\r\n2\r\n")
    #expect(observer?.receiveText().contains("pong") == true)
    #expect(field("sync_replicas_unconfirmed_bytes", of: 0, in: cluster) == "0")
  }

  @Test(arguments: ["REPLICAOF node1 6379", "FAILOVER TO node1 6379"])
  func `who has written is told of the change of roles that it asks for`(command: String) {
    let cluster = makeCluster(2) { $0.syncReplicas = 1 }
    cluster.run(milliseconds: 500)
    let client = cluster.connect(0)
    client?.send("SET k 1\r\n")
    cluster.run(milliseconds: 1500)
    #expect(client?.receiveText() == "+OK\r\n")
    client?.send("\(command)\r\n")
    cluster.run(milliseconds: 100)
    #expect(client?.receiveText().hasPrefix("+OK") == true)
  }

  @Test func `a write waits for one round trip, not for the next report`() {
    let cluster = makeCluster(2) { $0.syncReplicas = 1 }
    cluster.run(milliseconds: 500)
    let client = cluster.connect(0)
    var longest: Int64 = 0
    for number in 0..<50 {
      client?.send("SET k \(number)\r\n")
      let start = cluster.now
      var text = ""
      while text.isEmpty, cluster.now - start < 1_000_000_000 {
        cluster.run(milliseconds: 1)
        text = client?.receiveText() ?? ""
      }
      #expect(text == "+OK\r\n")
      longest = max(longest, cluster.now - start)
    }
    // Four ways of half a millisecond at most, and turns.
    #expect(longest < 5_000_000)
  }

  @Test func `in a pipeline replies leave in order, and many wait together`() {
    let cluster = makeCluster(2) { $0.syncReplicas = 1 }
    cluster.run(milliseconds: 500)
    let clients = (0..<20).map { _ in cluster.connect(0) }
    for (index, client) in clients.enumerated() {
      for number in 0..<30 { client?.send("SET k\(index) \(number)\r\nGET k\(index)\r\n") }
    }
    let expected = (0..<30).map { "+OK\r\n$\("\($0)".utf8.count)\r\n\($0)\r\n" }.joined()
    var texts = [String](repeating: "", count: clients.count)
    let before = cluster.server(0)?.effects.stream.offset ?? 0
    #expect(
      cluster.run {
        for index in texts.indices { texts[index] += clients[index]?.receiveText() ?? "" }
        return texts.allSatisfy { $0 == expected }
      })
    #expect(cluster.data(1) == cluster.data(0))
    // One question covers many writes.
    let count = (cluster.server(0)?.effects.stream.offset ?? 0) - before
    #expect(count < 600 * 36 + 37 * 150)
  }

  @Test func `when the time is over nobody reads or writes, until enough have it`() {
    let cluster = makeCluster { $0.syncReplicasTimeout = 300 }
    #expect(cluster.ask(0, "CONFIG SET sync-replicas 1") == "+OK\r\n")
    #expect(cluster.ask(0, "SET k 1") == "+OK\r\n")
    cluster.network.isolate("node0")
    let writer = cluster.connect(0)
    let writerText = { writer?.receiveText() ?? "" }
    _ = writerText()
    cluster.network.heal()
    cluster.network.partition("node0", "node1")
    cluster.network.partition("node0", "node2")
    writer?.send("SET k 2\r\n")
    let early = cluster.ask(0, "PING")
    #expect(early == "+PONG\r\n")
    cluster.run(milliseconds: 320)
    #expect(writerText() == "")
    #expect(writer?.isClosed == true)
    #expect(field("sync_replicas_state", of: 0, in: cluster) == "refusing")
    for line in ["SET k 3", "GET k", "MULTI\r\nGET k\r\nEXEC", "DEL k", "KEYS *", "BLPOP l 1"] {
      #expect(cluster.ask(0, line).contains("-NOREPLICAS Fewer replicas than"), "\(line)")
    }
    #expect(cluster.ask(0, "PING") == "+PONG\r\n")
    #expect(cluster.ask(0, "CONFIG GET sync-replicas").hasPrefix("*2"))
    #expect(Int(field("sync_replicas_refusals", of: 0, in: cluster)) ?? 0 >= 6)
    cluster.network.heal()
    #expect(cluster.run { cluster.isOnline(1) || cluster.isOnline(2) })
    cluster.run(milliseconds: 300)
    // The write stands: it was executed, and now followers have it.
    #expect(cluster.ask(0, "GET k") == "$1\r\n2\r\n")
    #expect(cluster.ask(0, "SET k 4") == "+OK\r\n")
    #expect(field("sync_replicas_timeouts", of: 0, in: cluster) == "1")
  }

  @Test func `or nobody waits, if that is wanted`() {
    let cluster = makeCluster(2) {
      $0.syncReplicasTimeout = 300
      $0.syncReplicasOnTimeout = .degrade
    }
    #expect(cluster.ask(0, "CONFIG SET sync-replicas 1") == "+OK\r\n")
    cluster.network.isolate("node1")
    let writer = cluster.connect(0)
    writer?.send("SET k 2\r\n")
    cluster.run(milliseconds: 290)
    #expect(writer?.receiveText() == "")
    cluster.run(milliseconds: 30)
    #expect(writer?.receiveText() == "+OK\r\n")
    #expect(field("sync_replicas_state", of: 0, in: cluster) == "degraded")
    #expect(cluster.ask(0, "SET k 3") == "+OK\r\n")
    cluster.network.heal()
    #expect(cluster.run { cluster.isOnline(1) })
    cluster.run(milliseconds: 300)
    #expect(field("sync_replicas_state", of: 0, in: cluster) == "synchronous")
    cluster.network.isolate("node1")
    writer?.send("SET k 4\r\n")
    cluster.run(milliseconds: 200)
    #expect(writer?.receiveText() == "")
  }

  @Test func `a leader that is replaced tells nobody what its followers don't have`() {
    let cluster = makeCluster { $0.syncReplicas = 1 }
    cluster.run(milliseconds: 500)
    cluster.ask(0, "SET k 1")
    cluster.network.partition("node0", "node1")
    cluster.network.partition("node0", "node2")
    let writer = cluster.connect(0)
    writer?.send("SET k 2\r\n")
    cluster.run(milliseconds: 50)
    #expect(cluster.ask(1, "REPLICAOF NO ONE") == "+OK\r\n")
    // What is here may be unknown to others.
    #expect(cluster.ask(1, "GET k").hasPrefix("-NOREPLICAS"))
    #expect(cluster.ask(2, "REPLICAOF node1 6379") == "+OK\r\n")
    #expect(cluster.catchesUp(2, with: 1))
    cluster.run(milliseconds: 200)
    #expect(cluster.ask(1, "GET k") == "$1\r\n1\r\n")
    #expect(cluster.ask(1, "SET k 3") == "+OK\r\n")
    cluster.network.heal()
    #expect(cluster.ask(0, "REPLICAOF node1 6379") == "+OK\r\n")
    cluster.run(milliseconds: 50)
    #expect(writer?.receiveText() == "")
    #expect(writer?.isClosed == true)
    #expect(cluster.catchesUp(0, with: 1))
    #expect(cluster.data(0) == cluster.data(1))
  }

  @Test func `a server that starts with data shows them once others have them`() {
    let cluster = makeCluster(2) { $0.syncReplicas = 1 }
    cluster.run(milliseconds: 500)
    #expect(cluster.ask(0, "SET k 1") == "+OK\r\n")
    #expect(cluster.ask(0, "SAVE") == "+OK\r\n")
    cluster.network.isolate("node1")
    cluster.kill(0, .process)
    cluster.start(0)
    #expect(cluster.run { cluster.hosts[0].isReady })
    #expect(cluster.ask(0, "GET k").hasPrefix("-NOREPLICAS"))
    cluster.network.heal()
    #expect(cluster.run { cluster.isOnline(1) })
    cluster.run(milliseconds: 300)
    #expect(cluster.ask(0, "GET k") == "$1\r\n1\r\n")
  }

  @Test func `who is demoted tells nothing of the turn in which it is, nor to whoever leaves`() {
    let cluster = makeCluster { $0.syncReplicas = 1 }
    cluster.run(milliseconds: 500)
    cluster.ask(0, "SET k 1")
    let clients = (0..<4).map { _ in cluster.connect(0) }
    for client in clients { client?.send("GET k\r\n") }
    cluster.run(milliseconds: 5)
    for client in clients { #expect(client?.receiveText() == "$1\r\n1\r\n") }
    cluster.network.partition("node0", "node1")
    cluster.network.partition("node0", "node2")
    // One waits, one leaves, and in one turn come a write, one behind it, and the new leader.
    clients[0]?.send("SET k 2\r\n")
    clients[1]?.send("SET k 3\r\nQUIT\r\n")
    cluster.run(milliseconds: 5)
    clients[2]?.send("SET k 4\r\nBLPOP list 0\r\n")
    cluster.run(milliseconds: 5)
    clients[3]?.send("SET k 5\r\nREPLICAOF node1 6379\r\n")
    cluster.run(milliseconds: 20)
    for client in clients {
      #expect(client?.receiveText() == "")
      #expect(client?.isClosed == true)
    }
    #expect(cluster.server(0)?.following != nil)
  }

  @Test func `a slow turn is not the followers' fault`() {
    let cluster = makeCluster(2) {
      $0.syncReplicas = 1
      $0.syncReplicasTimeout = 300
    }
    cluster.run(milliseconds: 500)
    let client = cluster.connect(0)
    client?.send("SET k 1\r\n")
    cluster.run(milliseconds: 1)
    // The machine stands still for a while, with the answer in a socket.
    cluster.hosts[0].clock.advance(milliseconds: 2000)
    cluster.run(milliseconds: 2500)
    #expect(client?.receiveText() == "+OK\r\n")
    #expect(field("sync_replicas_timeouts", of: 0, in: cluster) == "0")
  }

  @Test func `a follower counts once, and for no more than there is`() {
    let cluster = makeCluster(2) { $0.syncReplicas = 2 }
    cluster.run(milliseconds: 500)
    let writer = cluster.connect(0)
    let others = (0..<2).map { _ in cluster.connect(0) }
    for other in others {
      other?.send("REPLCONF listening-port 7000 ip-address twice\r\nPSYNC ? -1\r\n")
    }
    cluster.run(milliseconds: 500)
    #expect(cluster.server(0)?.followers.all.count == 3)
    // Two of these are the same, and the third says nothing that could be true.
    cluster.network.partition("node0", "node1")
    let offset = cluster.server(0)?.effects.stream.offset ?? 0
    writer?.send("SET k 1\r\n")
    cluster.run(milliseconds: 20)
    let end = cluster.server(0)?.effects.dataOffset ?? 0
    #expect(end > offset)
    for other in others { other?.send("REPLCONF ACK \(end)\r\n") }
    cluster.run(milliseconds: 20)
    others[0]?.send("REPLCONF ACK 9223372036854775807\r\n")
    cluster.run(milliseconds: 20)
    #expect(writer?.receiveText() == "")
    #expect(cluster.ask(0, "REPLCONF listening-port 70000").hasPrefix("-ERR value is not an int"))
    cluster.network.heal()
    cluster.run(milliseconds: 1500)
    #expect(writer?.receiveText() == "+OK\r\n")
  }

  @Test func `the log and followers both are waited for`() {
    let cluster = makeCluster(2) {
      $0.syncReplicas = 1
      $0.appendOnly = true
      $0.appendFsync = .always
    }
    cluster.run(milliseconds: 500)
    #expect(cluster.ask(0, "SET k 1") == "+OK\r\n")
    #expect(cluster.data(1) == cluster.data(0))
    cluster.network.isolate("node1")
    let writer = cluster.connect(0)
    writer?.send("SET k 2\r\n")
    cluster.run(milliseconds: 200)
    #expect(writer?.receiveText() == "")
    // Sentinel must not take it for dead.
    #expect(cluster.ask(0, "PING") == "+PONG\r\n")
    let server = cluster.server(0)
    #expect((server?.appendLog.synced ?? 0) >= (server?.effects.dataOffset ?? 1))
    #expect(cluster.ask(0, "CONFIG SET sync-replicas 0") == "+OK\r\n")
    cluster.run(milliseconds: 50)
    #expect(writer?.receiveText() == "+OK\r\n")
  }

  // MARK: - max-unconfirmed-ms

  @Test func `writes stop before more than so many milliseconds of them can be lost`() {
    let cluster = makeCluster(2) { $0.maxUnconfirmed = 200 }
    cluster.run(milliseconds: 500)
    for number in 0..<30 {
      #expect(cluster.ask(0, "SET k \(number)") == "+OK\r\n")
      cluster.run(milliseconds: 20)
    }
    #expect(field("max_unconfirmed_refusals", of: 0, in: cluster) == "0")
    cluster.network.isolate("node1")
    let start = cluster.now
    var last = start
    var refusal = ""
    while cluster.now - start < 1_000_000_000, refusal.isEmpty {
      let reply = cluster.ask(0, "SET k late")
      if reply == "+OK\r\n" { last = cluster.now } else { refusal = reply }
    }
    #expect(refusal.hasPrefix("-UNCONFIRMED Too few replicas"), "\(refusal)")
    #expect(last - start < 220_000_000)
    #expect(last - start > 150_000_000)
    // Reads go on.
    #expect(cluster.ask(0, "GET k") == "$4\r\nlate\r\n")
    #expect(cluster.ask(0, "MULTI\r\nSET k 2\r\nEXEC").contains("-UNCONFIRMED"))
    cluster.network.heal()
    #expect(cluster.catchesUp(1, with: 0))
    cluster.run(milliseconds: 100)
    #expect(cluster.ask(0, "SET k 5") == "+OK\r\n")
    #expect(Int(field("max_unconfirmed_refusals", of: 0, in: cluster)) ?? 0 >= 2)
    // A server at rest asks nobody.
    cluster.run(milliseconds: 50)
    let offset = cluster.server(0)?.effects.stream.offset ?? 0
    cluster.run(milliseconds: 600)
    #expect((cluster.server(0)?.effects.stream.offset ?? 0) - offset < 100)
  }

  @Test func `a limit that is set later, or changed, holds from then on`() {
    let cluster = makeCluster(2)
    cluster.network.isolate("node1")
    #expect(cluster.ask(0, "SET k 1") == "+OK\r\n")
    #expect(cluster.ask(0, "CONFIG SET max-unconfirmed-ms 100") == "+OK\r\n")
    #expect(cluster.ask(0, "SET k 2") == "+OK\r\n")
    cluster.run(milliseconds: 150)
    #expect(cluster.ask(0, "SET k 3").hasPrefix("-UNCONFIRMED"))
    // What is old stays old.
    #expect(cluster.ask(0, "CONFIG SET max-unconfirmed-ms 120") == "+OK\r\n")
    #expect(cluster.ask(0, "SET k 4").hasPrefix("-UNCONFIRMED"))
    #expect(cluster.ask(0, "CONFIG SET max-unconfirmed-ms 0") == "+OK\r\n")
    #expect(cluster.ask(0, "SET k 5") == "+OK\r\n")
  }

  @Test func `the disk can be what has to have it`() {
    let cluster = SimulatedCluster.followers(1, seed: 3) {
      $0.appendOnly = true
      $0.maxUnconfirmed = 200
      $0.maxUnconfirmedReplicas = 0
    }
    #expect(cluster.run { cluster.hosts[0].isReady })
    // It is synced more often than once a second, then.
    for number in 0..<60 {
      #expect(cluster.ask(0, "SET k \(number)") == "+OK\r\n")
      cluster.run(milliseconds: 10)
    }
    let helpers = cluster.server(0)?.helpers as? SimulatedHelpers
    helpers?.durationNanoseconds = 900_000_000...900_000_000
    cluster.run(milliseconds: 200)
    var refusal = ""
    for _ in 0..<80 where refusal.isEmpty {
      let reply = cluster.ask(0, "SET k late")
      if reply != "+OK\r\n" { refusal = reply }
      cluster.run(milliseconds: 5)
    }
    #expect(refusal.hasPrefix("-UNCONFIRMED What was written"), "\(refusal)")
  }
}
