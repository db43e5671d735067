// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP
import Testing

@testable import memd

/// `prefix-accounting`: what it accepts, where keys belong, and what is counted.
@Suite struct PrefixAccountingTests {
  private func rules(_ text: String) throws -> PrefixAccounting {
    try PrefixAccounting(text.split(separator: " ").map { ByteText(String($0)) })
  }

  private func counting(_ text: String, configure: (Configuration) -> Void = { _ in }) -> TestServer
  {
    let server = TestServer(follows: false) {
      $0.censusPeriod = 0
      configure($0)
    }
    #expect(server.run(["CONFIG", "SET", "prefix-accounting", text]) == .ok)
    return server
  }

  // MARK: - The directive

  @Test(arguments: [
    ("user: session:", "session: user:"), ("b a b", "a b"), ("* a", "a *"), ("*:", "*"),
    ("*/", "*/"), ("", ""), ("a  b", "a b"), ("k\u{E4}se:", "k\u{E4}se:"), ("**", "**"),
  ])
  func `prefixes are put in order, and read back the same`(text: String, shown: String) throws {
    let server = TestServer(follows: false)
    #expect(server.run(["CONFIG", "SET", "prefix-accounting", text]) == .ok)
    #expect(server.run("CONFIG GET prefix-accounting")["prefix-accounting"] == .bulk(shown))
    #expect(server.server.gate.contains(.prefixes) == !shown.isEmpty)
    var rewrite = ConfigurationRewrite(server.server.configuration, old: [])
    let file = String(decoding: rewrite.text(server.disk), as: UTF8.self)
    #expect(file.contains("prefix-accounting \(shown)\n") == !shown.isEmpty)
    let again = Configuration()
    try ConfigurationReader(again, disk: SimulatedFiles.disk(["c": file])).read(path: "c")
    #expect(again.prefixAccounting == server.server.configuration.prefixAccounting)
  }

  @Test(arguments: [
    ("*ab", "'*' stands alone"), ("* */", "'*' must be given only once"),
    ("a\tb", "blanks, quotes or control"), ("a\"", "blanks, quotes or control"),
    ("it's", "blanks, quotes or control"), ("a\u{0}", "blanks, quotes or control"),
    ("*\n", "blanks, quotes or control"),
    (String(repeating: "x", count: 129), "longer than 128 bytes"),
    ((0..<257).map { "p\($0):" }.joined(separator: " "), "more than 256 prefixes"),
  ])
  func `what can't be a prefix is refused, and nothing changes`(text: String, message: String) {
    let server = counting("user:")
    let reply = server.run(["CONFIG", "SET", "prefix-accounting", text])
    #expect(reply.isError && reply.text.contains(message), "\(reply)")
    #expect(server.run("CONFIG GET prefix-accounting")["prefix-accounting"] == "user:")
    #expect(server.run("CONFIG SET prefix-accounting-max 0").isError)
    #expect(server.run("CONFIG SET prefix-accounting-max 257").isError)
    #expect(server.run("CONFIG SET census-period -2").isError)
  }

  @Test func `a key belongs to the longest prefix, or to its first segment`() throws {
    let given = try rules("a ab abcd b:")
    for (key, name) in [
      ("a", "a"), ("ab", "ab"), ("abc", "ab"), ("abcd", "abcd"), ("abcdef", "abcd"), ("ac", "a"),
      ("b:", "b:"), ("b:x", "b:"), ("b", nil), ("", nil), ("A", nil), ("\u{FF}", nil),
    ] {
      let group = given.group(of: Array(key.utf8).rawSpan)
      let expected = given.prefixes.firstIndex { $0 == ByteText(name ?? "-") }
      #expect(group == expected.map { .given($0) } ?? .others, "\(key)")
    }
    let segments = try rules("*/ a:")
    for (key, group) in [
      ("x/y/z", PrefixAccounting.Group.segment(2)), ("/", .segment(1)), ("x:y", .others),
      ("a:/", .given(0)), ("", .others),
      (String(repeating: "x", count: 127) + "/", .segment(128)),
      (String(repeating: "x", count: 128) + "/", .others),
    ] {
      #expect(segments.group(of: Array(key.utf8).rawSpan) == group, "\(key)")
    }
  }

  // MARK: - Counting

