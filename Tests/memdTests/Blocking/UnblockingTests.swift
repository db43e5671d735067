// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct UnblockingTests {
  @Test func `a timeout ends the waiting in time, and only then`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    waiter.post("TAKE k 0.1")
    let other = server.connect()
    other.post("HAND k x 0.05")
    server.turn()
    server.advance(milliseconds: 49)
    #expect(other.replies() == [])
    server.advance(milliseconds: 1)
    #expect(other.replies() == [nil])
    server.advance(milliseconds: 49)
    #expect(waiter.replies() == [])
    server.advance(milliseconds: 1)
    #expect(waiter.replies() == [.nullArray])
    #expect(waiter.run("PING") == .status("PONG"))
  }

  @Test func `timeouts end in the order of their ends, whoever left before`() {
    let server = WaitingCommands.server()
    let ends = [70, 30, 50, 10, 60, 20, 40]
    let waiters = ends.map { end in
      let waiter = server.connect()
      waiter.post("TAKE k\(end) 0.0\(end)")
      server.turn()
      return waiter
    }
    server.run("SET k10 v")
    server.run("SET k50 v")
    for _ in 0..<7 { server.advance(milliseconds: 10) }
    for (end, waiter) in zip(ends, waiters) {
      let isServed = end == 10 || end == 50
      let expected: Reply = isServed ? [.bulk("k\(end)"), "v"] : .nullArray
      #expect(waiter.replies() == [expected])
    }
    #expect(server.server.effects.blocked.timeouts.count == 0)
  }

  @Test(arguments: [
    ("x", "ERR timeout is not a float or out of range"), ("-1", "ERR timeout is negative"),
    ("-inf", "ERR timeout is negative"), ("inf", "ERR timeout is out of range"),
    ("1e300", "ERR timeout is out of range"),
    ("9223372036854775", "ERR timeout is out of range"),
  ])
  func `timeouts that make no sense are refused`(_ text: String, _ error: String) {
    let server = WaitingCommands.server()
    #expect(server.run("TAKE k \(text)") == .error(error))
  }

  @Test func `a timeout of less than a millisecond is one, and not for ever`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    waiter.post("TAKE k 0.0001")
    server.turn()
    server.advance(milliseconds: 1)
    #expect(waiter.replies() == [.nullArray])
  }

  @Test func `CLIENT UNBLOCK ends the waiting as a timeout or with an error`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    for (line, reply) in [
      ("CLIENT UNBLOCK 2", Reply.nullArray), ("CLIENT UNBLOCK 2 TIMEOUT", .nullArray),
      (
        "CLIENT UNBLOCK 2 ERROR",
        .error("UNBLOCKED client unblocked via CLIENT UNBLOCK")
      ),
    ] {
      waiter.post("TAKE k 0")
      server.turn()
      #expect(server.run(line) == 1)
      #expect(waiter.replies() == [reply])
    }
    #expect(server.run("CLIENT UNBLOCK 2") == 0)
    #expect(server.run("CLIENT UNBLOCK 99") == 0)
  }

  @Test func `a client that is killed or goes away takes nothing any more`() {
    let server = WaitingCommands.server()
    for line in ["CLIENT KILL ID 2", "PING"] {
      let waiter = server.connect()
      waiter.post("TAKE k 0")
      server.turn()
      #expect(server.server.effects.blocked.count == 1)
      if line == "PING" { waiter.connection.close() }
      server.run(line)
      server.run("SET k v")
      #expect(server.run("GETDEL k") == "v")
      #expect(server.server.effects.blocked.count == 0)
    }
  }

  @Test func `keys that are fed during a pause serve when it has ended`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    waiter.post("TAKE k 0")
    server.turn()
    for line in ["MULTI", "SET k v", "CLIENT PAUSE 100 WRITE"] { server.run(line) }
    server.run("EXEC")
    #expect(waiter.replies() == [])
    server.advance(milliseconds: 101)
    #expect(waiter.replies() == [["k", "v"]])
  }

  @Test func `CLIENT LIST and INFO show who waits and for how many keys`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    waiter.post("TAKE a b 10")
    let peeker = server.connect()
    peeker.post("PEEK a 0")
    server.turn()
    let line = server.run("CLIENT LIST ID 2").text
    #expect(line.contains(" flags=b "))
    #expect(line.contains(" cmd=take "))
    let info = server.run("INFO clients").text
    for field in [
      "blocked_clients:2", "clients_in_timeout_table:1", "total_blocking_keys:2",
      "total_blocking_keys_on_nokey:1",
    ] {
      #expect(info.contains("\(field)\r\n"))
    }
  }

  @Test func `a blocked command counts once, when it is done, without the time that it waited`() {
    let server = WaitingCommands.server { $0.slowlogLogSlowerThan = 1_000_000 }
    let waiter = server.connect()
    waiter.post("TAKE k 0")
    server.turn()
    #expect(!server.run("INFO commandstats").text.contains("cmdstat_take"))
    server.advance(milliseconds: 5000)
    server.run("SET k v")
    #expect(server.run("INFO commandstats").text.contains("cmdstat_take:calls=1,"))
    waiter.post("TAKE k 1")
    server.turn()
    server.advance(milliseconds: 1000)
    waiter.post("TAKE k 0")
    server.turn()
    server.run("CLIENT UNBLOCK 2 ERROR")
    let info = server.run("INFO commandstats").text
    #expect(info.contains("cmdstat_take:calls=3,"))
    #expect(info.contains("rejected_calls=0,failed_calls=1"))
    #expect(server.run("SLOWLOG LEN") == 0)
    #expect(server.run("INFO errorstats").text.contains("errorstat_UNBLOCKED:count=1"))
  }

  @Test func `MONITOR shows a command that blocks once, when it comes`() {
    let server = WaitingCommands.server()
    let monitor = server.connect()
    monitor.run("MONITOR")
    let waiter = server.connect()
    waiter.post("TAKE k 0")
    server.turn()
    server.run("SET k v")
    let shown = monitor.replies().map { $0.text.split(separator: "] ").last.map(String.init) }
    #expect(shown == ["\"TAKE\" \"k\" \"0\"", "\"SET\" \"k\" \"v\""])
  }

  @Test func `CLIENT REPLY SKIP skips the reply that comes when the waiting ends`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    for line in ["CLIENT REPLY SKIP", "TAKE k 0", "PING"] { waiter.post(line) }
    server.turn()
    server.run("SET k v")
    server.turn()
    #expect(waiter.replies() == [.status("PONG")])
  }

  @Test func `when the server becomes another's follower all who wait are sent away`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    waiter.post("TAKE k 0")
    server.turn()
    server.server.endBlockingForNewRole()
    server.turn()
    #expect(
      waiter.replies() == [
        .error(
          "UNBLOCKED force unblock from blocking operation, instance state changed"
            + " (master -> replica?)")
      ])
    #expect(waiter.isClosed)
  }

  @Test func `an idle client is not closed while it waits`() {
    let server = WaitingCommands.server { $0.timeoutSeconds = 1 }
    let waiter = server.connect()
    waiter.post("TAKE k 0")
    server.turn()
    for _ in 0..<50 {
      server.run("PING")
      server.advance(milliseconds: 100)
    }
    server.run("SET k v")
    #expect(waiter.replies() == [["k", "v"]])
  }
}
