// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// A leader's snapshot that is loaded beside the data of its follower: these are served until it is
/// there, and stay if it fails.
@Suite struct LoadingBesideTests {
  private typealias Staged = FollowerFaultTests.Staged
  private static let id = FollowerFaultTests.id

  /// A snapshot, and the data that it holds.
  private struct Snapshot {
    var rdb: [UInt8] = []
    var data: [String] = []
    var digest = ""

    init(_ lines: [String]) {
      let server = TestServer(follows: false) {
        $0.enableDebugCommand = .yes
        $0.rdbCompression = false
      }
      for line in lines { server.run(line) }
      server.run("SAVE")
      rdb = server.disk.content(of: "dump.rdb") ?? []
      data = DatasetText.of(server.server.keyspace)
      digest = server.run("DEBUG DIGEST").text
    }
  }

  private static let old = Snapshot(["SET k old", "SET gone 1", "SELECT 2", "SADD s a b"])
  private static let new = Snapshot(
    ["SET k new", "DEBUG POPULATE 500", "SELECT 3", "ZADD z 1 a", "SET due 1 PX 5000"])

  /// A follower that has the old data at offset 500, and receives others at 1000.
  private func stage(
    id: String = id, loading snapshot: Snapshot = new,
    with configure: (Configuration) -> Void = { _ in }, before: (Staged) -> Void = { _ in }
  ) -> Staged {
    let staged = Staged {
      $0.loadingProcessEventsIntervalBytes = 1024
      configure($0)
    }
    staged.greet()
    give(staged, Self.old, as: Self.id, at: 500)
    #expect(staged.listen().contains("ACK"))
    #expect(data(staged) == Self.old.data)
    before(staged)
    staged.hangUp()
    staged.server.advance(milliseconds: 1000)
    answerGreeting(staged)
    give(staged, snapshot, as: id, at: 1000)
    for _ in 0..<30 where staged.server.server.persistence.loading == nil { staged.server.turn() }
    for _ in 0..<4 { staged.server.turn() }
    #expect(staged.server.server.persistence.loading != nil)
    return staged
  }

  /// Has it ask for what is behind the old data.
  private func answerGreeting(_ staged: Staged) {
    #expect(requestBehindGreeting(staged).contains("PSYNC\r\n$40\r\n\(Self.id)\r\n$3\r\n501"))
  }

  private func requestBehindGreeting(_ staged: Staged) -> String {
    #expect(staged.listen().contains("PING"))
    staged.say("+PONG\r\n")
    _ = staged.listen()
    staged.say("+OK\r\n+OK\r\n+OK\r\n")
    return staged.listen()
  }

  private func give(_ staged: Staged, _ snapshot: Snapshot, as id: String, at offset: Int) {
    staged.say(
      Array("+FULLRESYNC \(id) \(offset)\r\n$\(snapshot.rdb.count)\r\n".utf8) + snapshot.rdb)
  }

  private func data(_ staged: Staged) -> [String] {
    DatasetText.of(staged.server.server.keyspace)
  }

  private func finish(_ staged: Staged) {
    for _ in 0..<2000 where staged.server.server.persistence.loading != nil {
      staged.server.turn()
    }
    staged.server.settle()
  }

  // MARK: - While it is loaded

