// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct ListsBlockingTests {
  @Test(
    arguments: [
      ("BLPOP none k 0", .array(["k", "a"]), ["b", "c"]),
      ("BRPOP k none 0", .array(["k", "c"]), ["a", "b"]),
      ("BLMPOP 0 2 none k RIGHT COUNT 2", .array(["k", ["c", "b"]]), ["a"]),
      ("BLMOVE k t LEFT RIGHT 0", "a", ["b", "c"]),
      ("BRPOPLPUSH k t 0", "c", ["a", "b"]),
      ("BLMOVEM k t LEFT RIGHT 0 EXACTLY 2 OBO", ["a", "b"], ["c"]),
      ("BLMOVEM k t LEFT RIGHT 0", ["a"], ["b", "c"]),
    ] as [(String, Reply, [String])])
  func `whoever waits gets what somebody pushes`(line: String, reply: Reply, rest: [String]) {
    let server = TestServer()
    let waiter = server.connect()
    waiter.post(line)
    server.turn()
    #expect(waiter.replies() == [])
    #expect(server.run("RPUSH k a b c") == 3)
    #expect(waiter.replies() == [reply])
    #expect(server.run("LRANGE k 0 -1").elements.map(\.text) == rest)
  }

  @Test func `clients are served in the order in which they came, and lists in the keys' order`() {
    let server = TestServer()
    let waiters = (0..<3).map { _ in server.connect() }
    for (waiter, line) in zip(waiters, ["BLPOP k 0", "BLPOP j k 0", "BRPOP k 0"]) {
      waiter.post(line)
      server.turn()
    }
    server.run("RPUSH k 1 2 3")
    #expect(waiters[0].replies() == [["k", "1"]])
    #expect(waiters[1].replies() == [["k", "2"]])
    #expect(waiters[2].replies() == [["k", "3"]])
    #expect(server.run("EXISTS k") == 0)
  }

  @Test func `a move wakes those who wait for its target`() {
    let server = TestServer()
    let first = server.connect()
    let second = server.connect()
    first.post("BLMOVE a b LEFT LEFT 0")
    server.turn()
    second.post("BLPOP b 0")
    server.turn()
    server.run("LPUSH a x")
    #expect(first.replies() == ["x"])
    #expect(second.replies() == [["b", "x"]])
    #expect(server.run("EXISTS a b") == 0)
  }

  @Test func `EXACTLY waits until there are enough`() {
    let server = TestServer()
    let waiter = server.connect()
    waiter.post("BLMOVEM k t LEFT RIGHT 0 EXACTLY 3 BULK")
    server.turn()
    server.run("RPUSH k a")
    server.run("RPUSH k b")
    #expect(waiter.replies() == [])
    #expect(server.run("LLEN k") == 2)
    server.run("LPUSH k c")
    #expect(waiter.replies() == [["c", "a", "b"]])
    #expect(server.run("LRANGE t 0 -1") == ["c", "a", "b"])
  }

  @Test func `a target of another type is an error that leaves the element`() {
    let server = TestServer()
    server.run("SET t x")
    let waiter = server.connect()
    waiter.post("BLMOVE k t LEFT LEFT 0")
    server.turn()
    server.run("RPUSH k a")
    #expect(waiter.replies().first?.text.hasPrefix("WRONGTYPE") == true)
    #expect(server.run("LRANGE k 0 -1") == ["a"])
  }

  @Test func `when the time is over the reply is nil`() {
    let server = TestServer()
    let lines = [
      "BLPOP k 0.1", "BRPOP k 0.1", "BLMPOP 0.1 1 k LEFT", "BLMOVE k t LEFT LEFT 0.1",
      "BRPOPLPUSH k t 0.1", "BLMOVEM k t LEFT LEFT 0.1",
    ]
    let waiters = lines.map { line in
      let waiter = server.connect()
      waiter.post(line)
      server.turn()
      return waiter
    }
    server.advance(milliseconds: 99)
    for waiter in waiters { #expect(waiter.replies() == []) }
    server.advance(milliseconds: 2)
    for waiter in waiters { #expect(waiter.replies() == [.nullArray]) }
  }

  @Test func `in a transaction nobody waits`() {
    let server = TestServer()
    server.run("MULTI")
    for line in ["BLPOP k 0", "BLMOVE k t LEFT LEFT 0", "BLMPOP 0 1 k LEFT", "BRPOPLPUSH k t 0"] {
      server.run(line)
    }
    #expect(server.run("EXEC") == [.nullArray, nil, .nullArray, nil])
  }

  @Test func `timeouts are checked before anything is taken`() {
    let server = TestServer()
    server.run("RPUSH k a")
    #expect(server.run("BLPOP k -1") == .error("ERR timeout is negative"))
    #expect(server.run("BLPOP k x") == .error("ERR timeout is not a float or out of range"))
    #expect(server.run("BLMPOP 0 0 k LEFT") == .error("ERR numkeys should be greater than 0"))
    #expect(
      server.run("BLMPOP 0 1 k LEFT COUNT 0") == .error("ERR count should be greater than 0"))
    #expect(server.run("LLEN k") == 1)
  }
}
