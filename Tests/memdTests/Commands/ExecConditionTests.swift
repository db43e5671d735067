// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

/// EXEC with conditions: IFEQ, IFNE, NX, XX.
@Suite struct ExecConditionTests {
  /// A server with a string `s`, a number `n` and a list `l`, and a transaction that sets `done`.
  private static func servers() -> [TestServer] {
    [2, 3].map { version in
      let server = TestServer()
      server.run("MSET s text n 17")
      server.run("RPUSH l a")
      server.run("SET volatile v PX 100000")
      if version == 3 { server.speakVersion3() }
      return server
    }
  }

  private static func queue(_ server: TestServer) {
    server.run("MULTI")
    server.run("SET done 1")
  }

  private let syntaxError = Reply.error(
    "EXECABORT Transaction discarded because of: invalid check condition syntax")

  @Test(arguments: [
    ("IFEQ s text", true), ("IFEQ s Text", false), ("ifeq n 17", true), ("IFEQ n 017", false),
    ("IFEQ none text", false), ("IFEQ none \"\"", false), ("IFNE s text", false),
    ("IFNE s other", true), ("IfNe none text", true), ("NX none", true), ("NX s", false),
    ("NX l", false), ("XX s", true), ("xx l", true), ("XX none", false), ("XX NX", false),
    ("NX IFEQ", true), ("IFEQ volatile v", true),
    // All of them must be met.
    ("IFEQ s text NX none XX l IFNE n 18", true), ("IFEQ s text NX none XX l IFNE n 17", false),
    ("XX none IFEQ s text", false), ("IFEQ s text IFEQ s text", true),
    ("IFEQ s text IFEQ s other", false),
  ])
  func `the queue runs if all conditions are met, and is forgotten if not`(
    conditions: String, areMet: Bool
  ) {
    for (server, null) in zip(Self.servers(), [Reply.nullArray, .null]) {
      Self.queue(server)
      let stream = server.stream {
        #expect(server.run("EXEC \(conditions)") == (areMet ? [.ok] : null))
      }
      #expect(stream == (areMet ? ["SET done 1"] : []))
      #expect(server.run("EXISTS done") == .integer(areMet ? 1 : 0))
      #expect(server.run("EXEC") == .error("ERR EXEC without MULTI"))
    }
  }

  @Test(arguments: [
    "now", "IFEQ", "IFEQ s", "NX", "XX s XX", "NX none IFNE s", "IFEQ s text more", "EQ s text",
    "NX none IFEQ s text UNLESS n", "IFEQ none",
  ])
  func `what is no condition ends the transaction, and monitors see it once`(conditions: String) {
    for server in Self.servers() {
      let monitor = server.connect()
      monitor.run("MONITOR")
      Self.queue(server)
      #expect(server.run("EXEC \(conditions)") == syntaxError)
      #expect(server.run("EXISTS done") == 0)
      #expect(server.run("EXEC \(conditions)") == .error("ERR EXEC without MULTI"))
      let shown = monitor.replies().map(\.text).filter { $0.contains("\"EXEC\"") }
      #expect(shown.count == 2)
    }
  }

