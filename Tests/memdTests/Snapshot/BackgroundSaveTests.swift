// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// BGSAVE and `save` rules: who may start, what is told, and what becomes of the file.
@Suite struct BackgroundSaveTests {
  private func makeServer(rules: [SaveRule] = []) -> TestServer {
    let server = TestServer(follows: false) {
      $0.enableDebugCommand = .yes
      $0.saveRules = rules
    }
    server.keepLog()
    return server
  }

  private func info(_ server: TestServer, _ field: String) -> String {
    let lines = server.run("INFO persistence").text.split(whereSeparator: \.isNewline)
    return lines.first { $0.hasPrefix(field + ":") }.map { String($0.dropFirst(field.count + 1)) }
      ?? ""
  }

  private func fill(_ server: TestServer, _ count: Int = 3000) {
    server.run("DEBUG POPULATE \(count)")
    for index in 0..<200 { server.run("ZADD board \(index) m\(index)") }
  }

  /// The keys that a server finds that starts with this one's file.
  private func loadedDigest(_ server: TestServer) -> String {
    let other = makeServer()
    other.disk.setContent(server.disk.content(of: "dump.rdb") ?? [], of: "dump.rdb")
    other.server.loadAtStart {}
    other.settle()
    return other.run("DEBUG DIGEST").text
  }

  @Test func `BGSAVE saves what there was, while clients go on`() {
    let server = makeServer()
    fill(server)
    let digest = server.run("DEBUG DIGEST").text
    #expect(server.run("BGSAVE") == .status("Background saving started"))
    #expect(info(server, "rdb_bgsave_in_progress") == "1")
    #expect(server.run("BGSAVE") == .error("ERR Background save already in progress"))
    #expect(server.run("SAVE") == .error("ERR Background save already in progress"))
    #expect(server.run("SET key:7 changed") == .ok)
    #expect(server.run("ZADD board 5 another") == 1)
    #expect(server.run("DEL key:8") == 1)
    server.settle()
    #expect(info(server, "rdb_bgsave_in_progress") == "0")
    #expect(info(server, "rdb_last_bgsave_status") == "ok")
    #expect(info(server, "rdb_changes_since_last_save") == "3")
    #expect(info(server, "rdb_saves") == "1")
    #expect(server.logText.contains("Background saving terminated with success"))
    #expect(loadedDigest(server) == digest)
    #expect(server.run("GET key:7") == "changed")
  }

  @Test func `inside MULTI a save begins when the transaction is over`() {
    let server = makeServer()
    server.run("MULTI")
    server.run("SET a 1")
    server.run("BGSAVE")
    server.run("SET b 2")
    server.run("BGSAVE")
    let replies = server.run("EXEC").elements
    #expect(replies[1] == .status("Background saving scheduled"))
    #expect(replies[3] == .status("Background saving scheduled"))
    let digest = server.run("DEBUG DIGEST").text
    server.settle()
    #expect(loadedDigest(server) == digest)
  }

