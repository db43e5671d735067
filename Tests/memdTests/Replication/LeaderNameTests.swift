// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// A leader that is known by a name, which a helper looks up.
@Suite struct LeaderNameTests {
  /// Knows some names; every other host is an address.
  private final class Names: NameResolver, @unchecked Sendable {
    var known: [String: String?] = ["leader.example": "stage", "nobody.example": nil]
    var questions = 0

    override func isAddress(_ host: String) -> Bool { known[host] == nil }

    override func address(of host: String) throws(NameError) -> String {
      questions += 1
      guard let address = known[host] ?? nil else { throw NameError("Name or service not known") }
      return address
    }
  }

  private func staged(_ names: Names, stalls: Bool = false) -> FollowerFaultTests.Staged {
    FollowerFaultTests.Staged(world: { $0.names = names })
  }

  @Test func `a name is looked up, and then the address is connected to`() {
    let names = Names()
    let staged = staged(names)
    #expect(staged.server.run("REPLICAOF leader.example 6379") == .ok)
    #expect(staged.server.run("ROLE").elements[3] == "connect")
    #expect(staged.listen().contains("PING"))
    #expect(names.questions == 1)
    #expect(staged.server.info("master_host") == "leader.example")
    // The next attempt asks again: names move.
    staged.hangUp()
    staged.server.advance(milliseconds: 2000)
    #expect(staged.listen().contains("PING"))
    #expect(names.questions == 2)
  }

  @Test func `a name that nobody knows is asked for again`() {
    let names = Names()
    let staged = staged(names)
    staged.server.run("REPLICAOF nobody.example 6379")
    staged.server.settle(limit: 20)
    let line = "Unable to connect to MASTER: Name or service not known"
    #expect(staged.server.logText.contains(line))
    #expect(staged.server.info("master_link_status") == "down")
    names.known["nobody.example"] = "stage"
    for _ in 0..<30 { staged.server.advance(milliseconds: 100) }
    #expect(staged.listen().contains("PING"))
  }

  @Test func `a slow look-up stalls nobody, and what comes too late is nobody's`() throws {
    let names = Names()
    let staged = staged(names)
    let helpers = try #require(staged.server.server.helpers as? SimulatedHelpers)
    helpers.isStalled = true
    staged.server.run("REPLICAOF leader.example 6379")
    // Longer than any timeout of the link.
    for _ in 0..<100 { staged.server.advance(milliseconds: 1000) }
    #expect(staged.server.run("SET k v").text.hasPrefix("READONLY"))
    #expect(names.questions == 0)
    #expect(helpers.pendingCount(in: .names) == 1)
    staged.server.run("REPLICAOF NO ONE")
    #expect(staged.server.run("SET k v") == .ok)
    helpers.isStalled = false
    #expect(staged.listen() == "")
    #expect(names.questions == 1)
    #expect(staged.server.info("role") == "master")
  }

  @Test func `the system knows this machine, and what an address is`() throws {
    let system = SystemNameResolver()
    for host in ["127.0.0.1", "::1", "/tmp/socket"] { #expect(system.isAddress(host)) }
    #expect(!system.isAddress("localhost"))
    #expect(["127.0.0.1", "::1"].contains(try system.address(of: "localhost")))
    #expect(throws: NameError.self) { try system.address(of: "no.such.host.invalid") }
  }
}
