// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// Options about files and followers. What would promise something that memd doesn't do yet, such as
// durable data, is refused; what only tunes it is accepted.

extension OptionTable {
  static let persistenceOptions: [Option] = [
    .special("save", read: readSave, write: writeSave).with(.severalWords),
    .flag("appendonly", \.appendOnly).with(.settled),
    .path("dbfilename", \.dbFilename).with(.protected)
      .refusing { isFileName($0) ? nil : "dbfilename can't be a path, just a filename" },
    .path("appendfilename", \.appendFilename).with(.immutable)
      .refusing {
        $0.isEmpty
          ? "appendfilename can't be empty"
          : isFileName($0) ? nil : "appendfilename can't be a path, just a filename"
      },
    .path("appenddirname", \.appendDirname).with(.immutable)
      .refusing {
        $0.isEmpty
          ? "appenddirname can't be empty"
          : isFileName($0) ? nil : "appenddirname can't be a path, just a dirname"
      },
    .choice("appendfsync", \.appendFsync),
    .flag("no-appendfsync-on-rewrite", \.noAppendFsyncOnRewrite),
    .integer("auto-aof-rewrite-percentage", .natural32, \.autoAofRewritePercentage),
    .memory("auto-aof-rewrite-min-size", .natural, \.autoAofRewriteMinSize),
    .flag("aof-load-truncated", \.aofLoadTruncated),
    .memory("aof-load-corrupt-tail-max-size", .natural, \.aofLoadCorruptTailMaxSize),
    .flag("aof-use-rdb-preamble", \.aofUseRdbPreamble),
    .flag("aof-timestamp-enabled", \.aofTimestampEnabled),
    .flag("aof-rewrite-incremental-fsync", \.aofRewriteIncrementalFsync),
    .flag("aof-disable-auto-gc", \.aofDisableAutoGC).with(.hidden),
    .flag("rdb-save-incremental-fsync", \.rdbSaveIncrementalFsync),
    .flag("rdbcompression", \.rdbCompression),
    .flag("rdbchecksum", \.rdbChecksum).with(.immutable),
    .flag("rdb-del-sync-files", \.rdbDelSyncFiles),
    .integer("rdb-key-save-delay", .integer32, \.rdbKeySaveDelay).with(.hidden),
    .integer("key-load-delay", .integer32, \.keyLoadDelay).with(.hidden),
    .integer(
      "loading-process-events-interval-bytes", 1024...Int(Int32.max),
      \.loadingProcessEventsIntervalBytes
    ).with(.hidden),
    .flag("stop-writes-on-bgsave-error", \.stopWritesOnBgsaveError),
    .memory("snapshot-image-limit", .positive, \.snapshotImageLimit),
    .remembered("sanitize-dump-payload", .choice(["no", "yes", "clients"]), "no"),
  ]

