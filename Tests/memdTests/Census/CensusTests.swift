// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// The walk over all keys: what it counts, what it leaves alone, and what it costs.
@Suite struct CensusTests {
  private func usage(_ key: String, _ server: TestServer) -> Int {
    server.run("MEMORY USAGE \(key)").number ?? -1
  }

  // MARK: - What it finds

  @Test(arguments: [false, true])
  func `keys and memory of all types are counted, small and large`(speaksVersion3: Bool) {
    let server = TestServer.withCensus(follows: true)
    if speaksVersion3 { server.run("HELLO 3") }
    let numbers = (0..<600).map { "\($0)" }
    server.run("SET s1 v")
    server.run(["SET", "s2", String(repeating: "x", count: 5000)])
    server.run("INCR s3")
    server.run("RPUSH l1 a b")
    server.run(["RPUSH", "l2"] + numbers)
    server.run("SADD t1 a b c")
    server.run(["SADD", "t2"] + numbers.map { "m\($0)" })
    server.run("ZADD z1 1 a")
    server.run(["ZADD", "z2"] + numbers.flatMap { [$0, "m\($0)"] })
    server.run("HSET h1 f v")
    server.run(["HSET", "h2"] + numbers.flatMap { ["f\($0)", "v"] })
    for index in 1...300 { server.run("XADD x1 \(index)-1 f v") }
    server.run("XGROUP CREATE x1 g 0")
    server.run("XREADGROUP GROUP g c COUNT 200 STREAMS x1 >")
    server.run("EXPIRE s1 1000")
    server.finishCensus()
    let census = server.census()
    let types = census["types"]
    for (name, keys, elements) in [
      ("string", ["s1", "s2", "s3"], 0), ("list", ["l1", "l2"], 602), ("set", ["t1", "t2"], 603),
      ("zset", ["z1", "z2"], 601), ("hash", ["h1", "h2"], 601), ("stream", ["x1"], 300),
    ] {
      let type = types?[name]
      let bytes = keys.map { usage($0, server) }
      #expect(type?["keys"]?.number == keys.count, "\(name)")
      #expect(type?["bytes"]?.number == bytes.reduce(0, +), "\(name)")
      #expect(type?["elements"]?.number == elements, "\(name)")
      #expect(type?["most-bytes"]?.number == bytes.max(), "\(name)")
    }
    #expect(types?["list"]?["most-elements"] == 600)
    #expect(census["keys"] == 12 && census["databases"]?["db0"]?["keys"] == 12)
    #expect(census["bytes"] == census["databases"]?["db0"]?["bytes"])
    #expect(census["active"] == 1 && census["progress-percent"] == 100)
    #expect(census["prefixes"] == [])
  }

  @Test func `the largest keys are known, by memory and by elements`() {
    let server = TestServer.withCensus()
    server.run("SELECT 3")
    server.client.send(["SET", "heavy", String(repeating: "x", count: 100_000)])
    while server.client.next() == nil { server.turn() }
    server.run(["SADD", "long"] + (0..<1000).map { "\($0)" })
    server.run("SELECT 0")
    for index in 0..<200 {
      server.run(["SET", "k\(index)", String(repeating: "x", count: 10 * index)])
      server.run(["RPUSH", "l\(index)"] + (0...index).map { "\($0)" })
    }
    server.finishCensus()
    let census = server.census()
    let byBytes = census["largest-by-bytes"]?.elements ?? []
    let byElements = census["largest-by-elements"]?.elements ?? []
    guard byElements.count == 32 else {
      Issue.record("\(byElements.count) keys by elements")
      return
    }
    #expect(byBytes.count == 32 && byElements.count == 32)
    #expect(byBytes.first?["key"] == "heavy" && byBytes.first?["database"] == 3)
    #expect(byElements.first?["key"] == "long" && byElements.first?["elements"] == 1000)
    #expect(byElements[1]["key"] == "l199" && byElements[31]["key"] == "l169")
    let bytes = byBytes.compactMap { $0["bytes"]?.number }
    #expect(bytes == bytes.sorted(by: >) && byBytes[1]["type"] == "set")
    #expect(census["databases"]?["db3"]?["keys"] == 2)
  }

  @Test func `names of keys are any bytes, and of long ones the beginning`() throws {
    let server = TestServer.withCensus { $0.prefixAccounting = (try? .init(["*"])) ?? .off }
    let long = [UInt8](repeating: 0xC3, count: 200_000)
    let names: [[UInt8]] = [[], [0, 255, 58, 10], Array("\"\\\r\n'<script>".utf8), long]
    for name in names {
      _ = server.client.exchange(octets: [Array("SET".utf8), name, Array("v".utf8)])
    }
    server.finishCensus()
    let found = try #require(server.server.metrics.census.result).byBytes.keys
    #expect(found.count == 4)
    #expect(found[0].name == Array(long[..<128]) && found[0].nameByteCount == 200_000)
    #expect(Set(found.dropFirst().map(\.name)) == Set(names.prefix(3)))
    let report = CensusReport(server.server)
    #expect(report.prefixes.map(\.name) == [[0, 255, 58], nil])
    #expect(report.prefixes.map(\.count.keys) == [1, 3])
    let texts = found.map { NameText.of($0.name, byteCount: $0.nameByteCount) }
    #expect(texts[0].hasSuffix("... (200000 bytes)") && texts[0].utf8.count < 600)
    #expect(texts.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } })
  }

