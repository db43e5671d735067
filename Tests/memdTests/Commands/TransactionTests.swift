// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct TransactionTests {
  @Test func `MULTI queues, and EXEC answers with the replies in order`() {
    let server = TestServer()
    #expect(server.run("MULTI") == .ok)
    #expect(server.run("SET k 1") == .status("QUEUED"))
    #expect(server.run("GET k") == .status("QUEUED"))
    #expect(server.run("EXEC") == .array([.ok, "1"]))
    #expect(server.run("EXEC") == .error("ERR EXEC without MULTI"))
  }

  @Test func `an empty transaction answers an empty array`() {
    let server = TestServer()
    server.run("MULTI")
    #expect(server.run("EXEC") == [])
  }

  @Test func `MULTI can't be nested, WATCH not be inside, and neither spoils the transaction`() {
    let server = TestServer()
    server.run("MULTI")
    #expect(server.run("MULTI") == .error("ERR MULTI calls can not be nested"))
    #expect(server.run("WATCH k") == .error("ERR WATCH inside MULTI is not allowed"))
    server.run("SET k 1")
    #expect(server.run("EXEC") == .array([.ok]))
  }

  @Test(arguments: ["NOSUCHCOMMAND", "SET k", "GET"])
  func `a request refused while queueing makes EXEC fail`(line: String) {
    let server = TestServer()
    server.run("MULTI")
    server.run("SET k 1")
    #expect(server.run(line).isError)
    server.run("SET k 2")
    #expect(
      server.run("EXEC")
        == .error("EXECABORT Transaction discarded because of previous errors."))
    #expect(server.run("GET k") == nil)
    #expect(server.run("SET k 3") == .ok)
  }

  @Test func `DISCARD forgets the queue and the watched keys`() {
    let server = TestServer()
    let other = server.connect()
    server.run("WATCH k")
    server.run("MULTI")
    server.run("SET k 1")
    #expect(server.run("DISCARD") == .ok)
    #expect(server.run("DISCARD") == .error("ERR DISCARD without MULTI"))
    other.run("SET k 2")
    server.run("MULTI")
    server.run("GET k")
    #expect(server.run("EXEC") == ["2"])
    #expect(server.server.effects.watched.isEmpty)
  }

  @Test func `EXEC answers a null array once a watched key has changed`() {
    let server = TestServer()
    let other = server.connect()
    #expect(server.run("WATCH a b") == .ok)
    other.run("SET b 1")
    server.run("MULTI")
    server.run("SET a 1")
    #expect(server.run("EXEC") == .nullArray)
    #expect(server.run("GET a") == nil)
    // The watch ended with EXEC.
    other.run("SET b 2")
    server.run("MULTI")
    server.run("GET b")
    #expect(server.run("EXEC") == ["2"])
  }

  @Test func `UNWATCH and the client's own EXEC end the watching`() {
    let server = TestServer()
    let other = server.connect()
    server.run("WATCH k")
    other.run("SET k 1")
    #expect(server.run("UNWATCH") == .ok)
    server.run("MULTI")
    server.run("SET k 2")
    #expect(server.run("EXEC") == .array([.ok]))
    server.run("WATCH k")
    server.run("SET k 3")
    server.run("MULTI")
    #expect(server.run("EXEC") == .nullArray)
  }

  @Test func `a client that leaves no longer watches`() {
    let server = TestServer()
    let other = server.connect()
    other.run("WATCH k")
    #expect(server.server.effects.watched.keyCount == 1)
    other.connection.close()
    server.turn()
    #expect(server.server.effects.watched.keyCount == 0)
  }

  @Test func `the unit reaches followers as one transaction, a single command without frame`() {
    let server = TestServer()
    server.run("SET start 1")
    let effects = server.server.effects.stream
    func stream(_ lines: String...) -> String {
      let before = effects.offset
      for line in lines { server.run(line) }
      return TestServer.commandLines(effects.copy(behind: before))
    }
    #expect(stream("MULTI", "SET a 1", "SET b 2", "EXEC") == "MULTI|SET a 1|SET b 2|EXEC")
    #expect(stream("MULTI", "SET a 1", "GET b", "EXEC") == "SET a 1")
    #expect(stream("MULTI", "GET b", "EXEC") == "")
    #expect(stream("MULTI", "SET a 1", "DISCARD") == "")
  }

  @Test func `time stands still inside a transaction`() {
    let server = TestServer()
    let observer = TimeObserver(server)
    server.server.effects.observer = observer
    server.run("MULTI")
    server.run("SET a 1")
    server.run("SET b 1")
    server.run("EXEC")
    #expect(observer.times.count >= 2)
    #expect(Set(observer.times).count == 1)
  }

  @Test func `commands of a transaction and EXEC itself are counted`() {
    let server = TestServer()
    server.run("MULTI")
    server.run("SET a 1")
    server.run("SET a 2")
    server.run("EXEC")
    #expect(server.calls(of: "set") == 2)
    #expect(server.calls(of: "multi") == 1)
    #expect(server.calls(of: "exec") == 1)
    #expect(server.server.statistics.commandsProcessed == 4)
  }

  @Test func `a watched key that becomes due makes EXEC fail, removed or not`() {
    for isSwept in [false, true] {
      let server = TestServer(follows: false)
      server.server.configuration.activeExpireEnabled = isSwept
      server.run("SET k 1")
      server.setDeadline("k", afterMilliseconds: 5)
      server.run("WATCH k")
      server.advance(milliseconds: 10)
      server.run("MULTI")
      server.run("PING")
      #expect(server.run("EXEC") == .nullArray)
    }
  }

  @Test func `the removal of a key that was due when it was watched is no change`() {
    let server = TestServer(follows: false)
    server.server.configuration.activeExpireEnabled = false
    server.run("SET k 1")
    server.setDeadline("k", afterMilliseconds: 5)
    server.advance(milliseconds: 10)
    server.run("WATCH k")
    server.server.configuration.activeExpireEnabled = true
    server.advance(milliseconds: 10)
    #expect(server.server.keyspace.keyCount == 0)
    server.run("MULTI")
    server.run("PING")
    #expect(server.run("EXEC") == .array([.status("PONG")]))
  }

  @Test func `a write to a key that was due when it was watched is a change`() {
    let server = TestServer(follows: false)
    server.server.configuration.activeExpireEnabled = false
    server.run("SET k 1")
    server.setDeadline("k", afterMilliseconds: 5)
    server.advance(milliseconds: 10)
    server.run("WATCH k")
    let other = server.connect()
    other.run("GET k")
    other.run("SET k 2")
    server.run("MULTI")
    #expect(server.run("EXEC") == .nullArray)
  }

  @Test func `without memory a transaction with a write is refused by EXEC, a reading one is not`()
  {
    let server = TestServer { $0.maxMemory = 1 }
    server.server.applyConfiguration()
    server.run("MULTI")
    #expect(server.run("GET k").text.hasPrefix("OOM command not allowed"))
    #expect(server.run("EXEC").text.hasPrefix("EXECABORT"))

    server.server.configuration.maxMemory = 0
    server.server.applyConfiguration()
    server.run("MULTI")
    server.run("SET k 1")
    server.server.configuration.maxMemory = 1
    server.server.applyConfiguration()
    #expect(
      server.run("EXEC").text
        == "EXECABORT Transaction discarded because of: "
        + "OOM command not allowed when used memory > 'maxmemory'.")
    #expect(server.run("EXEC") == .error("ERR EXEC without MULTI"))
  }
}

