// SPDX-License-Identifier: Apache-2.0

import EventLoop
import RESP
import Testing

@testable import memd

@Suite struct IntrospectionTests {
  private func makeServer() -> TestServer {
    TestServer { $0.enableDebugCommand = .yes }
  }

  // MARK: - INFO

  @Test func `INFO shows the usual sections, one by name, or none that exists`() {
    let server = makeServer()
    let usual = server.run("INFO").text
    #expect(usual.hasPrefix("# Server\r\n"))
    #expect(usual.contains("\r\n\r\n# Keyspace\r\n"))
    #expect(!usual.contains("# Commandstats"))
    #expect(server.run("INFO all").text.contains("# Commandstats"))
    #expect(server.run("INFO everything").text.contains("# Latencystats"))
    #expect(server.run("INFO cluster").text == "# Cluster\r\ncluster_enabled:0\r\n")
    #expect(server.run("INFO nosuch").text == "")
    let two = server.run("INFO KEYSPACE nosuch cluster keyspace").text
    #expect(two == "# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n")
  }

  @Test func `INFO shows the section debug only by name`() {
    let server = makeServer()
    server.advance(milliseconds: 500)
    for line in ["INFO", "INFO all", "INFO everything"] {
      #expect(!server.run(line).text.contains("eventloop_duration_aof_sum"))
    }
    let text = server.run("INFO debug").text
    #expect(text.hasPrefix("# Debug\r\neventloop_duration_aof_sum:0\r\n"))
    #expect(text.contains("\r\neventloop_duration_cron_sum:"))
    #expect(text.contains("\r\neventloop_cmd_per_cycle_max:1\r\n"))
  }

