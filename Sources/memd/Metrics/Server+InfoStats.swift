// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import PubSub

extension Server {
  /// Counters since the start, or since CONFIG RESETSTAT, and rates of the last two seconds.
  func writeStatsInfo(to text: inout InfoText) {
    text.section("Stats")
    text.field("total_connections_received", statistics.connectionsReceived)
    text.field("total_commands_processed", statistics.commandsProcessed)
    text.field("instantaneous_ops_per_sec", Int(metrics.rates.commands.rate.rounded()))
    text.field("total_net_input_bytes", statistics.networkInputBytes)
    text.field("total_net_output_bytes", statistics.networkOutputBytes)
    text.field("total_net_repl_input_bytes", statistics.replicationInputBytes)
    text.field("total_net_repl_output_bytes", statistics.replicationOutputBytes)
    text.field("instantaneous_input_kbps", metrics.rates.inputBytes.rate / 1024)
    text.field("instantaneous_output_kbps", metrics.rates.outputBytes.rate / 1024)
    text.field(
      "instantaneous_input_repl_kbps", metrics.rates.replicationInputBytes.rate / 1024)
    text.field(
      "instantaneous_output_repl_kbps", metrics.rates.replicationOutputBytes.rate / 1024)
    text.field("rejected_connections", statistics.connectionsRejected)
    text.field("sync_full", statistics.fullSyncs)
    text.field("sync_partial_ok", statistics.partialSyncs)
    text.field("sync_partial_err", statistics.refusedPartialSyncs)
    writeExpirationInfo(to: &text)
    text.field("keyspace_hits", keyspace.statistics.hits)
    text.field("keyspace_misses", keyspace.statistics.misses)
    text.field("pubsub_channels", subscriptions.count(.channel))
    text.field("pubsub_patterns", subscriptions.count(.pattern))
    text.field("pubsubshard_channels", subscriptions.count(.shardChannel))
    text.field("latest_fork_usec", 0)
    text.field("total_forks", 0)
    text.field("migrate_cached_sockets", migrationConnections.count)
    text.field("slave_expires_tracked_keys", 0)
    writeCompactionInfo(to: &text)
    text.field("tracking_total_keys", effects.tracking?.keyCount ?? 0)
    text.field("tracking_total_items", effects.tracking?.itemCount ?? 0)
    text.field("tracking_total_prefixes", effects.tracking?.prefixes.count ?? 0)
    text.field("unexpected_error_replies", statistics.unexpectedErrorReplies)
    text.field("total_error_replies", statistics.errorReplies)
    text.field("dump_payload_sanitizations", persistence.sanitizations)
    text.field("total_reads_processed", statistics.readsProcessed)
    text.field("total_writes_processed", statistics.writesProcessed)
    text.field("io_threaded_reads_processed", 0)
    text.field("io_threaded_writes_processed", 0)
    text.field("reply_buffer_shrinks", 0)
    text.field("reply_buffer_expands", 0)
    writeDisconnectionInfo(to: &text)
    writeTurnInfo(to: &text)
  }

  private func writeExpirationInfo(to text: inout InfoText) {
    text.field("expired_subkeys", keyspace.statistics.expiredFields)
    text.field("expired_keys", keyspace.statistics.expiredKeys)
    // Every key is removed when it is due; none waits for a sampling to find it.
    text.field("expired_stale_perc", upkeep.expiration.estimatedStalePercent())
    text.field("expired_time_cap_reached_count", keyspace.statistics.expiredTimeCapReached)
    text.field("expire_cycle_cpu_milliseconds", Int(upkeep.expiration.microseconds / 1000))
    text.field("evicted_keys", keyspace.statistics.evictedKeys)
    text.field("evicted_clients", statistics.evictedClients)
    text.field("evicted_scripts", scripting.evictedCount)
    let exceeding = currentExceedingMicroseconds
    text.field(
      "total_eviction_exceeded_time",
      (statistics.evictionExceededMicroseconds + exceeding) / 1000)
    text.field("current_eviction_exceeded_time", exceeding / 1000)
  }

  private func writeCompactionInfo(to text: inout InfoText) {
    let counts = upkeep.compaction.counts
    text.field("active_defrag_hits", counts.moved)
    text.field("active_defrag_misses", counts.kept)
    text.field("active_defrag_key_hits", counts.movedKeys)
    text.field("active_defrag_key_misses", counts.keptKeys)
    text.field("total_active_defrag_time", Int(counts.microseconds / 1000))
    text.field("current_active_defrag_time", Int(upkeep.compaction.currentMicroseconds / 1000))
  }

