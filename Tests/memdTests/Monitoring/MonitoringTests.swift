// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// A server and the site that tells of it, without threads between them.
@Suite struct MonitoringTests {
  private let server: TestServer

  init() { server = TestServer() }

  /// The answer for a path, asked as often as the service would.
  private func ask(
    _ target: String, accept: String = "", host: String = "localhost", isLocal: Bool = true,
    turns: Int = 1000
  ) throws -> HTTPResponse? {
    let text = "GET \(target) HTTP/1.1\r\nHost: \(host)\r\nAccept: \(accept)\r\n\r\n"
    let request = try #require(try HTTPRequest.first(in: Array(text.utf8))?.request)
    let site = MonitoringSite(exchange: server.server.monitoring.exchange)
    server.clock.advance(milliseconds: 1)
    let question = HTTPService.Question(
      request: request, askedAt: server.clock.monotonicNanoseconds(), isLocal: isLocal)
    for _ in 0..<turns {
      if let answer = site.answer(question) { return answer }
      server.transport.wakeUp()
      server.turn()
    }
    return nil
  }

  private func text(_ target: String, accept: String = "") throws -> String {
    let answer = try #require(try ask(target, accept: accept))
    #expect(answer.status == .ok)
    return String(decoding: answer.body, as: UTF8.self)
  }

  /// The values of all samples of one name, in their order.
  private func values(_ name: String, _ text: String) -> [String] {
    text.split(separator: "\n").filter { $0.hasPrefix("\(name) ") || $0.hasPrefix("\(name){") }
      .compactMap { $0.split(separator: " ").last.map(String.init) }
  }

  @Test func `every number of INFO is a metric, or left out on purpose`() {
    server.run("SET a 1 EX 100")
    server.run("CONFIG SET sync-replicas-on-timeout degrade sync-replicas 1")
    server.run("CONFIG SET max-unconfirmed-ms 100 min-replicas-to-write 1 appendonly yes")
    for _ in 0..<30 { server.advance(milliseconds: 100) }
    var fields = server.run("INFO everything").text
    let leader = LeaderAddress(host: "nobody", port: 1)
    server.server.follow(leader)
    fields += server.run("INFO everything").text
    let known = Set(Figure.all.map(\.field)).union(Figure.leftOut)
    var count = 0
    for line in fields.split(separator: "\r\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, !parts[0].hasPrefix("db"), !parts[0].hasSuffix("_serial"),
        !parts[0].hasPrefix("errorstat_"),
        Figure.value(parts[1]) != nil
      else { continue }
      count += 1
      #expect(known.contains(String(parts[0])), "\(line)")
    }
    #expect(count > 250)
    #expect(Set(Figure.all.map(\.field)).isDisjoint(with: Figure.leftOut))
    #expect(Set(Figure.all.map(\.name)).count == Figure.all.count, "names are unique")
    #expect(Set(Figure.all.map(\.field)).count == Figure.all.count, "and so are fields")
  }

