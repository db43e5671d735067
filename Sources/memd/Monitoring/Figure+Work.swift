// SPDX-License-Identifier: Apache-2.0

// Figures about commands, expiry and the loop.

extension Figure {
  static let work: [Figure] = [
    .counter(
      "total_connections_received", "connections_received", exporter: "connections_received_total",
      "Connections that were accepted."),
    .counter(
      "total_commands_processed", "commands_processed", exporter: "commands_processed_total",
      "Commands that were executed."),
    .counter(
      "rejected_connections", "connections_rejected", exporter: "rejected_connections_total",
      "Connections beyond maxclients, or refused by protected mode."),
    .counter(
      "total_net_input_bytes", "net_input_bytes", exporter: "net_input_bytes_total",
      "Bytes received from clients."),
    .counter(
      "total_net_output_bytes", "net_output_bytes", exporter: "net_output_bytes_total",
      "Bytes sent to clients."),
    .counter(
      "total_net_repl_input_bytes", "net_replication_input_bytes",
      exporter: "net_repl_input_bytes_total",
      "Bytes received from the leader."),
    .counter(
      "total_net_repl_output_bytes", "net_replication_output_bytes",
      exporter: "net_repl_output_bytes_total",
      "Bytes sent to followers."),
    .gauge(
      "instantaneous_ops_per_sec", "operations_per_second", exporter: "instantaneous_ops_per_sec",
      "Commands per second lately."),
    .gauge(
      "instantaneous_input_kbps", "input_bytes_per_second",
      scale: 1024,
      exporter: "instantaneous_input_kbps",
      "Bytes per second received lately."),
    .gauge(
      "instantaneous_output_kbps", "output_bytes_per_second",
      scale: 1024,
      exporter: "instantaneous_output_kbps",
      "Bytes per second sent lately."),
    .gauge(
      "instantaneous_eventloop_cycles_per_sec", "turns_per_second",
      exporter: "instantaneous_eventloop_cycles_per_sec",
      "Turns of the loop per second lately."),
    .gauge(
      "instantaneous_eventloop_duration_usec", "turn_mean_seconds",
      scale: 0.000001,
      exporter: "instantaneous_eventloop_duration_usec",
      "Mean length of a turn lately."),
    .counter(
      "sync_full", "full_syncs", exporter: "replica_resyncs_full",
      "Full copies for followers."),
    .counter(
      "sync_partial_ok", "partial_syncs", exporter: "replica_partial_resync_accepted",
      "Followers that could go on where they were."),
    .counter(
      "sync_partial_err", "partial_syncs_refused", exporter: "replica_partial_resync_denied",
      "Followers that could not."),
    .counter(
      "expired_keys", "expired_keys", exporter: "expired_keys_total",
      "Keys that have expired."),
    .counter(
      "expired_subkeys", "expired_fields", exporter: "expired_subkeys_total",
      "Fields of hashes that have expired."),
    .gauge(
      "expired_stale_perc", "expired_stale_ratio",
      scale: 0.01,
      exporter: "expired_stale_percentage",
      "Share of keys that are due and still there."),
    .counter(
      "expired_time_cap_reached_count", "expiry_time_cap_reached",
      exporter: "expired_time_cap_reached_total",
      "Slices of expiry that left something for the next one."),
    .counter(
      "expire_cycle_cpu_milliseconds", "expiry_seconds",
      scale: 0.001,
      exporter: "expire_cycle_cpu_time_ms_total",
      "Time that expiry took."),
    .counter(
      "evicted_keys", "evicted_keys", exporter: "evicted_keys_total",
      "Keys that were evicted for maxmemory."),
    .counter(
      "evicted_clients", "evicted_clients", exporter: "evicted_clients_total",
      "Clients that were closed for maxmemory-clients."),
    .counter(
      "evicted_scripts", "evicted_scripts", exporter: "evicted_scripts_total",
      "Scripts of EVAL that were dropped from the cache."),
    .counter(
      "total_eviction_exceeded_time", "eviction_exceeded_seconds",
      scale: 0.001,
      exporter: "eviction_exceeded_time_ms_total",
      "Time in which more than maxmemory was in use."),
    .gauge(
      "current_eviction_exceeded_time", "eviction_exceeded_current_seconds",
      scale: 0.001,
      exporter: "current_eviction_exceeded_time_ms",
      "The same, since it is so now."),
    .counter(
      "keyspace_hits", "keyspace_hits", exporter: "keyspace_hits_total",
      "Look-ups of keys that were there."),
    .counter(
      "keyspace_misses", "keyspace_misses", exporter: "keyspace_misses_total",
      "Look-ups of keys that were not."),
    .gauge(
      "pubsub_channels", "pubsub_channels", exporter: "pubsub_channels",
      "Channels with subscribers."),
    .gauge(
      "pubsub_patterns", "pubsub_patterns", exporter: "pubsub_patterns",
      "Patterns with subscribers."),
    .gauge(
      "pubsubshard_channels", "pubsub_shard_channels", exporter: "pubsubshard_channels",
      "Shard channels with subscribers."),
    .gauge(
      "latest_fork_usec", "latest_fork_seconds", scale: 0.000001, exporter: "latest_fork_usec",
      "Always 0: memd doesn't fork."),
    .gauge(
      "migrate_cached_sockets", "migrate_cached_sockets", exporter: "migrate_cached_sockets_total",
      "Connections kept for MIGRATE."),
    .gauge(
      "slave_expires_tracked_keys", "follower_expires_tracked_keys",
      exporter: "slave_expires_tracked_keys",
      "Keys that a writable follower expires itself."),
    .gauge(
      "tracking_total_keys", "tracking_keys", exporter: "tracking_total_keys",
      "Keys that client-side caching remembers."),
    .gauge(
      "tracking_total_items", "tracking_items", exporter: "tracking_total_items",
      "The same, counted once per client."),
    .gauge(
      "tracking_total_prefixes", "tracking_prefixes", exporter: "tracking_total_prefixes",
      "Prefixes that clients have named."),
    .counter(
      "unexpected_error_replies", "unexpected_error_replies", exporter: "unexpected_error_replies",
      "Errors sent to the leader or the log."),
    .counter(
      "total_error_replies", "error_replies", exporter: "total_error_replies",
      "Error replies."),
    .counter(
      "dump_payload_sanitizations", "dump_payload_sanitizations",
      exporter: "dump_payload_sanitizations",
      "Payloads that were checked in depth."),
    .counter(
      "total_reads_processed", "socket_reads", exporter: "total_reads_processed",
      "Reads from sockets."),
    .counter(
      "total_writes_processed", "socket_writes", exporter: "total_writes_processed",
      "Writes to sockets."),
    .counter(
      "io_threaded_reads_processed", "io_threaded_reads", exporter: "io_threaded_reads_processed",
      "Always 0: there is one thread for commands."),
    .counter(
      "io_threaded_writes_processed", "io_threaded_writes",
      exporter: "io_threaded_writes_processed",
      "Always 0: there is one thread for commands."),
    .counter(
      "reply_buffer_shrinks", "reply_buffer_shrinks", exporter: "reply_buffer_shrinks_total",
      "Output buffers that were given back."),
    .counter(
      "reply_buffer_expands", "reply_buffer_expands", exporter: "reply_buffer_expands_total",
      "Output buffers that had to grow."),
    .counter(
      "client_query_buffer_limit_disconnections", "query_buffer_disconnections",
      exporter: "client_query_buffer_limit_disconnections_total",
      "Clients closed for their input."),
    .counter(
      "client_output_buffer_limit_disconnections", "output_buffer_disconnections",
      exporter: "client_output_buffer_limit_disconnections_total",
      "Clients closed for their output."),
    .counter(
      "acl_access_denied_auth", "access_denied_auth", exporter: "acl_access_denied_auth_total",
      "Wrong passwords."),
    .counter(
      "acl_access_denied_cmd", "access_denied_command", exporter: "acl_access_denied_cmd_total",
      "Commands that a user may not call."),
    .counter(
      "acl_access_denied_tls_cert", "access_denied_certificate",
      exporter: "acl_access_denied_tls_cert_total",
      "Certificates that name no user."),
    .gauge(
      "memd_tls_handshakes_half_done", "tls_handshakes_half_done",
      "Handshakes under way."),
    .counter(
      "memd_tls_handshakes_completed", "tls_handshakes", "Handshakes that were completed."),
    .counter(
      "memd_tls_handshakes_failed", "tls_handshakes_failed", "Handshakes that failed."),
    .gauge(
      "tls_server_cert_expires_in_seconds", "tls_server_certificate_seconds",
      "Time until the server's certificate expires; 0 without one."),
    .gauge(
      "tls_client_cert_expires_in_seconds", "tls_client_certificate_seconds",
      "Time until the client's certificate expires; 0 without one."),
    .gauge(
      "tls_ca_cert_expires_in_seconds", "tls_authority_certificate_seconds",
      "Time until the authority's certificate expires; 0 without one."),
    .counter(
      "acl_access_denied_key", "access_denied_key", exporter: "acl_access_denied_key_total",
      "Keys that a user may not touch."),
    .counter(
      "acl_access_denied_channel", "access_denied_channel",
      exporter: "acl_access_denied_channel_total",
      "Channels that a user may not use."),
    .counter("eventloop_cycles", "turns", exporter: "eventloop_cycles_total", "Turns of the loop."),
    .counter(
      "eventloop_duration_sum", "turn_seconds",
      scale: 0.000001,
      exporter: "eventloop_duration_sum_usec_total",
      "Time of all turns, waiting not counted."),
    .counter(
      "eventloop_duration_cmd_sum", "command_seconds",
      scale: 0.000001,
      exporter: "eventloop_duration_cmd_sum_usec_total",
      "Time of all commands."),
    .gauge("eventloop_duration_max", "turn_longest_seconds", scale: 0.000001, "The longest turn."),
    .gauge("eventloop_cmd_per_cycle_max", "commands_per_turn_max", "Most commands in a turn."),
  ]
}