  @Test(arguments: [
    ("plain", "plain"), ("k\u{E4}se:1", "k\u{E4}se:1"), ("a\\b", "a\\\\b"), ("a\nb", "a\\u{a}b"),
    ("\u{202E}x", "\\u{202e}x"), ("", ""),
  ])
  func `texts of names hold nothing that acts`(name: String, text: String) {
    #expect(NameText.of(Array(name.utf8)) == text)
  }

  @Test func `a long name is not cut in the midst of a character`() {
    let name = Array(String(repeating: "x", count: 127).utf8) + Array("\u{E4}\u{E4}".utf8)
    let text = NameText.of(name)
    #expect(text == String(repeating: "x", count: 127) + "... (131 bytes)")
    #expect(NameText.of([0xFF, 0x41]) == "\\xffA")
  }

  // MARK: - When

  @Test func `there is none unless somebody wants it`() {
    let server = TestServer(follows: false)
    server.run("SET k v")
    for _ in 0..<100 { server.advance(milliseconds: 100) }
    #expect(server.server.metrics.census.continuesAt == .max)
    #expect(server.census()["active"] == 0 && server.census()["passes"] == 0)
    #expect(server.census()["age-ms"] == -1 && server.census()["types"] == [])
    server.run("CONFIG SET census-period 5")
    server.finishCensus()
    #expect(server.census()["keys"] == 1 && server.census()["active"] == 1)
    server.run("CONFIG SET census-period 0")
    #expect(server.census()["keys"] == 0 && server.census()["active"] == 0)
    for name in ["prefix-accounting a:", "prefix-accounting \"\""] {
      server.run("CONFIG SET census-period -1 \(name)")
      #expect(server.server.metrics.census.isOn == name.hasSuffix(":"))
    }
    #expect(TestServer(configure: { $0.metricsPort = 1 }).server.metrics.census.isOn)
  }

  @Test func `as long as nothing is written the last one holds, and the server rests`() {
    let server = TestServer.withCensus()
    server.run("SET k v")
    server.finishCensus()
    let passes = server.server.metrics.census.passCount
    for _ in 0..<100 { server.advance(milliseconds: 100) }
    #expect(server.census()["passes"]?.number == passes)
    #expect((server.census()["age-ms"]?.number ?? .max) <= 1100)
    #expect(server.server.sleepNanoseconds() > 50_000_000)
    server.run("SET other v PX 1500")
    for _ in 0..<12 { server.advance(milliseconds: 100) }
    #expect(server.census()["passes"]?.number == passes + 1 && server.census()["keys"] == 2)
    for _ in 0..<22 { server.advance(milliseconds: 100) }
    #expect(server.census()["passes"]?.number == passes + 2 && server.census()["keys"] == 1)
  }

  @Test func `it waits while a dataset is being loaded`() {
    let server = TestServer.withCensus { $0.enableDebugCommand = .yes }
    server.run("SET k v")
    #expect(server.run("DEBUG RELOAD") == .ok)
    server.finishCensus()
    #expect(server.census()["keys"] == 1)
  }

  // MARK: - What it costs, and leaves alone

  @Test func `a turn does a bounded part of it, and a hundredth of the time is spent`() throws {
    let server = TestServer.withCensus()
    for index in 0..<20_000 { server.run("SET key:\(index) v") }
    server.run("CONFIG SET census-period 2")
    server.finishCensus()
    server.run("SET another v")
    let census = server.server.metrics.census
    while census.pass == nil { server.advance(milliseconds: 10) }
    // 64 steps of 4 buckets.
    #expect(census.pass?.keyCount ?? .max < 64 * 4 * 14)
    #expect(census.pass?.keyCount ?? 0 > 64 * 4 * 4)
    let before = try #require(census.pass).keyCount
    // A clock that goes on by 10 us whenever it is looked at: nine steps or so make 100 us.
    server.clock.nanosecondsPerReading = 10_000
    server.advance(milliseconds: 2)
    server.clock.nanosecondsPerReading = 0
    let counted = try #require(census.pass).keyCount - before
    #expect(counted > 0 && counted < 12 * 4 * 14)
    let pause = census.continuesAt - server.server.timing.turnStartedAt
    #expect(pause >= 99 * 90_000 && pause < 99 * 200_000)
    #expect(!server.server.hasBackgroundWork)
    let seen = census.pass?.keyCount
    server.advance(milliseconds: 5)
    #expect(census.pass?.keyCount == seen)
    server.finishCensus()
    #expect(server.census()["keys"] == 20_001)
  }