  @Test func `names and units follow the conventions`() {
    for figure in Figure.all {
      #expect(!figure.name.hasSuffix("_total") && figure.help.hasSuffix("."), "\(figure.name)")
      let hasTime = figure.name.hasSuffix("_seconds")
      if figure.scale == 0.001 || figure.scale == 0.000001 { #expect(hasTime, "\(figure.name)") }
      #expect(!["_ms", "_usec", "_sec", "_kbps", "_perc"].contains { figure.name.hasSuffix($0) })
    }
  }

  @Test func `figures are those of INFO in base units`() throws {
    for index in 0..<5 { server.run("SET key:\(index) value EX 100") }
    server.run("GET key:1")
    server.run("GET nope")
    server.run("LPUSH key:1 a")
    let metrics = try text("/metrics")
    #expect(values("memd_db_keys", metrics) == ["5"])
    #expect(values("memd_db_keys_expiring", metrics) == ["5"])
    #expect(values("memd_keyspace_hits_total", metrics) == ["1"])
    #expect(values("memd_keyspace_misses_total", metrics) == ["1"])
    #expect(values("memd_errors_total", metrics) == ["1"])
    #expect(metrics.contains("memd_command_calls_total{command=\"set\"} 5\n"))
    #expect(metrics.contains("memd_command_failed_calls_total{command=\"lpush\"} 1\n"))
    #expect(metrics.contains("memd_command_duration_seconds_count{command=\"set\"} 5\n"))
    #expect(metrics.contains("# TYPE memd_keyspace_hits_total counter\n"))
    #expect(!metrics.contains("# EOF"))
  }

  @Test func `OpenMetrics names families of counters without their ending, and ends`() throws {
    let metrics = try text("/metrics", accept: "application/openmetrics-text; version=1.0.0")
    #expect(metrics.contains("# TYPE memd_keyspace_hits counter\n"))
    #expect(metrics.contains("\nmemd_keyspace_hits_total 0\n"))
    #expect(metrics.contains("# UNIT memd_memory_used_bytes bytes\n"))
    #expect(metrics.hasSuffix("# EOF\n"))
  }

  @Test func `names may be redis_exporter's`() throws {
    server.run("SET a 1")
    let metrics = try text("/metrics?names=redis_exporter")
    #expect(values("redis_up", metrics) == ["1"])
    #expect(metrics.contains("redis_db_keys{db=\"db0\"} 1\n"))
    #expect(metrics.contains("redis_commands_total{cmd=\"set\"} 1\n"))
    #expect(metrics.contains("# TYPE redis_commands_processed_total counter\n"))
    #expect(!metrics.contains("memd_turn"))
  }

  @Test func `percentiles are for redis_exporter's names only, and then there at once`() throws {
    for _ in 0..<10 { server.run("SET a 1") }
    let exchange = server.server.monitoring.exchange
    _ = try text("/metrics")
    let asked = server.clock.monotonicNanoseconds()
    #expect(exchange.report(askedAt: asked)?.hasPercentiles == false)
    #expect(exchange.report(askedAt: asked)?.commands.first?.durations.percentiles == [])
    let metrics = try text("/metrics?names=redis_exporter")
    #expect(values("redis_latency_percentiles_usec", metrics).count >= 3)
    // That one serves all who ask.
    #expect(exchange.report(askedAt: asked)?.hasPercentiles == true)
    server.clock.advance(milliseconds: 600)
    _ = try text("/metrics")
    #expect(
      exchange.report(askedAt: server.clock.monotonicNanoseconds())?.hasPercentiles == false)
  }

  @Test func `a report without percentiles that is being made doesn't keep a question for them`()
    throws
  {
    let exchange = server.server.monitoring.exchange
    let asked = server.clock.monotonicNanoseconds()
    #expect(exchange.report(askedAt: asked) == nil)
    server.transport.wakeUp()
    server.clock.nanosecondsPerReading = 60_000
    server.turn()
    server.clock.nanosecondsPerReading = 0
    #expect(server.server.monitoring.isCollecting)
    #expect(try text("/metrics?names=redis_exporter").contains("redis_up 1\n"))
    #expect(!exchange.wishes.percentiles && !exchange.wishes.report)
  }

  @Test func `what is large and what is hot is shown`() throws {
    server.run("CONFIG SET prefix-accounting user: census-period 1")
    server.run("CONFIG SET commandlog-request-larger-than 1000")
    server.run("HOTKEYS START METRICS 1 NET COUNT 2")
    server.run(["SET", "user:\"\n\u{1}", String(repeating: "x", count: 2000)])
    for index in 0..<5 { server.run("SADD other a\(index)") }
    server.run("GET user:2")
    server.finishCensus()
    let metrics = try text("/metrics")
    for line in [
      "memd_type_keys{type=\"string\"} 1", "memd_type_elements{type=\"set\"} 5",
      "memd_prefix_keys{prefix=\"user:\"} 1", "memd_prefix_keys{prefix=\"\"} 1",
      "memd_prefix_misses_total{prefix=\"user:\"} 1", "memd_prefix_writes_total{prefix=\"\"} 5",
      "memd_command_log_entries{log=\"large-request\"} 1",
      "memd_command_log_commands_total{log=\"large-reply\"} 0",
      "memd_prefix_reads_total{prefix=\"\"} 0",
      "memd_census_progress_ratio 1", "memd_hot_keys_active 1",
    ] {
      #expect(metrics.contains(line + "\n"), "\(line)")
    }
    #expect(metrics.contains("memd_hot_key_network_bytes{key=\"user:\\\"\\\\u{a}\\\\u{1}\"}"))
    #expect(!metrics.contains("memd_hot_key_cpu_seconds"))
    let json = try text("/live.json")
    #expect(json.contains("\"name\":\"user:\",\"keys\":1"))
    #expect(json.contains("\"logs\":{\"slow\":[],\"large-request\":[{\"id\":0"))
    #expect(json.utf8.allSatisfy { $0 >= 0x20 || $0 == 10 })
    server.run("CONFIG SET census-period 0 prefix-accounting \"\"")
    server.run("HOTKEYS STOP")
    server.run("HOTKEYS RESET")
    server.clock.advance(milliseconds: 600)
    let without = try text("/metrics")
    for name in ["memd_type_", "memd_prefix_", "memd_census_", "memd_hot_"] {
      #expect(!without.contains(name), "\(name)")
    }
  }

