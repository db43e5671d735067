// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
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
}