  @Test func `memory of a stream with many consumers is estimated from a few of them`() {
    let server = TestServer(follows: false)
    for index in 1...3000 { server.run("XADD x \(index)-1 field value") }
    for group in 0..<8 {
      server.run("XGROUP CREATE x g\(group) 0")
      for consumer in 0..<50 {
        server.run("XREADGROUP GROUP g\(group) c\(consumer) COUNT 60 STREAMS x >")
      }
    }
    let exact = server.run("MEMORY USAGE x SAMPLES 0").number ?? 0
    let estimate = usage("x", server)
    #expect(exact > 500_000 && abs(exact - estimate) < exact / 8, "\(exact) \(estimate)")
    #expect(server.run("MEMORY USAGE x SAMPLES 10000").number == exact)
  }

  @Test func `keys that are due stay, and nobody hears of it`() {
    let server = TestServer.withCensus(follows: true) { $0.enableDebugCommand = .yes }
    server.run("DEBUG SET-ACTIVE-EXPIRE 0")
    for index in 0..<300 { server.run("SET key:\(index) v PX 5") }
    server.run("SET old v")
    server.advance(milliseconds: 50_000)
    server.run("CONFIG SET notify-keyspace-events KEA")
    server.run("CONFIG RESETSTAT")
    server.run("SET another v")
    let offset = server.server.effects.stream.offset
    server.finishCensus()
    #expect(server.census()["keys"] == 302 && server.run("DBSIZE") == 302)
    #expect(server.server.keyspace.statistics.hits == 0)
    #expect(server.server.keyspace.statistics.misses == 0)
    #expect(server.server.keyspace.statistics.expiredKeys == 0)
    #expect((server.run("OBJECT IDLETIME old").number ?? 0) >= 50)
    #expect(server.server.effects.stream.offset == offset)
  }

  // MARK: - Changes meanwhile

  /// A server with 5000 keys whose census is under way.
  private func underWay(_ rules: ByteText) -> TestServer {
    let server = TestServer.withCensus {
      $0.prefixAccounting = (try? PrefixAccounting(rules.partsBetweenBlanks)) ?? .off
    }
    for index in 0..<5000 { server.run("SET old:\(index) v") }
    server.finishCensus()
    server.run("SET trigger v")
    let census = server.server.metrics.census
    while census.pass == nil { server.advance(milliseconds: 2) }
    return server
  }

  private func advance(_ server: TestServer, _ change: (Int) -> Void) {
    let census = server.server.metrics.census
    var step = 0
    while census.pass != nil, step < 1000 {
      change(step)
      server.advance(milliseconds: 1)
      step += 1
    }
  }

  @Test func `while tables grow every key that stays is counted once`() {
    let server = underWay("old: new:")
    advance(server) { step in
      for index in 0..<200 { server.run("SET new:\(step):\(index) v") }
    }
    #expect(server.prefix("old:")?["keys"] == 5000)
    #expect((server.prefix("new:")?["keys"]?.number ?? 0) > 0)
  }

  @Test func `while tables shrink every key that stays is counted`() {
    let server = underWay("old: new:")
    for index in 0..<20_000 { server.run("SET new:\(index) v") }
    advance(server) { step in
      for index in 0..<1500 { server.run("DEL new:\(step * 1500 + index)") }
    }
    #expect((server.prefix("old:")?["keys"]?.number ?? 0) >= 5000)
    server.run("SET trigger w")
    server.finishCensus()
    #expect(server.prefix("old:")?["keys"] == 5000)
  }

  @Test func `emptied databases are soon known to be empty`() {
    for isUnderWay in [true, false] {
      let server = underWay("old:")
      if !isUnderWay { server.finishCensus() }
      server.run(isUnderWay ? "FLUSHALL" : "FLUSHDB")
      for _ in 0..<4 { server.advance(milliseconds: 100) }
      #expect(server.census()["keys"] == 0 && server.census()["disturbed"] == 0)
      #expect(server.prefix("old:")?["keys"] == 0)
    }
  }

  @Test func `a pass during which databases are swapped begins anew`() {
    let server = underWay("old:")
    server.run("SELECT 1")
    for index in 0..<20 { server.run("SET other:\(index) v") }
    server.run("SWAPDB 0 1")
    server.finishCensus()
    #expect(server.census()["keys"] == 5021 && server.census()["disturbed"] == 0)
    #expect(server.census()["databases"]?["db0"]?["keys"] == 20)
    #expect(server.prefix("old:")?["keys"] == 5000)
  }

  @Test func `but not for ever`() {
    let server = underWay("old:")
    advance(server) { _ in server.run("SWAPDB 0 1") }
    #expect(server.census()["disturbed"] == 1)
    server.finishCensus()
    #expect(server.census()["disturbed"] == 0 && server.census()["keys"] == 5001)
  }

  // MARK: - Who may ask

  @Test func `it needs the right of an administrator, and no script may ask`() {
    let server = TestServer.withCensus()
    server.run("ACL SETUSER reader on nopass ~* +@all -@admin")
    let client = server.connect()
    client.run("AUTH reader x")
    #expect(client.run("MEMORY CENSUS").text.hasPrefix("NOPERM"))
    #expect(server.run("COMMAND INFO memory|census").elements[0].elements.count == 10)
    #expect(server.run("MEMORY CENSUS x").isError)
    #expect(server.run("MEMORY HELP").elements.contains { $0.text == "CENSUS" })
  }
}
