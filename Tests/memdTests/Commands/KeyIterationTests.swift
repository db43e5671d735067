// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct KeyIterationTests {
  /// All keys that a complete SCAN with these options returns, duplicates included.
  private func scan(_ server: TestServer, _ options: String = "") -> [String] {
    var cursor = "0"
    var keys: [String] = []
    repeat {
      let reply = server.run("SCAN \(cursor) \(options)").elements
      cursor = reply[0].text
      keys += reply[1].elements.map(\.text)
    } while cursor != "0"
    return keys
  }

  @Test func `a complete SCAN returns every key`() {
    let server = TestServer(follows: false)
    let expected = Set((0..<500).map { "key:\($0)" })
    for key in expected.sorted() { server.run(["SET", key, "v"]) }
    #expect(Set(scan(server)) == expected)
    #expect(Set(scan(server, "COUNT 1")) == expected)
    #expect(Set(scan(server, "COUNT 9223372036854775807")) == expected)
    #expect(
      Set(scan(server, "MATCH *:1? COUNT 100"))
        == expected.filter { $0.count == 6 && $0.hasPrefix("key:1") })
    #expect(Set(scan(server, "TYPE STRING")) == expected)
    #expect(scan(server, "TYPE list") == [])
    #expect(scan(server, "TYPE nonsense") == [])
  }

  @Test func `a pattern of a thousand stars is the longest that KEYS and SCAN follow`() {
    let server = TestServer(follows: false)
    let key = String(repeating: "a", count: 1001)
    let pattern = String(repeating: "*?", count: 1000)
    server.run(["SET", key, "v"])
    #expect(server.run(["KEYS", pattern]).elements.map(\.text) == [key])
    #expect(scan(server, "MATCH \(pattern)") == [key])
    #expect(server.run(["KEYS", pattern + "*?"]).elements.isEmpty)
    #expect(scan(server, "MATCH \(pattern)*?").isEmpty)
  }

  @Test func `COUNT bounds the work of a call`() {
    let server = TestServer(follows: false)
    for index in 0..<2000 { server.run("SET k\(index) v") }
    let reply = server.run("SCAN 0 COUNT 100").elements
    #expect((100...130).contains(reply[1].elements.count))
    // Nothing matches, yet a call ends after a few keys.
    #expect(server.run("SCAN 0 COUNT 100 MATCH none").elements[0].text != "0")
  }

  @Test func `keys that stay are returned while others come and go`() {
    var random = RandomGenerator(seed: 7)
    let server = TestServer(follows: false)
    for index in 0..<300 { server.run("SET stays\(index) v") }
    var seen = Set<String>()
    var cursor = "0"
    var next = 0
    repeat {
      let reply = server.run("SCAN \(cursor)").elements
      cursor = reply[0].text
      seen.formUnion(reply[1].elements.map(\.text))
      for _ in 0..<20 {
        server.run("SET goes\(next) v")
        next += 1
      }
      for _ in 0..<random.next(below: 40) { server.run("DEL goes\(random.next(below: next))") }
    } while cursor != "0"
    #expect(seen.filter { $0.hasPrefix("stays") }.count == 300)
  }

  @Test(arguments: [
    ("", true), ("-1", true), ("+5", true), ("007", true), ("18446744073709551615", true),
    ("x", false), ("-", false), (" 1", false), ("1 ", false), ("18446744073709551616", false),
  ])
  func `a cursor is read as strtoul reads numbers`(_ cursor: String, _ isValid: Bool) {
    let server = TestServer()
    let reply = server.run(["SCAN", cursor])
    #expect(isValid ? !reply.isError : reply == .error("ERR invalid cursor"))
  }

  @Test(arguments: ["COUNT 0", "COUNT -1", "COUNT", "MATCH", "TYPE", "FOO", "FOO bar", "COUNT 1 2"])
  func `SCAN refuses malformed options`(_ options: String) {
    let server = TestServer()
    #expect(server.run("SCAN 0 \(options)") == .error("ERR syntax error"))
    #expect(
      server.run("SCAN 0 COUNT x") == .error("ERR value is not an integer or out of range"))
  }

  @Test func `KEYS matches patterns, and a star matches even the empty key`() {
    let server = TestServer()
    for key in ["one", "two", "three", ""] { server.run(["SET", key, "v"]) }
    #expect(server.run("KEYS *").elements.count == 4)
    #expect(Set(server.run("KEYS t*").elements.map(\.text)) == ["two", "three"])
    #expect(server.run("KEYS ?ne") == ["one"])
    #expect(server.run("KEYS none*") == [])
  }

  // MARK: - Due keys

  /// A server on which nothing expires by itself, with half of its keys due.
  private func halfDue() -> TestServer {
    let server = TestServer { $0.activeExpireEnabled = false }
    for index in 0..<50 {
      server.run("SET due\(index) v")
      server.run("PEXPIRE due\(index) 10")
      server.run("SET live\(index) v")
    }
    server.advance(milliseconds: 11)
    return server
  }

  @Test func `SCAN removes the due keys that it meets, each for itself`() {
    let server = halfDue()
    let events = server.recordEvents()
    let stream = server.stream {
      let keys = scan(server, "COUNT 1000")
      #expect(keys.count == 50)
      #expect(keys.allSatisfy { $0.hasPrefix("live") })
    }
    #expect(server.run("DBSIZE") == 50)
    #expect(events.take().count == 50)
    #expect(stream.count == 50)
    #expect(stream.allSatisfy { $0.hasPrefix("UNLINK due") })
  }

  @Test func `KEYS hides due keys and leaves them to expiry`() {
    let server = halfDue()
    let keys = server.run("KEYS *").elements.map(\.text)
    #expect(keys.count == 50)
    #expect(keys.allSatisfy { $0.hasPrefix("live") })
    #expect(server.run("DBSIZE") == 100)
  }

  @Test func `RANDOMKEY removes the due keys that it draws`() {
    let server = halfDue()
    for _ in 0..<2000 { #expect(server.run("RANDOMKEY").text.hasPrefix("live")) }
    #expect(server.run("DBSIZE") == 50)
    server.run("FLUSHALL")
    #expect(server.run("RANDOMKEY") == nil)
  }

  @Test func `RANDOMKEY removes all keys if all are due, each for itself`() {
    let server = halfDue()
    for index in 0..<50 { server.run("DEL live\(index)") }
    for index in 2..<50 { server.run("DEL due\(index)") }
    let stream = server.stream { #expect(server.run("RANDOMKEY") == nil) }
    #expect(stream.sorted() == ["UNLINK due0", "UNLINK due1"])
  }

  @Test func `RANDOMKEY finds the one key that isn't hidden, or none`() {
    let server = halfDue()
    server.server.moment.expiryMode = .hide
    for index in 1..<50 { server.run("DEL live\(index)") }
    #expect(server.run("RANDOMKEY") == "live0")
    server.run("DEL live0")
    #expect(server.run("RANDOMKEY") == nil)
    #expect(server.run("DBSIZE") == 50)
  }

  @Test func `RANDOMKEY returns every key sooner or later`() {
    let server = TestServer()
    for index in 0..<10 { server.run("SET k\(index) v") }
    var seen = Set<String>()
    for _ in 0..<300 { seen.insert(server.run("RANDOMKEY").text) }
    #expect(seen.count == 10)
  }
}
