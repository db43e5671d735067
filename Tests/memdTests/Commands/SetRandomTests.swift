// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

@Suite struct SetRandomTests {
  /// A set of each form.
  static let forms: [(name: String, members: [String])] = [
    ("intset", (0..<100).map(String.init)), ("listpack", (0..<100).map { "m\($0)" }),
    ("hashtable", (0..<300).map { "m\($0)" }),
  ]

  @Test(arguments: forms.map(\.name))
  func `popping returns members that are gone then, once each`(name: String) {
    for count in [0, 1, 2, 40, 90, 99, 100, 250, 299, 300, 1000] {
      let server = TestServer()
      let members = Self.forms.first { $0.name == name }?.members ?? []
      server.run(["SADD", "k"] + members)
      server.run("PEXPIRE k 1000000")
      #expect(server.run("OBJECT ENCODING k").text == name)
      let popped = server.run("SPOP k \(count)").elements.map(\.text)
      #expect(popped.count == min(count, members.count))
      let rest = server.run("SMEMBERS k").elements.map(\.text)
      #expect((popped + rest).sorted() == members.sorted(), "\(count)")
      #expect(rest.isEmpty || (server.run("PTTL k").number ?? 0) > 0)
      #expect(server.run("EXISTS k") == (rest.isEmpty ? 0 : 1))
    }
  }

  @Test func `followers get what was popped, not that something was`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    server.run("SADD k a")
    #expect(server.run("SPOP k") == "a")
    #expect(witness.stream() == ["SADD k a", "SREM k a"])
    #expect(witness.events() == ["sadd k", "spop k", "del k"])
    server.run("SADD k 1 2 3")
    server.run("SPOP k 3")
    #expect(witness.stream() == ["SADD k 1 2 3", "UNLINK k"])
    #expect(witness.events() == ["sadd k", "spop k", "del k"])
    server.run("CONFIG SET lazyfree-lazy-server-del no")
    server.run("SADD k 1 2 3")
    let before = server.server.effects.changeCount
    server.run("SPOP k 9")
    #expect(server.server.effects.changeCount == before + 3)
    #expect(witness.stream().last == "DEL k")
    server.run("SADD k 1 2 3")
    _ = witness.stream()
    let popped = server.run("SPOP k 2").elements.map(\.text)
    #expect(witness.stream() == ["SREM k \(popped[0]) \(popped[1])"])
    server.run("SPOP missing 2")
    server.run("SPOP k 0")
    #expect(witness.stream() == [])
    server.run(["SADD", "big"] + (0..<5000).map(String.init))
    _ = witness.stream()
    server.run("SPOP big 2500")
    #expect(
      witness.stream().map { $0.split(separator: " ").count } == [1, 1026, 1026, 454, 1])
  }

  @Test(arguments: forms.map(\.name))
  func `drawing returns different members, or with a negative count any`(name: String) {
    let server = TestServer()
    let members = Self.forms.first { $0.name == name }?.members ?? []
    server.run(["SADD", "k"] + members)
    for count in [1, 5, 50, 98, 99, 150, 299] where count < members.count {
      let drawn = server.run("SRANDMEMBER k \(count)").elements.map(\.text)
      #expect(Set(drawn).count == count)
      #expect(Set(drawn).isSubset(of: members))
    }
    #expect(server.run("SRANDMEMBER k 1000").elements.count == members.count)
    let drawn = server.run("SRANDMEMBER k -1000").elements.map(\.text)
    #expect(drawn.count == 1000)
    #expect(Set(drawn).isSubset(of: members))
    #expect(Set(drawn).count > members.count / 2)
    #expect(members.contains(server.run("SRANDMEMBER k").text))
    #expect(server.run("SCARD k") == .integer(members.count))
  }

  @Test(arguments: forms.map(\.name))
  func `every member has the same chance`(name: String) {
    let server = TestServer(follows: false)
    let members = Self.forms.first { $0.name == name }?.members ?? []
    server.run(["SADD", "k"] + members)
    for count in [1, 20, -20] {
      var counts: [String: Int] = [:]
      let rounds = 40_000 / abs(count) / 4
      for _ in 0..<rounds {
        for member in server.run("SRANDMEMBER k \(count)").elements {
          counts[member.text, default: 0] += 1
        }
      }
      let expected = Double(rounds * abs(count)) / Double(members.count)
      let chiSquare = members.reduce(0) { sum, member in
        let difference = Double(counts[member] ?? 0) - expected
        return sum + difference * difference / expected
      }
      let freedom = Double(members.count - 1)
      // Six standard deviations.
      #expect(chiSquare < freedom + 6 * (2 * freedom).squareRoot(), "\(count)")
    }
  }

  @Test func `counts must be numbers in range`() {
    let server = TestServer()
    server.run("SADD k a")
    let outOfRange = Reply.error("ERR value is out of range, must be positive")
    #expect(server.run("SPOP k -1") == outOfRange)
    #expect(server.run("SPOP k x") == outOfRange)
    #expect(server.run("SPOP k 1 2") == .error("ERR syntax error"))
    #expect(server.run("SRANDMEMBER k 1 2") == .error("ERR syntax error"))
    #expect(
      server.run("SRANDMEMBER k x") == .error("ERR value is not an integer or out of range"))
    #expect(server.run("SRANDMEMBER k -9223372036854775808").isError)
    #expect(server.run("SRANDMEMBER k -9223372036854775807").isError)
    #expect(server.run("SRANDMEMBER k 9223372036854775807") == ["a"])
    #expect(server.run("SPOP missing") == nil)
    #expect(server.run("SRANDMEMBER missing") == nil)
    #expect(server.run("SRANDMEMBER missing 3") == [])
    server.speakVersion3()
    #expect(server.run("SPOP missing 3") == .set([]))
    #expect(server.run("SRANDMEMBER missing 3") == .array([]))
    #expect(server.run("SPOP k 3") == .set(["a"]))
  }
}
