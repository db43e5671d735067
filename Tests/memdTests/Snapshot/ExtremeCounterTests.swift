// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP
import Testing

@testable import memd

/// Counters, times and scores at the ends of their ranges, through everything that writes them.
@Suite struct ExtremeCounterTests {
  private static func makeServer() -> TestServer {
    TestServer {
      $0.enableDebugCommand = .yes
      $0.activeExpireEnabled = false
    }
  }

  @Test func `a counter of added entries goes past the signed numbers and can be saved`() {
    let server = Self.makeServer()
    server.run("XADD k 1-1 a b")
    server.run("XSETID k 1-1 ENTRIESADDED 9223372036854775807 MAXDELETEDID 0-0")
    server.run("XADD k * a b")
    #expect(server.run("SAVE") == .ok)
    #expect(server.run("DEBUG RELOAD") == .ok)
    // The bits of an unsigned number, as Redis prints them.
    #expect(server.run("XINFO STREAM k").elements[11] == .integer(.min))
    #expect(server.run("XLEN k") == 2)
    #expect(server.restore("copy", "0", server.dump("k")) == .ok)
    #expect(server.run("XINFO STREAM copy").elements[11] == .integer(.min))
  }

  @Test func `a counter of added entries stays at the largest number, and is never too small`() {
    let server = Self.makeServer()
    server.run("XADD k 1-1 a b")
    for (added, expected) in [(UInt64.max, -1), (.max - 1, -1), (0, 2)] as [(UInt64, Int)] {
      var stream = StreamPayload()
      stream.added = added
      #expect(server.restore("k", "0", stream.sealed, "REPLACE") == .ok)
      server.run("XADD k 9-9 a b")
      #expect(server.run("XINFO STREAM k").elements[11] == .integer(expected), "\(added)")
      #expect(server.run("DEBUG RELOAD") == .ok)
      #expect(server.run("XLEN k") == 2)
    }
  }