  static let replicationOptions: [Option] = [
    .special("replicaof", read: readReplicaOf, write: writeReplicaOf).alias("slaveof")
      .with([.immutable, .severalWords]),
    .text("masterauth", \.masterAuth).alias("primaryauth").with(.sensitive),
    .text("masteruser", \.masterUser).alias("primaryuser").with(.sensitive),
    .memory("repl-backlog-size", .positive, \.replBacklogSize).refusing { size in
      // It is allocated as history grows, and there is no way back from a failed allocation.
      size.integer() ?? 0 <= ProcessFacts.totalMemoryByteCount
        ? nil : "the machine has less memory than that"
    },
    .integer("repl-backlog-ttl", .natural, \.replBacklogTTLSeconds),
    .integer("repl-timeout", .positive32, \.replTimeoutSeconds),
    .integer("repl-ping-replica-period", .positive32, \.replPingReplicaPeriodSeconds)
      .alias("repl-ping-slave-period"),
    .flag("repl-disable-tcp-nodelay", \.replDisableTCPNoDelay),
    .flag("repl-diskless-sync", \.replDisklessSync),
    .integer("repl-diskless-sync-delay", .natural32, \.replDisklessSyncDelay),
    .integer(
      "repl-diskless-sync-max-replicas", .natural32, \.replDisklessSyncMaxReplicas),
    .choice("repl-diskless-load", \.replDisklessLoad).with(.settled),
    .remembered("dual-channel-replication-enabled", false),
    .integer("min-replicas-to-write", .natural32, \.minReplicasToWrite)
      .alias("min-slaves-to-write"),
    .integer("min-replicas-max-lag", .natural32, \.minReplicasMaxLag)
      .alias("min-slaves-max-lag"),
    .integer("sync-replicas", .natural32, \.syncReplicas),
    .integer("sync-replicas-timeout", .natural32, \.syncReplicasTimeout),
    .choice("sync-replicas-on-timeout", \.syncReplicasOnTimeout),
    .integer("max-unconfirmed-ms", .natural32, \.maxUnconfirmed),
    .integer("max-unconfirmed-replicas", .natural32, \.maxUnconfirmedReplicas),
    .flag("replica-backpressure", \.replicaBackpressure),
    .flag("replica-serve-stale-data", \.replicaServeStaleData).alias("slave-serve-stale-data"),
    .flag("replica-read-only", \.replicaReadOnly).alias("slave-read-only"),
    .integer("replica-priority", .natural32, \.replicaPriority).alias("slave-priority"),
    .flag("replica-announced", \.replicaAnnounced),
    .text("replica-announce-ip", \.replicaAnnounceIP).alias("slave-announce-ip"),
    .integer("replica-announce-port", .port, \.replicaAnnouncePort).alias("slave-announce-port"),
    .integer("replica-max-age-ms", .natural32, \.replicaMaxAge),
    .integer("replica-verify-period", .natural32, \.replicaVerifyPeriod),
    .memory(
      "replica-verify-max-bytes-per-second", .positive32, \.replicaVerifyMaxBytesPerSecond),
    .flag("replica-lazy-flush", \.replicaLazyFlush).alias("slave-lazy-flush"),
    .flag("replica-ignore-maxmemory", \.replicaIgnoreMaxMemory).alias("slave-ignore-maxmemory"),
    .remembered("replica-ignore-disk-write-errors", false),
    .remembered(
      "propagation-error-behavior", .choice(["ignore", "panic", "panic-on-replicas"]), "ignore"),
    .integer("shutdown-timeout", .natural32, \.shutdownTimeoutSeconds),
  ]

  private static func isFileName(_ path: ByteText) -> Bool {
    !path.isEmpty && path != "." && path != ".." && !path.bytes.contains(UInt8(ascii: "/"))
  }

  private static func readSave(_ configuration: Configuration) -> ByteText {
    configuration.saveRules.map { "\($0.seconds) \($0.changes)" as ByteText }.joined(by: " ")
  }

  /// Replaces the rules; in a file every line but the first adds to them (`Directive`).
  private static func writeSave(
    _ configuration: Configuration, _ words: [ByteText]
  ) throws(OptionError) {
    let rules = try saveRules(words)
    configuration.saveRules = rules
    configuration.hasDefaultSaveRules = false
  }

  /// The rules that words stand for; none for an empty one.
  static func saveRules(_ words: [ByteText]) throws(OptionError) -> [SaveRule] {
    if words.isEmpty || words == [""] { return [] }
    let numbers = words.compactMap { $0.integer() }
    guard numbers.count == words.count, numbers.count.isMultiple(of: 2) else {
      throw OptionError("Invalid save parameters")
    }
    return try stride(from: 0, to: numbers.count, by: 2).map { (index) throws(OptionError) in
      guard numbers[index] >= 1, numbers[index + 1] >= 0 else {
        throw OptionError("Invalid save parameters")
      }
      return SaveRule(seconds: numbers[index], changes: numbers[index + 1])
    }
  }

  private static func writeReplicaOf(
    _ configuration: Configuration, _ words: [ByteText]
  ) throws(OptionError) {
    if words.isEmpty { return }
    guard words.count == 2 else { throw .wrongArgumentCount }
    if words[0].spells("no"), words[1].spells("one") { return configuration.replicaOf = nil }
    guard let port = words[1].integer(), 0...65535 ~= port else {
      throw OptionError("Invalid primary port")
    }
    guard LeaderAddress.isHost(words[0]) else { throw OptionError("Invalid primary host") }
    configuration.replicaOf = LeaderAddress(host: words[0], port: port)
  }

  private static func readReplicaOf(_ configuration: Configuration) -> ByteText {
    configuration.replicaOf.map { "\($0.host) \($0.port)" } ?? ""
  }
}