  @Test func `reads, writes, hits and misses are counted`() {
    let server = counting("a: b:")
    server.run("SET a:1 v")
    server.run("GET a:1")
    server.run("GET a:2")
    server.run("EXISTS a:1 a:2")
    server.run("MGET a:1 b:1 a:2 other")
    server.run("SET b:1 v GET")
    server.run("COPY b:1 a:9")
    server.run("BITFIELD b:1 GET u8 0")
    server.run("BITFIELD b:1 SET u8 0 1")
    server.run("DEL a:1 b:1 c:1")
    server.run("PING")
    // SET, COPY, DEL; GET twice, EXISTS and MGET twice.
    #expect(server.traffic("a:")[..<2] == [6, 3])
    #expect(server.traffic("b:")[..<2] == [3, 3])
    #expect(server.traffic(nil) == [1, 1, 0, 1, 0, 0])
    let hits = ["a:", "b:", nil].reduce(0) { $0 + server.traffic($1)[2] }
    let misses = ["a:", "b:", nil].reduce(0) { $0 + server.traffic($1)[3] }
    #expect(hits == server.server.keyspace.statistics.hits)
    #expect(misses == server.server.keyspace.statistics.misses)
    // GET, EXISTS, MGET.
    #expect(server.traffic("a:")[2...3] == [3, 3])
  }

  @Test func `look-ups of commands with several keys belong to those that are there or not`() {
    let server = counting("a: b:")
    server.run("XADD a:s 1-1 f v")
    server.run("XREAD STREAMS a:s b:s 0 0")
    server.run("XREAD STREAMS b:s a:s 0 0")
    #expect(server.traffic("a:")[3] == 0 && server.traffic("a:")[2] > 0)
    #expect(server.traffic("b:")[2] == 0 && server.traffic("b:")[3] > 0)
    server.run("CONFIG RESETSTAT")
    // A command that may write what it reads.
    server.run("PFADD b:p 1 2")
    server.run("CONFIG RESETSTAT")
    server.run("PFCOUNT a:p b:p")
    #expect(server.traffic("a:")[..<4] == [1, 0, 0, 1])
    #expect(server.traffic("b:")[..<4] == [1, 0, 1, 0])
  }

  @Test func `commands of transactions and scripts are counted one by one`() {
    let server = counting("*")
    for line in ["MULTI", "INCR n:1", "GET n:1", "EXEC"] { server.run(line) }
    #expect(server.traffic("n:")[..<4] == [1, 1, 1, 0])
    guard Interpreter.isAvailable else { return }
    server.run([
      "EVAL", "redis.call('SET', 's:1', 'v'); return redis.call('GET', 's:2')", "1", "s:key",
    ])
    #expect(server.traffic("s:")[..<4] == [1, 1, 0, 1])
  }

  @Test func `one who waited is counted when it is answered, one refused not at all`() {
    let server = counting("*")
    let other = server.connect()
    other.send(["BLPOP", "q:1", "0"])
    server.turn()
    #expect(server.prefix("q:") == nil)
    server.run("RPUSH q:1 v")
    #expect(server.traffic("q:")[..<2] == [0, 2])
    #expect(other.next()?.elements.count == 2)
    server.run("ACL SETUSER limited on nopass ~q:* +@all")
    other.run("AUTH limited x")
    #expect(other.run("GET r:1").isError)
    #expect(server.prefix("r:") == nil)
    #expect(other.run("SET q:2 v") == .ok && other.run("SET q:2 v GET") == "v")
    #expect(server.traffic("q:")[1] == 4)
  }

  @Test func `expiries and evictions are counted`() {
    let server = counting("*") { $0.maxMemoryPolicy = .allKeysRandom }
    for index in 0..<5 { server.run("SET e:\(index) v PX 5") }
    server.run("SET f:1 v PX 5")
    for _ in 0..<10 { server.advance(milliseconds: 10) }
    #expect(server.traffic("e:")[4...] == [5, 0] && server.traffic("f:")[4...] == [1, 0])
    for index in 0..<50 { server.run(["SET", "v:\(index)", String(repeating: "x", count: 5000)]) }
    server.run("CONFIG SET maxmemory \(server.server.evictableMemory - 50_000)")
    for _ in 0..<10 { server.advance(milliseconds: 10) }
    let evicted = server.server.keyspace.statistics.evictedKeys
    #expect(evicted > 5 && server.traffic("v:")[5] == evicted)
  }

