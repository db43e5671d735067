// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

/// Every parameter that redis-server 7.0.15 shows.
private let referenceNames = """
  acl-pubsub-default aclfile acllog-max-len active-defrag-cycle-max active-defrag-cycle-min
  active-defrag-ignore-bytes active-defrag-max-scan-fields active-defrag-threshold-lower
  active-defrag-threshold-upper active-expire-effort activedefrag activerehashing
  always-show-logo aof-disable-auto-gc aof-load-truncated aof-rewrite-incremental-fsync
  aof-timestamp-enabled aof-use-rdb-preamble aof_rewrite_cpulist appenddirname appendfilename
  appendfsync appendonly auto-aof-rewrite-min-size auto-aof-rewrite-percentage bgsave_cpulist
  bind bind-source-addr bio_cpulist busy-reply-threshold client-output-buffer-limit
  client-query-buffer-limit cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down
  cluster-allow-replica-migration cluster-announce-bus-port cluster-announce-hostname
  cluster-announce-ip cluster-announce-port cluster-announce-tls-port cluster-config-file
  cluster-enabled cluster-link-sendbuf-limit cluster-migration-barrier cluster-node-timeout
  cluster-port cluster-preferred-endpoint-type cluster-replica-no-failover
  cluster-replica-validity-factor cluster-require-full-coverage cluster-slave-no-failover
  cluster-slave-validity-factor crash-log-enabled crash-memcheck-enabled daemonize databases
  dbfilename dir disable-thp dynamic-hz enable-debug-command enable-module-command
  enable-protected-configs hash-max-listpack-entries hash-max-listpack-value
  hash-max-ziplist-entries hash-max-ziplist-value hll-sparse-max-bytes hz ignore-warnings
  io-threads io-threads-do-reads jemalloc-bg-thread key-load-delay latency-monitor-threshold
  latency-tracking latency-tracking-info-percentiles lazyfree-lazy-eviction
  lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del
  lazyfree-lazy-user-flush lfu-decay-time lfu-log-factor list-compress-depth
  list-max-listpack-size list-max-ziplist-size loading-process-events-interval-bytes logfile
  loglevel lua-time-limit masterauth masteruser maxclients maxmemory maxmemory-clients
  maxmemory-eviction-tenacity maxmemory-policy maxmemory-samples min-replicas-max-lag
  min-replicas-to-write min-slaves-max-lag min-slaves-to-write no-appendfsync-on-rewrite
  notify-keyspace-events oom-score-adj oom-score-adj-values pidfile port proc-title-template
  propagation-error-behavior protected-mode proto-max-bulk-len rdb-del-sync-files
  rdb-key-save-delay rdb-save-incremental-fsync rdbchecksum rdbcompression repl-backlog-size
  repl-backlog-ttl repl-disable-tcp-nodelay repl-diskless-load repl-diskless-sync
  repl-diskless-sync-delay repl-diskless-sync-max-replicas repl-ping-replica-period
  repl-ping-slave-period repl-timeout replica-announce-ip replica-announce-port
  replica-announced replica-ignore-disk-write-errors replica-ignore-maxmemory
  replica-lazy-flush replica-priority replica-read-only replica-serve-stale-data replicaof
  requirepass sanitize-dump-payload save server_cpulist set-max-intset-entries set-proc-title
  shutdown-on-sigint shutdown-on-sigterm shutdown-timeout slave-announce-ip
  slave-announce-port slave-ignore-maxmemory slave-lazy-flush slave-priority slave-read-only
  slave-serve-stale-data slaveof slowlog-log-slower-than slowlog-max-len socket-mark-id
  stop-writes-on-bgsave-error stream-node-max-bytes stream-node-max-entries supervised
  syslog-enabled syslog-facility syslog-ident tcp-backlog tcp-keepalive timeout
  tls-auth-clients tls-auth-clients-user tls-auto-reload-interval
  tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers
  tls-ciphersuites tls-client-cert-file tls-client-key-file tls-client-key-file-pass
  tls-cluster tls-dh-params-file tls-key-file tls-key-file-pass tls-port
  tls-prefer-server-ciphers tls-protocols tls-replication tls-session-cache-size
  tls-session-cache-timeout tls-session-caching tracking-table-max-keys unixsocket
  unixsocketperm use-exit-on-panic watchdog-period zset-max-listpack-entries
  zset-max-listpack-value zset-max-ziplist-entries zset-max-ziplist-value
  """

