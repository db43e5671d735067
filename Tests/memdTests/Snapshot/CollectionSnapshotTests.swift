// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Collections through files and payloads, in all forms that memd writes.
@Suite struct CollectionSnapshotTests {
  /// A server with collections of every type, packed and large.
  static func filled() -> TestServer {
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    let long = String(repeating: "long ", count: 30)
    server.run(["RPUSH", "list:small", "a", "1", "-70000", long, ""])
    for index in 0..<2000 { server.run("RPUSH list:large item:\(index) \(index)") }
    server.run(["RPUSH", "list:plain", String(repeating: "x", count: 20_000), "y"])
    server.run("SADD set:integers 3 -1 70000 99999999999")
    server.run(["SADD", "set:small", "a", "1", "b", String(long.prefix(60))])
    for index in 0..<700 { server.run("SADD set:large \(index) member:\(index)") }
    for index in 0..<20 { server.run("XADD stream \(index + 1)-1 name value:\(index)") }
    server.run("XDEL stream 3-1")
    server.run("XGROUP CREATE stream group 2-1")
    server.run("XREADGROUP GROUP group alice COUNT 3 STREAMS stream >")
    server.run("ZADD zset:small 1 a 2.5 b -inf c inf d 1 e")
    for index in 0..<600 { server.run("ZADD zset:large \(Double(index) / 7) member:\(index)") }
    server.run(["ZADD", "zset:long", "1", long + long])
    return server
  }

  static let names = [
    "set:integers", "set:small", "set:large", "stream", "list:small", "list:large", "list:plain",
    "zset:small", "zset:large", "zset:long",
  ]

  @Test func `DEBUG RELOAD brings collections back with their encodings`() {
    let server = Self.filled()
    let digest = server.run("DEBUG DIGEST")
    let encodings = Self.names.map { server.run("OBJECT ENCODING \($0)") }
    #expect(server.run("DEBUG RELOAD") == .ok)
    #expect(server.run("DEBUG DIGEST") == digest)
    #expect(Self.names.map { server.run("OBJECT ENCODING \($0)") } == encodings)
  }

  @Test func `DUMP and RESTORE bring collections back`() {
    let server = Self.filled()
    for name in Self.names {
      let payload = server.dump(name)
      #expect(server.restore("copy", "0", payload, "REPLACE") == .ok, "\(name)")
      let digests = server.run("DEBUG DIGEST-VALUE \(name) copy").elements
      #expect(digests.first == digests.last, "\(name)")
      #expect(server.run("OBJECT ENCODING copy") == server.run("OBJECT ENCODING \(name)"))
    }
  }

  @Test func `damaged payloads of collections are never a crash`() {
    let server = Self.filled()
    server.run("CONFIG SET rdbcompression no")
    for name in ["list:small", "zset:small", "set:integers", "set:small", "stream"] {
      let body = Array(server.dump(name).dropLast(10))
      for index in body.indices {
        for flip in [UInt8(1), 2, 0x10, 0x80, 0xff] {
          var damaged = body
          damaged[index] ^= flip
          if server.restore("x", "0", RestoreTests.sealed(damaged), "REPLACE") == .ok {
            server.run("DEBUG DIGEST-VALUE x")
          }
        }
      }
    }
    #expect(server.run("PING") == .status("PONG"))
  }

  // MARK: - Old and foreign forms

  /// Bytes of a string as RDB has them.
  private func string(_ bytes: [UInt8]) -> [UInt8] {
    precondition(bytes.count < 64)
    return [UInt8(bytes.count)] + bytes
  }

  private func ziplist(_ entries: [[UInt8]]) -> [UInt8] {
    var body: [UInt8] = []
    var previous = 0
    for entry in entries {
      body += [UInt8(previous)] + entry
      previous = entry.count + 1
    }
    let tail = 10 + body.count - previous
    return [UInt8(body.count + 11), 0, 0, 0, UInt8(tail), 0, 0, 0, UInt8(entries.count), 0]
      + body + [0xff]
  }

