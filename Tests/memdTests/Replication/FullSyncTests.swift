// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP
import Testing

@testable import memd

/// Snapshots that followers share, from a file and from memory, and going on where one was.
@Suite struct FullSyncTests {
  /// A server with so much data that a snapshot takes several turns.
  private func makeServer(_ configure: (Configuration) -> Void = { _ in }) -> TestServer {
    let server = TestServer(follows: false) {
      $0.enableDebugCommand = .yes
      $0.replDisklessSyncDelay = 0
      configure($0)
    }
    server.keepLog()
    server.run("DEBUG POPULATE 20000")
    return server
  }

  /// A client that has said what it understands.
  private func makeFollower(_ server: TestServer, _ capabilities: String = "eof capa psync2")
    -> TestClient
  {
    let follower = server.connect()
    if !capabilities.isEmpty { #expect(follower.run("REPLCONF capa \(capabilities)") == .ok) }
    return follower
  }

  /// Lets the server work and takes everything that the clients are sent.
  private func collect(
    _ server: TestServer, _ clients: [TestClient], turns: Int = 400
  ) -> [[UInt8]] {
    var received = clients.map { _ in [UInt8]() }
    for _ in 0..<turns {
      server.settle(limit: 2)
      for (index, client) in clients.enumerated() { received[index] += client.connection.receive() }
    }
    return received
  }

  /// What came behind SYNC or PSYNC.
  private struct Received {
    var line = ""
    var snapshot: [UInt8] = []
    var stream: [UInt8] = []

    init(_ bytes: [UInt8], isSync: Bool = false) {
      var rest = bytes[...]
      func takeLine() -> String {
        while rest.first == 10 { rest = rest.dropFirst() }
        let line = rest.prefix { $0 != 13 }
        rest = rest.dropFirst(line.count + 2)
        return String(decoding: line, as: UTF8.self)
      }
      if !isSync { line = takeLine() }
      let head = takeLine()
      if head.hasPrefix("$EOF:") {
        let marker = Array(head.utf8.dropFirst(5))
        for end in rest.indices.dropFirst(39) where rest[end] == marker[39] {
          guard Array(rest[(end - 39)...end]) == marker else { continue }
          snapshot = Array(rest[..<(end - 39)])
          stream = Array(rest[(end + 1)...])
          return
        }
      } else if let count = Int(head.dropFirst()), count <= rest.count {
        snapshot = Array(rest.prefix(count))
        stream = Array(rest.dropFirst(count))
      }
    }

    var streamText: String { String(decoding: stream, as: UTF8.self) }
  }

  private func digest(of snapshot: [UInt8]) -> String {
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    server.disk.setContent(snapshot, of: "dump.rdb")
    server.server.loadAtStart {}
    server.settle()
    return server.run("DEBUG DIGEST").text
  }

  private func states(_ server: TestServer) -> [String] {
    server.run("INFO replication").text.split(whereSeparator: \.isNewline).compactMap {
      guard $0.hasPrefix("slave"),
        let state = $0.split(separator: ",").first(where: {
          $0.hasPrefix("state=")
        })
      else { return nil }
      return String(state.dropFirst(6))
    }
  }

  private func pass(_ server: TestServer, seconds: Int) {
    for _ in 0..<(seconds * 10) { server.advance(milliseconds: 100) }
  }

  private func count(_ text: String, in log: String) -> Int {
    log.ranges(of: text).count
  }

  // MARK: - One snapshot for several

  @Test func `SYNC clients that come while a snapshot is written share it`() {
    let server = makeServer()
    let digest = server.run("DEBUG DIGEST").text
    let clients = (0..<3).map { _ in server.connect() }
    clients[0].post("SYNC")
    clients[1].post("SYNC")
    server.turn()
    #expect(server.server.persistence.backgroundSave?.sync != nil)
    server.run("SET during 1")
    clients[2].post("SYNC")
    server.turn()
    #expect(server.server.persistence.backgroundSave?.isCutComplete == false, "it is too fast")
    #expect(states(server) == ["wait_bgsave", "wait_bgsave", "wait_bgsave"])
    #expect(server.run("INFO persistence").text.contains("rdb_bgsave_in_progress:1\r\n"))
    #expect(server.run("BGSAVE") == .error("ERR Background save already in progress"))
    let parts = collect(server, clients).map { Received($0, isSync: true) }
    for part in parts {
      #expect(self.digest(of: part.snapshot) == digest)
      // Also for the one that came later: the snapshot is older than it is.
      #expect(part.streamText.contains("SET\r\n$6\r\nduring"))
    }
    #expect(states(server) == ["online", "online", "online"])
    #expect(count("Starting BGSAVE for SYNC with target: disk", in: server.logText) == 1)
    #expect(server.info("sync_full") == "3")
    #expect((try? server.disk.names(inDirectory: "."))?.filter { $0.hasPrefix("temp") } == [])
    #expect(server.info("rdb_last_save_time") == server.info("rdb_last_save_time"))
    #expect(server.server.persistence.lastSave == nil, "it is nobody's backup")
  }

  @Test func `a snapshot from memory goes to all that wait when it begins`() {
    let server = makeServer { $0.replDisklessSyncDelay = 5 }
    let digest = server.run("DEBUG DIGEST").text
    let offset = server.server.effects.stream.offset
    let clients = (0..<2).map { _ in makeFollower(server) }
    clients[0].post("PSYNC ? -1")
    pass(server, seconds: 3)
    clients[1].post("PSYNC ? -1")
    server.turn()
    #expect(states(server) == ["wait_bgsave", "wait_bgsave"])
    #expect(server.server.persistence.backgroundSave == nil)
    for _ in 0..<40 where server.server.persistence.backgroundSave == nil {
      server.advance(milliseconds: 100)
    }
    #expect(server.server.persistence.backgroundSave?.sync?.feed != nil)
    let late = makeFollower(server)
    late.post("PSYNC ? -1")
    server.run("SET during 1")
    let parts = collect(server, clients).map { Received($0) }
    let id = server.server.effects.stream.replicationID
    for part in parts {
      #expect(part.line == "+FULLRESYNC \(id) \(offset)")
      #expect(self.digest(of: part.snapshot) == digest)
      #expect(part.stream == [], "it looks for the marker: nothing may follow yet")
    }
    #expect(states(server) == ["online", "online", "wait_bgsave"])
    for client in clients { client.post("REPLCONF ACK \(offset)") }
    for stream in collect(server, clients) {
      #expect(String(decoding: stream, as: UTF8.self).contains("during"))
    }
    #expect(!server.logText.contains("target: disk"))
    #expect((try? server.disk.names(inDirectory: ".")) == ["log"])
    // The one that came too late gets the next one.
    pass(server, seconds: 7)
    #expect(Received(collect(server, [late])[0]).snapshot.count > 1000)
  }

  @Test func `enough followers end the wait, one without capa eof makes it a file`() {
    let server = makeServer {
      $0.replDisklessSyncDelay = 5
      $0.replDisklessSyncMaxReplicas = 2
    }
    let first = makeFollower(server)
    first.post("PSYNC ? -1")
    server.turn()
    #expect(server.server.persistence.backgroundSave == nil)
    let second = makeFollower(server, "psync2")
    second.post("PSYNC ? -1")
    server.turn()
    #expect(server.server.persistence.backgroundSave?.sync != nil)
    #expect(server.server.persistence.backgroundSave?.sync?.feed == nil)
    for part in collect(server, [first, second]).map({ Received($0) }) {
      #expect(part.line.hasPrefix("+FULLRESYNC"))
      #expect(part.snapshot.count > 1000)
    }
  }

  @Test func `who reads slowly doesn't stop the others, and is left in the end`() {
    let server = makeServer {
      $0.clientOutputBufferLimits.replica = OutputBufferLimit(
        hardBytes: 600_000, softBytes: 0, softSeconds: 0)
      $0.replBacklogSize = 16 << 10
    }
    server.transport.network.faults.socketBufferByteCount = 50_000
    let clients = (0..<2).map { _ in makeFollower(server) }
    for client in clients { client.post("PSYNC ? -1") }
    server.turn()
    #expect(server.server.persistence.backgroundSave?.sync?.feed != nil)
    // The second one reads nothing.
    let part = Received(collect(server, [clients[0]])[0])
    #expect(part.snapshot.count > 300_000)
    #expect(states(server) == ["online", "wait_bgsave"])
    let kept = server.server.followers.all.last?.follower?.sync?.feed?.keptByteCount ?? 0
    #expect(kept > 0)
    server.run(["SET", "big", String(repeating: "x", count: 700_000)])
    server.settle(limit: 50)
    #expect(states(server) == [], "both have too much pending")
    #expect(server.server.effects.stream.byteCountForReaders <= 128 << 10)
  }

  @Test func `nobody takes it any more: the snapshot is given up`() {
    for capabilities in ["", "eof"] {
      let server = makeServer()
      let clients = (0..<2).map { _ in makeFollower(server, capabilities) }
      for client in clients { client.post("SYNC") }
      server.turn()
      clients[0].connection.close()
      server.turn()
      #expect(server.server.persistence.backgroundSave != nil)
      clients[1].connection.close()
      server.turn()
      #expect(server.server.persistence.backgroundSave == nil)
      server.settle()
      #expect((try? server.disk.names(inDirectory: ".")) == ["log"])
      server.run(["SET", "k", String(repeating: "x", count: 2_000_000)])
      server.settle()
      #expect(server.server.effects.stream.byteCountForReaders <= 128 << 10)
      #expect(server.run("BGSAVE") == .status("Background saving started"))
    }
  }

  // MARK: - Beside other cuts

  @Test(arguments: ["BGSAVE", "BGREWRITEAOF"])
  func `a follower waits for the end of another cut`(_ line: String) {
    let server = makeServer()
    server.run(line)
    server.turn()
    let client = server.connect()
    client.post("SYNC")
    server.turn()
    #expect(server.server.persistence.backgroundSave?.sync == nil)
    #expect(states(server) == ["wait_bgsave"])
    server.run("SET later 1")
    let part = Received(collect(server, [client])[0], isSync: true)
    #expect(self.digest(of: part.snapshot) == server.run("DEBUG DIGEST").text)
  }

  @Test func `BGSAVE SCHEDULE and rules begin behind a snapshot for followers`() {
    let server = makeServer()
    let client = server.connect()
    client.post("SYNC")
    server.turn()
    #expect(server.run("SAVE") == .error("ERR Background save already in progress"))
    #expect(server.run("BGREWRITEAOF").text.contains("scheduled"))
    server.run("CONFIG SET save \"3600 1\"")
    server.run("FLUSHALL")
    #expect(server.server.persistence.backgroundSave?.sync != nil, "it is not brought to its end")
    let part = Received(collect(server, [client])[0], isSync: true)
    #expect(part.snapshot.count > 300_000, "the tables are the snapshot's")
    #expect(part.streamText.contains("FLUSHALL"))
    server.settle()
    #expect(server.logText.contains("Background AOF rewrite finished successfully"))
    #expect(server.logText.contains("Background saving terminated with success"))
  }

  @Test(arguments: ["DEBUG RELOAD", "SHUTDOWN NOSAVE", "SHUTDOWN SAVE"])
  func `what needs the cut for itself ends a snapshot from memory`(_ line: String) {
    let server = makeServer()
    let client = makeFollower(server)
    client.post("PSYNC ? -1")
    server.turn()
    #expect(server.server.persistence.backgroundSave?.sync?.feed != nil)
    server.run(line)
    server.settle(limit: 300)
    #expect(server.server.persistence.backgroundSave == nil)
    #expect(server.server.followers.all.isEmpty)
    #expect((try? server.disk.names(inDirectory: "."))?.filter { $0.hasPrefix("temp") } == [])
  }

  // MARK: - Going on

  @Test func `PSYNC goes on behind an offset of the same history`() {
    let server = makeServer()
    let client = makeFollower(server, "")
    server.run("SET a 1")
    let offset = server.server.effects.stream.offset
    server.run("SET b 2")
    let id = server.server.effects.stream.replicationID
    client.post("PSYNC \(id) \(offset + 1)")
    server.run("SET c 3")
    server.settle(limit: 20)
    let text = client.connection.receiveText()
    #expect(text.hasPrefix("+CONTINUE\r\n*3\r\n$3\r\nSET\r\n$1\r\nb"))
    #expect(text.contains("c\r\n$1\r\n3"))
    #expect(states(server) == ["online"])
    #expect(server.info("sync_partial_ok") == "1")
    #expect(server.info("sync_full") == "0")
    let named = makeFollower(server)
    named.post("PSYNC \(id) \(server.server.effects.stream.offset + 1)")
    server.settle(limit: 20)
    #expect(named.connection.receiveText() == "+CONTINUE \(id)\r\n")
  }

  @Test func `PSYNC that can't go on gets everything`() {
    let server = makeServer { $0.replBacklogSize = 16 << 10 }
    let id = server.server.effects.stream.replicationID
    for _ in 0..<40 { server.run(["SET", "k", String(repeating: "x", count: 10_000)]) }
    let end = server.server.effects.stream.offset
    let other = String(repeating: "a", count: 40)
    for request in ["\(id) 1", "\(id) \(end + 2)", "\(other) \(end + 1)", "\(id) 0", "\(id) -1"] {
      let client = makeFollower(server)
      client.post("PSYNC \(request)")
      server.turn()
      let received = collect(server, [client], turns: 100)[0]
      #expect(Received(received).line == "+FULLRESYNC \(id) \(end)", "\(request)")
      client.connection.close()
      server.settle(limit: 20)
    }
    #expect(server.info("sync_partial_err") == "5")
    let client = makeFollower(server)
    #expect(
      client.run("PSYNC \(id) x") == .error("ERR value is not an integer or out of range"))
    #expect(
      client.run("PSYNC \(id) 1 FAILOVER")
        == .error("ERR PSYNC FAILOVER can't be sent to a master."))
    #expect(client.run("PING") == .status("PONG"))
  }

  // MARK: - Signs of life

  @Test func `who waits gets empty lines, who is silent for long is left`() {
    let server = makeServer {
      $0.replDisklessSyncDelay = 100
      $0.replTimeoutSeconds = 20
    }
    let waiting = makeFollower(server)
    waiting.post("PSYNC ? -1")
    let id = server.server.effects.stream.replicationID
    let silent = makeFollower(server)
    silent.post("PSYNC \(id) \(server.server.effects.stream.offset + 1)")
    let plain = makeFollower(server, "")
    plain.post("SYNC")
    pass(server, seconds: 30)
    #expect(states(server) == ["online"])
    #expect(server.logText.contains("Disconnecting timedout replica"))
    // The one without capa eof, which never tells how far it is, has had a file made for both.
    #expect(waiting.connection.receiveText().hasPrefix("+FULLRESYNC"))
  }

  @Test func `rdb-only ends behind the snapshot`() {
    for capabilities in ["eof", "psync2"] {
      let server = makeServer()
      let client = makeFollower(server, capabilities)
      #expect(client.run("REPLCONF rdb-only 1") == .ok)
      client.post("SYNC")
      let part = Received(collect(server, [client])[0], isSync: true)
      #expect(digest(of: part.snapshot) == server.run("DEBUG DIGEST").text)
      #expect(server.server.followers.all.isEmpty)
    }
  }
}
