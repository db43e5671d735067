// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

@Suite struct ExpiryCommandsTests {
  @Test func `every unit and origin becomes an absolute deadline in milliseconds`() {
    let server = TestServer()
    let now = server.now
    for (command, deadline) in [
      ("EXPIRE k 100", now + 100_000), ("PEXPIRE k 1500", now + 1500),
      ("EXPIREAT k 4000000000", 4_000_000_000_000),
      ("PEXPIREAT k 4000000000123", 4_000_000_000_123),
    ] {
      server.run("SET k v")
      let events = server.recordEvents()
      let stream = server.stream { #expect(server.run(command) == 1) }
      #expect(stream == ["PEXPIREAT k \(deadline)"])
      #expect(events.take() == ["0 expire k"])
      #expect(server.run("PEXPIRETIME k") == .integer(Int(deadline)))
      #expect(server.run("PTTL k") == .integer(Int(deadline - now)))
    }
  }

  @Test(arguments: ["EXPIRE k 0", "EXPIRE k -1", "PEXPIRE k -9223372036854775808", "EXPIREAT k 1"])
  func `a deadline that has passed deletes the key`(_ command: String) {
    for isLazy in [true, false] {
      let server = TestServer { $0.lazyFreeLazyExpire = isLazy }
      server.run("SET k v")
      let events = server.recordEvents()
      let stream = server.stream { #expect(server.run(command) == 1) }
      #expect(stream == [isLazy ? "UNLINK k" : "DEL k"])
      #expect(events.take() == ["0 del k"])
      #expect(server.run("EXISTS k") == 0)
    }
  }

  @Test(arguments: [
    ("EXPIRE", "9223372036854775807"), ("EXPIRE", "9223372036854775"),
    ("EXPIRE", "-9223372036854776"), ("PEXPIRE", "9223372036854775807"),
    ("EXPIREAT", "9223372036854776"), ("EXPIREAT", "-9223372036854775808"),
  ])
  func `a deadline that overflows is refused`(_ command: String, _ number: String) {
    let server = TestServer()
    server.run("SET k v")
    #expect(
      server.run([command, "k", number])
        == .error("ERR invalid expire time in '\(command.lowercased())' command"))
    #expect(server.run("TTL k") == -1)
  }

  @Test func `the latest deadline that there is can be set and read`() {
    let server = TestServer()
    server.run("SET k v")
    #expect(server.run("PEXPIREAT k 9223372036854775807") == 1)
    #expect(server.run("PEXPIRETIME k") == 9_223_372_036_854_775_807)
    #expect(server.run("EXPIRETIME k") == 9_223_372_036_854_776)
    server.advance(milliseconds: 1_000_000)
    #expect(server.run("EXISTS k") == 1)
  }

  @Test(
    arguments: [
      // condition, deadline before (nil: none), new one, whether it is taken
      ("NX", nil, 10, true), ("NX", 20, 10, false), ("XX", nil, 10, false), ("XX", 20, 10, true),
      ("GT", nil, 10, false), ("GT", 20, 10, false), ("GT", 20, 30, true), ("GT", 20, 20, false),
      ("LT", nil, 10, true), ("LT", 20, 10, true), ("LT", 20, 30, false), ("LT", 20, 20, false),
      ("XX GT", 20, 30, true), ("XX LT", nil, 10, false),
    ] as [(String, Int?, Int, Bool)])
  func `conditions compare with the deadline that the key has`(
    _ condition: String, _ before: Int?, _ new: Int, _ isTaken: Bool
  ) {
    let server = TestServer()
    server.run("SET k v")
    if let before { server.run("EXPIRE k \(before)") }
    let stream = server.stream {
      #expect(server.run("EXPIRE k \(new) \(condition)") == (isTaken ? 1 : 0))
    }
    #expect(stream.count == (isTaken ? 1 : 0))
    #expect(server.run("TTL k") == .integer(isTaken ? new : before ?? -1))
  }

  @Test func `conditions that exclude each other are refused before anything else`() {
    let server = TestServer()
    let incompatible = Reply.error(
      "ERR NX and XX, GT or LT options at the same time are not compatible")
    for pair in ["NX XX", "NX GT", "LT NX"] {
      #expect(server.run("EXPIRE k nonsense \(pair)") == incompatible)
    }
    #expect(
      server.run("EXPIRE k nonsense GT LT")
        == .error("ERR GT and LT options at the same time are not compatible"))
    #expect(server.run("EXPIRE k 1 nonsense") == .error("ERR Unsupported option nonsense"))
    #expect(
      server.run("EXPIRE missing x") == .error("ERR value is not an integer or out of range"))
    #expect(server.run("EXPIRE missing 10") == 0)
  }

  @Test func `times to live tell missing keys from those that live on, and are rounded`() {
    let server = TestServer()
    server.run("SET k v")
    for command in ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"] {
      #expect(server.run("\(command) missing") == -2)
      #expect(server.run("\(command) k") == -1)
    }
    server.run("PEXPIRE k 1499")
    #expect(server.run("TTL k") == 1)
    server.run("PEXPIRE k 1500")
    #expect(server.run("TTL k") == 2)
  }

  @Test func `PERSIST takes the deadline away`() {
    let server = TestServer()
    server.run("SET k v")
    #expect(server.run("PERSIST k") == 0)
    #expect(server.run("PERSIST missing") == 0)
    server.run("PEXPIRE k 10")
    let events = server.recordEvents()
    let stream = server.stream { #expect(server.run("PERSIST k") == 1) }
    #expect(stream == ["PERSIST k"])
    #expect(events.take() == ["0 persist k"])
    server.advance(milliseconds: 1000)
    #expect(server.run("GET k") == "v")
  }

  @Test func `a key is there at its deadline and gone a millisecond later`() {
    let server = TestServer { $0.activeExpireEnabled = false }
    server.run("SET k v")
    server.run("PEXPIRE k 10")
    server.advance(milliseconds: 10)
    #expect(server.run("PTTL k") == 0)
    server.advance(milliseconds: 1)
    #expect(server.run("PTTL k") == -2)
  }

  @Test(arguments: [
    ("PEXPIRE k 1000", ["0 expired k"], ["UNLINK k"]),
    ("PERSIST k", ["0 expired k"], ["UNLINK k"]),
    (
      "SET k new", ["0 expired k", "0 new k", "0 set k"],
      ["MULTI", "UNLINK k", "SET k new", "EXEC"]
    ),
    (
      "COPY o k", ["0 expired k", "0 new k", "0 copy_to k"],
      ["MULTI", "UNLINK k", "COPY o k", "EXEC"]
    ),
  ])
  func `a write that meets a due key removes it first`(
    _ command: String, _ events: [String], _ commands: [String]
  ) {
    let server = TestServer { $0.activeExpireEnabled = false }
    server.run("SET o other")
    server.run("SET k v")
    server.run("PEXPIRE k 10")
    server.advance(milliseconds: 11)
    let recorder = server.recordEvents()
    let stream = server.stream { #expect(!server.run(command).isError) }
    #expect(stream == commands)
    #expect(recorder.take() == events)
  }

  @Test func `on a follower due keys are hidden, and a past deadline waits for the leader`() {
    let server = TestServer(follows: false)
    server.run("SET k v")
    server.server.moment.expiryMode = .hide
    #expect(server.run("PEXPIRE k -1") == 1)
    #expect(server.run("EXISTS k") == 0)
    #expect(server.run("DBSIZE") == 1)
    server.server.moment.expiryMode = .remove
    server.advance(milliseconds: 1)
    #expect(server.run("DBSIZE") == 0)
  }
}