@Suite struct OptionTableTests {
  private static var settable: [OptionTable.Entry] {
    OptionTable.entries.filter { !$0.option.traits.contains(.immutable) }
  }

  @Test func `Every name is unique and in lower case`() {
    let names = OptionTable.entries.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0 == $0.lowercased() })
  }

  @Test func `Every parameter of the reference server is known`() {
    let missing = referenceNames.split(whereSeparator: \.isWhitespace)
      .filter { OptionTable.find(ByteText(String($0))) == nil }
    #expect(missing.isEmpty, "\(missing)")
  }

  @Test func `Every option takes its own default back, and is what it was`() {
    let configuration = Configuration()
    for entry in OptionTable.entries {
      let value = entry.option.read(configuration)
      #expect(throws: Never.self, "\(entry.name) = \(value)") {
        try entry.option.write(configuration, text: value)
      }
      #expect(entry.option.read(configuration) == value, "\(entry.name)")
    }
    #expect(configuration.remembered.isEmpty)
  }

  @Test func `A value that was accepted is accepted again and stays the same`() {
    let candidates: [ByteText] = [
      "1", "7", "100", "yes", "no", "", "5mb", "normal 1 2 3", "50 99.5", "nosave now", "local",
      "KEAmn", "text with \"quotes\"", "1 2 3", "20%", "allkeys-lfu", "debug", "127.0.0.1 -::1",
    ]
    for entry in Self.settable {
      for candidate in candidates {
        let configuration = Configuration()
        guard (try? entry.option.write(configuration, text: candidate)) != nil else { continue }
        let value = entry.option.read(configuration)
        let again = Configuration()
        #expect(throws: Never.self, "\(entry.name) = \(value)") {
          try entry.option.write(again, text: value)
        }
        #expect(entry.option.read(again) == value, "\(entry.name), from \(candidate)")
      }
    }
  }

  @Test func `Hostile values change nothing and stop nothing`() {
    let hostile: [ByteText] = [
      "-9223372036854775808", "-1", "99999999999999999999", "-0", "+1", "01", "1x", "-%", "%",
      "-1%", "101%", "\u{0}", "999999999999gb", "gb", " ", "nan", "{", "é",
    ]
    for entry in Self.settable {
      for value in hostile {
        let configuration = Configuration()
        let before = entry.option.read(configuration)
        if (try? entry.option.write(configuration, text: value)) == nil {
          #expect(entry.option.read(configuration) == before, "\(entry.name) = \(value)")
        }
      }
    }
  }

  @Test(arguments: [
    ("100", UInt64(100)), ("100b", 100), ("1k", 1000), ("1kb", 1024), ("1Mb", 1 << 20),
    ("2m", 2_000_000), ("1GB", 1 << 30), ("1g", 1_000_000_000), ("", 0),
    ("99999999999gb", UInt64.max), ("18446744073709551616", UInt64.max),
  ])
  func `Sizes are read with their units`(text: String, bytes: UInt64) {
    #expect(MemorySize.parse(ByteText(text)) == bytes)
  }

  @Test(arguments: ["1t", " 1", "1 ", "-1", "+1", "1.5mb", "0x10", "mb", "kb1"])
  func `Other sizes are refused`(text: String) {
    #expect(MemorySize.parse(ByteText(text)) == nil)
  }

  @Test(arguments: [
    ("save", "900 x"), ("cluster-enabled", "yes"), ("replicaof", "127.0.0.1 70000"),
  ])
  func `A promise that is not kept is refused`(name: String, value: String) throws {
    let option = try #require(OptionTable.find(ByteText(name))).option
    #expect(throws: OptionError.self) { try option.write(Configuration(), text: ByteText(value)) }
  }

  @Test(arguments: [
    ("appendonly", "no"), ("save", ""), ("tls-port", "0"), ("aclfile", ""),
    ("cluster-enabled", "no"), ("replicaof", "no one"), ("min-slaves-to-write", "0"),
  ])
  func `What is true anyway may be said`(name: String, value: String) throws {
    let option = try #require(OptionTable.find(ByteText(name))).option
    #expect(throws: Never.self) { try option.write(Configuration(), text: ByteText(value)) }
  }
}