  private func writeDisconnectionInfo(to text: inout InfoText) {
    text.field(
      "client_query_buffer_limit_disconnections", statistics.queryBufferLimitDisconnections)
    text.field(
      "client_output_buffer_limit_disconnections", statistics.outputBufferLimitDisconnections)
    text.field("acl_access_denied_auth", statistics.accessDeniedAuthentication)
    text.field("acl_access_denied_cmd", statistics.accessDeniedCommand)
    text.field("acl_access_denied_key", statistics.accessDeniedKey)
    text.field("acl_access_denied_channel", statistics.accessDeniedChannel)
    text.field("acl_access_denied_tls_cert", statistics.accessDeniedCertificate)
  }

  /// Turns of the loop, and how late keys expire; times in microseconds where nothing else is said.
  private func writeTurnInfo(to text: inout InfoText) {
    text.field("eventloop_cycles", statistics.turns)
    text.field("eventloop_duration_sum", Int(statistics.turnMicroseconds.rounded(.up)))
    text.field("eventloop_duration_cmd_sum", Int(metrics.commands.totalMicroseconds.rounded(.up)))
    text.field("eventloop_duration_max", Int(metrics.turns.longestMicroseconds))
    text.field("eventloop_cmd_per_cycle_max", statistics.commandsPerTurnMax)
    text.field("instantaneous_eventloop_cycles_per_sec", Int(metrics.rates.turns.rate.rounded()))
    text.field(
      "instantaneous_eventloop_duration_usec", Int(metrics.rates.turnDuration.rate.rounded()))
    text.field("memd_turn_longest_usec", Int(metrics.turns.longestMicroseconds))
    text.field("memd_turn_p50_usec", Double(metrics.turns.percentile(50)) / 1000, digits: 3)
    text.field("memd_turn_p99_usec", Double(metrics.turns.percentile(99)) / 1000, digits: 3)
    text.field("memd_turn_p99.9_usec", Double(metrics.turns.percentile(99.9)) / 1000, digits: 3)
    text.field("memd_expiry_lag_longest_msec", upkeep.expiration.lag.longestMilliseconds)
    text.field(
      "memd_expiry_lag_p50_msec", Double(upkeep.expiration.lag.percentile(50)) / 1e6, digits: 3)
    text.field(
      "memd_expiry_lag_p99_msec", Double(upkeep.expiration.lag.percentile(99)) / 1e6, digits: 3)
  }

  /// Parts of the loop's turns, in microseconds, for those who work on the server.
  func writeDebugInfo(to text: inout InfoText) {
    text.section("Debug")
    text.field("eventloop_duration_aof_sum", 0)
    text.field("eventloop_duration_cron_sum", Int(statistics.cronMicroseconds.rounded(.up)))
    text.field("eventloop_duration_max", Int(metrics.turns.longestMicroseconds.rounded(.up)))
    text.field("eventloop_cmd_per_cycle_max", statistics.commandsPerTurnMax)
  }

  // MARK: - Per command

  /// Calls and times of each command that was called or refused.
  func writeCommandInfo(to text: inout InfoText) {
    text.section("Commandstats")
    for description in commands.descriptions {
      let id = description.id
      let calls = metrics.commands[id].calls
      let rejected = metrics.commands[id].rejectedCalls
      let failed = metrics.commands[id].failedCalls
      guard calls > 0 || rejected > 0 || failed > 0 else { continue }
      let microseconds = metrics.commands.microseconds(of: id)
      let mean = FixedPoint.text(calls > 0 ? microseconds / Double(calls) : 0, digits: 2)
      text.line(
        "cmdstat_\(description.fullName):calls=\(calls),usec=\(Int(microseconds)),"
          + "usec_per_call=\(mean),rejected_calls=\(rejected),failed_calls=\(failed)")
    }
  }

  /// Error replies by their first word, sorted.
  func writeErrorInfo(to text: inout InfoText) {
    text.section("Errorstats")
    let counts = metrics.errors.counts.sorted {
      $0.word.bytes.lexicographicallyPrecedes($1.word.bytes)
    }
    for error in counts {
      // Compatibility: what INFO's own lines are made of is replaced.
      let word = ByteText(
        error.word.bytes.map { Array("#:\n\r".utf8).contains($0) ? UInt8(ascii: "_") : $0 })
      text.line("errorstat_\(word.logText):count=\(error.count)")
    }
  }

  /// Percentiles of the durations of each command that was called.
  func writeLatencyInfo(to text: inout InfoText) {
    text.section("Latencystats")
    guard configuration.latencyTracking else { return }
    for description in commands.descriptions
    where metrics.commands[description.id].histogram.count > 0 {
      var shown: [String] = []
      for percent in configuration.latencyTrackingInfoPercentiles {
        let nanoseconds = metrics.commands[description.id].histogram.percentile(percent)
        let microseconds = FixedPoint.text(Double(nanoseconds) / 1000, digits: 3)
        shown.append("p\(FixedPoint.trimmed(percent))=\(microseconds)")
      }
      text.line(
        "latency_percentiles_usec_\(description.fullName):\(shown.joined(separator: ","))")
    }
  }
}