  @Test func `lists and sorted sets of former versions are read`() {
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    let entries: [[UInt8]] = [
      [1, 97], [0xfe, 0xff], [0xc0, 0x39, 0x30], [0xf0, 0, 0, 0x80], [0xf3],
      [0xd0, 0xff, 0xff, 0xff, 0x7f], [0x40, 2, 98, 99],
    ]
    let expected: Reply = ["a", "-1", "12345", "-8388608", "2", "2147483647", "bc"]
    let packed = string(ziplist(entries))
    #expect(server.restore("l", "0", RestoreTests.sealed([10] + packed, version: 6)) == .ok)
    #expect(server.run("LRANGE l 0 -1") == expected)
    let quick = RestoreTests.sealed([14, 2] + packed + packed, version: 9)
    #expect(server.restore("l", "0", quick, "REPLACE") == .ok)
    #expect(server.run("LLEN l") == 14)
    #expect(server.run("LRANGE l 7 -1") == expected)
    let plain: [UInt8] = [1, 3, 1, 97, 0xc0, 5, 0]
    #expect(server.restore("l", "0", RestoreTests.sealed(plain, version: 1), "REPLACE") == .ok)
    #expect(server.run("LRANGE l 0 -1") == ["a", "5", ""])
    let scores = string(ziplist([[1, 97], [3, 49, 46, 53], [1, 98], [0xf3]]))
    #expect(server.restore("z", "0", RestoreTests.sealed([12] + scores, version: 6)) == .ok)
    #expect(server.run("ZRANGE z 0 -1 WITHSCORES") == ["a", "1.5", "b", "2"])
    let text: [UInt8] = [3, 3, 1, 97, 1, 50, 1, 98, 254, 1, 99, 255]
    #expect(server.restore("z", "0", RestoreTests.sealed(text, version: 4), "REPLACE") == .ok)
    #expect(server.run("ZRANGE z 0 -1 WITHSCORES") == ["c", "-inf", "a", "2", "b", "inf"])
  }

  @Test func `sets of former and later versions are read`() {
    let server = TestServer(follows: false)
    let integers: [UInt8] = [11, 14, 2, 0, 0, 0, 3, 0, 0, 0, 0xff, 0xff, 5, 0, 0, 1]
    #expect(server.restore("s", "0", RestoreTests.sealed(integers, version: 6)) == .ok)
    #expect(server.run("SMEMBERS s") == ["-1", "5", "256"])
    let packed: [UInt8] = [20, 12, 12, 0, 0, 0, 2, 0, 0x81, 97, 2, 5, 1, 0xff]
    #expect(server.restore("t", "0", RestoreTests.sealed(packed, version: 11)) == .ok)
    #expect(server.run("SMISMEMBER t a 5") == [1, 1])
  }

  @Test(
    arguments: [
      [2, 2, 1, 97, 1, 97], [11, 12, 2, 0, 0, 0, 2, 0, 0, 0, 5, 0, 5, 0],
      [11, 10, 3, 0, 0, 0, 1, 0, 0, 0, 5, 0], [2, 0], [15, 1, 1, 97], [19, 0, 1, 0, 0],
      [10, 4, 1, 2, 3, 4], [18, 1, 3, 1, 97], [18, 1, 2, 1, 97], [1, 2, 1, 97], [1, 0],
      [3, 1, 1, 97, 253], [3, 2, 1, 97, 1, 50, 1, 97, 1, 51], [3, 1, 1, 97, 1, 120],
      [5, 1, 1, 97, 0],
      [17, 7, 7, 0, 0, 0, 0, 0, 0xff], [17, 10, 10, 0, 0, 0, 1, 0, 0x81, 97, 2, 0xff],
    ] as [[UInt8]])
  func `malformed collections are refused`(body: [UInt8]) {
    let server = TestServer(follows: false)
    let reply = server.restore("x", "0", RestoreTests.sealed(body))
    #expect(reply == .error("ERR Bad data format"))
    #expect(server.run("EXISTS x") == 0)
  }
}
