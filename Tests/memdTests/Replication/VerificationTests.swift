// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Leaders and followers that compare what they hold.
@Suite struct VerificationTests {
  private func makeCluster(
    _ count: Int = 2, seed: UInt64 = 1, period: Int = 1, rate: Int = 1 << 20,
    _ configure: @escaping (Configuration) -> Void = { _ in }
  ) -> SimulatedCluster {
    let cluster = SimulatedCluster.followers(count, seed: seed) {
      $0.replicaVerifyPeriod = period
      $0.replicaVerifyMaxBytesPerSecond = rate
      configure($0)
    }
    #expect(cluster.run { cluster.hosts.allSatisfy(\.isReady) })
    for number in 1..<count {
      #expect(cluster.ask(number, "REPLICAOF node\(number - 1) 6379") == "+OK\r\n")
      #expect(cluster.catchesUp(number, with: number - 1))
      keepLog(of: number, cluster)
    }
    return cluster
  }

  private func keepLog(of number: Int, _ cluster: SimulatedCluster) {
    cluster.server(number)?.log.destination = .file("memd.log", cluster.hosts[number].disk)
  }

  private func log(_ number: Int, _ cluster: SimulatedCluster) -> [String] {
    SimulatedFiles.read("memd.log", on: cluster.hosts[number].disk)
      .split(separator: "\n").map(String.init).filter { $0.contains("Verification") }
  }

  private func counts(_ number: Int, _ cluster: SimulatedCluster) -> VerificationFindings.Counts {
    cluster.server(number)?.verification.findings.counts ?? VerificationFindings.Counts()
  }

  /// Lets so many whole rounds pass from now on.
  private func rounds(_ count: Int, _ number: Int, _ cluster: SimulatedCluster) {
    let before = counts(number, cluster).rounds
    #expect(cluster.run { counts(number, cluster).rounds >= before + count })
  }

  /// Keys of all types, small and large.
  private func fill(_ cluster: SimulatedCluster) {
    cluster.ask(0, "SET s 1\r\nSET t 2 EX 10000\r\nRPUSH l a b\r\nSADD set a b\r\nZADD z 1 a")
    cluster.ask(0, "HSET h a 1 b 2\r\nXADD x 1-1 a b\r\nHPEXPIREAT h 9000000000000 FIELDS 1 b")
    cluster.ask(0, "XGROUP CREATE x g 0\r\nXREADGROUP GROUP g c STREAMS x >")
    cluster.ask(0, "XGROUP CREATECONSUMER x g idle\r\nXGROUP CREATECONSUMER x g other")
    cluster.ask(0, "SELECT 3\r\nSET s 3\r\nSETRANGE long 200000 x")
    for start in stride(from: 0, to: 600, by: 100) {
      let names = (start..<start + 100).map { "m\($0)" }
      cluster.ask(0, "RPUSH biglist " + names.joined(separator: " "))
      cluster.ask(0, "SADD bigset " + names.joined(separator: " "))
      cluster.ask(0, "HSET bighash " + names.map { "\($0) v" }.joined(separator: " "))
      cluster.ask(0, "ZADD bigzset " + names.map { "1 \($0)" }.joined(separator: " "))
      let ids = (start + 1...start + 100).map { "XADD bigstream \($0)-1 f v" }
      cluster.ask(0, ids.joined(separator: "\r\n"))
    }
    cluster.ask(0, "XGROUP CREATE bigstream g 0\r\nXREADGROUP GROUP g c STREAMS bigstream >")
    #expect(cluster.catchesUp(1, with: 0))
  }

  // MARK: - What is found

