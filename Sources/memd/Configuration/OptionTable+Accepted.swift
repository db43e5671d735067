// SPDX-License-Identifier: Apache-2.0

import DataStructures

// Options of Redis and Valkey for things that memd does otherwise or not at all.

extension OptionTable {
  private static let noCluster: ByteText = "cluster mode is not supported"

  static let clusterOptions: [Option] = [
    .remembered("cluster-enabled", false).with(.immutable).only("no", because: noCluster),
    .remembered("cluster-config-file", "nodes.conf").with(.immutable),
    .remembered("cluster-node-timeout", .natural, 15000),
    .remembered("cluster-port", .port, 0).with(.immutable),
    .remembered("cluster-announce-ip"),
    .remembered("cluster-announce-hostname").refusing { name in
      name.bytes.allSatisfy(isHostNameByte)
        ? nil : "Hostnames may only contain alphanumeric characters, hyphens or dots"
    },
    .remembered("cluster-announce-port", .port, 0),
    .remembered("cluster-announce-bus-port", .port, 0),
    .remembered("cluster-announce-tls-port", .port, 0),
    .remembered("cluster-replica-validity-factor", .natural32, 10)
      .alias("cluster-slave-validity-factor"),
    .remembered("cluster-replica-no-failover", false).alias("cluster-slave-no-failover"),
    .remembered("cluster-migration-barrier", .natural32, 1),
    .remembered("cluster-allow-replica-migration", true),
    .remembered("cluster-require-full-coverage", true),
    .remembered("cluster-allow-reads-when-down", false),
    .remembered("cluster-allow-pubsubshard-when-down", true),
    .remembered("cluster-link-sendbuf-limit", .memory(.natural), "0"),
    .remembered(
      "cluster-preferred-endpoint-type", .choice(["ip", "hostname", "unknown-endpoint"]), "ip"),
  ]

  static let acceptedOptions: [Option] = [
    .remembered("always-show-logo", false).with(.immutable),
    .remembered("dynamic-hz", true),
    .remembered("active-expire-effort", 1...10, 1),
    .remembered("active-defrag-max-scan-fields", .positive, 1000),
    .remembered("jemalloc-bg-thread", true),
    .remembered("io-threads", 1...128, 1).with(.immutable),
    .remembered("io-threads-do-reads", false),
    .remembered("events-per-io-thread", .natural32, 2),
    .remembered("prefetch-batch-max-size", 0...128, 16),
    .remembered("max-new-connections-per-cycle", 1...1000, 10),
    .remembered("max-new-tls-connections-per-cycle", 1...1000, 1),
    .remembered("server_cpulist").alias("server-cpulist").with(.immutable),
    .remembered("bio_cpulist").alias("bio-cpulist").with(.immutable),
    .remembered("aof_rewrite_cpulist").alias("aof-rewrite-cpulist").with(.immutable),
    .remembered("bgsave_cpulist").alias("bgsave-cpulist").with(.immutable),
    .text("bind-source-addr", \.bindSourceAddr),
    .remembered("socket-mark-id", 0...Int(UInt32.max), 0).with(.immutable),
    .remembered("ignore-warnings"),
    .remembered("locale-collate"),
    .remembered("availability-zone"),
    .remembered("crash-memcheck-enabled", true),
    .remembered("use-exit-on-panic", false).with(.hidden),
    .remembered("watchdog-period", .natural32, 0).with(.hidden),
    .remembered("extended-redis-compatibility", false),
    .remembered("enable-debug-assert", false).with([.immutable, .hidden]),
    .remembered("hide-user-data-from-log", true),
  ]

  private static func isHostNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}
