// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct SetOperationTests {
  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func `operations agree with sets of texts, in every form`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    let server = TestServer(seed: seed)
    for round in 0..<12 {
      var sets: [Set<String>] = []
      server.run("FLUSHALL")
      let setCount = 1 + random.next(below: 8)
      let range = [20, 200, 700][random.next(below: 3)]
      let prefix = ["", "", "m"][random.next(below: 3)]
      for index in 0..<setCount {
        let size = random.next(below: random.next(below: 3) == 0 ? 3 : range)
        let members = (0..<size).map { _ in "\(prefix)\(random.next(below: range))" }
        if !members.isEmpty { server.run(["SADD", "s\(index)"] + members) }
        sets.append(Set(members))
      }
      let keys = (0..<setCount).map { "s\($0)" }
      let expected = [
        "SINTER": sets.dropFirst().reduce(sets[0]) { $0.intersection($1) },
        "SUNION": sets.dropFirst().reduce(sets[0]) { $0.union($1) },
        "SDIFF": sets.dropFirst().reduce(sets[0]) { $0.subtracting($1) },
      ]
      for (name, result) in expected.sorted(by: { $0.key < $1.key }) {
        let place = "seed \(seed), round \(round), \(name) of \(sets.map(\.count))"
        let reply = server.run([name] + keys).elements.map(\.text)
        #expect(reply.sorted() == result.sorted(), "\(place)")
        #expect(server.run([name + "CARD", "\(setCount)"] + keys) == .integer(result.count))
        let limited = server.run([name + "CARD", "\(setCount)"] + keys + ["LIMIT", "3"])
        #expect(limited == .integer(min(3, result.count)), "\(place)")
        // The destination may be one of the sources.
        let target = random.next(below: 3) == 0 ? "s0" : "d"
        server.run("COPY s0 kept REPLACE")
        #expect(server.run([name + "STORE", target] + keys) == .integer(result.count), "\(place)")
        let stored = server.run("SMEMBERS \(target)").elements.map(\.text)
        #expect(stored.sorted() == result.sorted(), "\(place)")
        server.run("DEL s0")
        server.run("RENAME kept s0")
      }
    }
  }

  @Test func `storing replaces a key of any type, or deletes it`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    server.run("SADD a 1 2 3")
    server.run("SADD b 2 3 4")
    server.run("SET d text PX 100000")
    _ = witness.events()
    #expect(server.run("SINTERSTORE d a b") == 2)
    #expect(server.run("TYPE d") == .status("set"))
    #expect(server.run("TTL d") == -1)
    #expect(server.run("OBJECT ENCODING d") == "intset")
    #expect(server.run("SUNIONSTORE d a b") == 4)
    #expect(server.run("SDIFFSTORE d a b") == 1)
    #expect(server.run("SINTERSTORE d a missing") == 0)
    #expect(server.run("EXISTS d") == 0)
    #expect(server.run("SINTERSTORE d a missing") == 0)
    #expect(witness.events() == ["sinterstore d", "sunionstore d", "sdiffstore d", "del d"])
    #expect(witness.stream().last == "SINTERSTORE d a missing")
  }

  @Test func `the result has the smallest form that it fits into`() {
    let server = TestServer()
    server.run(["SADD", "many"] + (0..<600).map(String.init))
    server.run("SADD texts a b 1 2")
    server.run("SADD few 1 2 3")
    #expect(server.run("OBJECT ENCODING many") == "hashtable")
    server.run("SINTERSTORE d many few")
    #expect(server.run("OBJECT ENCODING d") == "intset")
    server.run("SINTERSTORE d many texts")
    #expect(server.run("OBJECT ENCODING d") == "intset")
    server.run("SUNIONSTORE d few texts")
    #expect(server.run("OBJECT ENCODING d") == "listpack")
    server.run("SUNIONSTORE d many texts")
    #expect(server.run("OBJECT ENCODING d") == "hashtable")
    #expect(server.run("SCARD d") == 602)
    server.run("SDIFFSTORE d many few")
    #expect(server.run("OBJECT ENCODING d") == "hashtable")
    server.run("SDIFFSTORE d texts few")
    #expect(server.run("OBJECT ENCODING d") == "listpack")
  }

  @Test func `counting stops at the limit, and unions may be estimated`() {
    let server = TestServer(follows: false)
    // Small enough for one turn each.
    for start in stride(from: 0, to: 10_000, by: 500) {
      server.run(["SADD", "a"] + (start..<(start + 500)).map { "m\($0)" })
      server.run(["SADD", "b"] + (start..<(start + 500)).map { "m\($0 + 5000)" })
    }
    #expect(server.run("SINTERCARD 2 a b") == 5000)
    #expect(server.run("SINTERCARD 2 a b LIMIT 10") == 10)
    #expect(server.run("SINTERCARD 2 a b limit 0") == 5000)
    #expect(server.run("SINTERCARD 2 a missing") == 0)
    #expect(server.run("SUNIONCARD 2 a b") == 15_000)
    #expect(server.run("SUNIONCARD 2 a b LIMIT 12000") == 12_000)
    #expect(server.run("SDIFFCARD 2 a b") == 5000)
    #expect(server.run("SDIFFCARD 1 a LIMIT 7") == 7)
    #expect(server.run("SDIFFCARD 2 missing a") == 0)
    let estimate = server.run("SUNIONCARD 2 a b APPROX").number ?? 0
    #expect(abs(estimate - 15_000) < 15_000 * 5 / 100, "\(estimate)")
    #expect(server.run("SUNIONCARD 2 a b APPROX LIMIT 100") == 100)
    #expect(server.run("SUNIONCARD 1 a APPROX") == 10_000)
    for (line, error) in [
      ("SINTERCARD 0 a", "ERR numkeys should be greater than 0"),
      ("SINTERCARD x a", "ERR numkeys should be greater than 0"),
      ("SINTERCARD 3 a b", "ERR Number of keys can't be greater than number of args"),
      (
        "SDIFFCARD 9223372036854775807 a b",
        "ERR Number of keys can't be greater than number of args"
      ),
      ("SINTERCARD 1 a LIMIT -1", "ERR LIMIT can't be negative"),
      ("SUNIONCARD 1 a LIMIT x", "ERR LIMIT can't be negative"),
      ("SINTERCARD 1 a LIMIT", "ERR syntax error"), ("SINTERCARD 1 a APPROX", "ERR syntax error"),
      ("SDIFFCARD 1 a b", "ERR syntax error"),
    ] {
      #expect(server.run(line) == .error(error), "\(line)")
    }
  }

  @Test func `results are sets where the protocol has sets`() {
    let server = TestServer()
    server.run("SADD a 1 2")
    server.run("SADD b 2")
    server.speakVersion3()
    #expect(server.run("SINTER a b") == .set(["2"]))
    #expect(server.run("SUNION b b") == .set(["2"]))
    #expect(server.run("SDIFF a b") == .set(["1"]))
    #expect(server.run("SDIFF missing a") == .set([]))
    #expect(server.run("SMEMBERS missing") == .set([]))
  }
}
