// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

/// Replies that must be equal to those of redis-server, in both versions of the protocol.
@Suite(.enabled(if: ReferenceServer.path != nil, "redis-server is not installed"))
struct IntrospectionCompatibilityTests {
  private static let lines = [
    "COMMAND INFO GeT get|x slowlog|nosuch nosuch", "COMMAND INFO memory|usage",
    "COMMAND DOCS nosuch", "COMMAND LIST FILTERBY ACLCAT nosuch",
    "COMMAND LIST FILTERBY MODULE nosuch", "COMMAND LIST x", "COMMAND LIST FILTERBY x y",
    "COMMAND LIST FILTERBY PATTERN", "COMMAND LIST FILTERBY PATTERN MEMORY|U*",
    "COMMAND GETKEYS get a", "COMMAND GETKEYS mset a b c d", "COMMAND GETKEYS ping x",
    "COMMAND GETKEYS nosuch x", "COMMAND GETKEYS ping a b c", "COMMAND GETKEYS get a b",
    "COMMAND GETKEYS memory usage k", "COMMAND GETKEYS memory nosuch k",
    "COMMAND GETKEYSANDFLAGS set k v GET", "COMMAND GETKEYSANDFLAGS set k v",
    "COMMAND GETKEYSANDFLAGS rename a b", "COMMAND GETKEYSANDFLAGS mget a b", "COMMAND nosuch",
    "COMMAND COUNT x", "SLOWLOG GET x", "SLOWLOG GET -2", "SLOWLOG GET 1 2", "SLOWLOG",
    "SLOWLOG LEN x", "LATENCY LATEST", "LATENCY HISTORY x", "LATENCY GRAPH x",
    "LATENCY RESET a", "LATENCY HISTOGRAM nosuch", "LATENCY HISTORY", "LATENCY FOO",
    "MEMORY USAGE nokey", "MEMORY USAGE k SAMPLES -1", "MEMORY USAGE k SAMPLES x",
    "MEMORY USAGE k FOO 1", "MEMORY USAGE k SAMPLES", "MEMORY PURGE", "LOLWUT VERSION x",
    "MODULE LIST", "MODULE LOAD x", "MODULE UNLOAD x", "MODULE LOADEX x", "CLUSTER INFO",
    "CLUSTER HELP", "CLUSTER KEYSLOT x", "CLUSTER NOSUCH", "CLUSTER", "CLUSTER NODES x",
    "READONLY", "READWRITE", "TIME x", "ROLE x", "INFO foo", "INFO cluster", "INFO modules",
    "INFO CLUSTER foo cluster", "DEBUG SLEEP x", "DEBUG SLEEP", "DEBUG SET-ACTIVE-EXPIRE 1",
    "DEBUG OBJECT nokey", "DEBUG REPLYBUFFER PEAK-RESET-TIME NEVER",
    "DEBUG REPLYBUFFER PEAK-RESET-TIME 10", "DEBUG REPLYBUFFER x y", "DEBUG REPLYBUFFER",
    "DEBUG REPLYBUFFER RESIZING 1", "DEBUG HTSTATS 99", "DEBUG HTSTATS x", "DEBUG HTSTATS",
    "DEBUG HTSTATS-KEY nokey", "DEBUG LOG", "DEBUG DIGEST x", "DEBUG DIGEST-VALUE",
    "DEBUG PAUSE-CRON 0", "DEBUG JMAP", "DEBUG ERROR \"foo bar\"", "DEBUG POPULATE x",
    "DEBUG POPULATE -1", "DEBUG POPULATE 1 a -1", "DEBUG", "DEBUG PROTOCOL string",
    "DEBUG PROTOCOL integer", "DEBUG PROTOCOL double", "DEBUG PROTOCOL bignum",
    "DEBUG PROTOCOL null", "DEBUG PROTOCOL array", "DEBUG PROTOCOL set", "DEBUG PROTOCOL map",
    "DEBUG PROTOCOL verbatim", "DEBUG PROTOCOL true", "DEBUG PROTOCOL false",
    "DEBUG PROTOCOL nosuch",
  ]

  /// Every subcommand of CLUSTER with as many arguments as it takes.
  private static let clusterLines = [
    "addslots 1", "addslotsrange 1 2", "bumpepoch", "count-failure-reports n",
    "countkeysinslot 1", "delslots 1", "delslotsrange 1 2", "failover", "flushslots", "forget n",
    "getkeysinslot 1 1", "help", "info", "keyslot k", "links", "meet 127.0.0.1 1", "myid", "nodes",
    "replicas n", "replicate n", "reset", "saveconfig", "set-config-epoch 1", "setslot 1 stable",
    "shards", "slaves n", "slots",
  ]

  /// Containers whose HELP names the same usages as the reference's.
  private static let containers = [
    "command", "slowlog", "latency", "memory", "module", "object", "config",
  ]

  @Test func `CLUSTER says of each subcommand that there is no cluster`() {
    let server = TestServer()
    for line in IntrospectionCompatibilityTests.clusterLines {
      #expect(
        server.run("CLUSTER " + line)
          == .error("ERR This instance has cluster support disabled"), "\(line)")
    }
  }

  @Test func `HELP of containers names the usages that the reference names`() throws {
    let reference = try #require(ReferenceServer())
    let server = TestServer(follows: false)
    for container in IntrospectionCompatibilityTests.containers {
      // Explanations are indented, and in words of our own.
      let ours = server.run("\(container) HELP").elements.filter { !$0.text.hasPrefix(" ") }
      let theirs = reference.run("\(container) HELP").elements.filter {
        !$0.text.hasPrefix(" ")
      }
      let missing = theirs.filter { !ours.contains($0) }
      #expect(missing.isEmpty, "\(container)")
      #expect(ours.first == theirs.first && ours.last == theirs.last)
    }
  }

  private static let datasets = [
    ["DEBUG POPULATE 3", "DEBUG POPULATE 2 pre 10", "DEBUG POPULATE 2 cut 3"],
    [
      "SET a 1", "SET b hello", "SET c 12345678901", "APPEND c x", "SET empty \"\"",
      "SET t v EX 10000", "SELECT 3", "SET a other", "SET n -5", "SELECT 0",
    ],
    ["PERSIST t", "EXPIRE a 10000", "SWAPDB 0 3", "INCR n"],
    ["FLUSHALL"],
  ]

  @Test func `replies equal the reference's in RESP2 and RESP3`() throws {
    let reference = try #require(ReferenceServer(["--enable-debug-command", "yes"]))
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    for version in [2, 3] {
      if version == 3 {
        reference.run("HELLO 3")
        server.speakVersion3()
      }
      for line in IntrospectionCompatibilityTests.lines {
        #expect(server.run(line) == reference.run(line), "RESP\(version): \(line)")
      }
    }
  }

  @Test func `digests of strings equal the reference's, with and without deadlines`() throws {
    let reference = try #require(ReferenceServer(["--enable-debug-command", "yes"]))
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    for dataset in IntrospectionCompatibilityTests.datasets {
      for line in dataset { #expect(server.run(line) == reference.run(line), "\(line)") }
      let digest = server.run("DEBUG DIGEST")
      #expect(digest == reference.run("DEBUG DIGEST"), "\(dataset)")
      #expect(digest.text == DatasetDigest(server.server.keyspace).text)
      let values = "DEBUG DIGEST-VALUE a b c t empty nosuch"
      #expect(server.run(values) == reference.run(values))
    }
  }
}
