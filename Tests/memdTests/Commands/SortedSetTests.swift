// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct SortedSetTests {
  /// A server whose sorted sets are packed, and one whose are not.
  private static func servers() -> [TestServer] {
    [TestServer(), TestServer { $0.zsetMaxListpackEntries = 0 }]
  }

  @Test func `both forms have the names that clients know, and one turns into the other`() {
    let server = TestServer()
    server.run("ZADD few 1 a 2 b")
    #expect(server.run("OBJECT ENCODING few") == "listpack")
    for index in 0..<129 { server.run("ZADD many \(index) m\(index)") }
    #expect(server.run("OBJECT ENCODING many") == "skiplist")
    #expect(server.run("ZRANGE many 127 -1") == ["m127", "m128"])
    let long = String(repeating: "x", count: 65)
    server.run("ZADD few 3 \(long)")
    #expect(server.run("OBJECT ENCODING few") == "skiplist")
    #expect(server.run("ZRANGE few 0 -1") == ["a", "b", .bulk(long)])
    #expect(server.run("ZUNIONSTORE few 1 many WEIGHTS 2") == 129)
    #expect(server.run("ZRANGESTORE few many 0 1") == 2)
    #expect(server.run("OBJECT ENCODING few") == "listpack")
  }

  @Test func `the options of ZADD say who is added, updated and counted`() {
    for server in SortedSetTests.servers() {
      #expect(server.run("ZADD z 1 a 2 b 1 a") == 2)
      #expect(server.run("ZADD z NX 5 a 5 c") == 1)
      #expect(server.run("ZADD z XX CH 6 a 6 d") == 1)
      #expect(server.run("ZADD z GT CH 5 a 7 b") == 1)
      #expect(server.run("ZADD z LT CH 5 a 8 b") == 1)
      #expect(server.run("ZADD z INCR 1.5 a") == "6.5")
      #expect(server.run("ZADD z NX INCR 1 a") == nil)
      #expect(server.run("ZADD z GT INCR -1 a") == nil)
      #expect(server.run("ZADD none XX 1 a") == 0)
      #expect(server.run("ZADD none XX INCR 1 a") == nil)
      #expect(server.run("EXISTS none") == 0)
      #expect(
        server.run("ZRANGE z 0 -1 WITHSCORES") == ["c", "5", "a", "6.5", "b", "7"])
    }
  }

  @Test func `nothing is added if any score is wrong`() {
    let server = TestServer()
    #expect(server.run("ZADD z 1 a x b") == .error("ERR value is not a valid float"))
    #expect(server.run("ZADD z 1 a nan b") == .error("ERR value is not a valid float"))
    #expect(server.run("EXISTS z") == 0)
    server.run("ZADD z inf a")
    let notNumber = Reply.error("ERR resulting score is not a number (NaN)")
    #expect(server.run("ZADD z INCR -inf a") == notNumber)
    #expect(server.run("ZINCRBY z -inf a") == notNumber)
    #expect(server.run("ZSCORE z a") == "inf")
  }

  @Test func `a set that loses its last member is gone`() {
    for server in SortedSetTests.servers() {
      let witness = StringsWitness(server)
      for command in [
        "ZREM z a b c", "ZREMRANGEBYRANK z 0 -1", "ZREMRANGEBYSCORE z -inf +inf",
        "ZREMRANGEBYLEX z - +", "ZPOPMIN z 5", "ZPOPMAX z 2", "ZMPOP 2 none z MAX COUNT 9",
      ] {
        server.run("ZADD z 1 a 1 b")
        server.run(command)
        #expect(server.run("EXISTS z") == 0, "\(command)")
        #expect(witness.events().last == "del z", "\(command)")
      }
    }
  }

  @Test func `events and stream tell what happened, as Redis tells it`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    for line in [
      "ZADD z 1 a 2 b 3 c 4 d 5 e", "ZADD z 1 a", "ZADD z XX 1 q", "ZADD z INCR 1 a",
      "ZINCRBY z 1 b", "ZREM z q", "ZREM z e q", "ZPOPMIN z", "ZPOPMAX none",
      "ZMPOP 1 z MAX COUNT 1", "ZRANGESTORE y z 0 -1", "ZRANGESTORE y none 0 -1",
      "ZUNIONSTORE y 1 z", "ZINTERSTORE y 2 z none", "ZDIFFSTORE y 1 z",
      "ZREMRANGEBYRANK z 5 9", "ZREMRANGEBYSCORE z 3 3", "ZUNIONSTORE y 1 z AGGREGATE COUNT",
    ] { server.run(line) }
    #expect(
      witness.stream() == [
        "ZADD z 1 a 2 b 3 c 4 d 5 e", "ZADD z INCR 1 a", "ZINCRBY z 1 b", "ZREM z e q",
        "ZPOPMIN z", "ZPOPMAX z 1", "ZRANGESTORE y z 0 -1", "ZRANGESTORE y none 0 -1",
        "ZUNIONSTORE y 1 z", "ZINTERSTORE y 2 z none", "ZDIFFSTORE y 1 z",
        "ZREMRANGEBYSCORE z 3 3", "DEL y",
      ])
    #expect(
      witness.events() == [
        "zadd z", "zincr z", "zincr z", "zrem z", "zpopmin z", "zpopmax z", "zrangestore y",
        "del y", "zunionstore y", "del y", "zdiffstore y", "zremrangebyscore z", "del z", "del y",
      ])
  }

  /// Readers of ranges, with bounds that no member meets; {k} stands for the key.
  private static let ranges = [
    "ZRANGE {k} 5 9", "ZRANGE {k} (9 (9 BYSCORE", "ZRANGE {k} [x [y BYLEX LIMIT 0 1",
    "ZRANGE {k} 5 9 REV WITHSCORES", "ZREVRANGE {k} 5 9", "ZREVRANGE {k} 5 9 WITHSCORES",
    "ZRANGEBYSCORE {k} 7 8", "ZRANGEBYSCORE {k} 7 8 WITHSCORES LIMIT 0 5",
    "ZREVRANGEBYSCORE {k} 8 7", "ZRANGEBYLEX {k} [x [y", "ZREVRANGEBYLEX {k} [y [x LIMIT 0 5",
  ]

  @Test(arguments: ranges, [2, 3])
  func `XX tells a missing key from an empty range`(request: String, version: Int) {
    let server = TestServer()
    server.run("ZADD z 1 a 2 b")
    server.run("SET text 1")
    if version == 3 { server.speakVersion3() }
    func run(_ key: String, _ option: String) -> Reply {
      server.run(request.replacingKey(by: key) + option)
    }
    #expect(run("z", "") == [])
    #expect(run("z", " XX") == [])
    #expect(run("missing", "") == [])
    #expect(run("missing", " xx") == (version == 2 ? .nullArray : .null))
    #expect(run("text", " XX").text.hasPrefix("WRONGTYPE"))
    #expect(run("missing", " XX YY") == .error("ERR syntax error"))
    server.run("MULTI")
    #expect(run("missing", " XX") == .status("QUEUED"))
    #expect(server.run("EXEC").elements == [version == 2 ? .nullArray : .null])
  }

  @Test func `XX changes nothing where there are members, and a stored range doesn't take it`() {
    for server in SortedSetTests.servers() {
      server.run("ZADD z 1 a 2 b 3 c")
      #expect(server.run("ZRANGE z 0 -1 XX") == ["a", "b", "c"])
      #expect(server.run("ZRANGE z XX 1 BYSCORE") == .error("ERR min or max is not a float"))
      #expect(server.run("ZRANGE z 1 2 BYSCORE XX LIMIT 1 1") == ["b"])
      #expect(server.run("ZREVRANGE z 0 0 XX") == ["c"])
      #expect(server.run("ZRANGESTORE y z 0 -1 XX") == .error("ERR syntax error"))
    }
  }

  @Test func `AGGREGATE COUNT adds the weights of the inputs that have a member`() {
    let server = TestServer()
    server.run("ZADD x 10 a 20 b")
    server.run("ZADD y 30 b inf c")
    #expect(
      server.run("ZUNION 2 x y AGGREGATE COUNT WITHSCORES") == ["a", "1", "c", "1", "b", "2"])
    #expect(
      server.run("ZUNION 2 x y WEIGHTS 2 5 AGGREGATE COUNT WITHSCORES")
        == ["a", "2", "c", "5", "b", "7"])
    #expect(server.run("ZINTER 2 x y AGGREGATE COUNT WITHSCORES") == ["b", "2"])
    let witness = StringsWitness(server)
    #expect(server.run("ZUNIONSTORE z 2 x y AGGREGATE COUNT") == 3)
    #expect(witness.stream() == ["MULTI", "DEL z", "ZADD z 1 a 1 c 2 b", "EXEC"])
  }

  @Test func `ZRANK tells the score as well`() {
    for server in SortedSetTests.servers() {
      server.run("ZADD z 1 a 2.5 b 3 c")
      #expect(server.run("ZRANK z b WITHSCORE") == [1, "2.5"])
      #expect(server.run("ZREVRANK z a withscore") == [2, "1"])
      #expect(server.run("ZRANK z q WITHSCORE") == .nullArray)
      #expect(server.run("ZRANK none a") == nil)
      #expect(server.run("ZRANK z a NOSCORE") == .error("ERR syntax error"))
      #expect(
        server.run("ZRANK z a WITHSCORE b")
          == .error("ERR wrong number of arguments for 'zrank' command"))
    }
  }

  @Test func `a difference is the same whichever way is cheaper`() {
    for server in SortedSetTests.servers() {
      for index in 0..<300 { server.run("ZADD big \(index) m\(index)") }
      for index in 0..<100 { server.run("ZADD small \(index) m\(index * 3)") }
      server.run("ZADD tiny 1 m1 1 m2 1 q")
      #expect(server.run("ZDIFFSTORE d 2 big small") == 200)
      #expect(server.run("ZDIFFSTORE d 3 big small tiny") == 198)
      #expect(server.run("ZRANGE d 0 1") == ["m4", "m5"])
      #expect(server.run("ZDIFF 2 tiny big") == ["q"])
      #expect(server.run("ZDIFF 2 tiny tiny") == [])
    }
  }

  @Test func `random members are members, as many as were asked for`() {
    for server in SortedSetTests.servers() {
      for index in 0..<200 { server.run("ZADD z \(index) m\(index)") }
      for count in [1, 2, 50, 150, 200, 300] {
        let members = server.run("ZRANDMEMBER z \(count)").elements.map(\.text)
        #expect(members.count == min(count, 200))
        #expect(Set(members).count == members.count, "\(count) different ones")
      }
      let drawn = server.run("ZRANDMEMBER z -500 WITHSCORES").elements.map(\.text)
      #expect(drawn.count == 1000)
      for index in stride(from: 0, to: 1000, by: 2) {
        #expect("m" + drawn[index + 1] == drawn[index])
      }
      #expect(Set(drawn).count > 200, "all members are drawn now and then")
    }
  }

  @Test func `a scan returns every member that is there throughout`() {
    for server in SortedSetTests.servers() {
      for index in 0..<500 { server.run("ZADD z \(index) m\(index)") }
      var seen: [String: String] = [:]
      var cursor = "0"
      var round = 0
      repeat {
        let reply = server.run("ZSCAN z \(cursor) COUNT 7").elements
        cursor = reply[0].text
        let words = reply[1].elements.map(\.text)
        for index in stride(from: 0, to: words.count, by: 2) {
          seen[words[index]] = words[index + 1]
        }
        round += 1
        server.run("ZADD z 1000 new\(round)")
        server.run("ZREM z new\(round - 20)")
      } while cursor != "0"
      for index in 0..<500 { #expect(seen["m\(index)"] == "\(index)") }
      #expect(server.run("ZSCAN z 0 MATCH m17 NOSCORES COUNT 10000").elements[1] == ["m17"])
    }
  }

  @Test func `who waits for a member gets the one that comes, in the order of arrival`() {
    let server = TestServer()
    let first = server.connect()
    let second = server.connect()
    first.send(TestClient.words("BZPOPMIN none z 0"))
    server.turn()
    second.send(TestClient.words("BZMPOP 0 2 z none MAX COUNT 2"))
    server.turn()
    let witness = StringsWitness(server)
    #expect(server.run("ZADD z 1 a 2 b 3 c") == 3)
    #expect(first.next() == ["z", "a", "1"])
    #expect(second.next() == ["z", [["c", "3"], ["b", "2"]]])
    #expect(server.run("EXISTS z") == 0)
    #expect(witness.stream() == ["ZADD z 1 a 2 b 3 c", "ZPOPMIN z", "ZPOPMAX z 2"])
    #expect(server.run("ZADD z 5 q") == 1)
    #expect(server.run("BZPOPMAX none z 1") == ["z", "q", "5"])
    #expect(
      server.run("BZPOPMIN z x") == .error("ERR timeout is not a float or out of range"))
  }

  @Test func `followers get what a range of the alphabet has found among unequal scores`() {
    let server = TestServer()
    server.run("ZADD z 1 a 2 b 3 c")
    let stored = server.stream { server.run("ZRANGESTORE t z - [b BYLEX") }
    #expect(stored == ["MULTI", "DEL t", "ZADD t 1 a 2 b", "EXEC"])
    server.run("SET due x PX 10")
    server.server.configuration.enableDebugCommand = .yes
    server.run("DEBUG SET-ACTIVE-EXPIRE 0")
    server.advance(milliseconds: 20)
    let overDue = server.stream { server.run("ZRANGESTORE due z - [b BYLEX") }
    #expect(overDue == ["MULTI", "UNLINK due", "DEL due", "ZADD due 1 a 2 b", "EXEC"])
    #expect(server.stream { server.run("ZREMRANGEBYLEX z - [b") } == ["ZREM z a b"])
    server.run("ZADD e 1 a 1 b")
    #expect(server.stream { server.run("ZREMRANGEBYLEX e - [a") } == ["ZREMRANGEBYLEX e - [a"])
  }
}

extension String {
  /// The request with a key in the place of {k}.
  fileprivate func replacingKey(by key: String) -> String {
    split(separator: " ").map { $0 == "{k}" ? key : String($0) }.joined(separator: " ")
  }
}
