// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// XADD with IDMP and IDMPAUTO, and XCFGSET.
@Suite struct StreamProducersTests {
  private let server = TestServer { $0.enableDebugCommand = .yes }

  /// XINFO's figures of producers: duration, limit, producers, ids, added, duplicates.
  private func figures(_ key: String = "s") -> [Int] {
    let elements = server.run("XINFO STREAM \(key)").elements
    return stride(from: 15, through: 25, by: 2).map { elements[$0].number ?? -1 }
  }

  @Test func `an entry that is sent again is not added again`() {
    let first = server.run("XADD s IDMP p payment * amount 100")
    #expect(server.run("XADD s IDMP p payment * amount 200") == first)
    #expect(server.run("XADD s IDMP q payment * amount 100") != first)
    #expect(server.run("XADD s IDMP p other * amount 100") != first)
    #expect(server.run("XLEN s") == 3)
    #expect(server.run("XRANGE s - + COUNT 1").elements[0].elements[1] == ["amount", "100"])
    #expect(figures() == [100, 100, 2, 3, 3, 1])
    // The id is known for as long as it is remembered, also when the entry is gone.
    server.run("XDEL s \(first.text)")
    #expect(server.run("XADD s IDMP p payment * amount 1") == first)
  }

  @Test func `any bytes name an entry`() {
    for name in [
      "*", "-", "1-1", "IDMP", "MAXLEN", "hello world", String(repeating: "x", count: 9999),
    ] {
      let id = server.run(["XADD", "s", "IDMP", "p", name, "*", "a", "b"])
      #expect(!id.isError)
      #expect(server.run(["XADD", "s", "IDMP", "p", name, "*", "c", "d"]) == id)
    }
    #expect(server.run("XLEN s") == 7)
  }

  @Test func `IDMPAUTO knows an entry by its fields, in whatever order they are`() {
    let first = server.run("XADD s IDMPAUTO p * a 1 b 2 c 3")
    #expect(server.run("XADD s IDMPAUTO p * c 3 a 1 b 2") == first)
    for other in ["a 1 b 2", "a 2 b 1 c 3", "a1 \"\" b 2 c 3", "a 1 b 2 c 3 c 3", "1 a 2 b c 3"] {
      #expect(server.run("XADD s IDMPAUTO p * \(other)") != first, "\(other)")
    }
    #expect(server.run("XADD s IDMPAUTO q * a 1 b 2 c 3") != first)
    #expect(server.run("XLEN s") == 7)
  }

  @Test func `options stand in any order, and nothing else happens with a known name`() {
    for line in ["IDMP p 1 MAXLEN ~ 100", "MAXLEN ~ 100 IDMP p 2", "NOMKSTREAM IDMPAUTO p KEEPREF"]
    {
      #expect(!server.run("XADD s \(line) * a b").isError, "\(line)")
    }
    #expect(server.run("XLEN s") == 3)
    server.run("XADD s IDMP p 1 MAXLEN = 1 * a b")
    #expect(server.run("XLEN s") == 3)
    #expect(server.run("XADD none NOMKSTREAM IDMP p 1 * a b") == nil)
    #expect(server.run("EXISTS none") == 0)
  }

  @Test func `a name is forgotten when its time is over`() {
    let first = server.run("XADD s IDMP p 1 * a b")
    server.run("XCFGSET s IDMP-DURATION 2")
    #expect(figures() == [2, 100, 0, 0, 1, 0])
    let second = server.run("XADD s IDMP p 1 * a b")
    #expect(second != first)
    server.run("XADD s IDMP q 1 * a b")
    server.advance(milliseconds: 1999)
    #expect(server.run("XADD s IDMP p 1 * a b") == second)
    #expect(figures()[2...3] == [2, 2])
    server.advance(milliseconds: 1)
    #expect(figures()[2...3] == [0, 0])
    #expect(server.run("XADD s IDMP p 1 * a b") != second)
    #expect(figures()[2...3] == [1, 1])
  }

  @Test func `every producer has room for so many names`() {
    server.run("XADD s IDMP p 0 * a b")
    server.run("XCFGSET s IDMP-MAXSIZE 3")
    let ids = (1...4).map { server.run("XADD s IDMP p \($0) * a b") }
    server.run("XADD s IDMP q 1 * a b")
    #expect(figures() == [100, 3, 2, 4, 6, 0])
    #expect(server.run("XADD s IDMP p 4 * a b") == ids[3])
    #expect(server.run("XADD s IDMP p 2 * a b") == ids[1])
    #expect(server.run("XADD s IDMP p 1 * a b") != ids[0])
  }

  @Test func `XCFGSET forgets names only if it changes something`() {
    let first = server.run("XADD s IDMP p 1 * a b")
    #expect(server.run("XCFGSET s IDMP-DURATION 100 IDMP-MAXSIZE 100") == .ok)
    #expect(server.run("XADD s IDMP p 1 * a b") == first)
    #expect(server.run("XCFGSET s idmp-maxsize 99") == .ok)
    #expect(server.run("XADD s IDMP p 1 * a b") != first)
    #expect(figures() == [100, 99, 1, 1, 2, 1])
  }