  @Test func `INFO keyspace counts keys and deadlines and tells the mean time to live`() {
    let server = makeServer()
    server.run("DEBUG SET-ACTIVE-EXPIRE 0")
    server.run("SET a 1")
    server.run("SET b 1 PX 1000")
    server.run("SET c 1 PX 3000")
    #expect(
      server.run("INFO keyspace").text
        == "# Keyspace\r\ndb0:keys=3,expires=2,avg_ttl=2000,subexpiry=0\r\n")
  }

  @Test func `INFO counts calls, failures and refusals per command, and errors by word`() {
    let server = makeServer()
    server.run("SET a x")
    server.run("INCR a")
    server.run("GET")
    server.run("NOSUCH")
    let text = server.run("INFO all").text
    #expect(text.contains("cmdstat_set:calls=1,usec="))
    #expect(
      text.contains(
        "cmdstat_incr:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=1")
    )
    #expect(
      text.contains("cmdstat_get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0")
    )
    #expect(text.contains("errorstat_ERR:count=3\r\n"))
    #expect(text.contains("total_error_replies:3\r\n"))
    #expect(text.contains("latency_percentiles_usec_set:p50="))
    #expect(!text.contains("latency_percentiles_usec_get:"))
  }

  @Test func `the rate of commands is a mean over the last samples`() {
    let server = makeServer()
    for _ in 0..<20 {
      for _ in 0..<10 { server.run("PING") }
      server.advance(milliseconds: 100)
    }
    let line = server.run("INFO stats").text.split(separator: "\r\n").first {
      $0.hasPrefix("instantaneous_ops_per_sec:")
    }
    let rate = Int(line?.split(separator: ":").last ?? "") ?? 0
    #expect((95...105).contains(rate), "\(rate)")
  }

  @Test func `the allocator's name doesn't say jemalloc`() {
    #expect(makeServer().run("INFO memory").text.contains("mem_allocator:memd"))
  }

  // MARK: - SLOWLOG

  @Test func `the slow log shows slow commands, newest first, without secrets`() {
    let server = makeServer()
    server.run("CONFIG SET slowlog-log-slower-than 1000")
    server.run("DEBUG SLEEP 0.002")
    server.run("DEBUG SLEEP 0.003")
    let entries = server.run("SLOWLOG GET").elements
    #expect(entries.count == 2)
    #expect(entries.first?.elements.count == 6)
    #expect(entries.first?.elements[2] == 3000)
    #expect(entries.first?.elements[3] == ["DEBUG", "SLEEP", "0.003"])
    #expect(server.run("SLOWLOG GET 1").elements.count == 1)
    #expect(server.run("SLOWLOG LEN") == 2)
    server.run("CONFIG SET slowlog-log-slower-than 0")
    server.run("CONFIG SET requirepass secret")
    #expect(
      server.run("SLOWLOG GET 1").elements.first?.elements[3]
        == ["CONFIG", "SET", "requirepass", "(redacted)"])
    server.run("CONFIG SET slowlog-log-slower-than -1")
    #expect(server.run("SLOWLOG RESET") == .ok)
    #expect(server.run("SLOWLOG LEN") == 0)
  }

  @Test func `a slow log of length 0 keeps nothing and uses up no numbers`() {
    let server = makeServer()
    server.run("CONFIG SET slowlog-log-slower-than 1000 slowlog-max-len 0")
    server.run("DEBUG SLEEP 0.002")
    #expect(server.run("SLOWLOG LEN") == 0)
    server.run("CONFIG SET slowlog-max-len 5")
    server.run("DEBUG SLEEP 0.002")
    #expect(server.run("SLOWLOG GET").elements.first?.elements[0] == 0)
  }

  @Test func `slowlog-entry-max-argc and slowlog-entry-max-string-len say how much is kept`() {
    let server = makeServer()
    func logged(_ line: String) -> Reply? {
      server.run("CONFIG SET slowlog-log-slower-than 0")
      server.run(line)
      server.run("CONFIG SET slowlog-log-slower-than -1")
      let entries = server.run("SLOWLOG GET").elements.map { $0.elements[3] }
      server.run("SLOWLOG RESET")
      return entries.first { $0.elements.first?.text == "SADD" }
    }
    let names = ["slowlog-entry-max-argc", "slowlog-entry-max-string-len"]
    #expect(server.run("CONFIG GET \(names[0])") == [.bulk(names[0]), "32"])
    #expect(server.run("CONFIG GET \(names[1])") == [.bulk(names[1]), "128"])
    server.run("CONFIG SET \(names[0]) 2")
    #expect(logged("SADD k a b c d") == ["SADD", "... (5 more arguments)"])
    server.run("CONFIG SET \(names[0]) 5")
    #expect(logged("SADD k a b c d e") == ["SADD", "k", "a", "b", "... (3 more arguments)"])
    #expect(logged("SADD k a b c") == ["SADD", "k", "a", "b", "c"])
    server.run("CONFIG SET \(names[1]) 4")
    #expect(logged("SADD k abcd abcdefg") == ["SADD", "k", "abcd", "abcd... (3 more bytes)"])
    server.run("CONFIG SET \(names[0]) 2147483647 \(names[1]) 9223372036854775807")
    let many = (0..<100).map { "member\($0)" }
    #expect(logged("SADD k \(many.joined(separator: " "))")?.elements.count == 102)
    for (name, value) in [(0, "1"), (0, "2147483648"), (1, "0"), (1, "-1"), (0, "x")] {
      #expect(server.run("CONFIG SET \(names[name]) \(value)").isError)
    }
    #expect(
      server.run("CONFIG SET slowlog-entry-max-argc 1").text
        .hasSuffix("argument must be between 2 and 2147483647 inclusive"))
  }

  // MARK: - LATENCY

  @Test func `the latency monitor keeps the longest spike of each second`() {
    let server = makeServer()
    server.run("CONFIG SET latency-monitor-threshold 10")
    server.run("DEBUG SLEEP 0.02")
    server.run("DEBUG SLEEP 0.05")
    server.advance(milliseconds: 2000)
    server.run("DEBUG SLEEP 0.03")
    let latest = server.run("LATENCY LATEST").elements
    #expect(latest.count == 1)
    #expect(latest.first?.elements.first == "command")
    #expect(latest.first?.elements.suffix(2) == [30, 50])
    #expect(server.run("LATENCY HISTORY command").elements.map { $0.elements.last } == [50, 30])
    #expect(server.run("LATENCY HISTORY nosuch") == [])
    let graph = server.run("LATENCY GRAPH command").text
    #expect(graph.hasPrefix("command - high 50 ms, low 30 ms (all time high 50 ms)\n-----"))
    #expect(graph.hasSuffix("\n# \n| \n| \n|_\n  \n20\nss\n"))
    #expect(server.run("LATENCY DOCTOR").text.contains("1. command: 2 latency spikes"))
    #expect(server.run("LATENCY RESET nosuch") == 0)
    #expect(server.run("LATENCY RESET") == 1)
    #expect(server.run("LATENCY LATEST") == [])
  }

  @Test func `LATENCY HISTOGRAM shows cumulative counts of the commands that ran`() {
    let server = makeServer()
    server.run("SET a 1")
    server.run("SET a 2")
    #expect(
      server.run("LATENCY HISTOGRAM set nosuch get")
        == ["set", ["calls", 2, "histogram_usec", [1, 2]]])
  }

  // MARK: - MEMORY

  @Test func `MEMORY USAGE grows with the value and is null without one`() {
    let server = makeServer()
    server.run("SET small x")
    server.run(["SET", "large", String(repeating: "x", count: 10_000)])
    #expect((server.run("MEMORY USAGE small").number ?? 0) > 16)
    #expect((server.run("MEMORY USAGE small SAMPLES 0").number ?? 0) > 16)
    #expect((server.run("MEMORY USAGE large").number ?? 0) >= 10_000)
    #expect(server.run("MEMORY USAGE nosuch") == nil)
  }

  @Test func `MEMORY STATS is a map of figures, with one of its own per database`() {
    let server = makeServer()
    server.run("SET k v EX 100")
    let stats = server.run("MEMORY STATS").elements
    #expect(stats.count == 2 * 31)
    #expect(stats[(stats.firstIndex(of: "overhead.db.hashtable.lut") ?? 0) + 1] == 64)
    let position = stats.firstIndex(of: "db.0")
    #expect(position != nil)
    #expect(stats[(position ?? 0) + 1].elements.count == 4)
    #expect(stats[(stats.firstIndex(of: "keys.count") ?? 0) + 1] == 1)
    #expect(server.run("MEMORY MALLOC-STATS").text.contains("\nin use: "))
    #expect(server.run("MEMORY DOCTOR").text.contains("very little data"))
  }

  // MARK: - DEBUG

  @Test func `DEBUG is refused unless the configuration allows it`() {
    let server = TestServer()
    #expect(server.run("DEBUG HELP").text.hasPrefix("ERR DEBUG command not allowed. If the "))
    server.server.configuration.enableDebugCommand = .local
    #expect(server.run("DEBUG DIGEST").text == String(repeating: "0", count: 40))
  }

  @Test func `DEBUG OBJECT shows a key that is due and still there`() {
    let server = makeServer()
    server.run("DEBUG SET-ACTIVE-EXPIRE 0")
    server.run("SET k v PX 5")
    server.advance(milliseconds: 20)
    #expect(server.run("DEBUG OBJECT k").text.contains(" encoding:embstr "))
    #expect(server.run("EXISTS k") == 0)
    #expect(server.run("DEBUG OBJECT k") == .error("ERR no such key"))
  }

  @Test func `an integer keeps its address when it is incremented`() {
    let server = makeServer()
    server.run("SET n 20000")
    let before = server.run("DEBUG OBJECT n").text
    server.run("INCR n")
    let address = server.run("DEBUG OBJECT n").text.split(separator: " ")[1]
    #expect(before.contains(address))
    #expect(server.run("DEBUG OBJECT n").text.contains("encoding:int serializedlength:3 lru:"))
    server.run("CONFIG SET list-max-listpack-size 2")
    server.run("RPUSH l a b c d 1234567890123")
    server.run("CONFIG SET list-compress-depth 1")
    let text = server.run("DEBUG OBJECT l").text
    #expect(text.contains("encoding:quicklist serializedlength:50 lru:"))
    #expect(
      text.hasSuffix(
        " ql_nodes:3 ql_avg_node:1.67 ql_listpack_max:2 ql_compressed:1 ql_uncompressed_size:43"))
    #expect(server.run("DEBUG OBJECT nosuch") == .error("ERR no such key"))
  }

  @Test func `DEBUG SET-ACTIVE-EXPIRE 0 leaves due keys where they are`() {
    let server = makeServer()
    server.run("DEBUG SET-ACTIVE-EXPIRE 0")
    server.run("SET k v PX 10")
    server.advance(milliseconds: 100)
    #expect(server.run("DBSIZE") == 1)
    server.run("DEBUG SET-ACTIVE-EXPIRE 1")
    server.advance(milliseconds: 100)
    #expect(server.run("DBSIZE") == 0)
  }

  @Test func `DEBUG PAUSE-CRON stops periodic chores, and the loop still sleeps`() {
    let server = makeServer()
    server.run("DEBUG PAUSE-CRON 1")
    let before = server.server.cron.count
    for _ in 0..<5 { server.advance(milliseconds: 200) }
    #expect(server.server.cron.count == before)
    server.run("DEBUG PAUSE-CRON 0")
    server.advance(milliseconds: 200)
    #expect(server.server.cron.count > before)
  }

  @Test func `DEBUG CHANGE-REPL-ID gives the history another name`() {
    let server = makeServer()
    let before = server.server.effects.stream.replicationID
    #expect(server.run("DEBUG CHANGE-REPL-ID") == .ok)
    #expect(server.server.effects.stream.replicationID != before)
    #expect(server.server.effects.stream.replicationID.utf8.count == 40)
  }

  // MARK: - MONITOR

  @Test func `MONITOR shows commands after they ran, escaped, without secrets`() {
    let server = makeServer()
    let monitor = server.connect()
    #expect(monitor.run("MONITOR") == .ok)
    server.run(["SET", "a\"b\\", "\u{1}\n\té"])
    server.run("SELECT 2")
    server.run("AUTH default pass")
    server.run("CONFIG GET port")
    server.run("MULTI")
    server.run("GET x")
    server.run("EXEC")
    var lines: [String] = []
    while case .status(let line)? = monitor.next() {
      lines.append(line.drop { $0 != "[" }.split(separator: "] ").last.map(String.init) ?? "")
      #expect(line.contains(" [0 ") || line.contains(" [2 "))
      #expect(line.prefix { $0 != " " }.split(separator: ".").last?.count == 6)
    }
    #expect(lines.contains(#""SET" "a\"b\\" "\x01\n\t\xc3\xa9""#))
    #expect(lines.contains(#""SELECT" "2""#))
    #expect(!lines.joined().contains("pass\""))
    #expect(!lines.joined().contains("CONFIG"))
    #expect(lines.suffix(2) == [#""GET" "x""#, #""EXEC""#])
  }

  // MARK: - Others

  @Test func `TIME, ROLE and LASTSAVE tell simulated facts`() {
    let server = makeServer()
    #expect(server.run("TIME") == ["1700000000", "0"])
    #expect(server.run("LASTSAVE") == 1_700_000_000)
    #expect(server.run("ROLE") == ["master", 0, []])
    server.run("SET a 1")
    #expect((server.run("ROLE").elements[1].number ?? 0) > 0)
  }

  @Test func `LOLWUT draws something and tells the version`() {
    let server = makeServer()
    #expect(server.run("LOLWUT").text.hasSuffix("(Redis ver. 7.4.0)\n"))
    #expect(server.run("LOLWUT VERSION 1").text.split(separator: "\n").count == 17)
  }
}
