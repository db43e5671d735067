// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

extension TestServer {
  /// Members of a set in order.
  fileprivate func members(_ key: String) -> [String] {
    run("SMEMBERS \(key)").elements.map(\.text).sorted()
  }

  fileprivate func encoding(_ key: String) -> String { run("OBJECT ENCODING \(key)").text }
}

@Suite struct SetTests {
  static let wrongType = Reply.error(
    "WRONGTYPE Operation against a key holding the wrong kind of value")

  @Test func `members come and go, and the key goes with the last one`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    #expect(server.run("SADD k a b c a") == 3)
    #expect(server.run("SADD k a") == 0)
    #expect(server.run("SCARD k") == 3)
    #expect(server.run("SISMEMBER k b") == 1)
    #expect(server.run("SISMEMBER k x") == 0)
    #expect(server.run("SMISMEMBER k a x c") == [1, 0, 1])
    #expect(server.run("SMISMEMBER missing a") == [0])
    #expect(server.members("k") == ["a", "b", "c"])
    #expect(server.run("SREM k a x") == 1)
    #expect(server.run("SREM k b c d") == 2)
    #expect(server.run("EXISTS k") == 0)
    #expect(server.run("SREM k b") == 0)
    #expect(witness.events() == ["sadd k", "srem k", "srem k", "del k"])
    #expect(witness.stream() == ["SADD k a b c a", "SREM k a x", "SREM k b c d"])
  }

  @Test(arguments: [2, 3])
  func `SISMEMBER XX tells a missing set from a missing member`(version: Int) {
    let server = TestServer()
    server.run("SADD k a")
    server.run("SADD numbers 1 2")
    server.run("SET text 1")
    if version == 3 { server.speakVersion3() }
    for (request, reply) in [
      ("k a XX", 1), ("k b xx", 0), ("numbers 2 XX", 1), ("numbers x XX", 0), ("missing a XX", -1),
      ("missing a", 0),
    ] { #expect(server.run("SISMEMBER \(request)") == .integer(reply)) }
    #expect(server.run("SISMEMBER text a XX") == Self.wrongType)
    for request in ["k a NX", "k a XX XX", "k a XX b", "missing a \"\"", "text a YY"] {
      #expect(server.run("SISMEMBER \(request)") == .error("ERR syntax error"))
    }
    #expect(
      server.run("SISMEMBER k") == .error("ERR wrong number of arguments for 'sismember' command"))
    server.run("MULTI")
    server.run("SISMEMBER missing a XX")
    #expect(server.run("EXEC") == [-1])
  }

  @Test func `changes count as many as members changed`() {
    let server = TestServer()
    let before = server.server.effects.changeCount
    server.run("SADD k a b c")
    server.run("SREM k a b c")
    #expect(server.server.effects.changeCount == before + 6)
  }

  @Test func `a set goes from integers to a listpack to a table as it grows`() {
    let server = TestServer()
    server.run("SADD k 1 2 3")
    #expect(server.encoding("k") == "intset")
    server.run("SADD k a")
    #expect(server.encoding("k") == "listpack")
    #expect(server.members("k") == ["1", "2", "3", "a"])
    server.run(["SADD", "k", String(repeating: "x", count: 65)])
    #expect(server.encoding("k") == "hashtable")
    #expect(server.run("SCARD k") == 5)
    #expect(server.run("SREM k a") == 1)
    #expect(server.encoding("k") == "hashtable")
    for (count, name) in [(512, "intset"), (513, "hashtable")] {
      server.run("DEL n")
      for number in 0..<count { server.run("SADD n \(number)") }
      #expect(server.encoding("n") == name)
      #expect(server.run("SCARD n") == .integer(count))
    }
    for (count, name) in [(128, "listpack"), (129, "hashtable")] {
      server.run("DEL n")
      for number in 0..<count { server.run("SADD n m\(number)") }
      #expect(server.encoding("n") == name)
    }
    // Many integers become a table as soon as a text joins them.
    server.run("DEL n")
    server.run(["SADD", "n"] + (0..<200).map(String.init))
    #expect(server.encoding("n") == "intset")
    server.run("SADD n a")
    #expect(server.encoding("n") == "hashtable")
    #expect(server.run("SCARD n") == 201)
    // What is known to be many is not packed first.
    server.run(["SADD", "many"] + (0..<129).map { "m\($0 % 3)" })
    #expect(server.encoding("many") == "hashtable")
    #expect(server.run("SCARD many") == 3)
    server.run("CONFIG SET set-max-intset-entries 2")
    server.run("SADD few 1 2")
    #expect(server.encoding("few") == "intset")
    server.run("SADD few 3")
    #expect(server.encoding("few") == "hashtable")
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `any sequence of changes leaves what a set of texts holds`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    let server = TestServer(seed: seed)
    var model: Set<String> = []
    let range = [30, 300, 2000][random.next(below: 3)]
    for step in 0..<500 {
      let number = random.next(below: range)
      let member = random.next(below: step < 200 ? 200 : 3) == 0 ? "m\(number)" : "\(number)"
      switch random.next(below: 10) {
      case 0...5:
        let added = model.insert(member).inserted
        #expect(server.run(["SADD", "k", member]) == .integer(added ? 1 : 0), "seed \(seed)")
      case 6...7:
        let removed = model.remove(member) != nil
        #expect(server.run(["SREM", "k", member]) == .integer(removed ? 1 : 0), "seed \(seed)")
      case 8:
        let popped = server.run("SPOP k")
        #expect(model.isEmpty ? popped == .null : model.remove(popped.text) != nil)
      default:
        server.run(random.next(below: 2) == 0 ? "PEXPIRE k 1000000" : "PERSIST k")
      }
      if step % 20 == 0 {
        #expect(server.members("k") == model.sorted(), "seed \(seed), step \(step)")
      }
      #expect(server.run("SCARD k") == .integer(model.count), "seed \(seed), step \(step)")
    }
  }

  @Test func `moving a member tells of both sets`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    server.run("SADD a 1 2")
    server.run("SADD b x")
    _ = witness.events()
    #expect(server.run("SMOVE a b 1") == 1)
    #expect(witness.events() == ["srem a", "sadd b"])
    #expect(server.run("SMOVE a b 9") == 0)
    #expect(server.run("SMOVE missing b 9") == 0)
    #expect(server.run("SMOVE a a 2") == 1)
    #expect(server.run("SMOVE a a 3") == 0)
    server.run("SADD a x")
    _ = witness.events()
    #expect(server.run("SMOVE a b x") == 1)
    #expect(witness.events() == ["srem a"])
    #expect(server.run("SMOVE a new 2") == 1)
    #expect(witness.events() == ["srem a", "del a", "sadd new"])
    #expect(server.encoding("new") == "intset")
    #expect(server.members("b") == ["1", "x"])
    server.run("SET s text")
    #expect(server.run("SMOVE b s x") == Self.wrongType)
    #expect(server.run("SMOVE missing s x") == 0)
  }

  @Test func `iteration finds every member that stays, while the table grows and shrinks`() {
    let server = TestServer(follows: false)
    for number in 0..<1000 { server.run("SADD k stays\(number)") }
    var found: Set<String> = []
    var cursor = "0"
    var round = 0
    repeat {
      let reply = server.run("SSCAN k \(cursor) COUNT 20").elements
      cursor = reply[0].text
      for member in reply[1].elements { found.insert(member.text) }
      // It grows to three times its size, then it shrinks again.
      for number in 0..<100 {
        server.run("\(round < 20 ? "SADD" : "SREM") k comes\(round % 20)-\(number)")
      }
      round += 1
    } while cursor != "0" && round < 10_000
    #expect(found.filter { $0.hasPrefix("stays") }.count == 1000)
    #expect(round < 400)
  }

  @Test func `iteration filters, and returns small sets at once`() {
    let server = TestServer()
    server.run("SADD k 1 12 13 a1")
    #expect(server.run("SSCAN k 0 MATCH 1? COUNT 1") == ["0", ["12", "13"]])
    server.run("SADD n 5 6")
    #expect(server.run("SSCAN n 0") == ["0", ["5", "6"]])
    #expect(server.run("SSCAN missing 0 FOO") == ["0", []])
    #expect(server.run("SSCAN k x") == .error("ERR invalid cursor"))
    #expect(server.run("SSCAN k 0 COUNT 0") == .error("ERR syntax error"))
    #expect(server.run("SSCAN k 0 FOO 1") == .error("ERR syntax error"))
  }

  @Test func `other types are refused`() {
    let server = TestServer()
    server.run("SET s text")
    server.run("SADD k a")
    for line in [
      "SADD s a", "SREM s a", "SCARD s", "SISMEMBER s a", "SMISMEMBER s a", "SMEMBERS s",
      "SPOP s", "SPOP s 1", "SRANDMEMBER s", "SRANDMEMBER s 1", "SINTER k s", "SUNION s k",
      "SDIFF missing s", "SINTER missing s", "SINTERSTORE d s", "SUNIONSTORE d k s",
      "SDIFFSTORE d k s", "SINTERCARD 2 k s", "SUNIONCARD 2 k s", "SDIFFCARD 2 k s",
      "SMOVE s k a", "SSCAN s 0",
    ] {
      #expect(server.run(line) == Self.wrongType, "\(line)")
    }
    #expect(server.run("GET k") == Self.wrongType)
    #expect(server.run("EXISTS d") == 0)
  }

  @Test func `sets are copied, renamed and freed whatever their form`() {
    let server = TestServer()
    server.run("SADD n 1 2 3")
    server.run("SADD p a b c")
    for number in 0..<1000 { server.run("SADD t member:\(number)") }
    for key in ["n", "p", "t"] {
      server.run("COPY \(key) copy")
      server.run("SREM copy 1 a member:1")
      #expect(server.run("SCARD copy").number == (server.run("SCARD \(key)").number ?? 0) - 1)
      server.run("RENAME copy other")
      #expect(server.encoding("other") == server.encoding(key))
      #expect((server.run("MEMORY USAGE \(key)").number ?? 0) > 30)
      server.run("DEL other")
    }
    let used = server.run("MEMORY USAGE t SAMPLES 0").number ?? 0
    #expect(used > 1000 * 16 && used < 1000 * 48, "\(used)")
    server.run("DEL n p t")
    server.settle()
  }
}
