// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct StreamsTests {
  @Test func `XADD sends the id that it chose and an exact trim`() {
    let server = TestServer { $0.streamNodeMaxEntries = 2 }
    let witness = StringsWitness(server)
    let now = server.milliseconds
    #expect(server.run("XADD s * a 1") == .bulk("\(now)-0"))
    #expect(server.run("XADD s * a 2") == .bulk("\(now)-1"))
    server.run("XADD s \(now + 1)-* a 3")
    server.run("XADD s \(now + 1)-7 a 4")
    server.run("XADD s MAXLEN ~ 3 \(now + 2)-0 a 5")
    server.run("XADD s MAXLEN ~ 10 \(now + 3)-0 a 6")
    server.run("XADD s MAXLEN = 2 \(now + 4)-0 a 7")
    server.run("XADD s NOMKSTREAM MINID ~ \(now + 4) \(now + 5) a 8")
    #expect(
      witness.stream() == [
        "XADD s \(now)-0 a 1", "XADD s \(now)-1 a 2", "XADD s \(now + 1)-0 a 3",
        "XADD s \(now + 1)-7 a 4", "XADD s MAXLEN = 3 \(now + 2)-0 a 5",
        "XADD s \(now + 3)-0 a 6", "XADD s MAXLEN = 2 \(now + 4)-0 a 7",
        "XADD s MINID = \(now + 4)-0 \(now + 5)-0 a 8",
      ])
    #expect(witness.events().suffix(5) == ["xadd s", "xadd s", "xtrim s", "xadd s", "xtrim s"])
  }

  @Test func `ids go on when the clock goes back`() {
    let server = TestServer()
    let far = server.milliseconds + 100_000
    server.run("XADD s \(far)-5 a b")
    #expect(server.run("XADD s * a b") == .bulk("\(far)-6"))
  }

  @Test func `a stream of many blocks is trimmed and read like a short one`() {
    let server = TestServer { $0.streamNodeMaxEntries = 10 }
    for index in 1...200 { server.run("XADD s \(index) n \(index)") }
    #expect(server.run("XLEN s") == 200)
    #expect(server.run("XTRIM s MAXLEN ~ 55") == 140)
    #expect(server.run("XTRIM s MINID ~ 166 LIMIT 3") == 0)
    #expect(server.run("XTRIM s MINID = 166") == 25)
    #expect(server.run("XRANGE s - + COUNT 1") == [["166-0", ["n", "166"]]])
    #expect(server.run("XREVRANGE s + - COUNT 1") == [["200-0", ["n", "200"]]])
    #expect(server.run("XREAD COUNT 1 STREAMS s +") == [["s", [["200-0", ["n", "200"]]]]])
    server.run("XDEL s 200")
    #expect(server.run("XREAD STREAMS s +") == [["s", [["199-0", ["n", "199"]]]]])
    #expect(server.run("XTRIM s MAXLEN 0") == 34)
    #expect(server.run("EXISTS s") == 1)
    #expect(server.run("XADD s 200 a b").isError)
  }

  @Test func `XREADGROUP tells followers what is pending and how far the group is`() {
    let server = TestServer()
    server.run("XADD s 1 a 1")
    server.run("XADD s 2 a 2")
    server.run("XGROUP CREATE s g 0")
    let witness = StringsWitness(server)
    let now = server.milliseconds
    server.run("XREADGROUP GROUP g c COUNT 1 STREAMS s >")
    #expect(
      witness.stream() == [
        "MULTI", "XGROUP CREATECONSUMER s g c",
        "XCLAIM s g c 0 1-0 TIME \(now) RETRYCOUNT 1 FORCE JUSTID LASTID 1-0",
        "XGROUP SETID s g 1-0 ENTRIESREAD 1", "EXEC",
      ])
    server.run("XREADGROUP GROUP g c NOACK STREAMS s >")
    #expect(witness.stream() == ["XGROUP SETID s g 2-0 ENTRIESREAD 2"])
    server.run("XREADGROUP GROUP g d NOACK STREAMS s >")
    #expect(witness.stream() == ["XGROUP CREATECONSUMER s g d"])
    server.advance(milliseconds: 5)
    server.run("XAUTOCLAIM s g d 1 0")
    #expect(
      witness.stream() == [
        "XCLAIM s g d 0 1-0 TIME \(now + 5) RETRYCOUNT 2 FORCE JUSTID LASTID 2-0"
      ])
    #expect(server.run("XREADGROUP GROUP g d STREAMS s >") == .nullArray)
    #expect(witness.stream() == [])
  }

  @Test func `CLAIM takes over what others have left, before what is new`() {
    let server = TestServer()
    server.run("XADD s 1 a 1")
    server.run("XADD s 2 a 2")
    server.run("XGROUP CREATE s g 0")
    server.run("XREADGROUP GROUP g c COUNT 1 STREAMS s >")
    server.advance(milliseconds: 100)
    let read = "XREADGROUP GROUP g d CLAIM"
    #expect(
      server.run("\(read) 1000 COUNT 5 STREAMS s >") == [["s", [["2-0", ["a", "2"], 0, 0]]]])
    #expect(
      server.run("\(read) 50 STREAMS s >") == [["s", [["1-0", ["a", "1"], 100, 1]]]])
    #expect(server.run("XPENDING s g - + 5 d").elements.count == 2)
    #expect(server.run("XPENDING s g - + 5 d").elements[0] == ["1-0", "d", 0, 2])
    #expect(server.run("\(read) 50 STREAMS s >") == .nullArray)
    #expect(server.run("\(read) -1 STREAMS s >").isError)
    #expect(server.run("\(read) x STREAMS s >").isError)
  }

  @Test func `XDELEX and XACKDEL say what becomes of references`() {
    let server = TestServer()
    for index in 1...6 { server.run("XADD s \(index) a b") }
    for group in ["g", "h"] { server.run("XGROUP CREATE s \(group) 0") }
    server.run("XREADGROUP GROUP g c STREAMS s >")
    #expect(server.run("XDELEX s ACKED IDS 2 1 9") == [2, -1])
    server.run("XREADGROUP GROUP h c STREAMS s >")
    #expect(server.run("XDELEX s IDS 1 1") == [1])
    #expect(server.run("XPENDING s g").elements[0] == 6)
    let witness = StringsWitness(server)
    #expect(server.run("XDELEX s DELREF IDS 2 2 3") == [1, 1])
    #expect(
      witness.stream() == [
        "MULTI", "XDEL s 2-0 3-0", "XACK s g 2-0 3-0", "XACK s h 2-0 3-0",
        "EXEC",
      ])
    #expect(server.run("XACKDEL s g ACKED IDS 2 4 9") == [2, -1])
    #expect(server.run("XACKDEL s h ACKED IDS 1 4") == [1])
    #expect(server.run("XACKDEL s g DELREF IDS 1 5") == [1])
    #expect(server.run("XPENDING s h").elements[0] == 2)
    #expect(server.run("XLEN s") == 1)
    #expect(server.run("XDELEX none IDS 2 1 2") == [-1, -1])
    #expect(server.run("XACKDEL s none IDS 1 1") == [-1])
    let mismatch = Reply.error("ERR The `numids` parameter must match the number of arguments")
    #expect(server.run("XDELEX s IDS 2 1") == mismatch)
    #expect(
      server.run("XDELEX s IDS 0 1") == .error("ERR Number of IDs must be a positive integer"))
    #expect(server.run("XDELEX s IDS 1 1 2") == .error("ERR syntax error"))
    #expect(server.run("XDELEX s FOO IDS 1 1") == .error("ERR syntax error"))
  }

  @Test func `trimming takes references along, or spares what is referenced`() {
    let server = TestServer()
    for index in 1...6 { server.run("XADD s \(index) a b") }
    server.run("XGROUP CREATE s g 0")
    server.run("XREADGROUP GROUP g c COUNT 4 STREAMS s >")
    server.run("XACK s g 2")
    #expect(server.run("XTRIM s MAXLEN = 3 ACKED") == 1)
    #expect(server.run("XLEN s") == 5)
    #expect(server.run("XTRIM s MINID = 4 DELREF") == 2)
    #expect(server.run("XPENDING s g").elements[0] == 1)
    #expect(server.run("XADD s DELREF MAXLEN 1 7 a b") == "7-0")
    #expect(server.run("XPENDING s g").elements[0] == 0)
    #expect(server.run("XADD s ACKED MAXLEN 0 8 a b") == "8-0")
    #expect(server.run("XLEN s") == 2)
  }

  @Test func `a waiting reader gets what is added after it began to wait`() {
    let server = TestServer()
    server.run("XADD s 1 a 1")
    let reader = server.connect()
    #expect(reader.run("XREAD BLOCK 0 STREAMS s none $ $") == .error("no reply"))
    server.run("XADD s 2 a 2")
    #expect(reader.next() == [["s", [["2-0", ["a", "2"]]]]])
    #expect(reader.run("XREAD BLOCK 50 STREAMS s $") == .error("no reply"))
    server.advance(milliseconds: 60)
    #expect(reader.next() == .nullArray)
  }

  @Test func `waiting members of a group are served in turn and learn that it is gone`() {
    let server = TestServer()
    server.run("XGROUP CREATE s g $ MKSTREAM")
    let readers = [server.connect(), server.connect(), server.connect()]
    for (index, reader) in readers.enumerated() {
      reader.post("XREADGROUP GROUP g c\(index) BLOCK 0 STREAMS s >")
      server.turn()
    }
    server.run("XADD s 1 a 1")
    #expect(readers[0].next() == [["s", [["1-0", ["a", "1"]]]]])
    #expect(readers[1].next() == nil)
    server.run("XADD s 2 a 2")
    #expect(readers[1].next() == [["s", [["2-0", ["a", "2"]]]]])
    server.run("XGROUP DESTROY s g")
    #expect(readers[2].next()?.text.hasPrefix("NOGROUP") == true)
    server.run("XGROUP CREATE s g $")
    readers[0].post("XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
    server.turn()
    server.run("DEL s")
    #expect(readers[0].next()?.text.hasPrefix("NOGROUP") == true)
  }

  @Test(arguments: [
    ("XREADGROUP GROUP g c COUNT 1 STREAMS s >", 2), ("XREADGROUP GROUP g c STREAMS s 0", 2),
    ("XACK s g 1", 1), ("XCLAIM s g d 0 2", 1), ("XAUTOCLAIM s g d 0 0", 1),
    ("XNACK s g FAIL IDS 1 2", 1), ("XPENDING s g", 1),
  ])
  func `what changes only what is pending counts as often as with Redis, as a reader`(
    line: String, count: Int
  ) {
    let server = TestServer()
    server.run("CONFIG SET maxmemory-policy allkeys-lfu")
    // Every access counts.
    server.run("CONFIG SET lfu-log-factor 0")
    for id in 1...5 { server.run("XADD s \(id) a b") }
    server.run("XGROUP CREATE s g 0")
    server.run("XREADGROUP GROUP g c COUNT 3 STREAMS s >")
    let accesses = server.run("OBJECT FREQ s").number ?? 0
    let hits = server.server.keyspace.statistics.hits
    server.run(line)
    #expect(server.server.keyspace.statistics.hits == hits + count)
    #expect(server.run("OBJECT FREQ s").number == accesses + count)
  }

  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func `followers agree after every command of a random run`(seed: UInt64) {
    let server = TestServer { $0.streamNodeMaxEntries = 4 }
    var random = RandomGenerator(seed: seed)
    for step in 1...250 {
      let key = "s\(random.next(below: 2))"
      let id = "\(random.next(below: step) + 1)"
      let group = "g\(random.next(below: 2))"
      let count = random.next(below: 6)
      let policy = ["", "KEEPREF", "DELREF", "ACKED"][random.next(below: 4)]
      let lines = [
        "XADD \(key) \(step) a \(step)", "XADD \(key) \(policy) MAXLEN ~ 9 \(step)-* a b",
        "XADD \(key) * n v", "XDEL \(key) \(id)", "XTRIM \(key) \(policy) MAXLEN \(count * 4)",
        "XTRIM \(key) MINID ~ \(id) \(policy)", "XGROUP CREATE \(key) \(group) 0 MKSTREAM",
        "XREADGROUP GROUP \(group) c\(count) COUNT \(count) STREAMS \(key) >",
        "XREADGROUP GROUP \(group) c\(count) COUNT 3 STREAMS \(key) 0",
        "XREADGROUP GROUP \(group) c CLAIM 5 COUNT \(count) STREAMS \(key) >",
        "XACK \(key) \(group) \(id)", "XCLAIM \(key) \(group) c\(count) 0 \(id) FORCE",
        "XAUTOCLAIM \(key) \(group) d 0 \(id) COUNT 3", "XGROUP SETID \(key) \(group) \(id)",
        "XGROUP DELCONSUMER \(key) \(group) c\(count)", "XSETID \(key) \(step + 1)-1",
        "XDELEX \(key) \(policy) IDS 1 \(id)", "XACKDEL \(key) \(group) \(policy) IDS 1 \(id)",
        "COPY \(key) copy REPLACE",
      ]
      server.run(lines[random.next(below: lines.count)])
      if step % 10 == 0 { server.advance(milliseconds: 3) }
    }
    for database in server.server.keyspace.databases {
      database.contents.table.forEach { entry in
        if entry.header.type == .stream { StreamValue(entry).stream.checkInvariants() }
      }
    }
  }
}
