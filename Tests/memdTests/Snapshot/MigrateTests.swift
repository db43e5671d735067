// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// The other server of a migration, inside the test.
private final class Target: BlockingConnection {
  let server: TestServer
  /// Nothing comes back any more after so many receptions.
  var receptionsLeft = Int.max
  private let client: TestClient

  init(_ server: TestServer) {
    self.server = server
    client = server.connect()
    super.init()
  }

  override func send(_ bytes: RawSpan, timeoutMilliseconds: Int) throws(SystemError) {
    _ = client.connection.send(bytes.copied)
  }

  override func receive(timeoutMilliseconds: Int) throws(SystemError) -> [UInt8] {
    receptionsLeft -= 1
    guard receptionsLeft >= 0 else { throw SystemError(110) }
    server.settle(limit: 20)
    return client.connection.receive()
  }
}

@Suite struct MigrateTests {
  private let source = TestServer()
  private let other = TestServer { $0.databases = 16 }

  private func connect(_ configure: (Target) -> Void = { _ in }) {
    let target = Target(other)
    configure(target)
    source.transport.blockingPeer = { _, port in port == 7000 ? target : nil }
  }

  @Test func `MIGRATE moves a key with its deadline to the database that is named`() {
    connect()
    source.run("SET a hello PX 5000")
    #expect(source.run("MIGRATE host 7000 a 9 1000") == .ok)
    #expect(source.run("EXISTS a") == 0)
    other.run("SELECT 9")
    #expect(other.run("GET a") == "hello")
    #expect((4900...5000).contains(other.run("PTTL a").number ?? 0))
  }

  @Test func `MIGRATE moves several keys, and those that are missing don't matter`() {
    connect()
    source.run("MSET a 1 b 2")
    #expect(source.run("MIGRATE host 7000 \"\" 0 1000 KEYS a none b") == .ok)
    #expect(source.run("DBSIZE") == 0)
    #expect(other.run("MGET a b") == ["1", "2"])
    #expect(source.run("MIGRATE host 7000 a 0 1000") == .status("NOKEY"))
  }

  @Test func `MIGRATE copies and replaces as it is told`() {
    connect()
    source.run("SET a 1")
    other.run("SET a 2")
    let busy = Reply.error(
      "ERR Target instance replied with error: BUSYKEY Target key name already exists.")
    #expect(source.run("MIGRATE host 7000 a 0 1000") == busy)
    #expect(source.run("GET a") == "1")
    connect()
    #expect(source.run("MIGRATE host 7000 a 0 1000 COPY REPLACE") == .ok)
    #expect(source.run("GET a") == "1")
    #expect(other.run("GET a") == "1")
  }

  @Test func `MIGRATE authenticates, and moves nothing if it may not`() {
    other.run("CONFIG SET requirepass secret")
    connect()
    source.run("SET a 1")
    #expect(source.run("MIGRATE host 7000 a 0 1000").text.contains("NOAUTH"))
    #expect(source.run("EXISTS a") == 1)
    connect()
    #expect(source.run("MIGRATE host 7000 a 0 1000 AUTH wrong").text.contains("WRONGPASS"))
    connect()
    #expect(source.run("MIGRATE host 7000 a 0 1000 AUTH2 default secret") == .ok)
    #expect(source.run("EXISTS a") == 0)
  }

  @Test func `MIGRATE keeps the key when the other server is silent or not there`() {
    source.run("SET a 1")
    #expect(
      source.run("MIGRATE host 1 a 0 1000")
        == .error("IOERR error or timeout connecting to the client"))
    connect { $0.receptionsLeft = 0 }
    #expect(
      source.run("MIGRATE host 7000 a 0 1000")
        == .error("IOERR error or timeout reading to target instance"))
    #expect(source.run("GET a") == "1")
  }

  @Test func `MIGRATE uses a connection again, and closes it after ten seconds`() {
    var opened = 0
    source.transport.blockingPeer = { [other] _, port in
      opened += 1
      return port < 8000 ? Target(other) : nil
    }
    source.run("MSET a 1 b 2 c 3 d 4")
    #expect(source.run("MIGRATE host 7000 a 2 1000") == .ok)
    #expect(source.run("MIGRATE host 7000 b 2 1000") == .ok)
    #expect(opened == 1)
    #expect(source.info("migrate_cached_sockets") == "1")
    // Another database, and a connection of its own to another server.
    #expect(source.run("MIGRATE host 7000 c 3 1000") == .ok)
    #expect(source.run("MIGRATE host 7001 d 3 1000") == .ok)
    #expect(opened == 2)
    other.run("SELECT 2")
    #expect(other.run("MGET a b c") == ["1", "2", nil])
    other.run("SELECT 3")
    #expect(other.run("MGET c d") == ["3", "4"])
    source.advance(milliseconds: 9000)
    #expect(source.info("migrate_cached_sockets") == "2")
    source.advance(milliseconds: 2000)
    #expect(source.info("migrate_cached_sockets") == "0")
    #expect(source.run("MIGRATE host 7000 e 3 1000") == .status("NOKEY"))
  }

  @Test func `MIGRATE tries anew when a connection from before is dead, but not a new one`() {
    var targets: [Target] = []
    source.transport.blockingPeer = { [other] _, _ in
      targets.append(Target(other))
      return targets.last
    }
    source.run("MSET a 1 b 2")
    #expect(source.run("MIGRATE host 7000 a 0 1000") == .ok)
    targets[0].receptionsLeft = 0
    other.run("FLUSHALL")
    // The dead one has taken the request all the same, which the other server may have run.
    let reply = source.run("MIGRATE host 7000 b 0 1000 REPLACE")
    #expect(reply == .ok && targets.count == 2)
    #expect(source.run("EXISTS b") == 0 && other.run("GET b") == "2")
    #expect(source.info("migrate_cached_sockets") == "1")
  }

  @Test func `MIGRATE selects the database anew after an error`() {
    connect()
    source.run("MSET a 1 b 2")
    other.run("SET a 5")
    #expect(source.run("MIGRATE host 7000 a 0 1000").text.contains("BUSYKEY"))
    #expect(source.run("MIGRATE host 7000 b 0 1000") == .ok)
    for _ in 0..<2 {
      #expect(source.run("MIGRATE host 7000 a 99 1000").text.contains("DB index is out of range"))
    }
    #expect(source.run("MIGRATE host 7000 a 0 1000 REPLACE") == .ok)
    #expect(other.run("MGET a b") == ["1", "2"])
  }

  @Test func `MIGRATE refuses what it doesn't understand`() {
    source.run("SET a 1")
    for options in ["X", "AUTH", "AUTH2 a", "KEYS"] {
      #expect(source.run("MIGRATE host 1 \"\" 0 1000 \(options)") == .error("ERR syntax error"))
    }
    #expect(source.run("MIGRATE host 1 a 0 1000 KEYS a").isError)
    #expect(source.run("MIGRATE host 1 a x 1000").isError)
    #expect(source.run("MIGRATE host 1 a 0 x").isError)
  }
}
