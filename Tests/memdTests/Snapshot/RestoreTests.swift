// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

extension TestServer {
  /// The payload of DUMP.
  func dump(_ name: String) -> [UInt8] {
    let database = server.keyspace.databases[0]
    let key = Array(name.utf8)
    guard let entry = database.find(Key(key.rawSpan, seed: database.seed)) else { return [] }
    return DumpPayload.make(of: entry, compresses: server.configuration.rdbCompression)
  }

  /// Runs a command whose words may hold any bytes.
  @discardableResult
  func run(octets words: [[UInt8]]) -> Reply {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + [13, 10] }
    _ = client.connection.send(bytes)
    turn()
    return client.next() ?? .error("no reply")
  }

  /// RESTORE of a payload, with options.
  @discardableResult
  func restore(_ key: String, _ time: String, _ payload: [UInt8], _ options: String = "") -> Reply {
    let words = TestClient.words(options).map { Array($0.utf8) }
    return run(octets: [Array("RESTORE".utf8), Array(key.utf8), Array(time.utf8), payload] + words)
  }
}

@Suite struct RestoreTests {
  private let server = TestServer { $0.enableDebugCommand = .yes }

  /// A payload with the right checksum.
  static func sealed(_ body: [UInt8], version: UInt8 = 10) -> [UInt8] {
    let bytes = body + [version, 0]
    let sum = CRC64.of(bytes.rawSpan)
    return bytes + (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64(8 * $0)) }
  }

  @Test func `DUMP and RESTORE bring back a string, and DUMP of nothing is nothing`() {
    for value in [
      "1", "hello", "-129", "70000", "123456789012", String(repeating: "x", count: 999),
    ] {
      server.run(["SET", "a", value])
      #expect(server.restore("b", "0", server.dump("a"), "REPLACE") == .ok)
      #expect(server.run("GET b") == .bulk(value))
    }
    #expect(server.run("DUMP none") == nil)
    #expect(server.run("DUMP a").text.utf8.count > 10)
  }

  @Test func `a stream whose last id was set back in front of deleted entries is loaded`() {
    for line in [
      "XADD k 1-1 f v", "XADD k 2-1 f v", "XDEL k 2-1", "XSETID k 3-1 MAXDELETEDID 1-2",
      "XSETID k 2-0",
    ] { server.run(line) }
    // What redis-server 7.0 makes of the same.
    let theirs: [UInt8] = [
      0x13, 1, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xc3, 0x23, 0x28, 6, 0x28, 0,
      0, 0, 0xf, 0, 1, 0x60, 0, 7, 0x81, 0x66, 2, 0, 1, 2, 1, 0, 0x20, 1, 5, 0x81, 0x76, 2, 4, 1,
      3, 0x20, 0x15, 0x80, 0xa, 1, 1, 0xff, 1, 2, 0, 1, 1, 1, 2, 2, 0, 0xa, 0, 0x3d, 0x34, 0xa5,
      0xa7, 0x9e, 2, 0xc1, 0x51,
    ]
    for payload in [server.dump("k"), theirs] {
      #expect(server.restore("k", "0", payload, "REPLACE") == .ok)
      #expect(server.run("XADD k 1-9 f v").text.contains("equal or smaller"))
      #expect(server.run("XADD k 2-1 a b") == "2-1")
      #expect(server.run("XRANGE k - + COUNT 5").elements.count == 2)
      #expect(server.run("DEBUG RELOAD") == .ok)
      #expect(server.run("XDEL k 2-1") == 1)
    }
  }

  @Test func `RESTORE takes no key that is there unless told to replace it`() {
    server.run("SET a 1")
    server.run("SET b 2 PX 1000")
    let payload = server.dump("a")
    #expect(server.restore("b", "0", payload) == .error("BUSYKEY Target key name already exists."))
    #expect(server.restore("b", "0", payload, "REPLACE") == .ok)
    #expect(server.run("PTTL b") == -1)
    #expect(server.run("GET b") == "1")
  }

  @Test func `RESTORE gives a deadline, relative or absolute, none or one that is past`() {
    server.run("SET a 1")
    let payload = server.dump("a")
    #expect(server.restore("b", "5000", payload) == .ok)
    #expect(server.run("PTTL b") == 5000)
    let now = server.clock.wallMicroseconds() / 1000
    #expect(server.restore("c", "\(now + 700)", payload, "ABSTTL") == .ok)
    #expect(server.run("PTTL c") == 700)
    #expect(server.restore("d", "1", payload, "ABSTTL") == .ok)
    #expect(server.run("EXISTS d") == 0)
    #expect(server.restore("c", "1", payload, "ABSTTL REPLACE") == .ok)
    #expect(server.run("EXISTS c") == 0)
    #expect(
      server.restore("e", "-1", payload) == .error("ERR Invalid TTL value, must be >= 0"))
    #expect(
      server.restore("e", "x", payload)
        == .error("ERR value is not an integer or out of range"))
  }

  @Test func `RESTORE takes over how recently or often the key was used`() {
    server.run("SET a 1")
    let payload = server.dump("a")
    #expect(server.restore("b", "0", payload, "IDLETIME 1000") == .ok)
    #expect((999...1001).contains(server.run("OBJECT IDLETIME b").number ?? 0))
    server.run("CONFIG SET maxmemory-policy allkeys-lfu")
    #expect(server.restore("c", "0", payload, "FREQ 100") == .ok)
    #expect(server.run("OBJECT FREQ c") == 100)
    #expect(
      server.restore("d", "0", payload, "FREQ 256")
        == .error("ERR Invalid FREQ value, must be >= 0 and <= 255"))
    #expect(
      server.restore("d", "0", payload, "IDLETIME -1")
        == .error("ERR Invalid IDLETIME value, must be >= 0"))
    for options in ["IDLETIME 1 FREQ 1", "FREQ 1 IDLETIME 1", "FREQ", "X"] {
      #expect(server.restore("d", "0", payload, options) == .error("ERR syntax error"))
    }
  }

  @Test func `RESTORE refuses what is damaged, unknown or too new`() {
    server.run("SET a hello")
    let payload = server.dump("a")
    let wrong = Reply.error("ERR DUMP payload version or checksum are wrong")
    for index in payload.indices {
      var damaged = payload
      damaged[index] ^= 0x10
      #expect(server.restore("b", "0", damaged) == wrong, "byte \(index)")
    }
    for count in 0..<payload.count {
      #expect(server.restore("b", "0", Array(payload[..<count])) == wrong, "\(count) bytes")
    }
    #expect(server.restore("b", "0", Self.sealed([0, 1, 97], version: 79)) == wrong)
    #expect(server.restore("b", "0", Self.sealed([0, 1, 97])) == .ok)
    let bad = Reply.error("ERR Bad data format")
    for body in [[], [0], [0, 2, 97], [99, 1, 97], [7, 1, 97], [0, 0xc3, 2, 5, 0, 97]] {
      #expect(server.restore("c", "0", Self.sealed(body.map { UInt8($0) })) == bad, "\(body)")
    }
    #expect(server.run("EXISTS c") == 0)
  }

  @Test func `a damaged payload with the right checksum is never a crash`() {
    server.run(["SET", "a", String(repeating: "abcabcx", count: 20)])
    let payload = server.dump("a")
    for index in 0..<(payload.count - 10) {
      for flip in [UInt8(1), 0x40, 0x80, 0xff] {
        var body = Array(payload.dropLast(10))
        body[index] ^= flip
        _ = server.restore("b", "0", Self.sealed(body), "REPLACE")
      }
    }
    #expect(server.run("PING") == .status("PONG"))
  }

  @Test func `the log says why a payload was refused, in the words of Redis's log`() {
    server.keepLog()
    let cases: [(body: [UInt8], words: String)] = [
      (
        [13, 11, 11, 0, 0, 0, 10, 0, 0, 0, 1, 0, 0xFE],
        "Hash ziplist integrity check failed, at offset 13, key 'k', type 13 (hashZiplist)"
      ),
      ([12, 1, 0], "Zset ziplist integrity check failed"),
      ([9, 1, 9], "Hash zipmap integrity check failed"),
      ([11, 1, 9], "Set intset integrity check failed"),
      ([16, 1, 9], "Hash listpack integrity check failed"),
      ([2, 2, 1, 97, 1, 97], "Duplicate set members detected, integrity check failed"),
    ]
    for (body, words) in cases {
      #expect(server.restore("k", "0", Self.sealed(body)) == .error("ERR Bad data format"))
      #expect(server.logText.contains("RESTORE: \(words)"), "\(words)")
    }
  }

  @Test func `an empty element as a node of its own is refused`() {
    #expect(
      server.restore("k", "0", Self.sealed([18, 1, 1, 0])) == .error("ERR Bad data format"))
    #expect(server.restore("k", "0", Self.sealed([18, 1, 1, 1, 97])) == .ok)
    #expect(server.run("LRANGE k 0 -1") == ["a"])
  }
}
