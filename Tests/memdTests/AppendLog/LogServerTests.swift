// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// The log of a server: what stands in it, and when replies leave.
@Suite struct LogServerTests: LogServer {
  // MARK: - What is written

  @Test func `a log begins with a base, and changes stand in an increment`() {
    let server = makeServer()
    #expect(
      text(server, "appendonly.aof.manifest") == """
        file appendonly.aof.1.base.rdb seq 1 type b
        file appendonly.aof.1.incr.aof seq 1 type i

        """)
    server.run("SET a 1")
    server.run("GET a")
    server.run("SELECT 3")
    server.run("INCRBYFLOAT f 1.5")
    server.settle()
    let increment = text(server, "appendonly.aof.1.incr.aof")
    #expect(increment.hasPrefix("#MEMD:1 replid="))
    #expect(
      increment.split(separator: "\r\n").dropFirst().joined(separator: " ")
        == "*2 $6 SELECT $1 0 *3 $3 SET $1 a $1 1"
        + " *2 $6 SELECT $1 3 *4 $3 SET $1 f $3 1.5 $7 KEEPTTL"
    )
    #expect(restarted(server).run("GET a") == "1")
  }

  @Test func `what was logged is there after a restart, in every database, with deadlines`() {
    let server = makeServer()
    server.run("SET a 1 EX 100")
    server.run("RPUSH l a b c")
    server.run("XADD s 5-1 f v")
    server.run("SELECT 9")
    server.run("HSET h f v g w")
    server.run("HPEXPIRE h 100000 FIELDS 1 f")
    server.run("SELECT 0")
    server.settle()
    let digest = server.run("DEBUG DIGEST").text
    server.run("DEBUG LOADAOF")
    #expect(server.run("DEBUG DIGEST").text == digest)
    #expect(restarted(server).run("DEBUG DIGEST").text == digest)
  }

  @Test func `BGREWRITEAOF replaces everything, and what changes meanwhile is kept`() {
    let server = makeServer()
    for index in 0..<500 { server.run("SET key:\(index % 7) \(index)") }
    server.run("DEBUG POPULATE 2000")
    server.settle()
    #expect(
      server.run("BGREWRITEAOF") == .status("Background append only file rewriting started"))
    #expect(
      server.run("BGREWRITEAOF")
        == .error("ERR Background append only file rewriting already in progress"))
    #expect(info(server, "aof_rewrite_in_progress") == "1")
    #expect(info(server, "rdb_bgsave_in_progress") == "0")
    server.run("SET key:1 meanwhile")
    server.run("DEL key:7")
    #expect(server.run("BGSAVE").text.hasPrefix("ERR Another child process is active"))
    #expect(server.run("BGSAVE SCHEDULE") == .status("Background saving scheduled"))
    server.settle()
    #expect(info(server, "aof_rewrite_in_progress") == "0")
    #expect(info(server, "aof_last_bgrewrite_status") == "ok")
    #expect(info(server, "rdb_saves") == "1")
    #expect(
      text(server, "appendonly.aof.manifest") == """
        file appendonly.aof.2.base.rdb seq 2 type b
        file appendonly.aof.2.incr.aof seq 2 type i

        """)
    #expect(
      (try? server.disk.names(inDirectory: "appendonlydir"))
        == [
          "appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof", "appendonly.aof.manifest",
        ])
    let digest = server.run("DEBUG DIGEST").text
    #expect(restarted(server).run("DEBUG DIGEST").text == digest)
  }

  @Test func `a rewrite inside EXEC, or while a snapshot is written, is scheduled`() {
    let server = makeServer()
    let scheduled = Reply.status("Background append only file rewriting scheduled")
    server.run("DEBUG POPULATE 2000")
    server.run("BGSAVE")
    #expect(server.run("BGREWRITEAOF") == scheduled)
    #expect(info(server, "aof_rewrite_scheduled") == "1")
    server.settle()
    #expect(info(server, "aof_rewrites") == "1")
    server.run("MULTI")
    server.run("SET a 1")
    server.run("BGREWRITEAOF")
    server.run("SET b 1")
    #expect(server.run("EXEC").elements[1] == scheduled)
    server.settle()
    #expect(info(server, "aof_rewrites") == "2")
    #expect(restarted(server).run("MGET a b") == ["1", "1"])
  }

  @Test func `a log that has grown is rewritten by itself`() {
    let server = makeServer {
      $0.autoAofRewriteMinSize = 2000
      $0.autoAofRewritePercentage = 50
    }
    for index in 0..<100 {
      server.run("SET key \(index)")
      server.advance(milliseconds: 100)
    }
    server.settle()
    #expect(server.logText.contains("Starting automatic rewriting of AOF on"))
    #expect(Int(info(server, "aof_rewrites")).map { $0 > 0 && $0 < 10 } == true)
    #expect(restarted(server).run("GET key") == "99")
  }

  @Test func `PINGs to followers stand in the log, as they have them, and nobody waits for them`() {
    let server = makeServer(.always) {
      $0.replPingReplicaPeriodSeconds = 1
    }
    let helpers = server.server.helpers as? SimulatedHelpers
    let follower = server.connect()
    follower.send(["SYNC"])
    server.settle()
    for index in 0..<5 {
      server.client.send(["SET", "a", "\(index)"])
      server.settle()
      #expect(server.client.next() == .ok)
      server.advance(milliseconds: 1001)
    }
    server.settle()
    let log = text(server, "appendonly.aof.1.incr.aof")
    #expect(log.ranges(of: "PING").count == 5)
    // They leave no gap that a reader would have to be told of.
    #expect(log.ranges(of: "#MEMD").count == 1)
    #expect(info(server, "aof_buffer_length") == "0")
    let offset = server.server.effects.stream.offset
    #expect(server.server.effects.dataOffset == offset - 14)
    helpers?.isStalled = true
    server.server.effects.ping()
    #expect(server.run("GET a") == "4")
    helpers?.isStalled = false
    server.settle()
    // Who is killed now has as much as its followers.
    let other = restarted(server)
    #expect(other.run("GET a") == "4")
    #expect(other.server.effects.stream.secondOffset == offset + 15)
  }

  @Test func `messages are no part of the log, and wait for nothing`() {
    let server = makeServer(.always)
    let helpers = server.server.helpers as? SimulatedHelpers
    server.client.send(["SET", "a", "0"])
    server.settle()
    #expect(server.client.next() == .ok)
    helpers?.isStalled = true
    #expect(server.run("PUBLISH channel message") == 0)
    #expect(server.run("SPUBLISH channel message") == 0)
    helpers?.isStalled = false
    server.run("MULTI")
    server.run("SET a 1")
    server.run("PUBLISH channel message")
    server.run("SET b 1")
    server.client.send(["EXEC"])
    server.settle()
    #expect(server.client.next()?.elements.count == 3)
    #expect(server.server.effects.stream.offset > 150)
    let text = text(server, "appendonly.aof.1.incr.aof")
    #expect(!text.contains("PUBLISH"))
    #expect(text.contains("MULTI"))
    #expect(restarted(server).run("MGET a b") == ["1", "1"])
    #expect(info(server, "aof_buffer_length") == "0")
  }

  @Test func `rdb-key-save-delay delays saves and rewrites, and can be taken back`() {
    let server = makeServer { $0.rdbKeySaveDelay = 100_000 }
    #expect(server.run("GET a") == .null)
    for index in 0..<8 { server.run("SET key:\(index) 1") }
    server.run("BGSAVE")
    for _ in 0..<4 { server.advance(milliseconds: 100) }
    #expect(
      1...7 ~= Int(info(server, "current_save_keys_processed")) ?? -1,
      "\(info(server, "current_save_keys_processed"))")
    #expect(info(server, "rdb_bgsave_in_progress") == "1")
    for _ in 0..<10 { server.advance(milliseconds: 100) }
    server.settle()
    #expect(info(server, "rdb_bgsave_in_progress") == "0")
    server.run("CONFIG SET rdb-key-save-delay 10000000")
    server.run("BGREWRITEAOF")
    server.advance(milliseconds: 100)
    #expect(info(server, "aof_rewrite_in_progress") == "1")
    server.run("CONFIG SET rdb-key-save-delay 0")
    server.settle()
    #expect(info(server, "aof_rewrite_in_progress") == "0")
  }

  @Test func `what newer commands did is logged in words that Redis 7 knows`() {
    let server = makeServer()
    server.run("SET a 1")
    server.run("SELECT 1")
    server.run("SET a 2")
    server.run("SELECT 0")
    server.run("MOVE a 1 REPLACE")
    server.run("SET x abc")
    server.run("SET y xyz")
    server.run("BITOP DIFF z x y")
    server.run("BITOP DIFF z nothing nowhere")
    server.settle()
    let text = text(server, "appendonly.aof.1.incr.aof")
    #expect(!text.contains("MOVE") && !text.contains("BITOP"))
    #expect(text.contains("COPY"))
    let digest = server.run("DEBUG DIGEST").text
    #expect(restarted(server).run("DEBUG DIGEST").text == digest)
  }

  @Test func `timestamps stand in front of what a second has brought`() {
    let server = makeServer { $0.aofTimestampEnabled = true }
    for index in 0..<4 {
      server.run("SET a \(index)")
      server.advance(milliseconds: 600)
    }
    server.settle()
    let lines = text(server, "appendonly.aof.1.incr.aof").split(separator: "\r\n")
    #expect(lines.count { $0.hasPrefix("#TS:") } == 3)
    #expect(restarted(server).run("GET a") == "3")
  }

  // MARK: - On and off

  @Test func `the log can be turned on and off while the server runs`() {
    let server = makeServer { $0.appendOnly = false }
    #expect(info(server, "aof_enabled") == "0")
    server.run("SET a 1")
    #expect(server.run("CONFIG SET appendonly yes") == .ok)
    server.run("SET b 1")
    server.settle()
    #expect(info(server, "aof_enabled") == "1")
    server.run("SET c 1")
    server.settle()
    #expect(restarted(server).run("MGET a b c") == ["1", "1", "1"])
    #expect(server.run("CONFIG SET appendonly no") == .ok)
    server.run("SET d 1")
    server.settle()
    #expect(restarted(server).run("MGET c d") == ["1", .null])
    #expect(server.run("CONFIG SET appendonly yes") == .ok)
    server.settle()
    #expect(restarted(server).run("MGET a d") == ["1", "1"])
  }

  @Test func `a log that is turned on inside EXEC has all of the transaction, once`() {
    let server = makeServer { $0.appendOnly = false }
    server.run("MULTI")
    server.run("INCR a")
    server.run("CONFIG SET appendonly yes")
    server.run("INCR a")
    server.run("RPUSH l x")
    #expect(server.run("EXEC").elements == [1, .ok, 2, 1])
    server.run("RPUSH l y")
    server.settle()
    #expect(restarted(server).run("GET a") == "2")
    #expect(restarted(server).run("LRANGE l 0 -1") == ["x", "y"])
  }

  @Test func `BGREWRITEAOF writes a base while the log is off`() {
    let server = makeServer { $0.appendOnly = false }
    server.run("SET a 1")
    #expect(
      server.run("BGREWRITEAOF") == .status("Background append only file rewriting started"))
    server.settle()
    #expect(
      text(server, "appendonly.aof.manifest") == "file appendonly.aof.1.base.rdb seq 1 type b\n")
    #expect(restarted(server).run("GET a") == "1")
  }

  @Test func `a snapshot becomes the first base`() {
    let source = makeServer { $0.appendOnly = false }
    source.run("SET a 1")
    source.run("SAVE")
    let dump = source.disk.content(of: "dump.rdb") ?? []
    let server = makeServer(disk: [("dump.rdb", dump)])
    #expect(server.run("GET a") == "1")
    #expect(server.logText.contains("loading dump.rdb, which becomes the first base"))
    #expect(restarted(server).run("GET a") == "1")
    server.disk.setContent([], of: "dump.rdb")
    #expect(restarted(server).run("GET a") == "1")
  }

  @Test func `the log of a Redis before 7 moves into the directory`() {
    let old = Array("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n".utf8)
    let server = makeServer(disk: [("appendonly.aof", old)])
    #expect(server.run("GET a") == "1")
    #expect(!server.disk.exists("appendonly.aof"))
    #expect(
      text(server, "appendonly.aof.manifest") == """
        file appendonly.aof seq 1 type b
        file appendonly.aof.1.incr.aof seq 1 type i

        """)
    server.run("SET b 2")
    server.settle()
    #expect(restarted(server).run("MGET a b") == ["1", "2"])
    server.run("BGREWRITEAOF")
    server.settle()
    #expect(!server.disk.exists("appendonlydir/appendonly.aof"))
    #expect(restarted(server).run("MGET a b") == ["1", "2"])
  }

  @Test func `an increment that is an RDB is gone on with behind it`() {
    let first = TestServer()
    first.run("SET a 1")
    first.run("SAVE")
    let snapshot = first.disk.content(of: "dump.rdb") ?? []
    let increment = "appendonlydir/one.rdb"
    let server = makeServer(disk: [
      ("appendonlydir/appendonly.aof.manifest", Array("file one.rdb seq 1 type i\n".utf8)),
      (increment, snapshot),
    ])
    #expect(server.run("GET a") == "1")
    server.run("SET b 2")
    server.settle()
    #expect(server.disk.content(of: increment)?.starts(with: snapshot) == true)
    #expect(restarted(server).run("MGET a b") == ["1", "2"])
  }

  @Test func `a directory that another server writes to is refused`() throws {
    let server = makeServer { $0.appendOnly = false }
    server.disk.setContent([], of: "appendonlydir/other")
    let lock = try server.disk.lock(directory: "appendonlydir")
    #expect(
      server.run("CONFIG SET appendonly yes").text
        .contains("Unable to turn on AOF. Check server logs."))
    #expect(server.run("CONFIG GET appendonly") == ["appendonly", "no"])
    lock.close()
    #expect(server.run("CONFIG SET appendonly yes") == .ok)
  }

  // MARK: - always

  @Test func `with always a reply leaves when it is durable, whoever reads what was written`() {
    let server = makeServer(.always)
    let helpers = server.server.helpers as? SimulatedHelpers
    helpers?.isStalled = true
    let other = server.connect()
    server.client.send(["SET", "a", "1"])
    server.turn()
    other.send(["GET", "a"])
    server.turn()
    server.turn()
    #expect(server.client.next() == nil)
    #expect(other.next() == nil)
    helpers?.isStalled = false
    server.settle()
    #expect(server.client.next() == .ok)
    #expect(other.next() == "1")
    // Who asks for what is durable does not wait.
    helpers?.isStalled = true
    #expect(server.run("GET a") == "1")
  }

  @Test func `turns go on during a sync, and what they bring waits for the next one`() {
    let server = makeServer(.always)
    let helpers = server.server.helpers as? SimulatedHelpers
    helpers?.durationNanoseconds = 5_000_000...5_000_000
    let clients = (0..<3).map { _ in server.connect() }
    var order: [Int] = []
    for (index, client) in clients.enumerated() {
      client.send(["INCR", "n"])
      server.turn()
      server.clock.advance(milliseconds: 1)
      _ = index
    }
    for _ in 0..<40 {
      server.clock.advance(nanoseconds: 500_000)
      server.turn()
      for (index, client) in clients.enumerated() where client.next() != nil { order.append(index) }
    }
    // The first has a sync of its own, the others share one.
    #expect(order == [0, 1, 2])
    let syncs = text(server, "appendonly.aof.1.incr.aof")
    #expect(syncs.contains("INCR"))
  }

  @Test func `who asks on and on gets what is durable, though there is always more behind it`() {
    let server = makeServer(.always)
    let helpers = server.server.helpers as? SimulatedHelpers
    helpers?.durationNanoseconds = 1_000_000...1_000_000
    var replies = 0
    for _ in 0..<50 {
      // Every turn brings something, also those in which a sync ends.
      server.client.send(["INCR", "n"])
      server.clock.advance(nanoseconds: 500_000)
      server.turn()
      while server.client.next() != nil { replies += 1 }
    }
    #expect(replies > 40, "\(replies) of 50")
  }

  @Test func `a rewrite that begins during a sync lets nothing out that is not durable`() {
    let server = makeServer(.always)
    server.run("DEBUG POPULATE 100")
    server.settle()
    let helpers = server.server.helpers as? SimulatedHelpers
    helpers?.durationNanoseconds = 1_000_000...1_000_000
    let clients = (0..<2).map { _ in server.connect() }
    server.settle()
    clients[0].send(["SET", "a", "1"])
    server.turn()
    clients[1].send(["SET", "b", "1"])
    server.turn()
    server.client.send(["BGREWRITEAOF"])
    server.turn()
    var isDurable = false
    let path = "appendonlydir/appendonly.aof.1.incr.aof"
    server.disk.observer = { [unowned disk = server.disk] operation, name in
      // The file had another name when it was opened.
      guard operation == "fsync", name.hasSuffix("temp-appendonly.aof.incr") else { return }
      let text = String(decoding: disk.content(of: path) ?? [], as: UTF8.self)
      if text.contains("$1\r\nb\r\n") { isDurable = true }
    }
    var reply: Reply?
    for _ in 0..<100 where reply == nil {
      server.clock.advance(nanoseconds: 100_000)
      server.turn()
      reply = clients[1].next()
    }
    server.disk.observer = nil
    #expect(reply == .ok)
    #expect(isDurable)
  }

  @Test func `pushes wait, too, and those who leave don't disturb`() {
    let server = makeServer(.always) {
      $0.notifyKeyspaceEvents = KeyspaceNotifications(letters: "KEA") ?? []
    }
    let helpers = server.server.helpers as? SimulatedHelpers
    let listener = server.connect()
    #expect(listener.run("SUBSCRIBE __keyevent@0__:set").elements.count == 3)
    let leaver = server.connect()
    server.settle()
    helpers?.isStalled = true
    leaver.send(["SET", "k", "1"])
    server.turn()
    leaver.connection.close()
    server.client.send(["PUBLISH", "__keyevent@0__:set", String(repeating: "x", count: 20_000)])
    server.turn()
    server.turn()
    #expect(listener.next() == nil)
    #expect(server.client.next() == nil)
    helpers?.isStalled = false
    server.settle()
    #expect(listener.next()?.elements.last == "k")
    #expect(listener.next()?.elements.last?.text.count == 20_000)
    #expect(server.client.next() == 1)
  }

  @Test func `a follower never has what its leader may lose`() {
    let server = makeServer(.always)
    let helpers = server.server.helpers as? SimulatedHelpers
    let follower = server.connect()
    follower.send(["SYNC"])
    server.settle()
    _ = follower.connection.receive()
    helpers?.isStalled = true
    server.client.send(["SET", "a", "1"])
    for _ in 0..<3 { server.turn() }
    #expect(follower.connection.receiveText() == "")
    helpers?.isStalled = false
    server.settle()
    #expect(follower.connection.receiveText().contains("SET"))
  }

  // MARK: - WAITAOF

  @Test func `WAITAOF answers after the sync`() {
    let server = makeServer()
    #expect(server.run("WAITAOF 1 0 0") == [1, 0])
    server.run("SET a 1")
    server.client.send(["WAITAOF", "1", "0", "0"])
    server.turn()
    #expect(server.client.next() == nil)
    #expect(info2(server, "blocked_clients") == "1")
    server.settle()
    #expect(server.client.next() == [1, 0])
    server.run("SET a 2")
    server.client.send(["WAITAOF", "1", "1", "5000"])
    server.settle()
    #expect(server.client.next() == nil)
    server.advance(milliseconds: 5001)
    #expect(server.client.next() == [1, 0])
    #expect(server.run("MULTI") == .ok)
    server.run("SET a 3")
    server.run("WAITAOF 1 0 0")
    // What the transaction has written goes out when it is over.
    #expect(server.run("EXEC").elements.last == [1, 0])
  }

  private func info2(_ server: TestServer, _ field: String) -> String {
    let lines = server.connect().run("INFO clients").text.split(whereSeparator: \.isNewline)
    return lines.first { $0.hasPrefix(field + ":") }.map { String($0.dropFirst(field.count + 1)) }
      ?? ""
  }

  @Test(arguments: [
    ("WAITAOF 2 0 0", "ERR value is out of range, must be between 0 and 1"),
    ("WAITAOF -1 0 0", "ERR value is out of range, must be between 0 and 1"),
    ("WAITAOF 1 -1 0", "ERR value is out of range, must be positive"),
    ("WAITAOF 0 x 0", "ERR value is out of range, must be positive"),
    ("WAITAOF 0 0 -1", "ERR timeout is negative"),
    ("WAITAOF 0 0 x", "ERR timeout is not an integer or out of range"),
    ("WAITAOF x 0 0", "ERR value is not an integer or out of range"),
    ("WAITAOF 0 0", "ERR wrong number of arguments for 'waitaof' command"),
  ])
  func `WAITAOF refuses what makes no sense`(line: String, error: String) {
    #expect(makeServer().run(line) == .error(error))
  }

  @Test func `who waits for a log that is turned off gets an error`() {
    let server = makeServer(.no)
    server.run("SET a 1")
    let other = server.connect()
    server.client.send(["WAITAOF", "1", "0", "0"])
    server.turn()
    #expect(other.run("CONFIG SET appendonly no") == .ok)
    server.turn()
    let error = Reply.error(
      "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
    #expect(server.client.next() == error)
    #expect(server.run("WAITAOF 1 0 0") == error)
    #expect(server.run("WAITAOF 0 0 0") == [0, 0])
  }
}
