// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Hashes through files and payloads, with deadlines of fields and without.
@Suite struct HashSnapshotTests {
  private let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }

  private func fill() {
    server.run(["HSET", "small", "a", "1", "b", "text", "c", ""])
    server.run(["HSET", "long", "a", String(repeating: "x", count: 100)])
    for index in 0..<600 { server.run("HSET large field:\(index) \(index)") }
    server.run("HSET mortal a 1 b 2 c 3")
    server.run("HPEXPIRE mortal 90000 FIELDS 1 b")
    server.run("HPEXPIRE mortal 50000 FIELDS 1 c")
    for index in 0..<600 { server.run("HSET mortals field:\(index) \(index)") }
    server.run("HPEXPIRE mortals 70000 FIELDS 2 field:7 field:8")
    server.run("HPEXPIRE mortals 60000 FIELDS 1 field:9")
  }

  private let names = ["small", "long", "large", "mortal", "mortals"]

  @Test func `DEBUG RELOAD brings hashes and the deadlines of their fields back`() {
    fill()
    let digest = server.run("DEBUG DIGEST")
    let encodings = names.map { server.run("OBJECT ENCODING \($0)") }
    #expect(server.run("DEBUG RELOAD") == .ok)
    #expect(server.run("DEBUG DIGEST") == digest)
    #expect(names.map { server.run("OBJECT ENCODING \($0)") } == encodings)
    #expect(server.run("HPTTL mortal FIELDS 3 a b c") == [-1, 90000, 50000])
    #expect(server.run("HPTTL mortals FIELDS 3 field:7 field:9 field:10") == [70000, 60000, -1])
    server.advance(milliseconds: 60_001)
    #expect(server.run("HLEN mortal") == 2)
    #expect(server.run("HLEN mortals") == 599)
  }

  @Test func `only hashes with deadlines need a newer version`() {
    fill()
    for (name, version) in zip(names, [10, 10, 10, 12, 12] as [UInt8]) {
      let payload = server.dump(name)
      #expect(payload[payload.count - 10] == version, "\(name)")
      #expect(server.restore("copy", "0", payload, "REPLACE") == .ok, "\(name)")
      let digests = server.run("DEBUG DIGEST-VALUE \(name) copy").elements
      #expect(digests.first == digests.last, "\(name)")
    }
    server.run("SAVE")
    #expect(server.disk.content(of: "dump.rdb")?.starts(with: Array("REDIS0012".utf8)) == true)
    server.run("DEL mortal mortals copy")
    server.run("SAVE")
    #expect(server.disk.content(of: "dump.rdb")?.starts(with: Array("REDIS0010".utf8)) == true)
  }

  private func deadline(_ instant: Int64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: instant >> Int64(8 * $0)) }
  }

  @Test func `hashes of former, later and other servers are read`() {
    let zipmap: [UInt8] = [9, 12, 2, 1, 97, 1, 0, 49, 1, 98, 2, 1, 50, 51, 120]
    _ = zipmap
    let now = server.clock.wallMicroseconds() / 1000
    let instant = deadline(now + 5000)
    let none = deadline(-1)
    let valkey: [UInt8] = [22, 2, 1, 97, 1, 49] + instant + [1, 98, 1, 50] + none
    #expect(server.restore("h", "0", RestoreTests.sealed(valkey, version: 80)) == .ok)
    #expect(server.run("HPTTL h FIELDS 2 a b") == [5000, -1])
    #expect(server.run("HMGET h a b") == ["1", "2"])
    let metadata: [UInt8] = [24] + instant + [2, 1, 1, 97, 1, 49, 0, 1, 98, 1, 50]
    #expect(server.restore("h", "0", RestoreTests.sealed(metadata, version: 12), "REPLACE") == .ok)
    #expect(server.run("HPTTL h FIELDS 2 a b") == [5000, -1])
    let old: [UInt8] = [9, 14, 2, 1, 97, 1, 0, 49, 1, 98, 2, 1, 50, 51, 120, 0xff]
    #expect(server.restore("h", "0", RestoreTests.sealed(old, version: 2), "REPLACE") == .ok)
    #expect(server.run("HMGET h a b") == ["1", "23"])
    let plain: [UInt8] = [4, 2, 1, 97, 1, 49, 1, 98, 0xc0, 50]
    #expect(server.restore("h", "0", RestoreTests.sealed(plain, version: 5), "REPLACE") == .ok)
    #expect(server.run("HMGET h a b") == ["1", "50"])
  }

  @Test(
    arguments: [
      [4, 2, 1, 97, 1, 49, 1, 97, 1, 50], [4, 0], [9, 3, 0, 1, 0xff], [9, 1, 0xff],
      [24, 0, 0, 0, 0, 0, 0, 0, 0x80, 1, 2, 1, 97, 1, 49], [24, 1, 2, 3],
      [25, 1, 0, 0, 0, 0, 0, 0, 0],
      [16, 9, 9, 0, 0, 0, 1, 0, 1, 1, 0xff],
    ] as [[UInt8]])
  func `malformed hashes are refused`(body: [UInt8]) {
    let reply = server.restore("x", "0", RestoreTests.sealed(body, version: 12))
    #expect(reply == .error("ERR Bad data format"))
  }

  @Test func `damaged payloads of hashes are never a crash`() {
    fill()
    server.run("CONFIG SET rdbcompression no")
    for name in ["small", "mortal"] {
      let body = Array(server.dump(name).dropLast(10))
      for index in body.indices {
        for flip in [UInt8(1), 2, 0x10, 0x80, 0xff] {
          var damaged = body
          damaged[index] ^= flip
          let payload = RestoreTests.sealed(damaged, version: 12)
          if server.restore("x", "0", payload, "REPLACE") == .ok {
            server.run("DEBUG DIGEST-VALUE x")
            server.run("HSET x new 1")
          }
        }
      }
    }
    #expect(server.run("PING") == .status("PONG"))
  }
}
