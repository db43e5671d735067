// SPDX-License-Identifier: Apache-2.0

/// A field of INFO as a metric.
///
/// Names follow the conventions of Prometheus (prometheus.io/docs/practices/naming): base units,
/// `_total` behind counters. `exporterName` is what redis_exporter makes of the same field, so that
/// dashboards made for it go on working.
struct Figure: Sendable {
  enum Kind: Sendable {
    case gauge, counter
  }

  /// The name in INFO.
  let field: String
  /// The metric without "memd_" in front, and without "_total".
  let name: String
  let kind: Kind
  /// What the field is multiplied with.
  let scale: Double
  /// Without "redis_" in front; nil if redis_exporter has no such metric.
  let exporterName: String?
  let help: String

  static func gauge(
    _ field: String, _ name: String, scale: Double = 1, exporter: String? = nil, _ help: String
  ) -> Figure {
    Figure(
      field: field, name: name, kind: .gauge, scale: scale, exporterName: exporter, help: help)
  }

  static func counter(
    _ field: String, _ name: String, scale: Double = 1, exporter: String? = nil, _ help: String
  ) -> Figure {
    Figure(
      field: field, name: name, kind: .counter, scale: scale, exporterName: exporter, help: help)
  }

  /// All of them, in the order in which they are shown.
  static let all: [Figure] = memoryAndFiles + work + replication

  /// Numbers of INFO that are no metrics of their own: they are labels, or shown otherwise.
  static let leftOut: Set<String> = [
    "redis_version", "memd_version", "redis_git_sha1", "redis_git_dirty", "redis_build_id",
    "arch_bits", "tcp_port", "server_time_usec", "uptime_in_days", "hz", "configured_hz",
    "lru_clock", "cluster_connections", "cluster_enabled", "used_memory_peak_perc",
    "used_memory_dataset_perc", "rss_overhead_ratio", "rss_overhead_bytes",
    "current_cow_size_age", "module_fork_in_progress", "module_fork_last_cow_size",
    "instantaneous_input_repl_kbps", "instantaneous_output_repl_kbps", "total_forks",
    "loading_start_time", "loading_rdb_used_mem", "loading_loaded_perc",
    "memd_turn_longest_usec", "memd_turn_p50_usec", "memd_turn_p99_usec", "memd_turn_p99.9_usec",
    "memd_expiry_lag_longest_msec", "memd_expiry_lag_p50_msec", "memd_expiry_lag_p99_msec",
    "slave_read_repl_offset", "master_port", "master_sync_left_bytes", "master_sync_perc",
    "master_sync_last_io_seconds_ago", "sync_replicas_confirmed_offset",
    "shutdown_in_milliseconds", "master_replid", "master_replid2", "run_id",
  ]

  /// The value of a field's text; nil if it is none. Words that say whether all is well are 1 or 0.
  static func value(_ text: some StringProtocol) -> Double? {
    switch text {
    case "ok", "up": return 1
    case "err", "down": return 0
    default:
      let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
      guard let first = digits.utf8.first, first == UInt8(ascii: "-") || (48...57).contains(first),
        let value = Double(digits), value.isFinite
      else { return nil }
      return value
    }
  }
}