/// Lets time pass whenever a key changes, and notes what the server takes for the time.
private final class TimeObserver: KeyEventObserver {
  private unowned let server: TestServer
  private(set) var times: [Int64] = []

  init(_ server: TestServer) { self.server = server }

  func observe(_ event: KeyEvent, _ key: RawSpan, database: Int) {
    times.append(server.server.moment.milliseconds)
    server.clock.advance(milliseconds: 50)
  }
}

extension TestServer {
  /// How often a command ran.
  func calls(of name: String) -> Int {
    let description = server.commands.descriptions.first { $0.fullName == name }
    return description.map { server.metrics.commands[$0.id].calls } ?? -1
  }

  /// Gives a key of database 0 a deadline behind the back of every command.
  func setDeadline(_ name: String, afterMilliseconds milliseconds: Int64) {
    let database = server.keyspace.databases[0]
    let bytes = Array(name.utf8)
    let key = Key(bytes.rawSpan, seed: database.seed)
    guard let entry = database.write(key) else { return }
    database.setDeadline(server.moment.milliseconds + milliseconds, of: entry, key)
  }

  /// Commands of a stream of effects, words joined by blanks and commands by bars.
  static func commandLines(_ bytes: [UInt8]) -> String {
    var parser = ReplyParser(bytes)
    var lines: [String] = []
    while let command = parser.next() {
      lines.append(command.elements.map(\.text).joined(separator: " "))
    }
    return lines.joined(separator: "|")
  }
}