  @Test func `a save can be cancelled, and nothing is left of it`() {
    let server = makeServer()
    fill(server)
    #expect(
      server.run("BGSAVE CANCEL")
        == .error("ERR Background saving is currently not in progress or scheduled"))
    server.run("BGSAVE SCHEDULE")
    #expect(server.run("BGSAVE CANCEL") == .status("Background saving cancelled"))
    server.settle()
    #expect(info(server, "rdb_bgsave_in_progress") == "0")
    #expect((try? server.disk.names(inDirectory: ".")) == ["log"])
    #expect(server.run("BGSAVE nonsense") == .error("ERR syntax error"))
    // And the next one has all keys, though some carry the number of the one that was given up.
    let digest = server.run("DEBUG DIGEST").text
    server.run("BGSAVE")
    server.settle()
    #expect(loadedDigest(server) == digest)
  }

  @Test func `rules save when enough has changed and enough time has passed`() {
    let server = makeServer(rules: [SaveRule(seconds: 5, changes: 3)])
    server.run("SET a 1")
    server.run("SET b 1")
    for _ in 0..<8 { server.advance(milliseconds: 1000) }
    #expect(info(server, "rdb_saves") == "0")
    server.run("SET c 1")
    for _ in 0..<3 { server.advance(milliseconds: 1000) }
    server.settle()
    #expect(info(server, "rdb_saves") == "1")
    #expect(server.logText.contains("3 changes in 5 seconds. Saving..."))
  }

  @Test func `a save that fails is reported, and the old file stays`() {
    let server = makeServer()
    fill(server)
    server.run("SAVE")
    let old = server.disk.content(of: "dump.rdb")
    server.run("SET more 1")
    server.disk.faults.failsSync = true
    server.run("BGSAVE")
    server.settle()
    server.disk.faults.failsSync = false
    #expect(info(server, "rdb_last_bgsave_status") == "err")
    // One that failed was begun, too.
    #expect(info(server, "rdb_saves") == "2")
    server.run("CONFIG RESETSTAT")
    #expect(info(server, "rdb_saves") == "0")
    #expect(server.disk.content(of: "dump.rdb") == old)
    #expect((try? server.disk.names(inDirectory: ".")) == ["dump.rdb", "log"])
    #expect(server.logText.contains("Background saving error"))
    server.run("BGSAVE")
    server.settle()
    #expect(info(server, "rdb_last_bgsave_status") == "ok")
  }

  @Test func `FLUSHALL gives a save up, and the file doesn't bring the keys back`() {
    let server = makeServer(rules: [SaveRule(seconds: 3600, changes: 1)])
    fill(server)
    server.run("BGSAVE")
    #expect(server.run("FLUSHALL") == .ok)
    server.settle()
    #expect(info(server, "rdb_bgsave_in_progress") == "0")
    #expect(loadedDigest(server) == String(repeating: "0", count: 40))
  }

  @Test func `a follower that comes meanwhile gets everything, and so does the file`() {
    let server = makeServer()
    fill(server)
    let digest = server.run("DEBUG DIGEST").text
    server.run("BGSAVE")
    let follower = server.connect()
    follower.send(["SYNC"])
    server.settle()
    #expect(info(server, "rdb_saves") == "1")
    #expect(loadedDigest(server) == digest)
  }

  @Test func `while saves fail nothing is written, unless that is allowed`() {
    let server = makeServer(rules: [SaveRule(seconds: 3600, changes: 1)])
    server.run("SET a 1")
    server.disk.faults.failsWrite = true
    server.run("BGSAVE")
    server.settle()
    let refusal =
      "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to "
      + "disk. Commands that may modify the data set are disabled, because this instance is "
      + "configured to report errors during writes if RDB snapshotting fails "
      + "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the "
      + "RDB error."
    #expect(server.run("SET a 2") == .error(refusal))
    #expect(server.run("PING") == .error(refusal))
    #expect(server.run("GET a") == "1")
    server.run("CONFIG SET stop-writes-on-bgsave-error no")
    #expect(server.run("SET a 3") == .ok)
    server.run("CONFIG SET stop-writes-on-bgsave-error yes")
    #expect(server.run("SET a 4") == .error(refusal))
    server.run("CONFIG SET save \"\"")
    #expect(server.run("SET a 5") == .ok)
    server.run("CONFIG SET save \"3600 1\"")
    server.disk.faults.failsWrite = false
    server.run("BGSAVE")
    server.settle()
    #expect(server.run("SET a 6") == .ok)
  }

  /// A server that saves while its helper hangs, with much that writers have forced.
  private func hangingSave() throws -> (TestServer, writer: TestClient) {
    let server = makeServer()
    server.run("CONFIG SET snapshot-image-limit 200000")
    let value = String(repeating: "v", count: 3000)
    for index in 0..<3000 { server.run(["SET", "key:\(index)", value]) }
    let helpers = try #require(server.server.helpers as? SimulatedHelpers)
    helpers.isStalled = true
    server.run("BGSAVE")
    let writer = server.connect()
    let requests = (0..<3000).map { "SET key:\($0) new\r\n" }.joined()
    var rest = Array(requests.utf8)[...]
    // The server stops reading when it has enough that waits.
    for _ in 0..<50 {
      if case .bytes(let count) = writer.connection.send(Array(rest)) {
        rest = rest.dropFirst(count)
      }
      server.turn()
    }
    return (server, writer)
  }

  @Test func `writes wait while a snapshot needs too much memory, reads don't`() throws {
    let (server, writer) = try hangingSave()
    #expect(server.logText.contains("Writes wait"))
    let answered = Int(server.run("DBSIZE").number ?? 0)
    #expect(answered == 3000)
    #expect(server.run("GET key:2999").text.count == 3000)
    let save = try #require(server.server.persistence.backgroundSave)
    #expect(save.cut.readyByteCount + save.cut.waitingByteCount < 2_000_000)
    (server.server.helpers as? SimulatedHelpers)?.isStalled = false
    server.settle()
    #expect(info(server, "rdb_last_bgsave_status") == "ok")
    #expect(server.logText.contains("Writes go on"))
    #expect(server.run("GET key:0") == "new")
    while writer.next() != nil {}
  }

  @Test func `a snapshot for which writes have waited for a minute is given up`() throws {
    let (server, _) = try hangingSave()
    #expect(server.logText.contains("Writes wait"))
    server.advance(milliseconds: 61_000)
    for _ in 0..<50 { server.turn() }
    #expect(server.logText.contains("Background saving error"), "\(server.logText)")
    #expect(info(server, "rdb_last_bgsave_status") == "err")
    #expect(info(server, "rdb_bgsave_in_progress") == "0")
    #expect(server.run("SET key:2999 newer") == .ok)
  }
}