  @Test func `requests that make no sense are refused`() {
    server.run("XADD s 1-1 a b")
    for (line, text) in [
      ("XADD s IDMP p 1 1-1 a b", "ERR IDMP/IDMPAUTO can be used only with auto-generated IDs"),
      ("XADD s IDMPAUTO p 5-* a b", "ERR IDMP/IDMPAUTO can be used only with auto-generated IDs"),
      ("XADD s IDMP p 1 IDMP q 1 * a b", "ERR IDMP/IDMPAUTO specified multiple times"),
      ("XADD s IDMPAUTO p IDMP q 1 * a b", "ERR IDMP/IDMPAUTO specified multiple times"),
      ("XADD s IDMP \"\" 1 * a b", "ERR IDMP requires a non-empty producer ID"),
      ("XADD s IDMP p \"\" * a b", "ERR IDMP requires a non-empty idempotent ID"),
      ("XADD s IDMPAUTO \"\" * a b", "ERR IDMPAUTO requires a non-empty producer ID"),
      ("XADD s IDMP p * a b", "ERR Invalid stream ID specified as stream command argument"),
      ("XTRIM s IDMPAUTO p MAXLEN 1", "ERR syntax error"),
      ("XCFGSET s", "ERR At least one parameter must be specified"),
      ("XCFGSET s IDMP-DURATION", "ERR syntax error"), ("XCFGSET s X 1", "ERR syntax error"),
      ("XCFGSET s IDMP-DURATION 0", "ERR IDMP-DURATION must be between 1 and 86400 seconds"),
      ("XCFGSET s IDMP-DURATION 86401", "ERR IDMP-DURATION must be between 1 and 86400 seconds"),
      ("XCFGSET s IDMP-MAXSIZE -5", "ERR IDMP-MAXSIZE must be between 1 and 10000 entries"),
      ("XCFGSET s IDMP-MAXSIZE 1.5", "ERR value is not an integer or out of range"),
      ("XCFGSET n IDMP-MAXSIZE 1", "ERR no such key"),
    ] {
      #expect(server.run(line) == .error(text), "\(line)")
    }
    #expect(server.run("XLEN s") == 1)
    server.run("SET t 1")
    #expect(server.run("XCFGSET t IDMP-MAXSIZE 1").text.hasPrefix("WRONGTYPE"))
    #expect(server.run("XADD t IDMP p 1 * a b").text.hasPrefix("WRONGTYPE"))
  }

  @Test func `followers learn the id and the name, and nothing of what is sent again`() {
    let witness = StringsWitness(server)
    let now = server.milliseconds
    server.run("XADD s IDMP p 1 MAXLEN ~ 5 * a b")
    server.run("XADD s IDMP p 1 * a b")
    server.run("XCFGSET s IDMP-DURATION 100")
    #expect(witness.stream() == ["XADD s IDMP p 1 \(now)-0 a b", "XCFGSET s IDMP-DURATION 100"])
    server.run("XADD s IDMPAUTO p * a b")
    let words = witness.stream().first?.split(separator: " ") ?? []
    #expect(words.prefix(4) == ["XADD", "s", "IDMP", "p"])
  }

  @Test func `what a stream remembers is kept in files, payloads and copies`() {
    let id = server.run("XADD s IDMP p 1 * a b")
    server.run("XADD s IDMP p 2 * a b")
    server.run("XADD s IDMP q 1 * a b")
    server.run("XADD s IDMP q 1 * a b")
    server.run("XCFGSET s IDMP-DURATION 100")
    let before = figures()
    #expect(server.run("DEBUG RELOAD") == .ok)
    #expect((server.disk.content(of: "dump.rdb") ?? []).starts(with: Array("REDIS0013".utf8)))
    #expect(figures() == before)
    #expect(server.restore("t", "0", server.dump("s")) == .ok)
    server.run("COPY s u")
    for key in ["s", "t", "u"] {
      #expect(server.run("XADD \(key) IDMP p 1 * a b") == id)
      #expect(figures(key) == [100, 100, 2, 3, 3, 2])
    }
    // A stream that never had a producer is written as Redis 7.0 has it.
    server.run("FLUSHALL")
    server.run("XADD s 1-1 a b")
    server.run("SAVE")
    #expect((server.disk.content(of: "dump.rdb") ?? []).starts(with: Array("REDIS0010".utf8)))
  }

  @Test func `memory of names is counted and given back`() {
    server.run("XADD s 1-1 a b")
    let empty = server.run("MEMORY USAGE s").number ?? 0
    for index in 0..<100 { server.run("XADD s MAXLEN = 1 IDMP p name:\(index) * a b") }
    let full = server.run("MEMORY USAGE s").number ?? 0
    #expect(full > empty + 100 * 64)
    server.run("XCFGSET s IDMP-MAXSIZE 5")
    #expect((server.run("MEMORY USAGE s").number ?? 0) < empty + 400)
    server.run("DEL s")
    server.advance(milliseconds: 100)
    #expect(server.run("EXISTS s") == 0)
  }

  @Test(arguments: [
    ["XADD s IDMP p n * f v", "XTRIM s MAXLEN 0", "XSETID s 1-0"],
    [
      "XADD s 99999999999999-0 a b", "XADD s IDMP p n1 * f v", "XTRIM s MAXLEN 0", "XSETID s 1-0",
      "XADD s IDMP p n2 * f v",
    ],
    [
      "XADD s 99999999999999-0 a b", "XADD s IDMP p n1 * f v", "XTRIM s MAXLEN 0",
      "XSETID s 99999999999999-0", "XADD s IDMP q n2 * f v",
    ],
  ]) func `a stream whose last id was set back can be saved and loaded`(_ lines: [String]) {
    let server = TestServer { $0.enableDebugCommand = .yes }
    for line in lines { #expect(!server.run(line).isError, "\(line)") }
    let info = server.run("XINFO STREAM s")
    #expect(server.run("DEBUG RELOAD") == .ok)
    #expect(server.run("XINFO STREAM s") == info)
  }
}
