// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// What went wrong once on the way between leader, follower, log and snapshot.
@Suite struct FollowerFaultTests {
  /// A follower of a leader whose every byte the test writes.
  final class Staged {
    let server: TestServer
    private var leader: SimulatedTransport
    private var connection: ConnectionID?
    private var heard = ""

    init(
      _ configure: (Configuration) -> Void = { _ in },
      world change: (inout World) -> Void = { _ in }
    ) {
      server = TestServer(
        follows: false,
        configure: {
          $0.enableDebugCommand = .yes
          configure($0)
        }, world: change)
      leader = SimulatedTransport(
        network: server.transport.network, host: "stage", clock: server.clock)
      _ = try? leader.listen(
        on: .internet(host: "*", port: 6379, isOptional: false), backlog: 16)
      server.keepLog()
    }

    /// What the follower has said since this was asked last.
    func listen(turns: Int = 30) -> String {
      var events = EventList()
      var text = ""
      for _ in 0..<turns {
        server.settle(limit: 3)
        leader.wait(timeoutNanoseconds: 0, into: &events)
        if connection == nil { connection = leader.accept(from: 0)?.id }
        guard let connection else { continue }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let result = unsafe buffer.withUnsafeMutableBytes {
          unsafe leader.receive(connection, into: $0)
        }
        if case .bytes(let count) = result {
          text += String(decoding: buffer[..<count], as: UTF8.self)
        }
      }
      return text
    }

    func say(_ text: String) { say(Array(text.utf8)) }

    func say(_ bytes: [UInt8]) {
      guard let connection else { return }
      var rest = bytes[...]
      for _ in 0..<1000 where !rest.isEmpty {
        if case .bytes(let count) = leader.send(connection, Array(rest).rawSpan) {
          rest = rest.dropFirst(count)
        }
        server.settle(limit: 3)
      }
    }

    /// Goes through the greeting up to PSYNC, whose answer is the test's.
    func greet() {
      server.run("REPLICAOF stage 6379")
      #expect(listen().contains("PING"))
      say("+PONG\r\n")
      #expect(listen().contains("capa"))
      say("+OK\r\n+OK\r\n+OK\r\n")
      #expect(listen().contains("PSYNC"))
    }

    func hangUp() {
      if let connection { leader.close(connection) }
      connection = nil
      server.settle(limit: 5)
    }
  }

  static let id = String(repeating: "ab", count: 20)

  /// The snapshot of a server after some commands.
  private func snapshot(_ lines: [String], _ configure: (Configuration) -> Void = { _ in })
    -> [UInt8]
  {
    let server = TestServer(follows: false) {
      $0.enableDebugCommand = .yes
      configure($0)
    }
    for line in lines { server.run(line) }
    server.run("SAVE")
    return server.disk.content(of: "dump.rdb") ?? []
  }

  private func command(_ words: String) -> String {
    let parts = words.split(separator: " ")
    return "*\(parts.count)\r\n" + parts.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
  }

  @Test func `bytes that are no commands end the link, not the server, and nobody goes on`() {
    let staged = Staged { $0.appendOnly = true }
    staged.server.server.loadAtStart {}
    staged.server.settle()
    staged.greet()
    let rdb = snapshot(["SET k 1"])
    staged.say("+FULLRESYNC \(Self.id) 1000\r\n$\(rdb.count)\r\n")
    staged.say(rdb)
    #expect(staged.listen().contains("ACK"))
    #expect(staged.server.run("GET k") == "1")
    let below = staged.server.connect()
    below.post("PSYNC \(Self.id) 1001")
    staged.server.settle(limit: 10)
    staged.say(command("SET x y") + "*1\r\n$5\r\nMULTI\r\n*1\r\n!bad\r\n")
    staged.server.settle(limit: 50)
    #expect(staged.server.run("GET x") == "y")
    #expect(below.isClosed)
    #expect(staged.server.info("master_link_status") == "down")
    #expect(staged.server.server.effects.stream.replicationID != Self.id)
    staged.server.advance(milliseconds: 3000)
    #expect(staged.server.run("PING") == .status("PONG"))
  }

  @Test func `a database that isn't there ends the link`() {
    let staged = Staged()
    staged.greet()
    let rdb = snapshot(["SET k 1"])
    staged.say("+FULLRESYNC \(Self.id) 0\r\n$\(rdb.count)\r\n")
    staged.say(rdb)
    #expect(staged.listen().contains("ACK"))
    staged.say(command("SELECT 99") + command("SET wrong 1"))
    staged.server.settle(limit: 20)
    #expect(staged.server.info("master_link_status") == "down")
    #expect(staged.server.run("EXISTS wrong") == 0)
  }