  @Test func `first segments have a bounded table; those with most are in it, and sums are exact`()
  {
    let server = counting("given: *") { $0.prefixAccountingMax = 4 }
    for index in 0..<2000 {
      server.run("SET cold\(index):1 v")
      if index.isMultiple(of: 4) { server.run("GET hot:\(index)") }
      if index.isMultiple(of: 10) { server.run("SET warm:1 v") }
    }
    let prefixes = server.census()["prefixes"]?.elements ?? []
    #expect(prefixes.count == 1 + 4 + 1)
    func sum(_ name: String) -> Int { prefixes.reduce(0) { $0 + ($1[name]?.number ?? 0) } }
    #expect(sum("reads") == 500 && sum("misses") == 500 && sum("writes") == 2200)
    #expect((400...500).contains(server.traffic("hot:")[0]))
    #expect((100...200).contains(server.traffic("warm:")[1]))
    #expect(server.traffic("given:") == [0, 0, 0, 0, 0, 0])
    #expect(server.server.metrics.prefixes.byteCount < 32 * 1000)
  }

  @Test func `the census tells segments apart, too, as long as there is a counter`() {
    let server = counting("*") {
      $0.prefixAccountingMax = 4
      $0.censusPeriod = 1
    }
    for index in 0..<500 {
      server.run("SET cold\(index):1 v")
      server.run(["SET", "big:\(index)", String(repeating: "x", count: 2000)])
    }
    server.finishCensus()
    let census = server.census()
    #expect(census["prefixes"]?.elements.first?["prefix"] == "big:")
    #expect((450...500).contains(server.prefix("big:")?["keys"]?.number ?? 0))
    let keys = census["prefixes"]?.elements.reduce(0) { $0 + ($1["keys"]?.number ?? 0) }
    let bytes = census["prefixes"]?.elements.reduce(0) { $0 + ($1["bytes"]?.number ?? 0) }
    #expect(keys == 1000 && .integer(bytes ?? 0) == census["bytes"])
  }

  @Test func `counting begins anew with other prefixes and with CONFIG RESETSTAT`() {
    let server = counting("*") { $0.censusPeriod = 1 }
    server.run("SET a:1 v")
    server.finishCensus()
    #expect(server.traffic("a:")[1] == 1 && server.prefix("a:")?["keys"] == 1)
    server.run("CONFIG RESETSTAT")
    #expect(server.traffic("a:")[1] == 0 && server.prefix("a:")?["keys"] == 1)
    server.run("SET a:1 v")
    server.run("CONFIG SET prefix-accounting b:")
    // What was told apart otherwise is not shown.
    #expect(server.census()["prefixes"]?.elements.count == 2)
    #expect(server.traffic(nil)[1] == 0)
    server.finishCensus()
    #expect(server.prefix(nil)?["keys"] == 1)
    server.run("CONFIG SET prefix-accounting \"\"")
    #expect(!server.server.gate.contains(.prefixes))
    #expect(server.server.effects.removals == nil && server.server.metrics.prefixes.tally == nil)
    #expect(server.census()["prefixes"] == [])
  }

  @Test func `HOTKEYS and prefixes count the same commands`() {
    let server = counting("*")
    server.run("HOTKEYS START METRICS 1 NET")
    server.run("SET a:1 v")
    server.run("HOTKEYS STOP")
    server.run("SET a:1 v")
    #expect(server.traffic("a:")[1] == 2)
    #expect(server.run("HOTKEYS GET").elements[0]["by-net-bytes"]?.elements.first == "a:1")
  }

  // MARK: - Keys of requests

  @Test func `keys of a request are those that KeyFinder finds, for every command`() {
    let server = TestServer(follows: false)
    let table = server.server.commands
    var count = 0
    for description in table.descriptions where !description.command.keys.isEmpty {
      for shape in RequestShapes.of(description, key: "k") {
        let words = shape.map(\.text)
        let kept = KeptRequest(words.map { Array($0.utf8) })
        let reference = table[description.id]
        guard reference.accepts(kept.arguments.count) else { continue }
        let keys = RequestKeys(reference, kept.arguments, in: table)
        let found = KeyFinder.keys(
          of: description.command, depth: description.depth, in: kept.arguments)
        let refined = (found ?? []).map {
          KeyFinder.Found(
            index: $0.index,
            access: KeyAccess.refined($0.access, of: description.command, in: kept.arguments))
        }
        #expect(Array(keys) == refined, "\(words)")
        count += keys.count
      }
    }
    #expect(count > 300)
  }
}