  @Test func `clients see the old data until all of the new ones are there`() {
    let staged = stage()
    let server = staged.server
    var turns = 0
    while server.server.persistence.loading != nil, turns < 2000 {
      // All of INFO takes long in a debug build.
      let info = server.run("INFO persistence").text
      if server.server.persistence.loading == nil { break }
      #expect(info.contains("\r\nloading:0\r\nasync_loading:1\r\n"))
      #expect(server.run("GET k") == "old")
      #expect(server.run("DBSIZE") == 2)
      #expect(server.run("KEYS *").elements.count == 2)
      #expect(server.run("SCAN 0 COUNT 1000").elements.last?.elements.count == 2)
      #expect(server.run("DEBUG DIGEST").text == Self.old.digest)
      let keyspace = server.run("INFO keyspace").text
      #expect(keyspace.contains("db0:keys=2,expires=0") && !keyspace.contains("db3"))
      turns += 1
    }
    #expect(turns > 1, "it takes some turns")
    server.settle()
    #expect(server.info("async_loading") == "0")
    #expect(server.run("GET k") == "new")
    #expect(server.run("DEBUG DIGEST").text == Self.new.digest)
    #expect(data(staged) == Self.new.data)
    #expect(server.info("master_link_status") == "up")
    #expect(server.info("slave_repl_offset") == "1000")
    #expect(server.info("master_sync_load") == "beside")
    #expect(server.info("master_sync_load_reason") == "same-history")
    #expect(server.server.keyspace.unlinked.isEmpty)
    #expect(server.disk.paths.filter { $0.hasPrefix("temp") } == [])
    // What expires does so by the leader's word, and again by itself if there is no leader.
    #expect(server.run("REPLICAOF NO ONE") == .ok)
    server.advance(milliseconds: 6000)
    server.turn()
    #expect(server.server.keyspace.databases[3].keys.count == 1)
  }

  @Test(arguments: [
    "REPLICAOF NO ONE", "SLAVEOF h 1", "BGSAVE", "SAVE", "BGREWRITEAOF", "PSYNC ? -1", "SYNC",
    "CONFIG SET appendonly yes", "CONFIG SET repl-diskless-load disabled", "CONFIG SET dir /",
    "DEBUG RELOAD", "DEBUG LOADAOF",
  ]) func `what would get in the way is refused`(line: String) {
    let staged = stage()
    let refusal = Reply.error("LOADING Redis is loading the dataset in memory")
    #expect(staged.server.run(line) == refusal)
    #expect(staged.server.run("CONFIG SET hz 20") == .ok)
    finish(staged)
    #expect(data(staged) == Self.new.data)
  }

  @Test func `what was queued before and would get in the way doesn't run`() {
    var one: TestClient?
    var other: TestClient?
    let staged = stage(before: { staged in
      one = staged.server.connect()
      other = staged.server.connect()
      one?.run("MULTI")
      one?.run("REPLICAOF NO ONE")
      other?.run("MULTI")
      other?.run("GET k")
    })
    let text = one?.run("EXEC").text ?? ""
    #expect(text.hasPrefix("EXECABORT Transaction discarded because of: LOADING"))
    #expect(other?.run("EXEC") == .array([.bulk("old")]))
    finish(staged)
    #expect(data(staged) == Self.new.data)
  }

  // MARK: - The swap

  @Test func `who watches, caches or waits hears of the swap`() {
    var clients: [TestClient] = []
    let stream = Snapshot(["XADD x 5-0 f v", "SET other 1"])
    let staged = stage(
      loading: stream,
      before: { staged in
        clients = (0..<5).map { _ in staged.server.connect() }
        // A key that goes, one that comes, one that is never there.
        for (client, key) in zip(clients, ["k", "x", "never"]) {
          client.run(["WATCH", key])
          client.run("MULTI")
          client.run("PING")
        }
        clients[3].run("HELLO 3")
        clients[3].run("CLIENT TRACKING ON")
        clients[3].run("GET never")
        clients[4].send(["XREAD", "BLOCK", "0", "STREAMS", "x", "0"])
        staged.server.turn()
      })
    #expect(clients[4].next() == nil)
    #expect(clients[3].next() == nil)
    finish(staged)
    #expect(clients[0].run("EXEC") == .nullArray)
    #expect(clients[1].run("EXEC") == .nullArray)
    #expect(clients[2].run("EXEC") == .array([.status("PONG")]))
    #expect(clients[3].replies() == [.push(["invalidate", nil])])
    #expect(clients[4].next().map { "\($0)".contains("5-0") } == true)
    #expect(data(staged) == stream.data)
  }

