// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP
import Testing

@testable import memd

/// Disks that fail, are full or slow, and files that are not whole.
@Suite struct LogTroubleTests: LogServer {
  @Test func `a full disk refuses writes, and all is well when there is room again`() {
    let server = makeServer()
    server.run("SET a 1")
    server.settle()
    server.disk.faults.capacityByteCount = server.disk.usedByteCount + 10
    server.run("SET b 2")
    server.settle()
    #expect(
      server.run("SET c 3")
        == .error("MISCONF Errors writing to the AOF file: No space left on device"))
    #expect(server.run("GET b") == "2")
    #expect(server.run("PING").text.hasPrefix("MISCONF"))
    #expect(info(server, "aof_last_write_status") == "err")
    server.disk.faults.capacityByteCount = .max
    for _ in 0..<15 { server.advance(milliseconds: 100) }
    server.settle()
    #expect(info(server, "aof_last_write_status") == "ok")
    #expect(server.run("SET c 3") == .ok)
    server.settle()
    #expect(restarted(server).run("MGET a b c") == ["1", "2", "3"])
  }

  @Test func `a failed sync is not believed again: the log is rewritten`() {
    let server = makeServer()
    server.run("SET a 1")
    server.disk.faults.failsSync = true
    for _ in 0..<25 { server.advance(milliseconds: 100) }
    #expect(server.run("SET b 2").text.hasPrefix("MISCONF Errors writing to the AOF file"))
    server.disk.faults.failsSync = false
    for _ in 0..<25 { server.advance(milliseconds: 100) }
    server.settle()
    #expect(server.run("SET b 2") == .ok)
    server.settle()
    for _ in 0..<12 { server.advance(milliseconds: 100) }
    server.disk.crash(.nothing)
    #expect(restarted(server).run("MGET a b") == ["1", "2"])
  }

  @Test func `with always a log that can't be written ends the server`() {
    let server = makeServer(.always)
    server.disk.faults.failsSync = true
    server.client.send(["SET", "a", "1"])
    server.settle()
    #expect(server.server.exitCode == 1)
    #expect(server.client.next() == nil)
  }

  @Test func `writes wait while a sync takes over two seconds`() {
    let server = makeServer()
    let helpers = server.server.helpers as? SimulatedHelpers
    helpers?.durationNanoseconds = 3_000_000_000...3_000_000_000
    server.run("SET a 1")
    for _ in 0..<12 { server.advance(milliseconds: 100) }
    server.run("SET a 2")
    for _ in 0..<12 { server.advance(milliseconds: 100) }
    server.client.send(["SET", "a", "3"])
    server.turn()
    let other = server.connect()
    #expect(other.run("GET a") == "2")
    #expect(server.logText.contains("Writes wait: the disk takes too long"))
    server.settle()
    #expect(server.client.next() == .ok)
    #expect(info(server, "aof_delayed_fsync") != "0")
  }

  // MARK: - Files that are not whole

  @Test func `a torn end is cut off, or refused`() {
    let server = makeServer()
    server.run("SET a 1")
    server.run("MULTI")
    server.run("SET b 1")
    server.run("SET c 1")
    server.run("EXEC")
    server.settle()
    let path = "appendonlydir/appendonly.aof.1.incr.aof"
    let whole = server.disk.content(of: path) ?? []
    for count in stride(from: whole.count - 1, to: 130, by: -1) {
      server.disk.setContent(Array(whole[..<count]), of: path)
      let other = restarted(server)
      #expect(other.server.exitCode == nil, "\(count)")
      #expect(other.run("MGET b c") == [.null, .null], "\(count)")
      // And it goes on from there.
      other.run("SET d 1")
      other.settle()
      #expect(restarted(other).run("GET d") == "1", "\(count)")
      guard count.isMultiple(of: 20) else { continue }
      let strict = restarted(server) { $0.aofLoadTruncated = false }
      let isWhole = strict.server.exitCode == nil
      #expect(isWhole == [100, 123, 152].contains(count) || !isWhole, "\(count)")
    }
  }

  @Test func `a damaged log is refused, unless the damage is small enough to be dropped`() {
    let server = makeServer()
    for index in 0..<20 { server.run("SET key:\(index) \(index)") }
    server.settle()
    let path = "appendonlydir/appendonly.aof.1.incr.aof"
    var bytes = server.disk.content(of: path) ?? []
    bytes[bytes.count - 20] = UInt8(ascii: "*")
    server.disk.setContent(bytes, of: path)
    let refused = restarted(server)
    #expect(refused.server.exitCode == 1)
    #expect(
      refused.logText.contains("Bad file format reading the append only file appendonly.aof.1.incr")
    )
    let cut = restarted(server) { $0.aofLoadCorruptTailMaxSize = 100 }
    #expect(cut.server.exitCode == nil)
    #expect(cut.run("MGET key:18 key:19") == ["18", .null])
  }

  @Test func `nothing is left in memory of a log that is refused`() {
    let server = makeServer()
    server.run("SET a 1")
    server.settle()
    let path = "appendonlydir/appendonly.aof.1.incr.aof"
    let bytes = server.disk.content(of: path) ?? []
    server.disk.setContent(bytes.dropLast(20) + [0x2A, 0x2A, 0x2A], of: path)
    let other = TestServer(follows: false) { $0.appendOnly = true }
    for path in server.disk.paths where path != "log" {
      other.disk.setContent(server.disk.content(of: path) ?? [], of: path)
    }
    other.server.loadAtStart {}
    weak let loading = other.server.persistence.loading
    #expect(loading != nil)
    other.settle()
    #expect(other.server.exitCode == 1)
    #expect(loading == nil)
  }

  @Test func `commands that nobody knows end the start`() {
    let server = makeServer()
    server.settle()
    let path = "appendonlydir/appendonly.aof.1.incr.aof"
    let bytes = server.disk.content(of: path) ?? []
    server.disk.setContent(bytes + Array("*2\r\n$3\r\nbla\r\n$1\r\nx\r\n".utf8), of: path)
    let other = restarted(server)
    #expect(other.server.exitCode == 1)
    #expect(
      other.logText.contains(
        "Unknown command 'bla' reading the append only file appendonlydir/appendonly.aof.1.incr"))
  }

  // MARK: - What a stranger has found

  @Test func `what no log holds is not executed`() {
    let server = makeServer()
    server.settle()
    let path = "appendonlydir/appendonly.aof.1.incr.aof"
    let bytes = server.disk.content(of: path) ?? []
    for words in [["MONITOR"], ["DEBUG", "LOADAOF"], ["SHUTDOWN"], ["HELLO", "3"], ["EXEC"]] {
      let command =
        "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
      server.disk.setContent(bytes + Array(command.utf8), of: path)
      let other = restarted(server)
      #expect(other.server.exitCode == 1, "\(words)")
      #expect(other.logText.contains("Unknown command '\(words[0])'"), "\(words)")
    }
  }

  @Test func `sectors of zeros are cut off only if nothing behind them was durable`() {
    let server = makeServer()
    for index in 0..<100 { server.run("SET key:\(index) \(index)") }
    server.settle()
    let path = "appendonlydir/appendonly.aof.1.incr.aof"
    let whole = server.disk.content(of: path) ?? []
    var bytes = whole
    bytes.replaceSubrange(1024..<1536, with: [UInt8](repeating: 0, count: 512))
    server.disk.setContent(bytes, of: path)
    #expect(restarted(server).server.exitCode == nil)
    // With an annotation behind them they had been there.
    server.disk.setContent(whole, of: path)
    let other = restarted(server)
    other.run("SET a 1")
    other.run("SHUTDOWN")
    bytes = other.disk.content(of: path) ?? []
    bytes.replaceSubrange(1024..<1536, with: [UInt8](repeating: 0, count: 512))
    other.disk.setContent(bytes, of: path)
    #expect(restarted(other).server.exitCode == 1)
  }

  @Test func `a value in which a sector was never written is not loaded`() {
    let server = makeServer()
    server.settle()
    let path = "appendonlydir/appendonly.aof.1.incr.aof"
    var log = LogText()
    log.annotate()
    log.add("SET", "zeros", String(repeating: "\0", count: 2000))
    let start = log.bytes.count
    log.annotate()
    log.add("SET", "a", "1")
    log.add("MULTI")
    log.add("SET", "b", String(repeating: "b", count: 1500))
    log.add("EXEC")
    log.add("SET", "c", "3")
    for (synced, hasLost) in [(start, true), (5000, false)] {
      var whole = log
      whole.annotate(synced: synced)
      whole.add("SET", "d", "4")
      server.disk.setContent(whole.bytes, of: path)
      #expect(restarted(server).run("STRLEN zeros") == 2000)
      #expect(restarted(server).run("MGET a c d") == ["1", "3", "4"])
      var bytes = whole.bytes
      let sector = (start + 600) / 512 * 512
      bytes.replaceSubrange(sector..<sector + 512, with: [UInt8](repeating: 0, count: 512))
      server.disk.setContent(bytes, of: path)
      let other = restarted(server)
      #expect(other.server.exitCode == (hasLost ? nil : 1))
      guard hasLost else { continue }
      #expect(other.run("MGET a b c d") == ["1", nil, nil, nil])
      #expect(other.run("STRLEN zeros") == 2000)
      other.run("SET e 5")
      other.settle()
      #expect(restarted(other).run("MGET a e") == ["1", "5"])
    }
  }

  @Test func `a base that fails while much is written loses nothing, and is tried again`() {
    let server = makeServer {
      $0.appendOnly = false
      $0.replBacklogSize = 16 << 10
    }
    server.disk.faults.failsRename = true
    let helpers = server.server.helpers as? SimulatedHelpers
    helpers?.durationNanoseconds = 300_000_000...300_000_000
    #expect(server.run("CONFIG SET appendonly yes") == .ok)
    let value = String(repeating: "x", count: 20_000)
    for index in 0..<60 {
      server.run(["SET", "key:\(index)", value])
      server.advance(milliseconds: 100)
    }
    #expect(info(server, "aof_last_bgrewrite_status") == "err")
    server.disk.faults.failsRename = false
    for _ in 0..<60 { server.advance(milliseconds: 100) }
    helpers?.durationNanoseconds = 0...0
    server.settle()
    #expect(info(server, "aof_last_bgrewrite_status") == "ok")
    #expect(server.run("SET last 1") == .ok)
    server.settle()
    let digest = server.run("DEBUG DIGEST").text
    #expect(restarted(server).run("DEBUG DIGEST").text == digest)
  }

  @Test func `a full disk behind many messages is waited for like any other`() {
    let server = makeServer { $0.replBacklogSize = 16 << 10 }
    server.run("SET a 1")
    server.settle()
    // More than the stream keeps for itself.
    let message = String(repeating: "x", count: 10_000)
    for _ in 0..<60 { server.run(["PUBLISH", "channel", message]) }
    server.settle()
    server.disk.faults.capacityByteCount = server.disk.usedByteCount + 10
    server.run("SET b 2")
    server.settle()
    #expect(info(server, "aof_last_write_status") == "err")
    server.disk.faults.capacityByteCount = .max
    for _ in 0..<15 { server.advance(milliseconds: 100) }
    server.settle()
    #expect(info(server, "aof_last_write_status") == "ok")
    #expect(!text(server, "appendonly.aof.1.incr.aof").contains("PUBLISH"))
    #expect(restarted(server).run("MGET a b") == ["1", "2"])
  }

  @Test func `after a write and a truncation that failed the log is rewritten`() {
    let server = makeServer()
    server.run("SET a 1")
    server.settle()
    server.disk.fail(inOperation: 1)
    server.disk.fail(inOperation: 2)
    server.run("SET b 1")
    for _ in 0..<30 { server.advance(milliseconds: 100) }
    server.settle()
    #expect(server.run("SET c 1") == .ok)
    server.settle()
    #expect(server.run("CONFIG SET appendfsync always") == .ok)
    server.client.send(["SET", "d", "1"])
    server.settle()
    #expect(server.client.next() == .ok)
    #expect(restarted(server).run("MGET a b c d") == ["1", "1", "1", "1"])
  }

  @Test func `a failed sync leaves nothing that WAITAOF could count`() {
    let server = makeServer { $0.replPingReplicaPeriodSeconds = 1 }
    let follower = server.connect()
    follower.send(["SYNC"])
    server.settle()
    server.disk.faults.failsSync = true
    server.run("SET a 1")
    for _ in 0..<40 { server.advance(milliseconds: 100) }
    server.client.send(["WAITAOF", "1", "0", "100"])
    server.turn()
    server.advance(milliseconds: 200)
    #expect(server.client.next() == [0, 0])
    server.disk.faults.failsSync = false
    for _ in 0..<30 { server.advance(milliseconds: 100) }
    server.settle()
    #expect(server.run("CONFIG SET appendfsync always") == .ok)
    #expect(server.connect().run("PING") == .status("PONG"))
  }

  @Test func `a log that is off leaves the directory to others`() throws {
    let server = makeServer { $0.appendOnly = false }
    server.run("SET a 1")
    server.disk.setDirectory("appendonlydir")
    let lock = try server.disk.lock(directory: "appendonlydir")
    #expect(server.run("BGREWRITEAOF").isError)
    lock.close()
    #expect(!server.run("BGREWRITEAOF").isError)
    server.settle()
    try server.disk.lock(directory: "appendonlydir").close()
  }

  @Test func `what has been read is not kept, however long others write`() {
    let server = makeServer(.always)
    let helpers = server.server.helpers as? SimulatedHelpers
    helpers?.durationNanoseconds = 1_000_000...1_000_000
    let listener = server.connect()
    listener.run("SUBSCRIBE channel")
    let writer = server.connect()
    for _ in 0..<400 {
      writer.send(["SET", "a", "1"])
      server.client.send(["PUBLISH", "channel", String(repeating: "x", count: 1000)])
      server.clock.advance(nanoseconds: 400_000)
      server.turn()
      _ = listener.connection.receive()
      _ = server.client.next()
      _ = writer.next()
    }
    let held = server.server.clients.all.first { $0.flags.contains(.pubsub) }
    #expect((held?.reply.count ?? .max) < 50_000)
  }
}
