// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct MemoryAccountingTests {
  /// Keys of all kinds of layout: with deadlines, blocks of their own, long keys, integers.
  private func fill(_ server: TestServer, database: Int, count: Int) {
    var commands = [["SELECT", "\(database)"]]
    for index in 0..<count {
      let size = [0, 5, 60, 200, 300, 5000][index % 6]
      let key = index % 50 == 0 ? String(repeating: "k", count: 300) + "\(index)" : "key:\(index)"
      commands.append(["SET", key, String(repeating: "v", count: size)])
      if index % 3 == 0 { commands.append(["PEXPIRE", key, "\(1_000_000 + index * 777)"]) }
      if index % 7 == 0 { commands.append(["APPEND", key, "more"]) }
      if index % 11 == 0 { commands.append(["SET", key, "\(index)"]) }
    }
    server.runAll(commands)
  }

  @Test(arguments: ["FLUSHALL SYNC", "FLUSHALL ASYNC"])
  func `memory in use is back at its start when everything is gone`(command: String) {
    let server = TestServer(follows: false)
    server.runAll([["PING"]])
    let start = server.server.allocator.bytesInUse
    for database in [0, 3] {
      fill(server, database: database, count: 3000)
    }
    #expect(server.server.keyspace.keyCount == 6000)
    #expect(server.server.allocator.bytesInUse > start + 5_000_000)
    server.run(command)
    while server.server.hasBackgroundWork { server.idle(milliseconds: 1) }
    #expect(server.server.allocator.bytesInUse == start)
  }

  @Test func `memory in use is back at its start when every key was deleted or has expired`() {
    let server = TestServer(follows: false)
    server.runAll([["PING"]])
    let start = server.server.allocator.bytesInUse
    fill(server, database: 0, count: 3000)
    for index in 0..<3000 where index % 3 != 0 { server.run("DEL key:\(index)") }
    server.clock.advance(milliseconds: 4_000_000)
    server.idle(milliseconds: 2)
    // What has neither: long keys, and those that were set anew without a deadline.
    server.run("FLUSHALL SYNC")
    #expect(server.server.keyspace.statistics.expiredKeys > 800)
    #expect(server.server.allocator.bytesInUse == start)
  }

  @Test func `every part of a key counts`() {
    let server = TestServer(follows: false)
    func growth(_ line: String) -> Int {
      let before = server.server.allocator.bytesInUse
      server.run(line)
      return server.server.allocator.bytesInUse - before
    }
    server.run("SET a 1")
    // Header and word of 8 bytes each and the key; no new bucket.
    #expect(growth("SET b 1") == 24)
    #expect(growth("SET b 2") == 0)
    // The first deadline brings a wheel.
    #expect(growth("PEXPIRE b 100000") > 16 + 256)
    #expect(growth("PERSIST b") < -256)
    // A string block of its own: 16 bytes of header, and what malloc adds.
    let block = growth("SET b \(String(repeating: "v", count: 3000))")
    #expect((3016...3100).contains(block))
    #expect(growth("DEL b") < -3030)
    // Tables grow bucket by bucket, 64 bytes for 6.75 keys, and a few children.
    var buckets = 0
    for index in 0..<20_000 { buckets += growth("SET \(10_000 + index) 1") - 24 }
    #expect(buckets >= 190_000 && buckets <= 250_000, "\(buckets)")
  }

  @Test func `MEMORY USAGE is what a key really takes`() {
    let server = TestServer(follows: false)
    for index in 0..<100 { server.run("SET fill:\(index) 1") }
    for size in [1, 44, 100, 230, 300, 10_000] {
      let before = server.server.allocator.bytesInUse
      server.run(["SET", "some-key", String(repeating: "v", count: size)])
      let growth = server.server.allocator.bytesInUse - before
      guard case .integer(let usage) = server.run("MEMORY USAGE some-key") else {
        Issue.record("no reply")
        return
      }
      #expect(Int(usage) >= growth && Int(usage) <= growth + 64, "\(size) bytes")
      server.run("DEL some-key")
    }
  }
}