  @Test func `equal servers find nothing, and say how much they have compared`() {
    let cluster = makeCluster()
    fill(cluster)
    rounds(2, 1, cluster)
    let counts = counts(1, cluster)
    #expect(counts.keysDiffering == 0)
    #expect(counts.keysChecked >= 14)
    cluster.run(milliseconds: 1500)
    let info = cluster.ask(1, "INFO replication")
    #expect(info.contains("replica_verify_keys_differing:0\r\n"), "\(info)")
    #expect(info.contains("replica_verify_last_round_differing:0\r\n"))
    #expect(info.contains("replica_verify_last_round_s:0\r\n"))
    #expect(!info.contains("replica_verify_rounds:0\r\n"))
    #expect(!info.contains("replica_verify_keys_checked:0\r\n"))
    let told = cluster.ask(0, "INFO replication")
    #expect(told.contains("verify_slave0:keys_checked="), "\(told)")
    #expect(told.contains(",keys_differing=0,rounds="))
    #expect(!told.contains("verify_keys_sent:0\r\n") && !told.contains("verify_bytes_sent:0\r\n"))
    #expect(log(1, cluster) == [])
    for number in 0...1 {
      cluster.ask(number, "CONFIG RESETSTAT")
      #expect(
        cluster.ask(number, "INFO replication").contains(
          number == 0 ? "verify_keys_sent:0\r\n" : "replica_verify_keys_checked:0\r\n"))
    }
  }

  @Test(arguments: [
    ("DEL s", "'s' of database 0 is missing here"),
    ("SELECT 3\r\nDEL s", "'s' of database 3 is missing here"),
    ("SET other 1", "'other' of database 0 is here and not at the leader"),
    ("SELECT 9\r\nSET other 1", "'other' of database 9 is here and not at the leader"),
    ("RENAME s other", "'other' of database 0 is here and not at the leader"),
    ("SET s 2", "'s' of database 0 has another value than at the leader"),
    ("SET s 12", "'s' of database 0 has 2 elements or bytes here and 1 at the leader"),
    ("EXPIRE s 100", "'s' of database 0 expires at "),
    ("PERSIST t", "'t' of database 0 expires never here and at "),
    ("DEL s\r\nSADD s a", "'s' of database 0 is a set here and a string at the leader"),
    ("LSET l 1 c", "'l' of database 0 has another value"),
    ("HSET h a 3", "'h' of database 0 has another value"),
    ("HPEXPIREAT h 9000000000001 FIELDS 1 b", "'h' of database 0 has another value"),
    ("HPERSIST h FIELDS 1 b", "'h' of database 0 has another value"),
    ("ZADD z 2 a", "'z' of database 0 has another value"),
    ("SREM set a\r\nSADD set c", "'set' of database 0 has another value"),
    ("XDEL x 1-1\r\nXADD x 1-2 a b", "'x' of database 0 has another value"),
    ("LSET biglist 555 c", "'biglist' of database 0 has another value"),
    ("SREM bigset m444\r\nSADD bigset c", "'bigset' of database 0 has another value"),
    ("SREM bigset m444", "'bigset' of database 0 has 599 elements or bytes here and 600"),
    ("HSET bighash m333 c", "'bighash' of database 0 has another value"),
    ("ZADD bigzset 2 m599", "'bigzset' of database 0 has another value"),
    ("XTRIM bigstream MAXLEN 599\r\nXADD bigstream * a b", "'bigstream' of database 0 has another"),
    ("SELECT 3\r\nSETRANGE long 150000 y", "'long' of database 3 has another value"),
    ("XADD x 2-1 a b\r\nXDEL x 2-1", "'x' of database 0 has another value"),
    ("XSETID x 7-1", "'x' of database 0 has another value"),
    ("XCFGSET x IDMP-DURATION 7", "'x' of database 0 has another value"),
    ("XGROUP CREATE x new 0", "'x' of database 0 has another value"),
    ("XGROUP DESTROY x g", "'x' of database 0 has another value"),
    ("XGROUP SETID x g 0", "'x' of database 0 has another value"),
    ("XGROUP CREATECONSUMER x g new", "'x' of database 0 has another value"),
    ("XGROUP DELCONSUMER x g idle", "'x' of database 0 has another value"),
    ("XACK x g 1-1", "'x' of database 0 has another value"),
    ("XCLAIM x g other 0 1-1", "'x' of database 0 has another value"),
    ("XNACK x g SILENT IDS 1 1-1", "'x' of database 0 has another value"),
    ("XCLAIM x g c 0 1-1 RETRYCOUNT 9 TIME 5", "'x' of database 0 has another value"),
    ("XACK bigstream g 300-1", "'bigstream' of database 0 has another value"),
    ("XCLAIM bigstream g c 0 400-1", "'bigstream' of database 0 has another value"),
    ("XCLAIM bigstream g c 0 600-1", "'bigstream' of database 0 has another value"),
  ]) func `what differs is found, named and counted`(change: String, sentence: String) {
    let cluster = makeCluster()
    fill(cluster)
    rounds(1, 1, cluster)
    #expect(counts(1, cluster).keysDiffering == 0)
    cluster.ask(1, "CONFIG SET replica-read-only no\r\n" + change)
    // Keys that are too many are asked for in one round and named in the next.
    rounds(3, 1, cluster)
    #expect(counts(1, cluster).keysDiffering > 0)
    let lines = log(1, cluster)
    #expect(lines.contains { $0.contains(sentence) }, "\(lines.first ?? "nothing")")
    let differing = change.hasPrefix("RENAME") ? 2 : 1
    #expect(cluster.server(1)?.verification.findings.lastRoundDiffering == differing)
    cluster.run(milliseconds: 1100)
    let told = cluster.ask(0, "INFO replication")
    #expect(told.contains("verify_slave0:") && !told.contains("keys_differing=0"), "\(told)")
  }

  @Test func `the log names each key once, a few in a round, and tells how many there are`() {
    let cluster = makeCluster()
    for index in 0..<50 { cluster.ask(0, "SET k\(index) 1") }
    #expect(cluster.catchesUp(1, with: 0))
    cluster.ask(1, "CONFIG SET replica-read-only no\r\nFLUSHALL")
    func named() -> [String] {
      log(1, cluster).compactMap { line in
        line.firstMatch(of: /key '(k\d+)'/).map { String($0.1) }
      }
    }
    rounds(1, 1, cluster)
    #expect(named().count >= 20 && named().count < 50)
    #expect(log(1, cluster).contains { $0.hasSuffix("of them have not been named yet") })
    rounds(4, 1, cluster)
    #expect(cluster.server(1)?.verification.findings.lastRoundDiffering == 50)
    #expect(named().count == 50 && Set(named()).count == 50)
    #expect(log(1, cluster).last?.hasSuffix("50 keys differ from the leader's") == true)
    // One is as it should be for a while.
    cluster.ask(1, "SET k7 1")
    rounds(2, 1, cluster)
    cluster.ask(1, "DEL k7")
    rounds(2, 1, cluster)
    #expect(named().count == 51 && named().last == "k7")
  }

  @Test func `a follower's followers compare themselves, too, and their keys are answered`() {
    let cluster = makeCluster(3)
    fill(cluster)
    #expect(cluster.catchesUp(2, with: 1))
    rounds(1, 2, cluster)
    cluster.ask(2, "CONFIG SET replica-read-only no\r\nSET extra 1\r\nDEL s")
    rounds(3, 2, cluster)
    #expect(cluster.server(2)?.verification.findings.lastRoundDiffering == 2)
    #expect(log(2, cluster).contains { $0.contains("'extra' of database 0 is here and not") })
    #expect(counts(1, cluster).keysDiffering == 0)
  }

  // MARK: - What it costs

  @Test func `nothing is said to who doesn't want it, or while it is turned off`() {
    let off = makeCluster(period: 0)
    off.ask(0, "SET k 1")
    off.run(milliseconds: 3000)
    #expect(off.server(0)?.verification.walk.messageCount == 0)
    #expect(off.ask(0, "CONFIG SET replica-verify-period 1") == "+OK\r\n")
    rounds(1, 1, off)
    // Another leader may turn it on; this one has no followers.
    let alone = makeCluster(1) { $0.replTimeoutSeconds = 60 }
    alone.run(milliseconds: 3000)
    #expect(alone.server(0)?.verification.walk.messageCount == 0)
    // A follower of another kind hears nothing of it.
    let client = alone.hosts[0].transport?.connect(fromHost: "redis")
    client?.send("REPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n")
    alone.run(milliseconds: 1000)
    _ = client?.receive()
    client?.send("REPLCONF ACK 1\r\n")
    alone.run(milliseconds: 3000)
    #expect(alone.server(0)?.followers.all.first?.follower?.getsStream == true)
    #expect(alone.server(0)?.verification.walk.messageCount == 0)
  }

  @Test func `a pause keeps the stream still`() {
    let cluster = makeCluster()
    rounds(1, 1, cluster)
    cluster.ask(0, "CLIENT PAUSE 1500 WRITE")
    let count = cluster.server(0)?.verification.walk.messageCount
    cluster.run(milliseconds: 1400)
    #expect(cluster.server(0)?.verification.walk.messageCount == count)
    rounds(1, 1, cluster)
  }

  @Test(arguments: [1 << 10, 64 << 10])
  func `the stream carries no more than it may`(rate: Int) {
    let cluster = makeCluster(rate: rate)
    for start in stride(from: 0, to: 3000, by: 100) {
      cluster.ask(0, (start..<start + 100).map { "SET key:\($0) 1" }.joined(separator: "\r\n"))
    }
    #expect(cluster.catchesUp(1, with: 0))
    cluster.run(milliseconds: 2500)
    let before = cluster.server(0)?.verification.sentByteCount ?? 0
    cluster.run(milliseconds: 10_000)
    let sent = (cluster.server(0)?.verification.sentByteCount ?? 0) - before
    #expect(sent <= rate * 10 + VerificationWalk.messageByteCount * 2)
    // A round is over before the next second begins if it may be quick.
    #expect(sent >= (rate == 1 << 10 ? 5000 : 300_000))
    #expect(counts(1, cluster).keysDiffering == 0)
  }

  @Test func `a message is followed by a pause for its bytes or its time, never a long one`() {
    #expect(Verification.pause(behind: 1000, rate: 1_000_000, cost: 5000) == 1_000_000)
    #expect(Verification.pause(behind: 1000, rate: 1_000_000, cost: 100_000) == 10_000_000)
    // In the middle of it the machine has done something else.
    #expect(Verification.pause(behind: 1000, rate: 1_000_000, cost: 200_000_000) == 500_000_000)
  }

  @Test func `among a million keys every message is short and cheap, and all come once`() {
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    server.run("DEBUG POPULATE 1000000 k 8")
    server.run("SADD one a")
    var walk = VerificationWalk()
    var messages = 0
    var isOver = false
    while !isOver {
      let message = walk.next(in: server.server.keyspace)
      messages += 1
      isOver = message.endsRound
      #expect(message.text.count < VerificationWalk.messageByteCount + 100)
      #expect(message.items.count <= VerificationWalk.messageByteCount / 8)
    }
    #expect(walk.keyCount == 1_000_001)
    #expect(messages < 10_000)
  }

  @Test func `a message doesn't look at more than it may, however large and sparse the data`() {
    let server = TestServer(follows: false) { $0.databases = 10_000 }
    let keyspace = server.server.keyspace
    var walk = VerificationWalk()
    // Nothing in ten thousand databases takes forty messages.
    var messages = 0
    while !walk.next(in: keyspace).endsRound { messages += 1 }
    #expect(30...50 ~= messages)
    for index in 0..<50 { server.run("SETRANGE k\(index) 60000 x") }
    for index in 0..<50 { server.run("SETRANGE l\(index) 600000 x") }
    var parts = 0
    var isOver = false
    while !isOver {
      let message = walk.next(in: keyspace)
      isOver = message.endsRound
      parts += message.items.count
      #expect(message.items.count <= 6)
    }
    #expect(parts == 50 + 50 * 10)
  }

  // MARK: - No false alarms

  private func change(_ generator: inout SeededGenerator) -> String {
    let key = generator.number(in: 0...20)
    let value = generator.number(in: 0...300)
    return switch generator.number(in: 0...26) {
    case 0: "SET s\(key) \(value)"
    case 1: "SET s\(key) \(value) PX \(generator.number(in: 1...300))"
    case 2: "INCR n\(key)"
    case 3: "RPUSH l\(key) \(value) \(value)"
    case 4: "LPOP l\(key)"
    case 5: "ZADD z\(key % 3) \(value) \(key)"
    case 6: "MULTI\r\nINCR n\(key)\r\nSADD t\(key % 3) \(value)\r\nEXEC"
    case 7: "SELECT \(generator.number(in: 0...3))"
    case 8: "DEL s\(key)"
    case 9: "SETRANGE big\(key % 3) \(value * 400) x"
    case 10: "HSET h\(key % 3) \(value) \(key)"
    case 11: "XADD x * f \(value)"
    case 12: "HPEXPIRE h\(key % 3) \(value) FIELDS 1 \(generator.number(in: 0...300))"
    case 13: "PFADD p \(value)"
    case 14: "PFCOUNT p"
    case 15: "SPOP t\(key % 3)"
    case 16: "ZINCRBY z\(key % 3) 0.1 \(key)"
    case 17: "PEXPIRE l\(key) \(value)"
    case 18: "XTRIM x MAXLEN 200"
    case 19: "RPUSH wide \(value) \(value) \(value) \(value) \(value)"
    case 20: "XGROUP CREATE x g 0\r\nXREADGROUP GROUP g c COUNT 1 STREAMS x >"
    case 21: generator.happens(perMillion: 20_000) ? "FLUSHALL" : "SWAPDB 0 1"
    case 22: "COPY t\(key % 3) t\(value % 3) REPLACE"
    case 23: streamChange(&generator)
    case 24: "XAUTOCLAIM x g d 0 0 COUNT 2\r\nXREADGROUP GROUP g e NOACK COUNT 1 STREAMS x >"
    case 25: "XADD x IDMP p \(key) * f \(value)"
    default: "RENAME s\(key) n\(value % 21)"
    }
  }

  /// A change of a stream whose ids are known.
  private func streamChange(_ generator: inout SeededGenerator) -> String {
    let id = generator.number(in: 1...200)
    return switch generator.number(in: 0...9) {
    case 0...2: "XADD y \(id) f v\r\nXGROUP CREATE y g 0"
    case 3...4: "XREADGROUP GROUP g c\(id % 4) COUNT 5 STREAMS y >"
    case 5: "XACK y g \(id)-0 \(id + 1)-0"
    case 6: "XCLAIM y g c\(id % 4) 0 \(id)-0 \(id + 1)-0"
    case 7: "XNACK y g FAIL IDS 1 \(id)-0"
    case 8: "XDEL y \(id)-0\r\nXGROUP DELCONSUMER y g c\(id % 4)"
    default: id > 190 ? "DEL y" : "XREADGROUP GROUP g c\(id % 4) BLOCK 20 STREAMS y >"
    }
  }

  private func write(_ cluster: SimulatedCluster, until end: Int64) {
    var clients: [Int: SimulatedClient] = [:]
    func next() {
      guard cluster.now < end else { return }
      // Followers refuse, but count what their sketches hold.
      for number in cluster.hosts.indices {
        if clients[number]?.isClosed != false {
          clients[number] = cluster.hosts[number].transport?.connect(fromHost: "writer")
        }
        for _ in 0..<5 { clients[number]?.send(change(&cluster.generator) + "\r\n") }
        _ = clients[number]?.receive()
      }
      cluster.schedule(at: cluster.now + cluster.generator.number(in: 200_000...6_000_000), next)
    }
    next()
  }

  /// All that a server has but sketches, which keep what they have counted last.
  private func data(_ number: Int, _ cluster: SimulatedCluster) -> [Int] {
    cluster.data(number).filter { !$0.contains(" p - HYLL") }.map(\.hashValue)
  }

  /// MEMD_SEEDS=50 tries more than the tests of every day do.
  private static let seeds = 1...(ProcessFacts.environment("MEMD_SEEDS").flatMap(UInt64.init) ?? 2)

  @Test(arguments: seeds)
  func `whatever is written, and whoever restarts or takes over, nothing seems to differ`(
    seed: UInt64
  ) {
    let cluster = makeCluster(4, seed: seed, rate: 256 << 10) {
      $0.appendOnly = seed % 3 == 0
      $0.replBacklogSize = seed % 2 == 0 ? 16 << 10 : 1 << 20
      $0.saveRules = seed % 3 == 1 ? [SaveRule(seconds: 3600, changes: 1)] : []
    }
    func follow(_ number: Int, _ leader: Int) {
      cluster.hosts[number].replicaOf = LeaderAddress(host: "node\(leader)", port: 6379)
      cluster.ask(number, "REPLICAOF node\(leader) 6379")
    }
    func restart(_ number: Int) {
      if cluster.generator.happens(perMillion: 500_000) {
        cluster.kill(number, .process)
      } else {
        cluster.hosts[number].terminate()
        #expect(cluster.run { cluster.hosts[number].exitCode != nil })
      }
      cluster.run(milliseconds: cluster.generator.number(in: 1...300))
      cluster.start(number)
      keepLog(of: number, cluster)
      #expect(cluster.run { cluster.hosts[number].isReady })
    }
    write(cluster, until: cluster.now + 5_000_000_000)
    cluster.run(milliseconds: 900)
    follow(2, seed % 2 == 0 ? 0 : 1)
    restart(1 + Int(seed % 3))
    cluster.run(milliseconds: 700)
    // A leader that comes back, and one that another one takes over from.
    restart(0)
    cluster.run(milliseconds: 700)
    cluster.ask(1, "REPLICAOF NO ONE")
    cluster.hosts[1].replicaOf = nil
    for number in [0, 2, 3] { follow(number, number == 3 ? 2 : 1) }
    cluster.run(milliseconds: 2000)
    for number in [0, 2, 3] {
      #expect(cluster.catchesUp(number, with: 1), "node\(number), seed \(seed)")
      rounds(2, number, cluster)
      let counts = counts(number, cluster)
      #expect(counts.keysDiffering == 0, "node\(number), seed \(seed)")
      #expect(counts.keysChecked > 20, "node\(number), seed \(seed)")
      #expect(data(number, cluster) == data(1, cluster), "node\(number), seed \(seed)")
    }
    for number in 0...3 { #expect(log(number, cluster) == [], "node\(number), seed \(seed)") }
  }
}