  @Test func `what groups and consumers of a payload say is taken as it is or mended`() {
    let server = Self.makeServer()
    for number in Extremes.numbers {
      var stream = StreamPayload()
      let bits = UInt64(bitPattern: Int64(number))
      stream.read = bits
      stream.deliveryTime = Int64(number)
      stream.deliveryCount = bits
      stream.seen = Int64(number)
      stream.active = Int64(number)
      #expect(server.restore("k", "0", stream.sealed, "REPLACE") == .ok, "\(number)")
      for line in Extremes.questions { #expect(!server.run(line).isError, "\(number): \(line)") }
      check(server, "\(number)")
      server.run("XREADGROUP GROUP g c CLAIM 0 STREAMS k >")
      server.run("XCLAIM k g d 0 1-1")
      check(server, "\(number) claimed")
    }
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `extreme numbers come back from payloads, files and followers`(seed: UInt64) {
    let server = Self.makeServer()
    var extremes = Extremes(seed: seed)
    for step in 0..<60 {
      let line = extremes.command()
      server.run(line)
      if step % 20 == 19 { check(server, "seed \(seed), step \(step): \(line)") }
    }
  }

  @Test func `a follower that joins gets extreme numbers, too`() {
    let server = Self.makeServer()
    for (index, number) in Extremes.numbers.enumerated() {
      var stream = StreamPayload()
      stream.added = UInt64(bitPattern: Int64(number))
      stream.read = UInt64(bitPattern: Int64(number))
      stream.deliveryTime = Int64(number)
      stream.deliveryCount = UInt64(bitPattern: Int64(number))
      stream.seen = Int64(number)
      stream.active = Int64(number)
      #expect(server.restore("k\(index)", "0", stream.sealed) == .ok)
    }
    server.run("XNACK k0 g FATAL IDS 1 1-1")
    let follower = server.connect()
    follower.send(["SYNC"])
    server.settle(limit: 20)
    let bytes = follower.connection.receive()
    let end = (bytes.firstIndex(of: 10) ?? 0) + 1
    let count = Int(String(decoding: bytes[1..<max(1, end - 2)], as: UTF8.self)) ?? 0
    let second = TestServer(follows: false)
    second.disk.setContent(Array(bytes[end...].prefix(count)), of: "dump.rdb")
    second.server.loadAtStart {}
    second.settle()
    #expect(DatasetText.of(second.server.keyspace) == DatasetText.of(server.server.keyspace))
    #expect(second.run("DBSIZE") == .integer(Extremes.numbers.count))
  }

  @Test(arguments: ["allkeys-lru", "allkeys-lfu"])
  func `how long or often a key was used comes back from any number`(policy: String) {
    let server = Self.makeServer()
    server.run("CONFIG SET maxmemory-policy \(policy)")
    server.run("SET a 1")
    let payload = server.dump("a")
    for number in Extremes.numbers where number >= 0 {
      #expect(server.restore("b", "0", payload, "REPLACE IDLETIME \(number)") == .ok)
      let idle = server.run("OBJECT IDLETIME b")
      #expect(server.run("DEBUG RELOAD") == .ok)
      let again = server.run("OBJECT IDLETIME b").number ?? 0
      #expect(abs(again - (idle.number ?? 0)) <= 1, "\(number)")
      server.run("DEBUG OBJECT b")
    }
    for number in [0, 1, 254, 255] {
      #expect(server.restore("b", "0", payload, "REPLACE FREQ \(number)") == .ok)
      let frequency = server.run("OBJECT FREQ b")
      server.run("SAVE")
      #expect(server.run("DEBUG RELOAD") == .ok)
      #expect(server.run("OBJECT FREQ b") == frequency, "\(number)")
    }
  }

  @Test func `a file may say any deadline, idle time and frequency`() {
    func load(_ head: [UInt8]) -> TestServer {
      let server = TestServer(follows: false) { $0.activeExpireEnabled = false }
      let file = Array("REDIS0010".utf8) + head + [0, 1, 107, 1, 118, 0xff]
      let sum = CRC64.of(file.rawSpan)
      let tail = (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64(8 * $0)) }
      server.disk.setContent(file + tail, of: "dump.rdb")
      server.server.loadAtStart {}
      server.settle()
      return server
    }
    for number in Extremes.numbers {
      let server = load([0xfc] + PackedBytes.little(number, 8))
      let now = server.milliseconds
      #expect(server.run("PEXPIRETIME k") == .integer(number > now ? number : -2), "\(number)")
      for line in ["PTTL k", "TTL k", "INFO keyspace", "SAVE", "RANDOMKEY"] { server.run(line) }
      let small = load([0xfd] + PackedBytes.little(number, 4))
      #expect(!small.run("INFO keyspace").isError, "\(number)")
      let length = (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
      let idle = load([0xf8, 0x81] + length)
      #expect(!idle.run("INFO everything").isError, "\(number)")
    }
  }

  /// Sends everything through DUMP and RESTORE, SAVE and a second server, and DEBUG RELOAD.
  private func check(_ server: TestServer, _ what: String) {
    for line in Extremes.questions { server.run(line) }
    let before = DatasetText.of(server.server.keyspace)
    let database = server.server.keyspace.databases[0]
    var names: [String] = []
    database.contents.table.forEach { names.append($0.key.text) }
    for name in names.sorted() where name != "copy" {
      let payload = server.dump(name)
      let deadline = server.run("PEXPIRETIME \(name)").number ?? 0
      let reply = server.restore("copy", "\(max(0, deadline))", payload, "ABSTTL REPLACE")
      #expect(reply == .ok, "\(what): \(name)")
      let digests = server.run("DEBUG DIGEST-VALUE \(name) copy").elements
      #expect(digests.first == digests.last, "\(what): \(name)")
      #expect(text("copy", server) == text(name, server), "\(what): \(name)")
    }
    server.run("DEL copy")
    #expect(server.run("SAVE") == .ok, "\(what)")
    let second = TestServer(follows: false) { $0.activeExpireEnabled = false }
    second.disk.setContent(server.disk.content(of: "dump.rdb") ?? [], of: "dump.rdb")
    second.server.loadAtStart {}
    second.settle()
    #expect(DatasetText.of(second.server.keyspace) == before, "\(what)")
    #expect(server.run("DEBUG RELOAD") == .ok, "\(what)")
    #expect(DatasetText.of(server.server.keyspace) == before, "\(what)")
    for line in Extremes.questions { server.run(line) }
    #expect(server.run("PING") == .status("PONG"), "\(what)")
  }

  private func text(_ name: String, _ server: TestServer) -> String {
    let database = server.server.keyspace.databases[0]
    guard let entry = database.find(Key(Array(name.utf8).rawSpan, seed: database.seed)) else {
      return ""
    }
    return entry.header.type == .stream ? StreamText.of(StreamValue(entry).stream) : ""
  }
}

/// A stream `k` with one entry 1-1 and a group `g`, whose consumer `c` has it pending.
struct StreamPayload {
  var added: UInt64 = 1
  var read: UInt64 = 1
  var lastMilliseconds: UInt64 = 1
  var deliveryTime: Int64 = 1
  var deliveryCount: UInt64 = 1
  var seen: Int64 = 1
  var active: Int64 = 1

  private func length(_ value: UInt64) -> [UInt8] {
    [0x81] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }

  private func little(_ value: Int64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> Int64(8 * $0)) }
  }

