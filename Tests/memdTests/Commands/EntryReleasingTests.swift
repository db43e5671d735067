// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// XNACK, and what other commands make of entries that were given back.
@Suite struct EntryReleasingTests {
  private let server = TestServer { $0.enableDebugCommand = .yes }

  private func deliver(_ count: Int) {
    for index in 1...count { server.run("XADD s \(index) a \(index)") }
    server.run("XGROUP CREATE s g 0")
    server.run("XREADGROUP GROUP g c STREAMS s >")
  }

  private func pending(_ range: String = "- +") -> [Reply] {
    server.run("XPENDING s g \(range) 10").elements
  }

  @Test func `an entry that is given back belongs to nobody and is never idle`() {
    deliver(3)
    server.advance(milliseconds: 5)
    #expect(server.run("XNACK s g FAIL IDS 2 1 3") == 2)
    #expect(
      pending() == [["1-0", "", -1, 1], ["2-0", "c", 5, 1], ["3-0", "", -1, 1]])
    #expect(server.run("XPENDING s g") == [3, "1-0", "3-0", [["c", "1"]]])
    #expect(server.run("XINFO CONSUMERS s g").elements.first?.elements[3] == 1)
    let group = server.run("XINFO STREAM s FULL").elements.last?.elements.first?.elements ?? []
    #expect(Array(group[8...11]) == ["pel-count", 3, "nacked-count", 2])
    #expect(group[13].elements.first == ["1-0", "", 0, 1])
    #expect(server.run("XREADGROUP GROUP g c STREAMS s 0") == [["s", [["2-0", ["a", "2"]]]]])
    #expect(server.run("XGROUP DELCONSUMER s g c") == 1)
    #expect(pending().count == 2)
    #expect(server.run("XACK s g 1 1") == 1)
    #expect(pending().count == 1)
  }

  @Test func `the mode says what becomes of the count of deliveries`() {
    deliver(4)
    server.run("XNACK s g SILENT IDS 1 1")
    server.run("XNACK s g silent IDS 1 1")
    server.run("XNACK s g FAIL IDS 1 2")
    server.run("XNACK s g FATAL IDS 1 3")
    server.run("XNACK s g FATAL RETRYCOUNT 7 IDS 1 4")
    #expect(pending().map { $0.elements[3] } == [0, 1, .integer(.max), 7])
    // The largest count stays.
    server.run("XCLAIM s g d 100000 3")
    #expect(pending("3 3") == [["3-0", "d", 0, .integer(.max)]])
    server.run("XNACK s g SILENT IDS 1 2")
    #expect(pending("2 2") == [["2-0", "", -1, 0]])
  }

  @Test func `FORCE makes entries pending that exist`() {
    for index in 1...3 { server.run("XADD s \(index) a b") }
    server.run("XGROUP CREATE s g 0")
    #expect(server.run("XNACK s g FAIL IDS 2 1 2") == 0)
    #expect(server.run("XNACK s g FAIL IDS 3 1 2 9 FORCE") == 2)
    #expect(server.run("XNACK s g FATAL FORCE IDS 1 3") == 1)
    #expect(
      pending() == [["1-0", "", -1, 0], ["2-0", "", -1, 0], ["3-0", "", -1, .integer(.max)]])
  }

  @Test func `whoever claims gets what was given back, whatever the minimal idle time`() {
    deliver(6)
    server.run("XNACK s g FAIL IDS 3 5 1 3")
    #expect(server.run("XCLAIM s g d 9223372036854775807 1 2 JUSTID") == ["1-0"])
    #expect(server.run("XAUTOCLAIM s g d 100000 0 JUSTID") == ["0-0", ["3-0", "5-0"], []])
    #expect(pending().allSatisfy { $0.elements[1] != "" })
  }

  @Test func `CLAIM serves what was given back first, in the order in which it was`() {
    deliver(4)
    server.advance(milliseconds: 10)
    server.run("XNACK s g FAIL IDS 2 4 2")
    server.run("XADD s 9 new 1")
    let reply = server.run("XREADGROUP GROUP g d COUNT 4 CLAIM 5 STREAMS s >")
    let entries = reply.elements.first?.elements.last?.elements ?? []
    #expect(entries.map { $0.elements[0] } == ["4-0", "2-0", "1-0", "3-0"])
    #expect(entries.map { $0.elements[3] } == [1, 1, 1, 1])
    server.run("XNACK s g FAIL IDS 1 2")
    let again = server.run("XREADGROUP GROUP g d CLAIM 0 STREAMS s >")
    let ids = again.elements.first?.elements.last?.elements.map { $0.elements[0] }
    #expect(ids == ["2-0", "1-0", "3-0", "4-0", "9-0"])
  }

  @Test func `a client that waits with CLAIM is served by XNACK`() {
    deliver(1)
    let waiting = server.connect()
    waiting.send(TestClient.words("XREADGROUP GROUP g d BLOCK 0 CLAIM 100000 STREAMS s >"))
    server.turn()
    #expect(waiting.next() == nil)
    server.run("XNACK s g FAIL IDS 1 1")
    #expect(waiting.next()?.elements.first?.elements[0] == "s")
    #expect(pending() == [["1-0", "d", 0, 2]])
  }

  @Test func `what was given back outlives its entry until somebody claims it`() {
    deliver(2)
    server.run("XNACK s g FAIL IDS 2 1 2")
    server.run("XDEL s 1 2")
    #expect(server.run("XREADGROUP GROUP g d CLAIM 0 STREAMS s >") == .nullArray)
    #expect(server.run("XAUTOCLAIM s g d 0 0 COUNT 1") == ["2-0", [], ["1-0"]])
    #expect(server.run("XCLAIM s g d 0 2") == [])
    #expect(pending() == [])
  }

  @Test func `followers and files keep what was given back and its order`() {
    deliver(5)
    let witness = StringsWitness(server)
    server.run("XNACK s g FAIL IDS 3 4 2 99")
    #expect(witness.stream() == ["XNACK s g FAIL IDS 2 4-0 2-0 RETRYCOUNT 1 FORCE"])
    server.run("XNACK s g SILENT IDS 1 2")
    server.run("XNACK s g FATAL IDS 1 1 RETRYCOUNT 3")
    #expect(witness.stream().last == "XNACK s g FAIL IDS 1 1-0 RETRYCOUNT 3 FORCE")
    let before = DatasetText.of(server.server.keyspace)
    #expect(before.first?.contains("released 4-0 released 2-0 released 1-0") == true)
    #expect(server.run("DEBUG RELOAD") == .ok)
    #expect(DatasetText.of(server.server.keyspace) == before)
    #expect((server.disk.content(of: "dump.rdb") ?? []).starts(with: Array("REDIS0014".utf8)))
    server.run("COPY s t")
    #expect(DatasetText.of(server.server.keyspace)[1].hasSuffix(String(before[0].dropFirst(3))))
    server.run("DEL t")
    // Without them the form is that of Redis 7.0 again.
    server.run("XACK s g 1 2 4")
    server.run("SAVE")
    #expect((server.disk.content(of: "dump.rdb") ?? []).starts(with: Array("REDIS0010".utf8)))
  }

  @Test func `XNACK says what is wrong with a request`() {
    deliver(2)
    for (line, text) in [
      ("XNACK s g MAYBE IDS 1 1", "ERR mode must be SILENT, FAIL, or FATAL"),
      ("XNACK s g FAIL IDS 0 1", "ERR numids must be a positive integer"),
      ("XNACK s g FAIL IDS x 1", "ERR numids must be a positive integer"),
      ("XNACK s g FAIL IDS 3 1 2", "ERR number of IDs doesn't match numids"),
      ("XNACK s g FAIL IDS 1 1 RETRYCOUNT -1", "ERR Invalid RETRYCOUNT value, must be >= 0"),
      (
        "XNACK s g FAIL IDS 1 1 RETRYCOUNT x", "ERR value is not an integer or out of range"
      ),
      ("XNACK s g FAIL IDS 1 1 RETRYCOUNT", "ERR syntax error"),
      ("XNACK s g FAIL IDS 1 1 2", "ERR syntax error"),
      ("XNACK s g FAIL FORCE FORCE FORCE", "ERR syntax error"),
      ("XNACK s g FAIL IDS 2 1 x", "ERR Invalid stream ID specified as stream command argument"),
      ("XNACK s n FAIL IDS 1 1", "NOGROUP No such key 's' or consumer group 'n'"),
      ("XNACK n g FAIL IDS 1 1", "NOGROUP No such key 'n' or consumer group 'g'"),
      ("XNACK s g FAIL", "ERR wrong number of arguments for 'xnack' command"),
    ] {
      #expect(server.run(line) == .error(text), "\(line)")
    }
    #expect(pending().allSatisfy { $0.elements[1] == "c" })
    server.run("SET t 1")
    #expect(server.run("XNACK t g FAIL IDS 1 1").text.hasPrefix("WRONGTYPE"))
  }

  @Test func `followers learn the last id of XCLAIM when it meets a released entry that is gone`() {
    let server = TestServer()
    for line in [
      "XADD s 1-0 a b", "XGROUP CREATE s g 0", "XREADGROUP GROUP g c STREAMS s >",
      "XNACK s g FAIL IDS 1 1-0", "XDEL s 1-0", "XCLAIM s g c 0 1-0 LASTID 9-0",
    ] { #expect(!server.run(line).isError, "\(line)") }
    // The follower has compared its groups.
    let sent = server.stream { server.run("XCLAIM s g c 0 1-0 LASTID 10-0") }
    #expect(sent.last?.contains("10-0") == true)
  }
}