  @Test func `the version of the next snapshot is that of the new data`() {
    let fields = Snapshot(["HSET h f v", "HPEXPIRE h 500000 FIELDS 1 f"])
    let staged = stage(loading: fields)
    finish(staged)
    staged.server.run("REPLICAOF NO ONE")
    staged.server.run("SAVE")
    let content = staged.server.disk.content(of: "dump.rdb") ?? []
    #expect(content.starts(with: Array("REDIS0012".utf8)))
  }

  @Test func `a save of the old data goes on, and is given up at the swap`() {
    let staged = stage(
      with: { $0.rdbKeySaveDelay = 1_000_000 },
      before: { staged in
        staged.server.run("BGSAVE")
        staged.server.turn()
      })
    #expect(staged.server.info("rdb_bgsave_in_progress") == "1")
    finish(staged)
    #expect(staged.server.info("rdb_bgsave_in_progress") == "0")
    #expect(data(staged) == Self.new.data)
    staged.server.run("CONFIG SET rdb-key-save-delay 0")
    #expect(staged.server.run("SAVE") == .ok)
    #expect(staged.server.run("DEBUG RELOAD NOSAVE") == .ok)
    #expect(data(staged) == Self.new.data)
  }

  @Test func `the log holds the old data until the new ones are there`() {
    let staged = stage(
      with: { $0.appendOnly = true },
      before: { $0.server.settle() })
    staged.server.settle(limit: 5)
    #expect(staged.server.info("aof_enabled") == "1")
    #expect(restarted(staged) == Self.old.data)
    finish(staged)
    #expect(staged.server.info("aof_enabled") == "1")
    #expect(restarted(staged) == Self.new.data)
  }

  /// What another server makes of a copy of the log.
  private func restarted(_ staged: Staged) -> [String] {
    let other = TestServer(follows: false) { $0.appendOnly = true }
    for path in staged.server.disk.paths where path.hasPrefix("appendonlydir") {
      other.disk.setDirectory("appendonlydir")
      other.disk.setContent(staged.server.disk.content(of: path) ?? [], of: path)
    }
    other.server.loadAtStart {}
    other.settle()
    return DatasetText.of(other.server.keyspace)
  }

  // MARK: - Failures

  /// Its data, its history and its offset are the old ones, and it asks for what comes behind.
  private func expectOldState(_ staged: Staged) {
    #expect(data(staged) == Self.old.data)
    #expect(staged.server.run("DEBUG DIGEST").text == Self.old.digest)
    #expect(staged.server.info("async_loading") == "0")
    #expect(staged.server.info("loading") == "0")
    #expect(staged.server.server.effects.stream.offset == 500)
    #expect(staged.server.server.keyspace.hasReplacement == false)
    staged.server.settle(limit: 20)
    #expect(staged.server.server.keyspace.unlinked.isEmpty)
    #expect(staged.server.disk.paths.filter { $0.hasPrefix("temp") } == [])
  }

  @Test func `a snapshot that is damaged leaves everything as it was`() {
    var broken = Self.new
    broken.rdb[broken.rdb.count - 40] ^= 0xFF
    let staged = stage(loading: broken)
    staged.hangUp()
    for _ in 0..<200 where staged.server.server.persistence.loading != nil { staged.server.turn() }
    expectOldState(staged)
    #expect(staged.server.logText.contains("Failed trying to load the MASTER"))
    // The stream can be resumed where it was.
    staged.server.advance(milliseconds: 3000)
    answerGreeting(staged)
    staged.say(
      "+CONTINUE\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$5\r\nlater\r\n$1\r\n1\r\n")
    staged.server.settle(limit: 20)
    #expect(staged.server.run("GET later") == "1")
    #expect(staged.server.run("GET k") == "old")
  }

