// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Reads on followers that are new enough.
@Suite struct FreshnessTests {
  private func makeCluster(
    _ count: Int = 3, seed: UInt64 = 1, chained: Bool = false,
    _ configure: @escaping (Configuration) -> Void = { _ in }
  ) -> SimulatedCluster {
    let cluster = SimulatedCluster.followers(count, seed: seed, configure)
    #expect(cluster.attachFollowers(chained: chained))
    return cluster
  }

  /// What a client hears of a request, and how many milliseconds that takes.
  private func ask(
    _ client: SimulatedClient?, _ line: String, in cluster: SimulatedCluster,
    replyCount: Int = 1
  ) -> (text: String, milliseconds: Int64) {
    client?.send(line + "\r\n")
    let start = cluster.now
    var text = ""
    repeat {
      cluster.run(milliseconds: 1)
      text += client?.receiveText() ?? ""
      var parser = ReplyParser(Array(text.utf8))
      var count = 0
      while !parser.isAtEnd, parser.next() != nil { count += 1 }
      if count >= replyCount { break }
    } while cluster.now - start < 5_000_000_000
    return (text, (cluster.now - start) / 1_000_000)
  }

  private func token(_ number: Int, of cluster: SimulatedCluster) -> String {
    cluster.ask(number, "MEMD.TOKEN").split(separator: "\r\n").last.map(String.init) ?? ""
  }

  // MARK: - Tokens

  @Test func `a token is a point of a history`() {
    let history = String(repeating: "0a", count: 20)
    func parse(_ text: String) -> FreshnessToken? { FreshnessToken(Array(text.utf8).rawSpan) }
    let token = parse("\(history):15")
    #expect(token?.offset == 15)
    #expect(token?.text == ByteText("\(history):15"))
    for text in [
      "", ":", "\(history)", "\(history):", "\(history):x", "\(history):-1", "\(history) 15",
      "\(history.uppercased()):15", "0\(history):1", "\(history):99999999999999999999",
    ] {
      #expect(parse(text) == nil, "\(text)")
    }
  }

  @Test func `data are fresh if they have reached the point, in their history or the one before`() {
    let ours = String(repeating: "a", count: 40)
    let former = String(repeating: "b", count: 40)
    func staleness(
      _ history: String, _ offset: Int, ageMax: Int? = nil, age: Int? = 7
    ) -> Staleness? {
      let state = DataState(
        history: ours, formerHistory: former, formerEnd: 50, offset: 80, age: age)
      return state.staleness(
        for: FreshnessRequirement(
          token: FreshnessToken(history: ByteText(history), offset: offset), ageMax: ageMax))
    }
    #expect(staleness(ours, 80) == nil)
    #expect(staleness(ours, 81) == .behind(offset: 80, wanted: 81))
    #expect(staleness(former, 49) == nil)
    // What came behind that did not survive.
    #expect(staleness(former, 50) == .otherHistory)
    #expect(staleness(String(repeating: "c", count: 40), 1) == .otherHistory)
    #expect(staleness(ours, 80, ageMax: 7) == nil)
    #expect(staleness(ours, 80, ageMax: 6) == .old(7, allowed: 6))
    #expect(staleness(ours, 80, ageMax: 6, age: nil) == .old(nil, allowed: 6))
  }

  @Test func `an age is that of the newest mark that came back`() {
    var age = DataAge(name: "me")
    func apply(_ mark: ByteText) -> Bool { age.apply(mark.rawSpan) }
    #expect(age.milliseconds(at: 5) == nil)
    let first = age.makeMark(at: 1_000_000)
    let second = age.makeMark(at: 2_000_000)
    let third = age.makeMark(at: 3_000_000)
    for other in ["", "me", "me:", "me:9", "you:1", "me:1x"] as [ByteText] {
      #expect(!apply(other))
    }
    #expect(apply(second))
    #expect(age.milliseconds(at: 5_000_001) == 4)
    // What is older says nothing.
    #expect(!apply(first))
    #expect(apply(third))
    #expect(age.provenAt == 3_000_000)
    for _ in 0..<1000 { _ = age.makeMark(at: 9_000_000) }
    #expect(apply("me:1003"))
    #expect(!apply("me:500"))
  }

  // MARK: - Read your writes

