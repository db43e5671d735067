// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct BlockingTests {
  @Test func `a blocked client is served by whoever feeds its key, who is answered first`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    waiter.post("TAKE k 0")
    server.turn()
    #expect(waiter.replies() == [])
    #expect(server.run("SET k v") == .ok)
    #expect(waiter.replies() == [["k", "v"]])
    #expect(server.run("EXISTS k") == 0)
  }

  @Test func `a key that has become due during the unit that made it serves nobody`() {
    let server = TestServer { $0.enableDebugCommand = .yes }
    server.run("DEBUG SET-ACTIVE-EXPIRE 0")
    let waiter = server.connect()
    waiter.send(["BRPOP", "k", "0"])
    server.turn()
    for line in ["MULTI", "RPUSH k v", "PEXPIRE k 100", "DEBUG SLEEP 0.2"] { server.run(line) }
    #expect(server.run("EXEC").elements == [1, 1, .ok])
    #expect(waiter.next() == nil)
    #expect(server.run("EXISTS k") == 0)
    server.run("RPUSH k w")
    #expect(waiter.next() == ["k", "w"])
  }

  @Test func `a command that finds something does not block`() {
    let server = WaitingCommands.server()
    server.run("SET k v")
    #expect(server.run("TAKE none k 0") == ["k", "v"])
    #expect(server.server.effects.blocked.count == 0)
  }

  @Test func `a command that blocks counts for its client when it is done`() throws {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    let client = try #require(server.server.clients.all.last)
    waiter.post("TAKE k 0")
    server.turn()
    #expect(client.commandCount == 0)
    server.run("SET k v")
    #expect(client.commandCount == 1)
    waiter.post("TAKE none 0.1")
    server.turn()
    server.advance(milliseconds: 200)
    #expect(client.commandCount == 2)
  }

  @Test func `clients are served in the order in which they came, one value each`() {
    let server = WaitingCommands.server()
    let waiters = (0..<5).map { _ in server.connect() }
    for waiter in waiters {
      waiter.post("TAKE k 0")
      server.turn()
    }
    for (index, waiter) in waiters.enumerated() {
      server.run("SET k \(index)")
      #expect(waiter.replies() == [["k", .bulk("\(index)")]])
      for other in waiters[(index + 1)...] { #expect(other.replies() == []) }
    }
  }

  @Test func `nobody in the same batch takes what somebody waits for`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    waiter.post("TAKE k 0")
    server.turn()
    let feeder = server.connect()
    let thief = server.connect()
    for line in ["SET k v", "GET k"] { feeder.post(line) }
    thief.post("GETDEL k")
    server.turn()
    #expect(waiter.replies() == [["k", "v"]])
    #expect(feeder.replies() == [.ok, nil])
    #expect(thief.replies() == [nil])
  }

  @Test func `a transaction feeds its keys when it ends, and what is gone by then feeds nobody`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    waiter.post("TAKE k other 0")
    server.turn()
    for line in ["MULTI", "SET k 1", "DEL k", "EXEC"] { server.run(line) }
    #expect(waiter.replies() == [])
    for line in ["MULTI", "SET k 1", "SET k 2", "GET k"] { server.run(line) }
    #expect(server.run("EXEC") == [.ok, .ok, "2"])
    #expect(waiter.replies() == [["k", "2"]])
    #expect(server.run("EXISTS k") == 0)
  }

  @Test func `in a transaction a blocking command gets its timeout's reply at once`() {
    let server = WaitingCommands.server()
    for line in ["MULTI", "TAKE k 0", "HAND a b 0"] { server.run(line) }
    #expect(server.run("EXEC") == [.nullArray, nil])
    #expect(server.run("PING") == .status("PONG"))
  }

  @Test func `serving one client may feed another, in a chain`() {
    let server = WaitingCommands.server()
    let lines = ["HAND c d 0", "HAND b c 0", "HAND a b 0", "TAKE d 0"]
    let waiters = lines.map { _ in server.connect() }
    for (line, waiter) in zip(lines, waiters) {
      waiter.post(line)
      server.turn()
    }
    server.run("SET a v")
    #expect(waiters.map { $0.replies() } == [["v"], ["v"], ["v"], [["d", "v"]]])
    #expect(server.run("DBSIZE") == 0)
  }

  @Test(arguments: ["MOVE", "COPY", "SWAPDB", "RENAME"])
  func `values that come from elsewhere feed, too`(_ command: String) {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    waiter.run("SELECT 1")
    waiter.post("TAKE k 0")
    server.turn()
    switch command {
    case "MOVE":
      server.run("SET k v")
      server.run("MOVE k 1")
    case "COPY":
      server.run("SET x v")
      server.run("COPY x k DB 1")
    case "SWAPDB":
      server.run("SET k v")
      server.run("SWAPDB 0 1")
    default:
      server.run("SELECT 1")
      server.run("SET x v")
      server.run("RENAME x k")
    }
    #expect(waiter.replies() == [["k", "v"]])
  }

  @Test func `what a blocked client sends meanwhile runs when it has been served, in order`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    for line in ["SET x 1", "TAKE k 0", "APPEND x 2", "TAKE k 0", "GET x"] { waiter.post(line) }
    server.turn()
    #expect(waiter.replies() == [.ok])
    waiter.post("APPEND x 3")
    server.turn()
    server.run("SET k a")
    server.turn()
    #expect(waiter.replies() == [["k", "a"], 2])
    #expect(server.run("GET x") == "12")
    server.run("SET k b")
    server.turn()
    #expect(waiter.replies() == [["k", "b"], "12", 3])
  }

  @Test func `a client that waits for several keys is served once, and leaves all queues`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    waiter.post("TAKE a b a c 0")
    server.turn()
    #expect(server.server.effects.blocked.keyCount == 3)
    for line in ["MULTI", "SET c 3", "SET b 2"] { server.run(line) }
    server.run("EXEC")
    #expect(waiter.replies() == [["b", "2"]])
    #expect(server.server.effects.blocked.keyCount == 0)
    #expect(server.server.effects.attention.kinds.isEmpty)
    #expect(server.run("GET c") == "3")
  }

  @Test func `served commands reach followers as units of their own`() {
    let server = WaitingCommands.server()
    let waiter = server.connect()
    waiter.post("HAND a b 0")
    server.turn()
    server.run("SET a v")
    #expect(waiter.replies() == ["v"])
    // The follower has compared its data; the order of its commands is the stream's.
    let text = String(decoding: server.server.effects.stream.copy(behind: 0), as: UTF8.self)
    #expect(text.contains("RENAME"))
    #expect(!text.contains("MULTI"))
  }

  @Test func `keys that go wake those who asked for it, and nobody else`() {
    let server = WaitingCommands.server()
    server.run("SET k \"\"")
    let peeker = server.connect()
    let peekers = ["DEL k", "RENAME k x", "FLUSHALL", "SWAPDB 0 1", "PEXPIRE k 5"].map { line in
      server.run("SET k \"\"")
      peeker.post("PEEK k 0")
      server.turn()
      #expect(peeker.replies() == [], "\(line)")
      #expect(server.server.effects.blocked.removalKeyCount == 1)
      server.run(line)
      server.advance(milliseconds: 10)
      return peeker.replies()
    }
    for replies in peekers { #expect(replies == [.error("ERR no such key")]) }
    #expect(server.server.effects.blocked.removalKeyCount == 0)
  }

  @Test func `a client that finds nothing again keeps its place`() {
    let server = WaitingCommands.server()
    server.run("SET k \"\"")
    let first = server.connect()
    let second = server.connect()
    for client in [first, second] {
      client.post("PEEK k 0")
      server.turn()
    }
    server.run("SET k \"\"")
    #expect(server.server.effects.blocked.all().map { $0.client.id } == [2, 3])
    server.run("SET k v")
    #expect(first.replies() == ["v"])
    #expect(second.replies() == ["v"])
  }

  @Test func `a queue survives those who leave from its middle and its front`() {
    let server = WaitingCommands.server()
    var waiters = (0..<60).map { _ in server.connect() }
    for waiter in waiters {
      waiter.post("TAKE k 0")
      server.turn()
    }
    for index in stride(from: 57, through: 0, by: -3) {
      waiters.remove(at: index).connection.close()
    }
    server.turn()
    for _ in 0..<30 {
      let late = server.connect()
      late.post("TAKE k 0")
      server.turn()
      waiters.append(late)
    }
    for (index, waiter) in waiters.enumerated() {
      server.run("SET k \(index)")
      #expect(waiter.replies() == [["k", .bulk("\(index)")]])
    }
    #expect(server.server.effects.blocked.count == 0)
  }
}