  @Test func `labels can't break a line`() throws {
    server.run("CONFIG SET latency-monitor-threshold 1")
    server.server.metrics.latency.add("a\"b\\c\nd", milliseconds: 5, time: 7)
    let metrics = try text("/metrics")
    #expect(metrics.contains("{event=\"a\\\"b\\\\c\\nd\"} 7\n"))
  }

  @Test func `the live page's figures are JSON whatever clients send`() throws {
    server.run("CONFIG SET slowlog-log-slower-than 0")
    server.run(["SET", "</script>\"\\\u{1}\u{2028}\u{E9}", "\u{7F}"])
    _ = server.client.exchange("*2\r\n$3\r\nGET\r\n$2\r\n\u{0}\n\r\n")
    let json = try text("/live.json")
    #expect(json.contains("\\u003c/script>"))
    #expect(!json.contains("<") && !json.contains("\u{2028}") && !json.dropLast().contains("\n"))
    #expect(json.utf8.allSatisfy { $0 >= 0x20 || $0 == 10 })
  }

  @Test func `a report is made in slices, and given to all who ask within half a second`() throws {
    let exchange = server.server.monitoring.exchange
    let asked = server.clock.monotonicNanoseconds()
    #expect(exchange.report(askedAt: asked) == nil)
    server.transport.wakeUp()
    // The simulated clock stands still within a turn: a slice would be endless.
    server.clock.nanosecondsPerReading = 60_000
    server.turn()
    #expect(server.server.monitoring.isCollecting)
    #expect(server.server.sleepNanoseconds() == 0)
    var turns = 1
    while server.server.monitoring.isCollecting, turns < 1000 {
      server.turn()
      turns += 1
    }
    #expect(turns > 5)
    let report = try #require(exchange.report(askedAt: asked))
    server.clock.nanosecondsPerReading = 0
    #expect(
      exchange.report(askedAt: report.startedAt + 500_000_000)?.startedAt == report.startedAt)
    #expect(exchange.report(askedAt: report.startedAt + 500_000_001) == nil)
  }

  @Test func `a question that has woken nobody is heeded by the chores`() {
    let exchange = server.server.monitoring.exchange
    let asked = server.clock.monotonicNanoseconds()
    #expect(exchange.pulse(askedAt: asked) == nil && exchange.report(askedAt: asked) == nil)
    for _ in 0..<100 { server.advance(milliseconds: 10) }
    #expect(exchange.pulse(askedAt: asked) != nil && exchange.report(askedAt: asked) != nil)
  }

  @Test func `a loop that doesn't turn is not healthy`() throws {
    #expect(try ask("/healthz")?.status == .ok)
    #expect(try ask("/healthz", turns: 0) == nil)
  }

  @Test func `a server is ready when it can serve clients`() throws {
    #expect(try ask("/readyz")?.status == .ok)
    server.server.follow(LeaderAddress(host: "nobody", port: 1))
    let answer = try #require(try ask("/readyz"))
    #expect(answer.status == .unavailable)
    #expect(String(decoding: answer.body, as: UTF8.self).contains("leader"))
    server.server.beginLeading()
    #expect(try ask("/readyz")?.status == .ok)
    server.server.gate.insert(.failingDisk)
    #expect(try ask("/readyz")?.status == .unavailable)
    server.server.gate.remove(.failingDisk)
    #expect(try ask("/readyz")?.status == .ok)
    server.run("SET k v")
    server.server.configuration.syncReplicas = 1
    server.server.follow(LeaderAddress(host: "nobody", port: 1))
    server.server.beginLeading()
    #expect(server.run("GET k").isError)
    #expect(try ask("/readyz")?.status == .unavailable)
  }

  @Test(arguments: [
    ("localhost", true), ("127.0.0.1", true), ("[::1]", true), ("memd.localhost", true),
    ("localhost.", true),
    ("evil.example", false), ("127.0.0.1.evil.example", false),
  ])
  func `names that may belong to anybody are refused on this machine`(
    host: String, isTrusted: Bool
  ) throws {
    for path in ["/", "/metrics", "/live.json", "/healthz"] {
      #expect(try ask(path, host: host)?.status == (isTrusted ? .ok : .forbidden))
      #expect(try ask(path, host: host, isLocal: false)?.status == .ok)
    }
  }

  @Test func `the page is small and comes from here alone`() throws {
    let parts = try ["/", "/live.js", "/live.css"].map { try text($0) }
    #expect(parts.reduce(0) { $0 + $1.utf8.count } < 100_000)
    for part in parts {
      #expect(
        !part.contains("http://") && !part.contains("https://") && !part.contains("innerHTML"))
    }
    #expect(try ask("/nothing")?.status == .notFound)
  }
}
