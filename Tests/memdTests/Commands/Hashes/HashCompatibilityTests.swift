// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

/// Requests whose replies must be those of redis-server, in both versions of the protocol.
@Suite(.enabled(if: ReferenceServer.path != nil, "redis-server is not installed"))
struct HashCompatibilityTests {
  private static let lines = [
    "HSET h a 1 b 2 c x d \"\" \"\" e -5 007", "HSET h a 3 z 4", "HSET h a", "HSET h a 1 b",
    "HMSET h m 1 n 2", "HMSET h m", "HMSET h m 1 n", "HSETNX h a 9", "HSETNX h new 9",
    "HSETNX none f v", "HGET h a", "HGET h \"\"", "HGET h d", "HGET h -5", "HGET none2 a",
    "HGET s a", "HMGET h a q b", "HMGET none2 a b", "HMGET s a", "HMGET h", "HGETALL h",
    "HGETALL none2", "HGETALL s", "HKEYS h", "HKEYS none2", "HVALS h", "HVALS none2", "HLEN h",
    "HLEN none2", "HLEN s", "HSTRLEN h a", "HSTRLEN h -5", "HSTRLEN h q", "HSTRLEN none2 q",
    "HEXISTS h a", "HEXISTS h q", "HEXISTS none2 q", "HDEL h a q b", "HDEL h", "HDEL none2 a",
    "HDEL s a", "HDEL none f", "EXISTS none", "HINCRBY h count 5", "HINCRBY h count -7",
    "HINCRBY h c 1", "HINCRBY h d 1", "HINCRBY h count x", "HINCRBY h count 1.5",
    "HINCRBY h count 9223372036854775807", "HINCRBY h count 9223372036854775807",
    "HINCRBY h count 9223372036854775808", "HINCRBY h -5 1", "HINCRBY s a 1", "HINCRBY s a x",
    "HINCRBYFLOAT h count 1.5", "HINCRBYFLOAT h f 10.5", "HINCRBYFLOAT h f 1e3",
    "HINCRBYFLOAT h f -0.1", "HINCRBYFLOAT h c 1", "HINCRBYFLOAT h d 1", "HINCRBYFLOAT h f nan",
    "HINCRBYFLOAT h f inf", "HINCRBYFLOAT h f -inf", "HINCRBYFLOAT h f x", "HINCRBYFLOAT h f \"\"",
    "HINCRBYFLOAT s f 1", "HINCRBYFLOAT s f x", "HSET big f 1e4932", "HINCRBYFLOAT big f 1e4932",
    "HRANDFIELD none2", "HRANDFIELD none2 3", "HRANDFIELD h 0", "HRANDFIELD h 100",
    "HRANDFIELD h 100 WITHVALUES", "HRANDFIELD h 0 WITHVALUES", "HRANDFIELD none2 3 withvalues",
    "HRANDFIELD none2 -3 withvalues", "HRANDFIELD h x", "HRANDFIELD h 1 with",
    "HRANDFIELD h 1 withvalues x", "HRANDFIELD h -9223372036854775808",
    "HRANDFIELD h 9223372036854775808", "HRANDFIELD h -9223372036854775807 withvalues",
    "HRANDFIELD h 4611686018427387904 withvalues", "HRANDFIELD s", "HRANDFIELD s 1",
    "HRANDFIELD s x", "HRANDFIELD one", "HRANDFIELD one -3", "HRANDFIELD one -3 WITHVALUES",
    "HRANDFIELD one 3 WITHVALUES", "HSCAN h 0", "HSCAN h 0 MATCH c*", "HSCAN h 0 COUNT 1",
    "HSCAN h 0 COUNT 0", "HSCAN h 0 COUNT x", "HSCAN h x", "HSCAN h 0 MATCH", "HSCAN h 0 TYPE hash",
    "HSCAN none2 0", "HSCAN none2 0 WRONG", "HSCAN none2 x", "HSCAN s 0", "HSCAN s 0 WRONG",
    "HSCAN h 0 MATCH \"\"", "HSCAN h 0 MATCH * COUNT 5", "OBJECT ENCODING h", "TYPE h",
    "DEBUG DIGEST-VALUE h",
    "HSET h long 0123456789012345678901234567890123456789012345678901234567890123456789",
    "OBJECT ENCODING h", "DEBUG DIGEST-VALUE h", "COPY h copy", "DEBUG DIGEST-VALUE copy",
    "HDEL h long", "OBJECT ENCODING h", "RENAME h h2", "HLEN h2", "HGET h2 m", "DEL h2",
    "HGETALL h2", "DEBUG DIGEST",
  ]

