// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Both forms of a hash: packed, and a table from the first field on.
private let limits = [512, 0]

@Suite struct FieldExpirationTests {
  @Test(arguments: limits)
  func `due fields are removed and announced without anybody asking`(_ limit: Int) {
    let server = TestServer { $0.hashMaxListpackEntries = limit }
    server.run("HSET h a 1 b 2 c 3")
    server.run("HPEXPIRE h 10 FIELDS 2 a b")
    let events = server.recordEvents()
    let stream = server.stream {
      server.advance(milliseconds: 10)
      #expect(events.take() == [])
      server.advance(milliseconds: 1)
    }
    #expect(events.take() == ["0 hexpired h"])
    #expect(stream.map { $0.split(separator: " ").sorted() } == [["HDEL", "a", "b", "h"]])
    #expect(server.run("HGETALL h") == ["c", "3"])
    #expect(server.server.keyspace.statistics.expiredFields == 2)
  }

  @Test(arguments: limits)
  func `a hash goes with its last field`(_ limit: Int) {
    let server = TestServer { $0.hashMaxListpackEntries = limit }
    server.run("HSET h a 1")
    server.run("HPEXPIRE h 10 FIELDS 1 a")
    #expect(server.run("INFO keyspace").text.contains("subexpiry=1"))
    let events = server.recordEvents()
    server.advance(milliseconds: 11)
    #expect(events.take() == ["0 hexpired h", "0 del h"])
    #expect(server.run("EXISTS h") == 0)
    #expect(server.run("INFO stats").text.contains("expired_subkeys:1"))
  }

  @Test(arguments: limits)
  func `a due field is invisible at once to every reader`(_ limit: Int) {
    let server = TestServer {
      $0.hashMaxListpackEntries = limit
      $0.activeExpireEnabled = false
    }
    server.run("HSET h a 1 b 2")
    server.run("HPEXPIRE h 10 FIELDS 1 a")
    server.advance(milliseconds: 11)
    #expect(server.run("HGET h a") == nil)
    #expect(server.run("HMGET h a b") == [nil, "2"])
    #expect(server.run("HLEN h") == 1)
    #expect(server.run("HEXISTS h a") == 0)
    #expect(server.run("HSTRLEN h a") == 0)
    #expect(server.run("HKEYS h") == ["b"])
    #expect(server.run("HVALS h") == ["2"])
    #expect(server.run("HRANDFIELD h 5") == ["b"])
    #expect(server.run("HRANDFIELD h") == "b")
    #expect(server.run("HSCAN h 0") == ["0", ["b", "2"]])
    #expect(server.run("HPTTL h FIELDS 2 a b") == [-2, -1])
    #expect(server.run("HSETEX h FXX FIELDS 2 a 1 b 2") == 0)
  }

  @Test(arguments: limits)
  func `a write that meets a due field first removes it`(_ limit: Int) {
    let server = TestServer {
      $0.hashMaxListpackEntries = limit
      $0.activeExpireEnabled = false
    }
    server.run("HSET h a 5")
    server.run("EXPIRE h 1000")
    server.run("HPEXPIRE h 10 FIELDS 1 a")
    server.advance(milliseconds: 11)
    let events = server.recordEvents()
    let stream = server.stream { #expect(server.run("HINCRBY h a 3") == 3) }
    #expect(
      events.take().filter { !$0.contains("new") } == ["0 hexpired h", "0 del h", "0 hincrby h"])
    #expect(stream == ["MULTI", "HDEL h a", "HINCRBY h a 3", "EXEC"])
    // The hash had lost its last field, so this is another one.
    #expect(server.run("TTL h") == -1)
  }

  @Test func `a follower hides due fields and waits for its leader`() {
    let server = TestServer()
    server.run("HSET h a 1 b 2")
    server.run("HPEXPIRE h 10 FIELDS 1 a")
    server.server.moment.expiryMode = .hide
    server.advance(milliseconds: 50)
    #expect(server.run("HGETALL h") == ["b", "2"])
    #expect(HashValue(server.entry("h")).count == 2)
    server.server.moment.expiryMode = .ignore
    #expect(server.run("HGET h a") == "1")
    server.server.moment.expiryMode = .remove
    server.advance(milliseconds: 1)
    #expect(HashValue(server.entry("h")).count == 1)
  }

