// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct KeyDatabaseTests {
  @Test func `SELECT changes the database of one connection`() {
    let server = TestServer()
    let other = server.connect()
    server.run("SET a 1")
    #expect(server.run("SELECT 9") == .ok)
    #expect(server.run("GET a") == nil)
    #expect(other.run("GET a") == "1")
  }

  @Test func `requests behind a SELECT in a pipeline go to the new database`() {
    let server = TestServer()
    for words in [
      ["SET", "a", "0"], ["SELECT", "1"], ["SET", "a", "1"], ["GET", "a"], ["SELECT", "0"],
      ["GET", "a"],
    ] {
      server.client.send(words)
    }
    server.turn()
    var replies: [Reply] = []
    while let reply = server.client.next() { replies.append(reply) }
    #expect(replies == [.ok, .ok, .ok, "1", .ok, "0"])
  }

  @Test(arguments: [
    ("x", "ERR value is not an integer or out of range"), ("16", "ERR DB index is out of range"),
    ("-1", "ERR DB index is out of range"),
    (
      "2147483648",
      "ERR value is out of range, value must between -2147483648 and 2147483647"
    ),
    ("9223372036854775808", "ERR value is not an integer or out of range"),
  ])
  func `a database that doesn't exist can't be selected`(_ index: String, _ error: String) {
    let server = TestServer()
    #expect(server.run(["SELECT", index]) == .error(error))
  }

  @Test func `SWAPDB exchanges keys and deadlines`() {
    let server = TestServer()
    server.run("SET a zero")
    server.run("PEXPIRE a 1000")
    let before = server.changeCount
    let stream = server.stream { #expect(server.run("SWAPDB 0 1") == .ok) }
    #expect(stream == ["SWAPDB 0 1"])
    #expect(server.changeCount == before + 1)
    #expect(server.run("GET a") == nil)
    let events = server.recordEvents()
    server.advance(milliseconds: 1001)
    #expect(events.take() == ["1 expired a"])
    #expect(server.run("SWAPDB x 0") == .error("ERR invalid first DB index"))
    #expect(server.run("SWAPDB 0 x") == .error("ERR invalid second DB index"))
    #expect(server.run("SWAPDB 0 16") == .error("ERR DB index is out of range"))
  }

  @Test(arguments: ["", " ASYNC", " SYNC"])
  func `FLUSHDB empties one database, FLUSHALL all`(_ mode: String) {
    let server = TestServer()
    for database in 0..<3 {
      server.run("SELECT \(database)")
      for index in 0..<80 { server.run("SET k\(index) v") }
      server.run("PEXPIRE k0 100000")
    }
    let before = server.changeCount
    #expect(server.run("FLUSHDB" + mode) == .ok)
    #expect(server.run("DBSIZE") == 0)
    server.run("SELECT 1")
    #expect(server.run("DBSIZE") == 80)
    #expect(server.run("FLUSHALL" + mode) == .ok)
    #expect(server.run("DBSIZE") == 0)
    #expect(server.changeCount == before + 240)
    server.run("SET k0 again")
    #expect(server.run("TTL k0") == -1)
    for _ in 0..<10 { server.turn() }
    #expect(server.server.keyspace.unlinked.isEmpty)
  }

  @Test func `flushing is sent on even if there was nothing, but not if it was refused`() {
    let server = TestServer()
    let before = server.changeCount
    let stream = server.stream {
      #expect(server.run("FLUSHALL") == .ok)
      #expect(server.run("FLUSHDB ASYNC") == .ok)
      #expect(server.run("FLUSHALL NOW") == .error("ERR syntax error"))
      #expect(server.run("FLUSHDB SYNC ASYNC") == .error("ERR syntax error"))
    }
    #expect(stream.filter { $0 != "SELECT 0" } == ["FLUSHALL", "FLUSHDB ASYNC"])
    #expect(server.changeCount == before)
  }

  @Test func `a flushed database gives its memory back`() {
    let server = TestServer(follows: false)
    let before = server.server.allocator.bytesInUse
    for index in 0..<3000 { server.run("SET k\(index) \(index)") }
    let full = server.server.allocator.bytesInUse
    server.run("FLUSHALL ASYNC")
    #expect(server.run("DBSIZE") == 0)
    for _ in 0..<20 { server.turn() }
    #expect(server.server.allocator.bytesInUse < before + (full - before) / 10)
  }

  @Test func `an asynchronous flush leaves a large value for later, however few keys there are`() {
    let server = TestServer()
    server.run("CONFIG SET zset-max-listpack-entries 0")
    for first in stride(from: 0, to: 5000, by: 100) {
      let members = (first..<(first + 100)).map { "\($0) m\($0)" }.joined(separator: " ")
      server.run("ZADD z \(members)")
    }
    let keyspace = server.server.keyspace
    let before = keyspace.allocator.bytesInUse
    #expect(keyspace.flush(keyspace.databases[0], lazily: true) == 1)
    #expect(!keyspace.unlinked.isEmpty)
    while keyspace.unlinked.free(upTo: 100) {}
    #expect(keyspace.allocator.bytesInUse < before - 5000 * 20)
  }
}