  @Test func `a load is given up if the server is to lead`() {
    let staged = stage()
    // Clients can't ask for that now; others may.
    staged.server.server.beginLeading()
    expectOldState(staged)
    #expect(staged.server.server.effects.stream.secondID == Self.id)
    #expect(staged.server.run("SET mine 1") == .ok)
  }

  @Test func `a load is given up if the server is to follow another one`() {
    let staged = stage()
    staged.server.server.follow(LeaderAddress(host: "other", port: 6379))
    expectOldState(staged)
    #expect(staged.server.info("master_host") == "other")
  }

  @Test func `the end of the server saves the old data`() {
    let staged = stage()
    #expect(staged.server.server.shutDown(.save, askedBy: nil) == .ends)
    #expect(data(staged) == Self.old.data)
    #expect(staged.server.server.keyspace.hasReplacement == false)
    let other = TestServer(follows: false)
    other.disk.setContent(staged.server.disk.content(of: "dump.rdb") ?? [], of: "dump.rdb")
    other.server.loadAtStart {}
    other.settle()
    #expect(DatasetText.of(other.server.keyspace) == Self.old.data)
  }

  @Test func `a link that is lost doesn't matter any more`() {
    let staged = stage()
    staged.hangUp()
    finish(staged)
    #expect(data(staged) == Self.new.data)
    #expect(staged.server.info("slave_repl_offset") == "1000")
    #expect(staged.server.info("master_link_status") == "down")
  }

  @Test func `the history that couldn't be followed is loaded beside`() {
    let staged = Staged { $0.loadingProcessEventsIntervalBytes = 1024 }
    staged.greet()
    give(staged, Self.old, as: Self.id, at: 500)
    #expect(staged.listen().contains("ACK"))
    staged.say("*2\r\n$6\r\nSELECT\r\n$2\r\n99\r\n")
    staged.hangUp()
    staged.server.advance(milliseconds: 3000)
    let request = requestBehindGreeting(staged)
    #expect(request.contains("PSYNC") && !request.contains(Self.id))
    var broken = Self.new
    broken.rdb[broken.rdb.count - 40] ^= 0xFF
    give(staged, broken, as: Self.id, at: 1000)
    for _ in 0..<30 where staged.server.server.persistence.loading == nil { staged.server.turn() }
    #expect(staged.server.server.persistence.isLoadingBeside)
    #expect(staged.server.run("GET k") == "old")
    staged.hangUp()
    for _ in 0..<200 where staged.server.server.persistence.loading != nil { staged.server.turn() }
    #expect(data(staged) == Self.old.data)
  }

  // MARK: - Other histories

  private static let other = String(repeating: "cd", count: 20)

  @Test func `with swapdb data of another history stay too, unseen`() {
    var broken = Self.new
    broken.rdb[broken.rdb.count - 40] ^= 0xFF
    let staged = stage(
      id: Self.other, loading: broken, with: { $0.replDisklessLoad = .swapDatabases })
    #expect(staged.server.info("loading") == "1")
    #expect(staged.server.info("async_loading") == "0")
    #expect(staged.server.run("GET k").text.hasPrefix("LOADING"))
    staged.hangUp()
    for _ in 0..<200 where staged.server.server.persistence.loading != nil { staged.server.turn() }
    expectOldState(staged)
    #expect(staged.server.info("master_sync_load") == "beside-hidden")
  }

  @Test(arguments: [DisklessLoad.auto, .disabled, .onEmptyDatabase, .flushBeforeLoad])
  func `else they go first`(option: DisklessLoad) {
    let staged = stage(
      id: option == .auto ? Self.other : Self.id, with: { $0.replDisklessLoad = option })
    #expect(staged.server.info("loading") == "1")
    #expect(staged.server.info("async_loading") == "0")
    #expect(staged.server.run("GET k").text.hasPrefix("LOADING"))
    #expect(staged.server.server.keyspace.databases[2].keys.count == 0)
    finish(staged)
    #expect(data(staged) == Self.new.data)
    #expect(staged.server.info("master_sync_load") == "in-place")
  }
}
