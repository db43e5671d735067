// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

@Suite struct StringsManyTests {
  @Test func `MSET sets all keys, MGET returns nil for those that are missing`() {
    let server = TestServer()
    #expect(server.run("MSET a 1 b two a 3") == .ok)
    #expect(server.run("MGET a b c a") == ["3", "two", nil, "3"])
    #expect(
      server.run("MSET a 1 b")
        == .error("ERR wrong number of arguments for 'mset' command"))
    #expect(
      server.run("MSETNX a 1 b")
        == .error("ERR wrong number of arguments for 'msetnx' command"))
  }

  @Test func `MSETNX sets all keys or none`() {
    let server = TestServer()
    #expect(server.run("MSETNX a 1 b 2") == 1)
    #expect(server.run("MSETNX c 1 b 2") == 0)
    #expect(server.run("MGET a b c") == ["1", "2", nil])
  }

  @Test func `MSETEX sets all keys with one deadline, under a condition`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    let deadline = server.milliseconds + 10_000
    #expect(server.run("MSETEX 2 a 1 b 2 XX") == 0)
    #expect(server.run("MSETEX 2 a 1 b 2 NX EX 10") == 1)
    #expect(server.run("MSETEX 2 b 1 c 2 NX") == 0)
    #expect(server.run("MSETEX 1 a 3 KEEPTTL XX") == 1)
    #expect(server.run("MSETEX 2 c 1 d 2") == 1)
    #expect(
      witness.stream() == [
        "MULTI", "SET a 1 PXAT \(deadline)", "SET b 2 PXAT \(deadline)", "EXEC",
        "SET a 3 KEEPTTL", "MSET c 1 d 2",
      ])
    #expect(server.run("MSETEX 2 a 3 d 3 PXAT 1") == 1)
    #expect(server.run("MGET a b c d") == [nil, "2", "1", nil])
    #expect(witness.stream() == ["MULTI", "UNLINK a", "UNLINK d", "EXEC"])
    #expect(
      witness.events() == [
        "set a", "expire a", "set b", "expire b", "set a", "set c", "set d", "del a", "del d",
      ])
  }

  @Test func `MSETEX refuses counts that don't fit`() {
    let server = TestServer()
    let wrong = Reply.error("ERR invalid numkeys value")
    for count in ["0", "-1", "abc", "9223372036854775807", "-9223372036854775808"] {
      #expect(server.run("MSETEX \(count) a 1") == wrong, "\(count)")
    }
    #expect(
      server.run("MSETEX 2 a 1 b") == .error("ERR wrong number of key-value pairs"))
    #expect(server.run("MSETEX 1 a 1 b") == .error("ERR syntax error"))
    #expect(server.run("MSETEX 1 a 1 NX XX") == .error("ERR syntax error"))
    #expect(server.run("MSETEX 1 a 1 EX 1 KEEPTTL") == .error("ERR syntax error"))
    #expect(
      server.run("MSETEX 1 a 1 EX 0")
        == .error("ERR invalid expire time in 'msetex' command"))
  }
}