  static let firstID: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]

  /// The payload in the form of Redis 7.2.
  var sealed: [UInt8] {
    let listpack: [UInt8] = [
      29, 0, 0, 0, 10, 0, 1, 1, 0, 1, 1, 1, 0x81, 102, 2, 0, 1, 2, 1, 0, 1, 0, 1, 0x81, 118, 2, 4,
      1, 0xff,
    ]
    var body: [UInt8] = [21, 1, 16] + Self.firstID + [29] + listpack
    body += [1] + length(lastMilliseconds) + [1] + [1, 1] + [0, 0] + length(added)
    body += [1, 1, 103] + [1, 1] + length(read)
    body += [1] + Self.firstID + little(deliveryTime) + length(deliveryCount)
    body += [1, 1, 99] + little(seen) + little(active) + [1] + Self.firstID
    return RestoreTests.sealed(body, version: 11)
  }
}

/// Commands with numbers from the ends of their ranges.
struct Extremes {
  static let numbers = [
    0, 1, -1, 127, 128, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 46) + 1, (1 << 48) - 1, 1 << 48,
    1 << 53, .max - 1, .max, .min, .min + 1,
  ]

  /// Commands that print what is stored.
  static let questions = [
    "XINFO STREAM k", "XINFO STREAM k FULL", "XINFO GROUPS k", "XINFO CONSUMERS k g",
    "XPENDING k g", "XPENDING k g - + 10", "XPENDING k g IDLE 9223372036854775807 - + 10",
    "MEMORY USAGE k", "OBJECT ENCODING k", "DEBUG OBJECT k", "DEBUG DIGEST", "INFO everything",
    "MEMORY STATS", "MEMORY DOCTOR", "TTL s", "PTTL h", "EXPIRETIME z", "PEXPIRETIME k",
    "HPTTL h FIELDS 2 0 1", "HEXPIRETIME h FIELDS 2 0 1", "PFCOUNT hll", "ZRANGE z 0 -1 WITHSCORES",
    "RANDOMKEY",
  ]

  private var random: RandomGenerator

  init(seed: UInt64) { random = RandomGenerator(seed: seed) }

  private mutating func number() -> Int {
    Extremes.numbers[random.next(below: Extremes.numbers.count)]
  }

  private mutating func id() -> String {
    let parts = [0, 1, 2, 5, 1 << 40, .max, .max - 1].map { UInt64($0) } + [UInt64.max, .max - 1]
    return "\(parts[random.next(below: parts.count)])-\(parts[random.next(below: parts.count)])"
  }

  private mutating func score() -> String {
    let scores = [
      "inf", "-inf", "1.7976931348623157e308", "-1.7976931348623157e308", "5e-324", "-0.0", "0.1",
      "9007199254740993", "-9223372036854775808", "1e100",
    ]
    return scores[random.next(below: scores.count)]
  }

  mutating func command() -> String {
    switch random.next(below: 30) {
    case 0, 1: "XADD k \(id()) a b"
    case 2: "XADD k * a b"
    case 3, 4: "XSETID k \(id()) ENTRIESADDED \(number()) MAXDELETEDID \(id())"
    case 5: "XGROUP CREATE k g \(id()) MKSTREAM ENTRIESREAD \(number())"
    case 6: "XGROUP SETID k g \(id()) ENTRIESREAD \(number())"
    case 7, 8: "XREADGROUP GROUP g c COUNT 2 STREAMS k >"
    case 9: "XREADGROUP GROUP g d CLAIM 0 STREAMS k >"
    case 10: "XREADGROUP GROUP g c STREAMS k 0"
    case 11: "XCLAIM k g c 0 \(id()) TIME \(number()) RETRYCOUNT \(number()) FORCE"
    case 12: "XCLAIM k g d 0 \(id()) \(id()) IDLE \(number()) FORCE JUSTID LASTID \(id())"
    case 13: "XAUTOCLAIM k g d 0 0"
    case 14: "XNACK k g FAIL IDS 1 \(id()) RETRYCOUNT \(number()) FORCE"
    case 15: "XNACK k g FATAL IDS 2 \(id()) \(id()) FORCE"
    case 16: "XDEL k \(id())"
    case 17: "XTRIM k MINID \(id())"
    case 18: "XADD k IDMP p \(random.next(below: 5)) * a b"
    case 19: "XCFGSET k IDMP-MAXSIZE \(1 + random.next(below: 3))"
    case 20: "PEXPIREAT \(["k", "s", "h", "z"][random.next(below: 4)]) \(number())"
    case 21: "EXPIRE \(["k", "s", "h", "z"][random.next(below: 4)]) \(number())"
    case 22: "SET s \(number())"
    case 23: "INCRBY s \(number())"
    case 24: "HSET h \(random.next(below: 4)) \(number())"
    case 25: "HPEXPIREAT h \(number()) FIELDS 1 \(random.next(below: 4))"
    case 26: "HINCRBY h \(random.next(below: 4)) \(number())"
    case 27: "ZADD z \(score()) \(random.next(below: 6))"
    case 28: "PFADD hll \(number()) \(number())"
    default: "SADD set \(number()) \(number())"
    }
  }
}
