// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct ListsTests {
  /// The elements of a list.
  private func elements(_ server: TestServer, _ key: String) -> [String] {
    server.run("LRANGE \(key) 0 -1").elements.map(\.text)
  }

  @Test func `pushes answer the length and stand where they were put`() {
    let server = TestServer()
    #expect(server.run("RPUSH k a b 12") == 3)
    #expect(server.run("LPUSH k c d") == 5)
    #expect(elements(server, "k") == ["d", "c", "a", "b", "12"])
    #expect(server.run("LPUSHX none a") == 0)
    #expect(server.run("RPUSHX k e") == 6)
    #expect(server.run("LLEN k") == 6)
    #expect(server.run("LINDEX k -1") == "e")
    #expect(server.run("LINDEX k 6") == nil)
    server.run("SET s x")
    for line in ["LPUSH s a", "LRANGE s 0 1", "LPOP s", "LMOVE k s LEFT LEFT", "BLPOP s 0"] {
      #expect(server.run(line).text.hasPrefix("WRONGTYPE"))
    }
    #expect(server.run("LLEN k") == 6)
  }

  @Test(arguments: ["-2", "3", "1"])
  func `elements of every kind come back in every form of a list`(size: String) {
    let server = TestServer()
    server.run("CONFIG SET list-max-listpack-size \(size)")
    let texts = ["", "0", "-1", "007", String(repeating: "x", count: 70), "9223372036854775807"]
    for _ in 0..<3 { server.run(["RPUSH", "k"] + texts) }
    #expect(elements(server, "k") == texts + texts + texts)
    #expect(server.run("COPY k other") == 1)
    #expect(elements(server, "other") == texts + texts + texts)
    #expect(server.run("DEBUG DIGEST-VALUE k") == server.run("DEBUG DIGEST-VALUE other"))
    #expect(server.run("LREM k 2 007") == 2)
    #expect(server.run("LREM k -1 -1") == 1)
    #expect(server.run("LPOS k -1 RANK -1") == 7)
    #expect(server.run("LTRIM k 1 -2") == .ok)
    #expect(server.run("LLEN k") == 13)
    #expect(elements(server, "other").count == 18)
  }

  @Test func `a list is large from the limit on and small again at half of it`() {
    let server = TestServer()
    server.run("CONFIG SET list-max-listpack-size 8")
    for number in 0..<8 { server.run("RPUSH k \(number)") }
    #expect(server.run("OBJECT ENCODING k") == "listpack")
    server.run("RPUSH k 8")
    #expect(server.run("OBJECT ENCODING k") == "quicklist")
    for _ in 0..<4 { server.run("RPOP k") }
    #expect(server.run("OBJECT ENCODING k") == "quicklist")
    server.run("RPOP k")
    #expect(server.run("OBJECT ENCODING k") == "listpack")
    #expect(elements(server, "k") == ["0", "1", "2", "3"])
    server.run("CONFIG SET list-max-listpack-size -2")
    server.run(["RPUSH", "k", String(repeating: "x", count: 9000)])
    #expect(server.run("OBJECT ENCODING k") == "quicklist")
    server.run("LSET k -1 short")
    #expect(server.run("OBJECT ENCODING k") == "listpack")
    server.run(["RPUSH", "large", String(repeating: "x", count: 9000)])
    #expect(server.run("OBJECT ENCODING large") == "quicklist")
    #expect(server.run("EXPIRE k 100") == 1)
    server.run(["LPUSH", "k", String(repeating: "x", count: 9000)])
    #expect(server.run("TTL k") == 100)
  }

  @Test func `a list that is emptied goes, with its deadline`() {
    let server = TestServer()
    for line in [
      "LPOP k", "RPOP k 9", "LTRIM k 5 9", "LREM k 0 a", "LMOVE k other LEFT LEFT",
      "LMPOP 1 k LEFT COUNT 5", "BLPOP k 0", "LMOVEM k other LEFT LEFT",
    ] {
      server.run("RPUSH k a")
      server.run("EXPIRE k 100")
      #expect(!server.run(line).isError)
      #expect(server.run("EXISTS k") == 0, "\(line)")
    }
    server.run("RPUSH k a")
    server.run("EXPIRE k 100")
    #expect(server.run("LMOVE k k LEFT RIGHT") == "a")
    #expect(server.run("LMOVEM k k LEFT RIGHT COUNT 3 OBO") == ["a"])
    #expect(server.run("TTL k") == 100)
  }

  @Test func `events and the stream say what has happened`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    let expected: [(line: String, events: [String], stream: [String])] = [
      ("RPUSH k a b c d e f", ["rpush k"], ["RPUSH k a b c d e f"]),
      ("LPOP k", ["lpop k"], ["LPOP k"]),
      ("LMPOP 2 none k RIGHT COUNT 2", ["rpop k"], ["RPOP k 2"]),
      ("BLPOP none k 0", ["lpop k"], ["LPOP k"]),
      ("BLMPOP 0 1 k LEFT COUNT 5", ["lpop k", "del k"], ["LPOP k 2"]),
      ("LPUSH k b a", ["lpush k"], ["LPUSH k b a"]),
      ("BLMOVE k t LEFT RIGHT 0", ["rpush t", "lpop k"], ["LMOVE k t LEFT RIGHT"]),
      ("BRPOPLPUSH k t 0", ["lpush t", "rpop k", "del k"], ["RPOPLPUSH k t"]),
      ("LSET t 0 x", ["lset t"], ["LSET t 0 x"]),
      ("LINSERT t AFTER x y", ["linsert t"], ["LINSERT t AFTER x y"]),
      ("LINSERT t AFTER none y", [], []),
      ("LREM t 1 none", [], []),
      ("LREM t 1 y", ["lrem t"], ["LREM t 1 y"]),
      ("LTRIM t 0 -1", ["ltrim t"], []),
      ("LTRIM t 1 0", ["ltrim t", "del t"], ["LTRIM t 1 0"]),
      ("LPOP none", [], []), ("LPUSHX none a", [], []),
    ]
    for (line, events, stream) in expected {
      #expect(!server.run(line).isError, "\(line)")
      #expect(witness.events() == events, "\(line)")
      #expect(witness.stream() == stream, "\(line)")
    }
    server.run("RPUSH k a b c")
    _ = (witness.events(), witness.stream())
    server.run("LMOVEM k t LEFT LEFT COUNT 2 BULK")
    #expect(witness.events() == ["lpush t", "lpop k"])
    #expect(witness.stream() == ["MULTI", "LPOP k 2", "LPUSH t b a", "EXEC"])
  }

  @Test func `changes are counted by element`() {
    let server = TestServer()
    let before = server.server.effects.changeCount
    server.run("RPUSH k a b c d e f g h")
    server.run("LPOP k 2")
    server.run("LTRIM k 0 3")
    server.run("LMOVE k t LEFT LEFT")
    server.run("LTRIM k 0 -1")
    #expect(server.server.effects.changeCount - before == 8 + 2 + 2 + 1)
  }

  @Test(arguments: [
    ("LEFT LEFT COUNT 2 OBO", ["2", "1"], ["3", "4"], ["2", "1", "x", "y"]),
    ("LEFT LEFT COUNT 2 BULK", ["1", "2"], ["3", "4"], ["1", "2", "x", "y"]),
    ("LEFT RIGHT COUNT 2 OBO", ["1", "2"], ["3", "4"], ["x", "y", "1", "2"]),
    ("LEFT RIGHT COUNT 2 BULK", ["1", "2"], ["3", "4"], ["x", "y", "1", "2"]),
    ("RIGHT LEFT COUNT 2 OBO", ["3", "4"], ["1", "2"], ["3", "4", "x", "y"]),
    ("RIGHT RIGHT COUNT 2 OBO", ["4", "3"], ["1", "2"], ["x", "y", "4", "3"]),
    ("RIGHT RIGHT EXACTLY 2 BULK", ["3", "4"], ["1", "2"], ["x", "y", "3", "4"]),
    ("RIGHT LEFT", ["4"], ["1", "2", "3"], ["4", "x", "y"]),
    ("LEFT RIGHT COUNT 9 BULK", ["1", "2", "3", "4"], [], ["x", "y", "1", "2", "3", "4"]),
    ("LEFT RIGHT COUNT 0 BULK", [], ["1", "2", "3", "4"], ["x", "y"]),
  ])
  func `LMOVEM moves several elements, in order or one by one`(
    options: String, moved: [String], rest: [String], target: [String]
  ) {
    for blocking in [false, true] {
      let server = TestServer()
      server.run("RPUSH a 1 2 3 4")
      server.run("RPUSH b x y")
      let words = options.split(separator: " ")
      let line =
        blocking
        ? "BLMOVEM a b \(words[0]) \(words[1]) 0 \(words[2...].joined(separator: " "))"
        : "LMOVEM a b \(options)"
      #expect(server.run(line).elements.map(\.text) == moved)
      #expect(elements(server, "a") == rest)
      #expect(elements(server, "b") == target)
    }
  }

  @Test func `LMOVEM within one list, and what it refuses`() {
    let server = TestServer()
    server.run("RPUSH k 1 2 3 4")
    #expect(server.run("LMOVEM k k LEFT RIGHT COUNT 2 BULK") == ["1", "2"])
    #expect(elements(server, "k") == ["3", "4", "1", "2"])
    #expect(server.run("LMOVEM k k RIGHT RIGHT COUNT 9 OBO") == ["2", "1", "4", "3"])
    #expect(elements(server, "k") == ["2", "1", "4", "3"])
    #expect(server.run("LMOVEM k t LEFT LEFT EXACTLY 5 BULK") == .nullArray)
    #expect(server.run("LMOVEM none t LEFT LEFT") == .nullArray)
    #expect(server.run("LMOVEM k t UP LEFT") == .error("ERR syntax error"))
    #expect(server.run("LMOVEM k t LEFT LEFT COUNT 1") == .error("ERR syntax error"))
    #expect(server.run("LMOVEM k t LEFT LEFT COUNT 1 ALL") == .error("ERR syntax error"))
    #expect(
      server.run("LMOVEM k t LEFT LEFT COUNT -1 BULK")
        == .error("ERR value is out of range, must be positive"))
    #expect(elements(server, "k") == ["2", "1", "4", "3"])
  }

  @Test func `nodes of a large list that goes in parts are freed later`() {
    let server = TestServer(follows: false)
    server.run("CONFIG SET list-max-listpack-size 4")
    let empty = server.server.keyspace.allocator.bytesInUse
    let words = (0..<500).map(String.init)
    for _ in 0..<10 { server.run(["RPUSH", "k"] + words) }
    let full = server.server.keyspace.allocator.bytesInUse
    #expect(server.run("LTRIM k 0 9") == .ok)
    #expect(server.run("LLEN k") == 10)
    #expect(elements(server, "k") == (0..<10).map(String.init))
    let wanted = empty + (full - empty) / 4
    #expect(server.server.keyspace.allocator.bytesInUse > wanted)
    var turns = 0
    while server.server.keyspace.allocator.bytesInUse > wanted, turns < 1000 {
      server.advance(milliseconds: 10)
      turns += 1
    }
    #expect(turns < 1000)
    #expect(server.run("LINDEX k -1") == "9")
  }

  @Test func `DEBUG QUICKLIST-PACKED-THRESHOLD lets elements stand alone`() {
    let server = TestServer { $0.enableDebugCommand = .yes }
    #expect(server.run("DEBUG QUICKLIST-PACKED-THRESHOLD 3b") == .ok)
    server.run("CONFIG SET list-max-listpack-size 2")
    server.run("RPUSH k a bb ccc dddd e")
    #expect(elements(server, "k") == ["a", "bb", "ccc", "dddd", "e"])
    #expect(server.run("LSET k 0 long") == .ok)
    #expect(server.run("LINSERT k BEFORE e longer") == 6)
    #expect(elements(server, "k") == ["long", "bb", "ccc", "dddd", "longer", "e"])
    #expect(server.run("DEBUG QUICKLIST-PACKED-THRESHOLD 5gb").isError)
    #expect(server.run("DEBUG QUICKLIST-PACKED-THRESHOLD x").isError)
  }
}