  @Test func `a leader that hangs up without an answer may have wanted TLS`() {
    let staged = Staged()
    staged.server.run("REPLICAOF stage 6379")
    #expect(staged.listen().contains("PING"))
    staged.hangUp()
    #expect(
      staged.server.logText.contains(
        "Failed to read response from the server: the connection was closed"))
    #expect(staged.server.logText.contains("Remedy: if 6379 is the leader's 'tls-port'"))
    // One that has answered speaks no TLS.
    staged.server.advance(milliseconds: 3000)
    #expect(staged.listen().contains("PING"))
    staged.say("+PONG\r\n")
    staged.hangUp()
    #expect(staged.server.logText.ranges(of: "Failed to read response").count == 2)
    #expect(staged.server.logText.ranges(of: "Remedy").count == 1)
  }

  @Test func `a link counts as down from its end on, whomever it led to`() {
    let staged = Staged()
    staged.server.run("REPLICAOF nobody 6379")
    #expect(staged.server.info("master_link_down_since_seconds") == "-1")
    staged.greet()
    let rdb = snapshot(["SET k 1"])
    staged.say("+FULLRESYNC \(Self.id) 0\r\n$\(rdb.count)\r\n")
    staged.say(rdb)
    #expect(staged.listen().contains("ACK"))
    staged.server.run("REPLICAOF nobody 6379")
    staged.server.advance(milliseconds: 3500)
    #expect(staged.server.info("master_link_down_since_seconds") == "3")
    staged.server.run("REPLICAOF nobody 6380")
    staged.server.advance(milliseconds: 2000)
    #expect(staged.server.info("master_link_down_since_seconds") == "5")
  }

  @Test(arguments: [1, 7, 100, 100_000])
  func `stream bytes right behind a snapshot of known length are not part of it`(size: Int) {
    let staged = Staged()
    staged.greet()
    let rdb = snapshot(["DEBUG POPULATE 5000"]) { $0.rdbCompression = false }
    var bytes = Array("+FULLRESYNC \(Self.id) 0\r\n$\(rdb.count)\r\n".utf8) + rdb
    for index in 0..<50 { bytes += Array(command("SET behind:\(index) 1").utf8) }
    if size < 100 {
      // The end comes in small pieces.
      staged.say(Array(bytes.dropLast(3000)))
      var rest = bytes.suffix(3000)
      while !rest.isEmpty {
        staged.say(Array(rest.prefix(size * 10)))
        rest = rest.dropFirst(size * 10)
      }
    } else {
      staged.say(bytes)
    }
    #expect(staged.listen().contains("ACK"))
    #expect(staged.server.run("DBSIZE") == 5050)
    #expect(!staged.server.logText.contains("Failed trying to load"))
  }

  @Test func `a link that is lost while a snapshot is loaded is made again`() {
    let staged = Staged { $0.keyLoadDelay = 100 }
    staged.greet()
    let rdb = snapshot(["DEBUG POPULATE 3000"])
    staged.say("+FULLRESYNC \(Self.id) 500\r\n$\(rdb.count)\r\n")
    staged.say(rdb)
    for _ in 0..<20 where staged.server.server.persistence.loading == nil { staged.server.turn() }
    #expect(staged.server.server.persistence.loading != nil)
    staged.hangUp()
    for _ in 0..<100 { staged.server.advance(milliseconds: 20) }
    staged.server.settle()
    #expect(staged.server.run("DBSIZE") == 3000)
    #expect(staged.server.info("master_link_status") == "down")
    #expect(staged.listen().contains("PING"), "it connects again")
    staged.say("+PONG\r\n")
    _ = staged.listen()
    staged.say("+OK\r\n+OK\r\n+OK\r\n")
    #expect(staged.listen().contains("PSYNC\r\n$40\r\n\(Self.id)\r\n$3\r\n501"))
  }

  @Test func `a former leader is behind all others until the new one has it go on`() {
    let staged = Staged()
    staged.server.run("SET k old")
    let offset = staged.server.info("master_repl_offset")
    staged.greet()
    #expect(offset != "0" && staged.server.info("master_repl_offset") == offset)
    #expect(staged.server.info("slave_repl_offset") == "1")
    staged.say("+CONTINUE \(Self.id)\r\n")
    #expect(staged.server.info("slave_repl_offset") == offset)
  }

  @Test(arguments: ["no", "sync-replicas 1", "max-unconfirmed-ms 100"])
  func `who may have lost what it confirmed is not chosen to lead if that is counted on`(
    promise: String
  ) {
    let staged = Staged()
    if promise != "no" { staged.server.run("CONFIG SET \(promise)") }
    // So that the old data go before the new ones come.
    staged.server.run("CONFIG SET repl-diskless-load disabled")
    func priority() -> String? { staged.server.info("slave_priority") }
    let never = promise == "no" ? "100" : "0"
    let rdb = snapshot(["SET k new"])
    func sync(_ rdb: [UInt8], reconnects: Bool = false) {
      if reconnects { for _ in 0..<30 { staged.server.advance(milliseconds: 100) } }
      staged.greet()
      staged.say("+FULLRESYNC \(Self.id) 500\r\n$\(rdb.count)\r\n")
      staged.say(rdb)
      staged.server.settle()
    }
    staged.greet()
    #expect(priority() == never, "what is here may come from files")
    staged.hangUp()
    sync(rdb, reconnects: true)
    #expect(priority() == "100")
    staged.hangUp()
    // It comes again at once.
    _ = staged.listen()
    staged.hangUp()
    staged.server.run("REPLICAOF another 6379")
    #expect(priority() == "100", "all that it has confirmed is here")
    var damaged = rdb
    damaged[damaged.count - 1] ^= 1
    sync(damaged)
    #expect(staged.server.run("DBSIZE") == 0)
    #expect(priority() == never, "it was replaced by what could not be loaded")
    staged.hangUp()
    sync(rdb, reconnects: true)
    #expect(priority() == "100")
  }

  @Test func `a follower that was refused is behind all others until it has the snapshot`() {
    let staged = Staged()
    let rdb = snapshot(["SET k new"])
    let answer = "+FULLRESYNC \(Self.id) 500\r\n$\(rdb.count)\r\n"
    staged.greet()
    staged.say(answer)
    staged.say(rdb)
    staged.server.settle()
    #expect(staged.server.info("slave_repl_offset") == "500")
    staged.hangUp()
    #expect(staged.server.info("slave_repl_offset") == "500", "whoever leads next may go on")
    staged.greet()
    staged.say(answer)
    staged.say(Array(rdb.dropLast()))
    #expect(staged.server.info("slave_repl_offset") == "0")
    staged.hangUp()
    staged.server.run("REPLICAOF another 6379")
    #expect(staged.server.info("slave_repl_offset") == "0", "whoever leads next")
    staged.greet()
    staged.say(answer)
    staged.say(rdb)
    staged.server.settle()
    #expect(staged.server.info("slave_repl_offset") == "500")
  }

  @Test(arguments: [
    ["MULTI", "REPLICAOF NO ONE"], ["MULTI", "REPLICAOF other 1"], ["MULTI", "BGSAVE"],
    ["MULTI", "SET k 1"],
  ]) func `what was queued before a load doesn't run in the middle of it`(lines: [String]) {
    let staged = Staged {
      $0.keyLoadDelay = 100
      $0.replicaReadOnly = false
    }
    let client = staged.server.connect()
    staged.greet()
    for line in lines { client.run(line) }
    let rdb = snapshot(["DEBUG POPULATE 3000"])
    staged.say("+FULLRESYNC \(Self.id) 500\r\n$\(rdb.count)\r\n")
    staged.say(rdb)
    for _ in 0..<20 where staged.server.server.persistence.loading == nil { staged.server.turn() }
    #expect(
      client.run("EXEC").text.hasPrefix("EXECABORT Transaction discarded because of: LOADING"))
    #expect(staged.server.run("DEBUG RELOAD").text.hasPrefix("LOADING"))
    #expect(staged.server.run("DEBUG LOADAOF").text.hasPrefix("LOADING"))
    #expect(staged.server.run("CONFIG SET appendonly yes").text.hasPrefix("LOADING"))
    for _ in 0..<100 { staged.server.advance(milliseconds: 20) }
    staged.server.settle()
    #expect(staged.server.run("DBSIZE") == 3000)
    #expect(staged.server.info("master_link_status") == "up")
    staged.server.run("CONFIG SET appendonly yes")
    staged.server.settle()
    #expect(staged.server.info("aof_enabled") == "1")
    // What the log says is what is here.
    let other = TestServer(follows: false) {
      $0.enableDebugCommand = .yes
      $0.appendOnly = true
    }
    for path in staged.server.disk.paths where path.hasPrefix("appendonlydir") {
      other.disk.setDirectory("appendonlydir")
      other.disk.setContent(staged.server.disk.content(of: path) ?? [], of: path)
    }
    other.server.loadAtStart {}
    other.settle()
    #expect(other.run("DEBUG DIGEST") == staged.server.run("DEBUG DIGEST"))
  }

  @Test func `a snapshot that can't be loaded leaves a server that logs when it leads again`() {
    let staged = Staged { $0.appendOnly = true }
    staged.server.server.loadAtStart {}
    staged.server.settle()
    staged.server.run("SET before 1")
    staged.greet()
    staged.say("+FULLRESYNC \(Self.id) 500\r\n$9\r\nREDISxxxx")
    staged.server.settle(limit: 100)
    #expect(staged.server.logText.contains("Failed trying to load"))
    #expect(staged.server.run("REPLICAOF NO ONE") == .ok)
    staged.server.settle()
    #expect(staged.server.info("aof_enabled") == "1")
    #expect(staged.server.run("SET after 1") == .ok)
  }

  @Test func `a flood of empty lines, or one long line, costs little`() {
    let staged = Staged()
    staged.greet()
    staged.say([UInt8](repeating: 10, count: 1 << 20))
    #expect(staged.server.info("master_link_status") == "down")
    staged.say("+" + String(repeating: "x", count: 100_000))
    staged.server.settle(limit: 20)
    #expect(staged.server.logText.contains("doesn't speak the protocol of replication"))
  }

  @Test(arguments: ["a b", "a\nb", "", String(repeating: "x", count: 300)])
  func `a host must look like one`(host: String) {
    let server = TestServer(follows: false)
    #expect(server.run(["REPLICAOF", host, "1"]) == .error("ERR Invalid master host"))
    #expect(server.info("role") == "master")
  }

  @Test func `a follower without a link keeps the database that its stream has selected`() {
    for isLog in [false, true] {
      let cluster = SimulatedCluster.followers(2, seed: 11) {
        $0.appendOnly = isLog
        $0.saveRules = isLog ? [] : [SaveRule(seconds: 3600, changes: 1)]
      }
      #expect(cluster.run { cluster.hosts.allSatisfy(\.isReady) })
      cluster.hosts[1].replicaOf = LeaderAddress(host: "node0", port: 6379)
      cluster.ask(1, "REPLICAOF node0 6379")
      cluster.ask(0, "SELECT 3\r\nSET a 1")
      #expect(cluster.catchesUp(1, with: 0))
      cluster.run(milliseconds: 1500)
      for turn in 0..<2 {
        cluster.network.isolate("node0")
        cluster.hosts[1].terminate()
        #expect(cluster.run { cluster.hosts[1].exitCode != nil })
        cluster.start(1)
        #expect(cluster.run { cluster.hosts[1].isReady })
        if turn == 0 { cluster.ask(1, isLog ? "BGREWRITEAOF" : "SAVE") }
        cluster.run(milliseconds: 100)
      }
      cluster.network.heal()
      #expect(cluster.catchesUp(1, with: 0))
      cluster.ask(0, "SELECT 3\r\nSET b 1")
      #expect(cluster.catchesUp(1, with: 0))
      #expect(cluster.data(1) == cluster.data(0), "log: \(isLog)")
      cluster.run(milliseconds: 1500)
      let before = cluster.data(1)
      cluster.network.isolate("node0")
      cluster.hosts[1].terminate()
      #expect(cluster.run { cluster.hosts[1].exitCode != nil })
      cluster.start(1)
      #expect(cluster.run { cluster.hosts[1].isReady })
      #expect(cluster.data(1) == before, "log: \(isLog)")
    }
  }

  @Test func `a leader that restarts again and again without writes is resumed each time`() {
    let cluster = SimulatedCluster.followers(2, seed: 13) { $0.appendOnly = true }
    #expect(cluster.run { cluster.hosts.allSatisfy(\.isReady) })
    cluster.ask(0, "SET k 1")
    cluster.ask(1, "REPLICAOF node0 6379")
    #expect(cluster.catchesUp(1, with: 0))
    for turn in 0..<4 {
      cluster.run(milliseconds: 2500)
      #expect(cluster.catchesUp(1, with: 0))
      cluster.hosts[0].terminate()
      #expect(cluster.run { cluster.hosts[0].exitCode != nil })
      cluster.start(0)
      #expect(cluster.run { cluster.hosts[0].isReady })
      #expect(cluster.catchesUp(1, with: 0))
      #expect(cluster.server(0)?.statistics.fullSyncs == 0, "restart \(turn)")
    }
  }
}