  @Test(arguments: ["IFEQ l a", "IFNE l a", "NX none IFEQ l a"])
  func `a text is compared with strings only`(conditions: String) {
    for server in Self.servers() {
      Self.queue(server)
      #expect(
        server.run("EXEC \(conditions)")
          == .error("WRONGTYPE Operation against a key holding the wrong kind of value"))
      #expect(server.run("EXISTS done") == 0)
      #expect(server.run("EXEC") == .error("ERR EXEC without MULTI"))
    }
  }

  @Test func `conditions are asked in order, at EXEC, and without regard to the queue`() {
    let server = Self.servers()[0]
    let other = server.connect()
    server.run("MULTI")
    server.run("SELECT 1")
    server.run("SET s changed")
    other.run("SET s now")
    // In the database that is selected before the queue runs.
    #expect(server.run("EXEC IFEQ s now") == [.ok, .ok])
    #expect(server.run("GET s") == "changed")
    Self.queue(server)
    #expect(server.run("EXEC NX s IFEQ l a") == .nullArray)
  }

  @Test func `previous errors and watched keys count as without conditions`() {
    let server = Self.servers()[0]
    Self.queue(server)
    server.run("NOSUCHCOMMAND")
    #expect(
      server.run("EXEC XX s")
        == .error("EXECABORT Transaction discarded because of previous errors."))
    server.run("WATCH s")
    server.connect().run("SET s other")
    Self.queue(server)
    #expect(server.run("EXEC XX s") == .nullArray)
    #expect(server.server.effects.watched.isEmpty)
    server.run("WATCH s")
    Self.queue(server)
    #expect(server.run("EXEC NX s") == .nullArray)
    #expect(server.server.effects.watched.isEmpty)
  }

  @Test func `a key that is due goes before what is done because it is gone`() {
    let server = TestServer { $0.activeExpireEnabled = false }
    server.run("SET k v PX 10")
    server.advance(milliseconds: 11)
    Self.queue(server)
    let events = server.recordEvents()
    let stream = server.stream { #expect(server.run("EXEC NX k") == [.ok]) }
    #expect(stream == ["MULTI", "UNLINK k", "SET done 1", "EXEC"])
    #expect(events.take() == ["0 expired k", "0 new done", "0 set done"])
  }

  @Test func `asking is no access: neither hit nor miss nor event`() {
    let server = Self.servers()[0]
    server.run("CONFIG RESETSTAT")
    let events = server.recordEvents()
    Self.queue(server)
    #expect(server.run("EXEC IFEQ s other") == .nullArray)
    Self.queue(server)
    #expect(server.run("EXEC XX none") == .nullArray)
    #expect(events.take() == [])
    let info = server.run("INFO stats").text
    #expect(info.contains("keyspace_hits:0\r\n") && info.contains("keyspace_misses:0\r\n"))
  }

  // MARK: - Access control

  @Test(arguments: [
    ("~done", "IFEQ s text", false), ("~done", "IFNE s text", false), ("~done", "NX s", false),
    ("~done", "XX s", false), ("~done", "NX done IFEQ s text", false),
    ("~done", "NX done NX s", false), ("~done", "NX done XX \"\"", false),
    ("~done", "NX \"\" XX done", false),
    ("~done %W~*", "IFEQ s text", false), ("~done %W~*", "IFNE s other", false),
    // Whether there is a key may be asked by whoever may use it in any way.
    ("~done %W~*", "XX s", true), ("~done %R~s", "IFEQ s text", true), ("~done ~s", "XX s", true),
    ("~done", "NX done", true),
  ])
  func `keys of conditions are checked like those of commands`(
    rules: String, conditions: String, isAllowed: Bool
  ) {
    let server = Self.servers()[0]
    server.run("ACL SETUSER bob on nopass +@all \(rules)")
    let bob = server.connect()
    bob.run("AUTH bob x")
    bob.run("MULTI")
    bob.run("SET done 1")
    let reply = bob.run("EXEC \(conditions)")
    #expect(
      reply
        == (isAllowed
          ? [.ok]
          : .error(
            "EXECABORT Transaction discarded because of: NOPERM this user has no permissions to"
              + " access one of the keys used as arguments")))
    #expect(bob.run("EXISTS done") == .integer(isAllowed ? 1 : 0))
    #expect(bob.run("EXEC") == .error("ERR EXEC without MULTI"))
  }

  // MARK: - Declaration

  @Test func `COMMAND GETKEYS names the keys of conditions as they stand`() {
    let server = TestServer()
    #expect(
      server.run("COMMAND GETKEYS EXEC XX c IFEQ NX IFEQ NX a IFNE d v XX b")
        == ["c", "NX", "a", "d", "b"])
    #expect(
      server.run("COMMAND GETKEYSANDFLAGS EXEC XX c IFEQ a v")
        == [
          ["c", .array([.status("RO"), .status("incomplete")])],
          ["a", .array([.status("RO"), .status("access"), .status("incomplete")])],
        ])
    #expect(server.run("COMMAND INFO EXEC").elements.first?.elements[1] == -1)
  }
}
