// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct StringsSetTests {
  @Test func `NX and XX look at whether the key exists`() {
    let server = TestServer()
    #expect(server.run("SET k a XX") == nil)
    #expect(server.run("SET k a NX") == .ok)
    #expect(server.run("SET k b NX") == nil)
    #expect(server.run("SET k c XX") == .ok)
    #expect(server.run("GET k") == "c")
    #expect(server.run("SET k d NX XX") == .error("ERR syntax error"))
    #expect(server.run("SET k d XX NX") == .error("ERR syntax error"))
    #expect(server.run("SET k e XX XX") == .ok)
    #expect(server.run("SETNX k f") == 0)
    #expect(server.run("SETNX other f") == 1)
  }

  @Test func `GET returns the old value whether or not the new one was stored`() {
    let server = TestServer()
    #expect(server.run("SET k a GET") == nil)
    #expect(server.run("SET k 12 GET") == "a")
    #expect(server.run("SET k b NX GET") == "12")
    #expect(server.run("GET k") == "12")
    #expect(server.run("SET missing b XX GET") == nil)
    #expect(server.run("EXISTS missing") == 0)
  }

  @Test func `a value is stored if the old one or its digest compares as demanded`() {
    let server = TestServer()
    #expect(server.run("SET k v IFEQ x") == nil)
    #expect(server.run("EXISTS k") == 0)
    #expect(server.run("SET k v IFNE x") == .ok)
    #expect(server.run("SET k w IFNE v") == nil)
    #expect(server.run("SET k 77 IFEQ v") == .ok)
    #expect(server.run("SET k 78 IFEQ 77 GET") == "77")
    #expect(server.run("SET k 79 IFEQ 77 GET") == "78")
    let digest = server.run("DIGEST k").text
    #expect(server.run("SET k w IFDNE \(digest)") == nil)
    #expect(server.run("SET k w IFDEQ \(digest.uppercased())") == .ok)
    #expect(server.run("SET k x IFDEQ \(digest)") == nil)
    #expect(
      server.run("SET k x IFDEQ 12") == .error("ERR must be exactly 16 hexadecimal characters"))
    #expect(server.run("SET missing x IFDNE \(digest)") == .ok)
    #expect(server.run("SET gone x IFDEQ \(digest)") == nil)
    #expect(server.run("SET k x IFEQ w NX") == .error("ERR syntax error"))
    #expect(server.run("SET k x IFEQ") == .error("ERR syntax error"))
  }

  @Test func `options that set a deadline exclude each other but may be repeated`() {
    let server = TestServer()
    #expect(server.run("SET k v EX 10 EX 20") == .ok)
    #expect(server.run("TTL k") == 20)
    #expect(server.run("SET k v EX 10 PX 20") == .error("ERR syntax error"))
    #expect(server.run("SET k v KEEPTTL KEEPTTL") == .ok)
    #expect(server.run("TTL k") == 20)
    #expect(server.run("SET k v KEEPTTL EX 1") == .error("ERR syntax error"))
    #expect(server.run("SET k v PERSIST") == .error("ERR syntax error"))
    #expect(server.run("SET k v") == .ok)
    #expect(server.run("TTL k") == -1)
  }

  @Test(arguments: ["0", "-1", "9223372036854775807", "9223372036854775"])
  func `a deadline that is not positive or overflows is refused`(seconds: String) {
    let server = TestServer()
    let text = { (name: String) in Reply.error("ERR invalid expire time in '\(name)' command") }
    #expect(server.run("SET k v EX \(seconds)") == text("set"))
    #expect(server.run("SETEX k \(seconds) v") == text("setex"))
    #expect(server.run("GETEX k EX \(seconds)") == nil)
    server.run("SET k v")
    #expect(server.run("GETEX k EX \(seconds)") == text("getex"))
    #expect(server.run("TTL k") == -1)
  }

  @Test func `the syntax is checked before numbers are`() {
    let server = TestServer()
    #expect(server.run("SET k v EX abc FOO") == .error("ERR syntax error"))
    #expect(
      server.run("SET k v EX abc") == .error("ERR value is not an integer or out of range"))
  }

  @Test func `a deadline in the past deletes the key instead of storing it`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    #expect(server.run("SET k v PXAT 1") == .ok)
    #expect(witness.stream() == [])
    server.run("SET k v")
    #expect(server.run("SET k w EXAT 1 GET") == "v")
    #expect(witness.events() == ["set k", "del k"])
    #expect(witness.stream() == ["SET k v", "UNLINK k"])
    #expect(server.run("EXISTS k") == 0)
    server.run("SET k v")
    #expect(server.run("GETEX k PXAT 1") == "v")
    #expect(server.run("EXISTS k") == 0)
    #expect(witness.stream() == ["SET k v", "UNLINK k"])
  }

  @Test func `followers get absolute deadlines and no option they may not know`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    let start = server.milliseconds
    server.run("SET a 1 EX 10")
    server.run("SETEX b 10 2")
    server.run("PSETEX c 10000 3")
    server.run("SET a 4 KEEPTTL")
    server.run("SET a 5 GET KEEPTTL")
    server.run("SET a 6 IFEQ 5")
    server.run("SET a 7 XX")
    server.run("GETSET a 8")
    #expect(
      witness.stream() == [
        "SET a 1 PXAT \(start + 10_000)", "SET b 2 PXAT \(start + 10_000)",
        "SET c 3 PXAT \(start + 10_000)", "SET a 4 KEEPTTL", "SET a 5 KEEPTTL", "SET a 6",
        "SET a 7 XX", "SET a 8",
      ])
    #expect(witness.events().prefix(4) == ["set a", "expire a", "set b", "expire b"])
  }

  @Test func `SET that names its deadline in milliseconds reaches followers as it came`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    let deadline = server.milliseconds + 10_000
    server.run("set a 1 pxat \(deadline)")
    server.run("set a 2 pxat \(deadline) xx")
    server.run("set a 3 pxat \(deadline) get")
    server.run("set a 4 pxat \(deadline) ifeq 3")
    #expect(
      witness.stream() == [
        "set a 1 pxat \(deadline)", "set a 2 pxat \(deadline) xx",
        "SET a 3 PXAT \(deadline)", "SET a 4 PXAT \(deadline)",
      ])
    #expect(witness.events().prefix(2) == ["set a", "expire a"])
  }

  @Test func `GETEX changes nothing but the deadline and sends what it did`() {
    let server = TestServer()
    server.run("SET k v")
    let witness = StringsWitness(server)
    let start = server.milliseconds
    #expect(server.run("GETEX k") == "v")
    #expect(server.run("GETEX k PERSIST") == "v")
    #expect(witness.stream() == [])
    #expect(server.run("GETEX k PX 500") == "v")
    #expect(server.run("GETEX k PERSIST") == "v")
    #expect(server.run("GETEX missing EX 5") == nil)
    #expect(witness.stream() == ["PEXPIREAT k \(start + 500)", "PERSIST k"])
    #expect(witness.events() == ["expire k", "persist k"])
    #expect(server.run("GETEX k KEEPTTL") == .error("ERR syntax error"))
    #expect(server.run("GETEX k PERSIST EX 1") == .error("ERR syntax error"))
  }

  @Test func `GETDEL returns the value and deletes the key`() {
    let server = TestServer()
    server.run("SET k 5")
    let witness = StringsWitness(server)
    #expect(server.run("GETDEL k") == "5")
    #expect(server.run("GETDEL k") == nil)
    #expect(witness.stream() == ["DEL k"])
    #expect(witness.events() == ["del k"])
  }

  @Test func `a write that meets a due key removes it first`() {
    let server = TestServer()
    // Nothing removes keys by itself here: the write has to meet them.
    server.server.configuration.activeExpireEnabled = false
    for command in ["SET k w", "SET k w KEEPTTL", "INCR k", "APPEND k x", "SETRANGE k 1 x"] {
      server.run("SET k 5 PX 10")
      server.clock.advance(milliseconds: 20)
      let witness = StringsWitness(server)
      server.run(command)
      #expect(witness.events().first == "expired k", "\(command)")
      #expect(witness.stream().prefix(2) == ["MULTI", "UNLINK k"], "\(command)")
      #expect(server.run("TTL k") == -1, "\(command)")
      server.run("GETDEL k")
    }
  }

  @Test func `conditional commands that do nothing send nothing`() {
    let server = TestServer()
    server.run("SET k v")
    let witness = StringsWitness(server)
    for command in [
      "SET k w NX", "SETNX k w", "SET x w XX", "MSETNX x 1 k 2", "MSETEX 2 x 1 k 2 NX EX 5",
      "DELEX k IFEQ w", "DELIFEQ k w", "SET k w IFEQ x GET", "SETRANGE k 5 \"\"",
      "INCREX x BYINT 5 UBOUND 3", "GETEX k", "SETBIT k 7 0",
    ] {
      server.run(command)
      #expect(witness.stream() == [], "\(command)")
      #expect(witness.events() == [], "\(command)")
    }
  }
}