  @Test(arguments: ["2", "3"]) func `replies are those of the reference`(_ version: String) throws {
    let reference = try #require(ReferenceServer(["--enable-debug-command", "yes"]))
    let server = TestServer { $0.enableDebugCommand = .yes }
    reference.run("HELLO \(version)")
    if version == "3" { server.speakVersion3() }
    for line in ["SET s 1", "HSET one f v"] + HashCompatibilityTests.lines {
      let expected = reference.run(line)
      #expect(server.run(line) == expected, "\(line)")
    }
  }

  @Test func `forms change where those of the reference change`() throws {
    let reference = try #require(ReferenceServer())
    let server = TestServer()
    for line in [
      "CONFIG SET hash-max-listpack-entries 3", "CONFIG SET hash-max-listpack-value 5",
      "HSET a f 1 g 2 h 3", "HSET a f 12345", "OBJECT ENCODING a", "HSET a i 4",
      "OBJECT ENCODING a", "HSET b f 123456", "OBJECT ENCODING b", "HSET c abcdef 1",
      "OBJECT ENCODING c", "HSET d f 99999", "HINCRBY d f 1", "OBJECT ENCODING d",
      "HSET e f 9999", "HINCRBYFLOAT e f 0.25", "OBJECT ENCODING e", "HSETNX g f 123456",
      "OBJECT ENCODING g", "HSET h f 1 g 1", "CONFIG SET hash-max-listpack-entries 1",
      "HSET h f 2", "OBJECT ENCODING h", "HDEL h f", "OBJECT ENCODING h",
    ] {
      let expected = reference.run(line)
      #expect(server.run(line) == expected, "\(line)")
    }
  }

  @Test func `a scan of a large hash returns what is there throughout, whatever else happens`() {
    let server = TestServer(follows: false)
    for number in 0..<600 { server.run("HSET h stays\(number) \(number)") }
    var seen: Set<String> = []
    var cursor = "0"
    var round = 0
    repeat {
      let reply = server.run("HSCAN h \(cursor) COUNT 7").elements
      cursor = reply[0].text
      seen.formUnion(reply[1].elements.map(\.text))
      // The table grows, then shrinks, while it is scanned.
      for number in 0..<40 {
        server.run(
          "\(round < 40 ? "HSET" : "HDEL") h goes\(round % 40)-\(number)\(round < 40 ? " 1" : "")")
      }
      round += 1
    } while cursor != "0"
    for number in 0..<600 { #expect(seen.contains("stays\(number)")) }
    let names = server.run("HSCAN h 0 COUNT 100000 NOVALUES").elements[1].elements
    #expect(.integer(names.count) == server.run("HLEN h"))
  }

  @Test func `a random field is each with the same chance`() {
    for limit in [512, 0] {
      let server = TestServer(follows: false) { $0.hashMaxListpackEntries = limit }
      for number in 0..<20 { server.run("HSET h f\(number) 1") }
      var counts: [String: Int] = [:]
      for count in ["-4000", "1", "5", "15"] {
        for _ in 0..<(count == "-4000" ? 1 : 200) {
          let fields = server.run("HRANDFIELD h \(count)").elements.map(\.text)
          if count != "-4000" { #expect(Set(fields).count == fields.count) }
          for field in fields { counts[field, default: 0] += 1 }
        }
      }
      // Mean 410; the standard deviation is about 17.
      #expect(counts.count == 20)
      for (field, count) in counts { #expect(abs(count - 410) < 100, "\(field): \(count)") }
    }
  }
}
