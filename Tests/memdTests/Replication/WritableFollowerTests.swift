// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Followers whose clients may write, and what becomes of what they have written.
@Suite struct WritableFollowerTests {
  private func cluster(_ seed: UInt64 = 1) -> SimulatedCluster {
    let cluster = SimulatedCluster.followers(3, seed: seed)
    cluster.ask(1, "CONFIG SET replica-read-only no")
    cluster.ask(1, "REPLICAOF node0 6379")
    #expect(cluster.run { cluster.isOnline(1) })
    cluster.ask(2, "REPLICAOF node1 6379")
    #expect(cluster.run { cluster.isOnline(2) })
    return cluster
  }

  private func keyCount(_ cluster: SimulatedCluster, _ number: Int) -> Int {
    cluster.server(number)?.keyspace.keyCount ?? -1
  }

  @Test func `what clients have written expires, and nobody else hears of it`() {
    let cluster = cluster()
    cluster.ask(1, "SET a 1 PX 200\r\nSET b 1\r\nPEXPIRE b 200\r\nSET c 1")
    cluster.ask(1, "SELECT 3\r\nSET d 1 PX 200")
    cluster.ask(1, "SET e 1 PX 200\r\nPERSIST e\r\nSET f 1 PX 200\r\nPEXPIRE f 100000")
    cluster.ask(1, "RENAME a g")
    let offset = cluster.server(1)?.effects.stream.offset
    #expect(keyCount(cluster, 1) == 6)
    cluster.run(milliseconds: 500)
    #expect(cluster.data(1).map { $0.split(separator: " ")[1] } == ["c", "e", "f"])
    #expect(keyCount(cluster, 2) == 0)
    #expect(keyCount(cluster, 0) == 0)
    #expect((cluster.server(1)?.effects.stream.offset ?? 0) - (offset ?? 0) < 50, "PINGs at most")
    #expect(cluster.server(1)?.keyspace.statistics.expiredKeys == 3)
  }

  @Test func `a key that the leader has written waits for the leader's word`() {
    let cluster = cluster()
    cluster.ask(1, "SET k mine PX 100\r\nSET own 1 PX 100")
    cluster.ask(0, "SET k theirs PX 300\r\nSET other theirs PX 300")
    cluster.ask(1, "APPEND other mine")
    #expect(cluster.catchesUp(1, with: 0))
    cluster.network.isolate("node0")
    cluster.run(milliseconds: 600)
    // The one that is changed here again is the client's.
    #expect(cluster.data(1).map { $0.split(separator: " ")[1] } == ["k"])
    #expect(cluster.ask(1, "GET k") == "$-1\r\n")
    // A command that writes finds it gone.
    #expect(cluster.ask(1, "INCR k\r\nTTL k") == ":1\r\n:-1\r\n")
  }

  @Test func `a flush by the stream clears what was written here`() {
    for flush in ["FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC"] {
      let cluster = cluster()
      cluster.ask(0, "SET any 1")
      cluster.ask(1, "SET k mine PX 300")
      cluster.ask(0, "\(flush)\r\nSET k theirs")
      #expect(cluster.catchesUp(1, with: 0))
      #expect(cluster.ask(1, "GET k") == "$6\r\ntheirs\r\n")
      #expect(cluster.server(1)?.effects.localDeadlines?.isEmpty == true)
    }
  }

  @Test func `DEBUG SET-ACTIVE-EXPIRE holds for them, and who leads forgets them`() {
    let cluster = cluster()
    cluster.server(1)?.configuration.activeExpireEnabled = false
    cluster.ask(1, "SET k 1 PX 50")
    cluster.run(milliseconds: 400)
    #expect(keyCount(cluster, 1) == 1)
    cluster.server(1)?.configuration.activeExpireEnabled = true
    cluster.run(milliseconds: 200)
    #expect(keyCount(cluster, 1) == 0)
    cluster.ask(1, "SET k 1 PX 50\r\nREPLICAOF NO ONE")
    #expect(cluster.server(1)?.effects.localDeadlines == nil)
    cluster.run(milliseconds: 200)
    #expect(keyCount(cluster, 1) == 0)
  }

  @Test func `PFCOUNT keeps the cardinality on a read-only follower, too`() {
    let cluster = SimulatedCluster.followers(2, seed: 5)
    cluster.ask(1, "REPLICAOF node0 6379")
    #expect(cluster.run { cluster.isOnline(1) })
    cluster.ask(0, "PFADD p a b c d e f g\r\nPFADD q a b")
    #expect(cluster.catchesUp(1, with: 0))
    let before = cluster.data(1)
    let offset = cluster.server(1)?.effects.stream.offset
    #expect(cluster.ask(1, "PFCOUNT p") == ":7\r\n")
    #expect(cluster.data(1) != before)
    #expect(cluster.server(1)?.effects.stream.offset == offset)
    // A key that is due doesn't count, and stays.
    cluster.server(0)?.configuration.activeExpireEnabled = false
    cluster.ask(0, "PEXPIRE q 10")
    cluster.run(milliseconds: 50)
    #expect(cluster.ask(1, "PFCOUNT q") == ":0\r\n")
    #expect(keyCount(cluster, 1) == 2)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `deadlines come in order, whatever becomes of their keys`(seed: UInt64) {
    let server = TestServer(follows: false)
    let local = LocalDeadlines()
    var generator = SeededGenerator(seed: seed)
    var model: [String: Int64] = [:]
    var known: [String: Int64] = [:]
    let moment = server.server.moment
    for now in 0..<400 as Range<Int64> {
      let name = "k\(generator.number(in: 0...30))"
      let key = Array(name.utf8)
      moment.expiryMode = generator.happens(perMillion: 200_000) ? .ignore : .hide
      let database = server.server.keyspace.databases[0]
      local.noteChange(of: Key(key.rawSpan, seed: database.seed), in: database)
      known[name] =
        generator.happens(perMillion: 700_000) ? now + generator.number(in: 0...40) : nil
      model[name] = moment.expiryMode == .ignore ? nil : known[name]
      local.file { known[String(decoding: $0.bytes, as: UTF8.self)] }
      var due: Set<String> = []
      while let key = local.takeDue(now: now) {
        due.insert(String(decoding: key.bytes, as: UTF8.self))
      }
      #expect(due == Set(model.filter { $0.value < now }.keys))
      for name in due { model[name] = nil }
    }
    moment.expiryMode = .remove
  }
}