  @Test func `a read waits for the write of its token`() {
    let cluster = makeCluster()
    let reader = cluster.connect(1)
    cluster.network.setDelay(between: "node0", "node1", 200_000_000...200_000_000)
    cluster.ask(0, "SET k 1")
    let token = token(0, of: cluster)
    #expect(ask(reader, "GET k", in: cluster).text == "$-1\r\n")
    #expect(ask(reader, "MEMD.FRESHNESS AFTER \(token)", in: cluster).text == "+OK\r\n")
    // What is behind it in the pipeline waits with it.
    let (text, time) = ask(reader, "GET k\r\nPING\r\nSTRLEN k", in: cluster, replyCount: 3)
    #expect(text == "$1\r\n1\r\n+PONG\r\n:1\r\n")
    #expect(100...250 ~= time)
    #expect(ask(reader, "GET k", in: cluster).milliseconds < 5)
    cluster.run(milliseconds: 500)
    // The point that a follower's data have reached is one for others, too.
    #expect(self.token(1, of: cluster).hasPrefix(token.prefix(41)))
  }

  @Test func `when the time is over the read is refused, and only that`() {
    let cluster = makeCluster(2)
    cluster.network.partition("node0", "node1")
    cluster.ask(0, "SET k 1")
    let token = token(0, of: cluster)
    let reader = cluster.connect(1)
    let set = "MEMD.FRESHNESS AFTER \(token) TIMEOUT 300 ONCE"
    #expect(ask(reader, set, in: cluster).text == "+OK\r\n")
    #expect(ask(reader, "PING", in: cluster).text == "+PONG\r\n")
    let (text, time) = ask(reader, "GET k", in: cluster)
    #expect(text.hasPrefix("-STALE The data are at offset "), "\(text)")
    #expect(300...320 ~= time)
    #expect(ask(reader, "GET k", in: cluster).text == "$-1\r\n")
    #expect(ask(reader, "MEMD.FRESHNESS AFTER \(token) TIMEOUT 0", in: cluster).text == "+OK\r\n")
    let refused = ask(reader, "MULTI\r\nGET k\r\nEXEC", in: cluster, replyCount: 3)
    #expect(refused.text.hasPrefix("+OK\r\n+QUEUED\r\n-EXECABORT"), "\(refused)")
    #expect(ask(reader, "GET k", in: cluster).text.hasPrefix("-STALE"))
    #expect(ask(reader, "MEMD.FRESHNESS NONE", in: cluster).text == "+OK\r\n")
    #expect(ask(reader, "GET k", in: cluster).text == "$-1\r\n")
    let other = String(repeating: "f", count: 40) + ":1"
    #expect(ask(reader, "MEMD.FRESHNESS AFTER \(other) TIMEOUT 1", in: cluster).text == "+OK\r\n")
    #expect(
      ask(reader, "GET k", in: cluster).text
        == "-STALE The data are of another history than the token.\r\n")
    #expect(ask(reader, "RESET", in: cluster).text == "+RESET\r\n")
    #expect(ask(reader, "GET k", in: cluster).text == "$-1\r\n")
    #expect(cluster.ask(1, "INFO replication").contains("replica_stale_reads_refused:4\r\n"))
  }

  @Test func `a read that was refused for another reason takes nothing of the next one's time`() {
    let cluster = makeCluster(2)
    let client = cluster.connect(1)
    let reached = token(1, of: cluster).split(separator: ":")
    let later = "\(reached[0]):\((Int(reached[1]) ?? 0) + 100_000)"
    #expect(
      ask(client, "MEMD.FRESHNESS AFTER \(later) TIMEOUT 300", in: cluster).text == "+OK\r\n")
    client?.send("GET k\r\n")
    cluster.run(milliseconds: 100)
    #expect(cluster.ask(1, "ACL SETUSER default -get") == "+OK\r\n")
    cluster.run(milliseconds: 300)
    #expect(client?.receiveText().hasPrefix("-NOPERM") == true)
    #expect(cluster.ask(1, "ACL SETUSER default +get") == "+OK\r\n")
    let answer = ask(client, "GET k", in: cluster)
    #expect(answer.text.hasPrefix("-STALE"))
    #expect(answer.milliseconds >= 290)
  }

  @Test func `a client that waits may leave, and others wait for themselves`() {
    let cluster = makeCluster(2)
    cluster.network.partition("node0", "node1")
    cluster.ask(0, "SET k 1")
    let token = token(0, of: cluster)
    let readers = (0..<3).map { _ in cluster.connect(1) }
    for (index, reader) in readers.enumerated() {
      let time = 200 + 200 * index
      reader?.send("MEMD.FRESHNESS AFTER \(token) TIMEOUT \(time)\r\nGET k\r\n")
    }
    cluster.run(milliseconds: 100)
    #expect(cluster.ask(1, "INFO replication").contains("replica_stale_reads_waiting:3\r\n"))
    readers[1]?.close()
    cluster.run(milliseconds: 150)
    #expect(readers[0]?.receiveText().contains("-STALE") == true)
    cluster.network.heal()
    #expect(cluster.catchesUp(1, with: 0))
    cluster.run(milliseconds: 5)
    #expect(readers[2]?.receiveText() == "+OK\r\n$1\r\n1\r\n")
    #expect(cluster.server(1)?.freshness.waiting.isEmpty == true)
  }

  @Test func `a token goes through a failover, if its write does`() {
    let cluster = makeCluster()
    cluster.ask(0, "SET k 1")
    let kept = token(0, of: cluster)
    #expect(cluster.catchesUp(1, with: 0))
    #expect(cluster.catchesUp(2, with: 0))
    cluster.network.partition("node0", "node1")
    cluster.network.partition("node0", "node2")
    cluster.ask(0, "SET k 2")
    let lost = token(0, of: cluster)
    cluster.ask(1, "REPLICAOF NO ONE")
    cluster.ask(2, "REPLICAOF node1 6379")
    #expect(cluster.catchesUp(2, with: 1))
    cluster.ask(1, "SET other 1")
    #expect(cluster.catchesUp(2, with: 1))
    for number in 1...2 {
      let reader = cluster.connect(number)
      _ = ask(reader, "MEMD.FRESHNESS AFTER \(kept) TIMEOUT 50", in: cluster)
      #expect(ask(reader, "GET k", in: cluster).text == "$1\r\n1\r\n")
      _ = ask(reader, "MEMD.FRESHNESS AFTER \(lost) TIMEOUT 50", in: cluster)
      #expect(ask(reader, "GET k", in: cluster).text.hasPrefix("-STALE The data are of another"))
    }
  }

  @Test func `tokens come behind writes, if a connection wants them`() {
    let server = TestServer()
    #expect(server.run("MEMD.TOKEN ON").text.hasPrefix("ERR MEMD.TOKEN ON sends pushes"))
    server.run("HELLO 3")
    #expect(server.run("MEMD.TOKEN ON") == .ok)
    let history = server.server.effects.stream.replicationID
    func send(_ words: [String]) -> [Reply] {
      server.client.send(words)
      server.turn()
      var replies: [Reply] = []
      while let reply = server.client.next() { replies.append(reply) }
      return replies
    }
    func token() -> Reply {
      .push(["memd.token", .bulk("\(history):\(server.server.effects.stream.offset)")])
    }
    #expect(send(["SET", "k", "1"]) == [.ok, token()])
    #expect(send(["GET", "k"]) == ["1"])
    #expect(send(["DEL", "missing"]) == [0])
    #expect(send(["MULTI"]) == [.ok])
    #expect(send(["INCR", "k"]) == [.status("QUEUED")])
    #expect(send(["EXEC"]) == [[2], token()])
    // One that waits writes when it is served.
    let other = server.connect()
    #expect(send(["BLPOP", "list", "0"]) == [])
    other.run("RPUSH list a")
    var replies: [Reply] = []
    while let reply = server.client.next() { replies.append(reply) }
    #expect(replies == [["list", "a"], token()])
    #expect(send(["MEMD.TOKEN", "OFF"]) == [.ok])
    #expect(send(["SET", "k", "1"]) == [.ok])
    #expect(server.run("MEMD.TOKEN maybe") == .error("ERR syntax error"))
  }

  @Test func `what makes no sense is refused`() {
    let server = TestServer()
    let token = String(repeating: "a", count: 40) + ":1"
    for (line, error) in [
      ("MEMD.FRESHNESS AFTER", "ERR syntax error"), ("MEMD.FRESHNESS AFTER x", "ERR invalid token"),
      ("MEMD.FRESHNESS MAXAGE x", "ERR value is not an integer or out of range"),
      ("MEMD.FRESHNESS MAXAGE -1", "ERR value is out of range"),
      ("MEMD.FRESHNESS TIMEOUT 5", "ERR syntax error"),
      ("MEMD.FRESHNESS ONCE", "ERR syntax error"),
      ("MEMD.FRESHNESS NONE ONCE", "ERR syntax error"),
      ("MEMD.FRESHNESS AFTER \(token) TIMEOUT", "ERR syntax error"),
      ("MEMD.FRESHNESS AFTER \(token) ONCE maybe", "ERR syntax error"),
    ] {
      #expect(server.run(line) == .error(error), "\(line)")
    }
    server.run("SET k 1")
    server.run("MEMD.FRESHNESS MAXAGE 5")
    // A leader's data are as new as any.
    #expect(server.run("GET k") == "1")
    let state = server.run("MEMD.FRESHNESS").elements
    #expect(state.count == 10)
    #expect(state[3] == 0)
    #expect(state[5] == .null)
    #expect(state[7] == 5)
    #expect(state[9] == 1000)
  }

  // MARK: - Age

  @Test(arguments: [false, true])
  func `data are told to be as old as they can be, and no younger`(chained: Bool) {
    let cluster = makeCluster(chained: chained)
    cluster.run(milliseconds: 3000)
    let reader = cluster.connect(2)
    #expect(ask(reader, "MEMD.FRESHNESS MAXAGE 50 TIMEOUT 0", in: cluster).text == "+OK\r\n")
    // The first one may come too early; from then on marks are frequent.
    _ = ask(reader, "GET n", in: cluster)
    cluster.run(milliseconds: 30)
    for number in 0..<30 {
      cluster.ask(0, "SET n \(number)")
      let (text, _) = ask(reader, "GET n", in: cluster)
      #expect(!text.hasPrefix("-"), "\(text)")
    }
    let before = cluster.now
    cluster.ask(0, "SET n last")
    for number in 0...1 { cluster.network.partition("node\(number)", "node2") }
    var text = ""
    while !text.hasPrefix("-"), cluster.now - before < 1_000_000_000 {
      text = ask(reader, "GET n", in: cluster).text
    }
    #expect(text.hasPrefix("-STALE The data may be "), "\(text)")
    #expect(cluster.now - before < 60_000_000)
    cluster.run(milliseconds: 300)
    let age = cluster.ask(2, "INFO replication").split(separator: "\r\n")
      .first { $0.hasPrefix("replica_data_age_ms:") }.flatMap { Int($0.dropFirst(20)) }
    #expect(300...450 ~= age ?? 0)
    // One that may wait gets what is new as soon as the link is there again.
    _ = ask(reader, "MEMD.FRESHNESS MAXAGE 50 TIMEOUT 4000", in: cluster)
    reader?.send("GET n\r\n")
    cluster.run(milliseconds: 100)
    #expect(reader?.receiveText() == "")
    cluster.network.heal()
    #expect(ask(reader, "PING", in: cluster, replyCount: 2).text == "$4\r\nlast\r\n+PONG\r\n")
  }

  @Test func `a follower as a whole can refuse what is too old`() {
    let cluster = makeCluster(2) { $0.replicaMaxAge = 100 }
    cluster.run(milliseconds: 2000)
    cluster.ask(0, "SET k 1")
    cluster.run(milliseconds: 5)
    for _ in 0..<20 {
      #expect(cluster.ask(1, "GET k") == "$1\r\n1\r\n")
      cluster.run(milliseconds: 13)
    }
    cluster.network.partition("node0", "node1")
    cluster.run(milliseconds: 150)
    #expect(cluster.ask(1, "GET k").hasPrefix("-STALE The data may be 1"))
    #expect(cluster.ask(1, "CONFIG SET replica-max-age-ms 0") == "+OK\r\n")
    #expect(cluster.ask(1, "GET k") == "$1\r\n1\r\n")
    #expect(cluster.ask(0, "CONFIG SET replica-max-age-ms 1") == "+OK\r\n")
    #expect(cluster.ask(0, "GET k") == "$1\r\n1\r\n")
  }

  @Test func `a leader that returns no marks proves nothing`() {
    let cluster = makeCluster(2)
    let reader = cluster.connect(1)
    cluster.ask(1, "REPLICAOF NO ONE")
    cluster.network.partition("node0", "node1")
    cluster.ask(1, "REPLICAOF node0 6379")
    _ = ask(reader, "MEMD.FRESHNESS MAXAGE 50 TIMEOUT 20", in: cluster)
    #expect(
      ask(reader, "GET k", in: cluster).text
        == "-STALE How old the data are is not known: the leader has not said, which only memd "
        + "does.\r\n")
  }

  @Test func `marks that are none are not returned`() {
    let server = TestServer()
    let follower = server.connect()
    follower.send(["PSYNC", "?", "-1"])
    server.settle()
    let offset = server.server.effects.stream.offset
    for mark in ["", "a b", String(repeating: "x", count: 65), "\r\n", "\u{e9}"] {
      follower.send(["REPLCONF", "ACK", "0", "MEMD-MARK", mark])
      server.turn()
    }
    #expect(server.server.effects.stream.offset == offset)
    follower.send(["REPLCONF", "ACK", "0", "FACK", "0", "MEMD-MARK", "a:1", "MEMD-MARK", "b:1"])
    server.turn()
    #expect(server.server.effects.stream.offset == offset + 46)
  }
}
