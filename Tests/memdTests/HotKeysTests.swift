// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

/// HOTKEYS: sessions, what they find, and what is refused.
@Suite struct HotKeysTests {
  private func field(_ name: String, _ server: TestServer) -> Reply? {
    let fields = server.run("HOTKEYS GET").elements.first?.elements ?? []
    guard let index = fields.firstIndex(of: .bulk(name)) else { return nil }
    return fields[index + 1]
  }

  // MARK: - Sessions

  @Test func `a session is started, shown, stopped and forgotten`() {
    let server = TestServer()
    #expect(server.run("HOTKEYS GET") == nil)
    #expect(server.run("HOTKEYS STOP") == nil)
    #expect(server.run("HOTKEYS RESET") == .ok)
    #expect(server.run("HOTKEYS START METRICS 2 CPU NET") == .ok)
    #expect(
      server.run("HOTKEYS START METRICS 1 CPU")
        == .error("ERR hotkey tracking session already in progress"))
    #expect(
      server.run("HOTKEYS RESET")
        == .error("ERR hotkey tracking session in progress, stop tracking first"))
    #expect(field("tracking-active", server) == 1)
    server.advance(milliseconds: 1500)
    #expect(server.run("HOTKEYS STOP") == .ok)
    #expect(server.run("HOTKEYS STOP") == nil)
    server.advance(milliseconds: 500)
    #expect(field("tracking-active", server) == 0)
    #expect(field("collection-duration-ms", server) == 1500)
    #expect(server.run("HOTKEYS RESET") == .ok)
    #expect(server.run("HOTKEYS GET") == nil)
  }

  @Test func `DURATION ends a session, whether commands come or not`() {
    for asks in [true, false] {
      let server = TestServer()
      server.run("HOTKEYS START METRICS 1 NET DURATION 2")
      server.advance(milliseconds: 1000)
      server.run("SET k v")
      let bytes = field("total-net-bytes", server)
      server.advance(milliseconds: 1500)
      if asks { server.run("SET k v") }
      #expect(field("tracking-active", server) == 0)
      #expect(field("collection-duration-ms", server) == 2000)
      #expect(field("total-net-bytes", server) == bytes)
      #expect(server.run("HOTKEYS STOP") == nil)
      #expect(!server.server.gate.contains(.hotKeys))
      #expect(server.run("HOTKEYS START METRICS 1 NET") == .ok)
    }
  }

  @Test func `the reply has the fields of its metrics, in RESP3 as a map`() {
    let server = TestServer()
    server.run("HOTKEYS START METRICS 1 NET SAMPLE 3")
    let names = server.run("HOTKEYS GET").elements.first?.elements.map(\.text) ?? []
    #expect(
      names.filter { !$0.isEmpty } == [
        "tracking-active", "sample-ratio", "selected-slots", "all-commands-all-slots-us",
        "net-bytes-all-commands-all-slots", "collection-start-time-unix-ms",
        "collection-duration-ms", "total-net-bytes", "by-net-bytes",
      ])
    #expect(field("sample-ratio", server) == 3)
    #expect(field("selected-slots", server) == [[0, 16383]])
    server.run("HOTKEYS STOP")
    server.run("HOTKEYS START METRICS 1 CPU")
    server.run("HELLO 3")
    guard case .map(let pairs)? = server.run("HOTKEYS GET").elements.first else {
      Issue.record("no map")
      return
    }
    #expect(
      pairs.map(\.key.text).suffix(3) == [
        "total-cpu-time-user-ms", "total-cpu-time-sys-ms", "by-cpu-time-us",
      ])
    #expect(pairs.count == 10)
  }

  // MARK: - Costs

  @Test func `bytes are those of request and reply, divided by the keys`() {
    let server = TestServer()
    server.run("HOTKEYS START METRICS 1 NET")
    server.run("SET a v")
    server.run("GET a")
    server.run("PING")
    server.run("MGET b c")
    // *3 $3 SET $1 a $1 v and +OK; *2 $3 GET $1 a and $1 v.
    #expect(field("by-net-bytes", server)?.elements.prefix(2) == ["a", .integer(32 + 27)])
    // *3 $4 MGET $1 b $1 c and *2 $-1 $-1, for each of the keys one half.
    #expect(field("by-net-bytes", server)?.elements.suffix(1) == [21])
    #expect(field("total-net-bytes", server) == .integer(59 + 42))
    #expect(field("net-bytes-all-commands-all-slots", server) == .integer(59 + 42))
  }

  @Test func `time is the command's, divided by its keys; a script counts as a whole`() {
    let server = TestServer { $0.enableDebugCommand = .yes }
    server.run("DEBUG SET-DISABLE-DENY-SCRIPTS 1")
    server.run("HOTKEYS START METRICS 1 CPU")
    server.run(["EVAL", "redis.call('DEBUG', 'SLEEP', '0.004')", "2", "a", "b"])
    server.run(["EVAL", "redis.call('DEBUG', 'SLEEP', '0.003')", "1", "b"])
    server.run("SET quick v")
    #expect(field("by-cpu-time-us", server) == ["b", 5000, "a", 2000])
    #expect(field("all-commands-all-slots-us", server) == 7000)
  }

  @Test func `commands of transactions and of clients that waited count, too`() {
    let server = TestServer()
    server.run("HOTKEYS START METRICS 1 NET")
    server.run("MULTI")
    server.run("INCR n")
    server.run("INCR n")
    server.run("EXEC")
    let other = server.connect()
    other.send(["BLPOP", "list", "0"])
    server.turn()
    server.run("RPUSH other x")
    #expect(field("by-net-bytes", server)?.elements.contains("list") == false)
    server.run("RPUSH list x")
    // BLPOP has 32 and 21 bytes, RPUSH 32 and 4; INCR 21 and 4, twice.
    #expect(field("by-net-bytes", server) == ["list", 89, "n", 50, "other", 37])
  }

  @Test func `COUNT keys are shown, the hottest first, out of many`() {
    let server = TestServer(follows: false)
    server.run("HOTKEYS START METRICS 1 NET COUNT 2")
    for index in 0..<500 {
      server.run("GET cold:\(index)")
      if index.isMultiple(of: 3) { server.run("GET warm") }
      if index.isMultiple(of: 2) { server.run("GET hot") }
    }
    let shown = field("by-net-bytes", server)?.elements ?? []
    #expect(shown.count == 4)
    #expect([shown[0], shown[2]] == ["hot", "warm"])
    // *2 $3 GET $3 hot and $-1, 250 times.
    #expect((shown[1].number ?? 0) <= 250 * 27)
    #expect((shown[1].number ?? 0) > 200 * 27)
  }

  @Test func `SAMPLE looks at some commands; the totals are of all`() {
    let server = TestServer(follows: false)
    server.run("HOTKEYS START METRICS 1 NET SAMPLE 10")
    for _ in 0..<1000 { server.run("GET k") }
    let all = field("net-bytes-all-commands-all-slots", server)?.number ?? 0
    let sampled = field("total-net-bytes", server)?.number ?? 0
    #expect(all == 1000 * 25)
    #expect((50 * 25...200 * 25).contains(sampled))
  }

  @Test func `without a session, and behind one, nothing is measured`() {
    let server = TestServer()
    server.run("SET k v")
    #expect(server.server.metrics.hotKeys.session == nil)
    server.run("HOTKEYS START METRICS 1 NET")
    server.run("HOTKEYS STOP")
    server.run("SET k v")
    #expect(field("total-net-bytes", server) == 0)
    #expect(field("by-net-bytes", server) == [])
  }

  // MARK: - Refusals

  @Test(arguments: [
    ("", "METRICS parameter is required"),
    ("METRICS", "METRICS parameter is required"),
    ("COUNT 5 METRICS 1 CPU", "METRICS parameter is required"),
    ("METRICS 0", "METRICS count must be > 0 and <= 2"),
    ("METRICS 3 CPU", "METRICS count must be > 0 and <= 2"),
    ("METRICS x CPU", "METRICS count must be > 0 and <= 2"),
    ("METRICS 2 CPU CPU", "METRICS CPU defined more than once!"),
    ("METRICS 2 NET NET", "METRICS NET defined more than once!"),
    ("METRICS 2 CPU", "METRICS count does not match number of metric types provided"),
    ("METRICS 1 DISK", "METRICS no valid metrics passed. Supported: CPU|NET"),
    ("METRICS 1 CPU COUNT 0", "COUNT must be between 1 and 64"),
    ("METRICS 1 CPU COUNT 65", "COUNT must be between 1 and 64"),
    ("METRICS 1 CPU DURATION 0", "DURATION must be between 1 and 1000000"),
    ("METRICS 1 CPU DURATION 1000001", "DURATION must be between 1 and 1000000"),
    ("METRICS 1 CPU SAMPLE 0", "SAMPLE ratio must be positive"),
    ("METRICS 1 CPU SAMPLE 2147483648", "SAMPLE ratio must be positive"),
    ("METRICS 1 CPU SLOTS 1 5", "SLOTS parameter cannot be used in non-cluster mode"),
    ("METRICS 1 CPU COUNT", "syntax error"),
    ("METRICS 1 CPU NET", "syntax error"),
    ("METRICS 1 CPU NOSUCH 3", "syntax error"),
  ])
  func `HOTKEYS START refuses what Redis refuses`(_ words: String, _ message: String) {
    let server = TestServer()
    #expect(server.run("HOTKEYS START \(words)") == .error("ERR \(message)"))
    #expect(server.run("HOTKEYS GET") == nil)
  }

  @Test func `other words are refused; scripts can't call it`() {
    let server = TestServer()
    #expect(server.run("HOTKEYS GET x").isError)
    #expect(server.run("HOTKEYS STOP x").isError)
    #expect(server.run("HOTKEYS").isError)
    #expect(server.run("HOTKEYS NOSUCH").text.hasPrefix("ERR unknown subcommand 'NOSUCH'"))
    #expect(server.run(["EVAL", "return redis.call('HOTKEYS', 'GET')", "0"]).isError)
    #expect(server.run("HOTKEYS HELP").elements.count > 10)
    #expect(server.run("HOTKEYS START METRICS 2 DISK NET COUNT 64 DURATION 1000000") == .ok)
  }
}