  @Test(arguments: limits)
  func `many fields due at once go in slices, and nothing else waits`(_ limit: Int) {
    let server = TestServer(follows: false) { $0.hashMaxListpackEntries = limit }
    for start in stride(from: 0, to: 400, by: 20) {
      let names = (start..<start + 20).map { "f\($0)" }
      server.run(["HSET", "h"] + names.flatMap { [$0, "v"] })
      server.run(["HPEXPIRE", "h", "100", "FIELDS", "20"] + names)
    }
    server.run("HSET h stays v")
    let stream = server.stream {
      server.advance(milliseconds: 101)
      for _ in 0..<1000 where server.server.upkeep.expiration.hasBacklog { server.turn() }
    }
    #expect(server.run("HLEN h") == 1)
    #expect(stream.count == 7)
    #expect(server.server.keyspace.statistics.expiredFields == 400)
  }

  @Test(arguments: limits)
  func `deadlines reach followers as points in time`(_ limit: Int) {
    let server = TestServer { $0.hashMaxListpackEntries = limit }
    server.run("HSET h a 1 b 2 c 3")
    let now = server.now
    #expect(
      server.stream { server.run("HEXPIRE h 10 FIELDS 2 a x") }
        == ["HPEXPIREAT h \(now + 10_000) FIELDS 1 a"])
    #expect(server.stream { server.run("HPEXPIRE h 10 GT FIELDS 1 a") } == [])
    #expect(server.stream { server.run("HPERSIST h FIELDS 2 a b") } == ["HPERSIST h FIELDS 1 a"])
    #expect(
      server.stream { server.run("HGETEX h PX 30 FIELDS 2 a x") }
        == ["HPEXPIREAT h \(now + 30) FIELDS 1 a"])
    #expect(server.stream { server.run("HGETEX h FIELDS 1 a") } == [])
    #expect(
      server.stream { server.run("HGETEX h PERSIST FIELDS 2 a b") }
        == ["HPERSIST h FIELDS 1 a"])
    #expect(
      server.stream { server.run("HSETEX h PX 20 FIELDS 1 b 5") }
        == ["MULTI", "HSET h b 5", "HPEXPIREAT h \(now + 20) FIELDS 1 b", "EXEC"])
    #expect(
      server.stream { server.run("HSETEX h KEEPTTL FIELDS 1 b 6") }
        == ["HSETEX h KEEPTTL FIELDS 1 b 6"])
    #expect(
      server.stream { server.run("HINCRBYFLOAT h b 0.5") }
        == ["MULTI", "HSET h b 6.5", "HPEXPIREAT h \(now + 20) FIELDS 1 b", "EXEC"])
    #expect(server.stream { server.run("HINCRBYFLOAT h c 0.5") } == ["HSET h c 3.5"])
    #expect(server.stream { server.run("HPEXPIREAT h 1 FIELDS 2 b x") } == ["HDEL h b"])
    #expect(server.stream { server.run("HGETDEL h FIELDS 2 a x") } == ["HDEL h a"])
    #expect(server.stream { server.run("HSETEX h PXAT 1 FIELDS 2 c 1 y 2") } == ["HDEL h c"])
    #expect(server.run("EXISTS h") == 0)
  }

  @Test(arguments: limits)
  func `setting a field takes its deadline away, adding to it doesn't`(_ limit: Int) {
    let server = TestServer { $0.hashMaxListpackEntries = limit }
    server.run("HSET h a 1 b 2")
    server.run("HEXPIRE h 100 FIELDS 2 a b")
    server.run("HSET h a 3")
    server.run("HINCRBY h b 3")
    #expect(server.run("HTTL h FIELDS 3 a b c") == [-1, 100, -2])
    server.run("HINCRBYFLOAT h b 1.5")
    #expect(server.run("HTTL h FIELDS 1 b") == [100])
    #expect(server.run("OBJECT ENCODING h") == (limit == 0 ? "hashtable" : "listpackex"))
  }

  @Test func `packed fields stay in the order of their deadlines through every change of form`() {
    let server = TestServer { $0.hashMaxListpackEntries = 5 }
    server.run("HSET h a 1 b 2 c 3 d 4")
    server.run("HPEXPIRE h 300 FIELDS 1 a")
    server.run("HPEXPIRE h 100 FIELDS 1 b")
    server.run("HPEXPIRE h 200 FIELDS 1 c")
    #expect(server.run("HKEYS h") == ["b", "c", "a", "d"])
    server.run("HSET h e 5 f 6")
    #expect(server.run("OBJECT ENCODING h") == "hashtable")
    #expect(server.run("HPTTL h FIELDS 4 a b c d") == [300, 100, 200, -1])
    server.advance(milliseconds: 101)
    #expect(server.run("HEXISTS h b") == 0)
    server.advance(milliseconds: 100)
    #expect(server.run("HLEN h") == 4)
  }

  @Test func `FLUSHALL and overwriting forget fields that were to expire`() {
    let server = TestServer { $0.hashMaxListpackEntries = 1 }
    for line in ["HSET a f 1", "HSET b f 1 g 2"] { server.run(line) }
    for key in ["a", "b"] { server.run("HPEXPIRE \(key) 50 FIELDS 1 f") }
    #expect(server.server.keyspace.databases[0].fieldExpiringCount == 2)
    server.run("SET a string")
    server.run("PEXPIRE b 20")
    server.advance(milliseconds: 30)
    #expect(server.server.keyspace.databases[0].fieldExpiringCount == 0)
    server.run("HSET b f 1 g 2")
    server.run("HPEXPIRE b 50 FIELDS 1 f")
    server.run("FLUSHALL")
    #expect(server.server.keyspace.databases[0].fieldExpiringCount == 0)
    server.advance(milliseconds: 100)
    #expect(server.server.keyspace.statistics.expiredFields == 0)
  }

  @Test func `wrong requests are refused with the texts that clients know`() {
    let server = TestServer()
    server.run("HSET h a 1")
    server.run("SET s 1")
    let mismatch = "ERR The `numfields` parameter must match the number of arguments"
    let misplaced = "ERR Mandatory argument FIELDS is missing or not at the right position"
    let errors = [
      "HEXPIRE h x FIELDS 1 a": "ERR value is not an integer or out of range",
      "HEXPIRE h -1 FIELDS 1 a": "ERR invalid expire time, must be >= 0",
      "HEXPIRE h 9223372036854775807 FIELDS 1 a":
        "ERR invalid expire time in 'hexpire' command",
      "HPEXPIREAT h 70368744177664 FIELDS 1 a":
        "ERR invalid expire time in 'hpexpireat' command",
      "HEXPIRE h 1 FIELDS 2 a": mismatch,
      "HEXPIRE h 1 FIELDS 1 a b": mismatch,
      "HEXPIRE h 1 FIELDS 0 a": "ERR Parameter `numFields` should be greater than 0",
      "HEXPIRE h 1 NX XX FIELDS 1 a": misplaced,
      "HTTL h FIELDS 0 a": "ERR Number of fields must be a positive integer",
      "HTTL h FIELD 1 a": misplaced,
      "HPERSIST h FIELDS 3 a": mismatch,
      "HGETDEL h FIELDS 2 a": mismatch,
      "HGETEX h EX 1 PX 1 FIELDS 1 a":
        "ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified",
      "HSETEX h FNX FXX FIELDS 1 a 1": "ERR Only one of FXX or FNX arguments can be specified",
      "HSETEX h EX 1 KEEPTTL FIELDS 1 a 1":
        "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
      "HSETEX h FIELDS 2 a 1": "ERR wrong number of arguments for 'hsetex' command",
      "HGETEX h NX FIELDS 1 a": "ERR unknown argument: NX",
      "HEXPIRE s 1 FIELDS 1 a": CommandError.wrongType.text.description,
      "HTTL s FIELDS 1 a": CommandError.wrongType.text.description,
      "HGETEX s FIELDS 1 a": CommandError.wrongType.text.description,
      "HSETEX s FIELDS 1 a 1": CommandError.wrongType.text.description,
    ]
    for (line, text) in errors.sorted(by: { $0.key < $1.key }) {
      #expect(server.run(line) == .error(text), "\(line)")
    }
    #expect(server.run("HTTL missing FIELDS 2 a b") == [-2, -2])
    #expect(server.run("HEXPIRE missing 1 FIELDS 2 a b") == [-2, -2])
    #expect(server.run("HGETEX missing EX 1 FIELDS 1 a") == [nil])
  }
}

extension TestServer {
  /// The entry of a key in the first database, which must exist.
  func entry(_ key: String) -> Entry {
    let bytes = Array(key.utf8)
    let database = server.keyspace.databases[0]
    guard let entry = database.find(Key(bytes.rawSpan, seed: database.seed)) else {
      fatalError("there is no key \(key)")
    }
    return entry
  }

  @Test func `deadlines are given and told in seconds, too`() {
    let server = TestServer()
    server.run("HSET h a 1 b 2")
    #expect(server.run("HEXPIREAT h 9999999999 FIELDS 2 a x") == [1, -2])
    #expect(server.run("HEXPIRETIME h FIELDS 3 a b x") == [9_999_999_999, -1, -2])
    #expect(server.run("HPEXPIRETIME h FIELDS 1 a") == [9_999_999_999_000])
  }
}
