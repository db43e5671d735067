// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

/// XREAD and XREADGROUP with MAXCOUNT and MAXSIZE.
@Suite struct StreamReadLimitsTests {
  private let server = TestServer()

  private func fill() {
    for key in ["a", "b", "c"] {
      for index in 1...10 { server.run("XADD \(key) \(index) f \(index)") }
      server.run("XGROUP CREATE \(key) g 0")
    }
  }

  /// Entries of each stream in a reply.
  private func counts(_ line: String) -> [Int] {
    server.run(line).elements.map { $0.elements[1].elements.count }
  }

  @Test(arguments: ["XREAD", "XREADGROUP GROUP g x"])
  func `MAXCOUNT counts the entries of all streams`(command: String) {
    fill()
    let ids = command == "XREAD" ? "0 0 0" : "> > >"
    #expect(counts("\(command) COUNT 4 MAXCOUNT 6 STREAMS a b c \(ids)") == [4, 2])
    if command != "XREAD" {
      #expect(counts("\(command) STREAMS a b c 0 0 0") == [4, 2, 0])
      #expect(counts("\(command) MAXCOUNT 5 STREAMS a b c 0 0 0") == [4, 1])
      server.run("XGROUP SETID a g 0")
    }
    #expect(counts("\(command) MAXCOUNT 7 STREAMS a b c \(ids)") == [7])
    #expect(counts("\(command) MAXCOUNT 1 MAXSIZE 100000 STREAMS a b c \(ids)") == [1])
  }

  @Test(arguments: ["XREAD", "XREADGROUP GROUP g x"])
  func `MAXSIZE bounds the bytes of the reply, and one entry is always given`(command: String) {
    fill()
    let ids = command == "XREAD" ? "0 0 0" : "> > >"
    #expect(counts("\(command) MAXSIZE 1 STREAMS a b c \(ids)") == [1])
    let some = counts("\(command) MAXSIZE 200 STREAMS a b c \(ids)")
    #expect(some.count == 1 && some[0] > 1 && some[0] < 10)
    #expect(counts("\(command) MAXSIZE 1000000 STREAMS a b c \(ids)").count == 3)
    server.run(["XADD", "big", "1", "f", String(repeating: "x", count: 5000)])
    server.run("XADD big 2 f y")
    #expect(counts("XREAD MAXSIZE 50 STREAMS big 0") == [1])
  }

  @Test func `what was not given is not pending`() {
    fill()
    #expect(counts("XREADGROUP GROUP g x MAXCOUNT 12 STREAMS a b c > > >") == [10, 2])
    #expect(server.run("XPENDING b g").elements[0] == 2)
    #expect(server.run("XPENDING c g").elements[0] == 0)
    #expect(server.run("XINFO CONSUMERS c g") == [])
  }

  @Test func `a client that waited gets no more than it asked for`() {
    fill()
    let waiting = server.connect()
    waiting.send(TestClient.words("XREAD MAXCOUNT 2 BLOCK 0 STREAMS a b $ $"))
    server.turn()
    server.run("MULTI")
    for index in 20...25 { server.run("XADD a \(index) f v") }
    server.run("XADD b 20 f v")
    server.run("EXEC")
    #expect(waiting.next()?.elements.map { $0.elements[1].elements.count } == [2])
  }

  @Test func `CLAIM counts, too`() {
    fill()
    server.run("XREADGROUP GROUP g x COUNT 3 STREAMS a >")
    server.advance(milliseconds: 10)
    #expect(counts("XREADGROUP GROUP g y MAXCOUNT 5 CLAIM 5 STREAMS a b > >") == [5])
    #expect(server.run("XPENDING a g").elements[0] == 5)
  }

  @Test(arguments: ["XREAD", "XREADGROUP GROUP g x"])
  func `limits are numbers from one up, and none is below COUNT`(command: String) {
    fill()
    for (options, text) in [
      ("MAXCOUNT 0", "ERR MAXCOUNT must be a positive integer"),
      ("MAXSIZE -1", "ERR MAXSIZE must be a positive integer"),
      ("MAXCOUNT x", "ERR value is not an integer or out of range"),
      ("MAXCOUNT 3 COUNT 4", "ERR MAXCOUNT must be greater than or equal to COUNT"),
    ] {
      #expect(server.run("\(command) \(options) STREAMS a 0") == .error(text), "\(options)")
    }
    #expect(
      counts("\(command) MAXCOUNT 4 COUNT 4 STREAMS a \(command == "XREAD" ? "0" : ">")") == [4])
  }
}
