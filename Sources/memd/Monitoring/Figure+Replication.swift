// SPDX-License-Identifier: Apache-2.0

// Figures about replication and processor time.

extension Figure {
  static let replication: [Figure] = [
    .gauge(
      "connected_slaves", "connected_followers", exporter: "connected_slaves",
      "Followers with a connection."),
    .gauge("replicas_waiting_psync", "followers_waiting", "Followers that wait for a full copy."),
    .counter(
      "sync_replicas_timeouts", "sync_replicas_timeouts",
      "Times that too few followers have confirmed within sync-replicas-timeout."),
    .counter(
      "sync_replicas_refusals", "sync_replicas_refusals",
      "Commands that were refused for that."),
    .gauge(
      "sync_replicas_unconfirmed_bytes", "sync_replicas_unconfirmed_bytes",
      "Bytes of the stream that too few followers have."),
    .gauge(
      "sync_replicas_unconfirmed_ms", "sync_replicas_unconfirmed_seconds", scale: 0.001,
      "Age of the oldest of them."),
    .gauge(
      "sync_replicas_waiting_clients", "sync_replicas_waiting_clients",
      "Clients whose replies wait for followers."),
    .gauge(
      "max_unconfirmed_bytes", "max_unconfirmed_bytes",
      "Bytes that may be lost, as max-unconfirmed-ms counts."),
    .gauge(
      "max_unconfirmed_age_ms", "max_unconfirmed_age_seconds", scale: 0.001,
      "Age of the oldest of them."),
    .counter(
      "max_unconfirmed_refusals", "max_unconfirmed_refusals",
      "Writes that were refused for that."),
    .gauge(
      "replica_backpressure_active", "backpressure_active",
      "Whether writers wait for slow followers."),
    .counter("replica_backpressure_waits", "backpressure_waits", "Times that they had to."),
    .counter(
      "replica_backpressure_total_ms", "backpressure_seconds", scale: 0.001,
      "Time for which they had to."),
    .counter(
      "verify_keys_sent", "verification_keys_sent",
      "Keys whose digests were sent to followers."),
    .counter("verify_bytes_sent", "verification_bytes_sent", "Bytes of those messages."),
    .counter("verify_rounds_sent", "verification_rounds_sent", "Times that all keys were."),
    .gauge(
      "master_repl_offset", "replication_offset_bytes", exporter: "master_repl_offset",
      "Where the stream is."),
    .gauge(
      "second_repl_offset", "replication_second_offset_bytes", exporter: "second_repl_offset",
      "Up to where the second name of the history is valid; -1 without."),
    .gauge(
      "repl_backlog_active", "replication_backlog_active",
      exporter: "replication_backlog_is_active",
      "Whether history is kept."),
    .gauge(
      "repl_backlog_size", "replication_backlog_max_bytes", exporter: "replication_backlog_bytes",
      "How much history is kept at most."),
    .gauge(
      "repl_backlog_first_byte_offset", "replication_backlog_first_offset_bytes",
      exporter: "repl_backlog_first_byte_offset",
      "Where the kept history begins."),
    .gauge(
      "repl_backlog_histlen", "replication_backlog_bytes", exporter: "repl_backlog_history_bytes",
      "How much history there is."),
    .gauge("master_link_status", "leader_link_up", "Whether the link to the leader is up."),
    .gauge(
      "master_last_io_seconds_ago", "leader_silent_seconds",
      "Time since the leader was heard; -1 while the link is down."),
    .gauge(
      "master_sync_in_progress", "leader_sync_in_progress",
      "Whether a full copy is on its way."),
    .gauge("master_sync_total_bytes", "leader_sync_total_bytes", "Its size, if that is known."),
    .gauge("master_sync_read_bytes", "leader_sync_read_bytes", "How much of it is here."),
    .gauge(
      "master_link_down_since_seconds", "leader_link_down_seconds",
      "Time for which the link has been down."),
    .gauge(
      "slave_repl_offset", "follower_offset_bytes",
      "How much of the leader's stream is here, as sentinels compare it."),
    .gauge(
      "slave_priority", "follower_priority", exporter: "slave_priority",
      "Which follower sentinels choose; 0: never."),
    .gauge("slave_read_only", "follower_read_only", "Whether clients can't write here."),
    .gauge(
      "replica_announced", "follower_announced", exporter: "replica_announced",
      "Whether sentinels list this follower."),
    .gauge(
      "replica_data_age_ms", "follower_data_age_seconds", scale: 0.001,
      "How old the data are at most; -0.001 if that isn't known."),
    .gauge(
      "replica_stale_reads_waiting", "follower_reads_waiting",
      "Reads that wait until the data are fresh enough."),
    .counter(
      "replica_stale_reads_refused", "follower_reads_refused",
      "Reads that were refused because they weren't."),
    .counter(
      "replica_verify_keys_checked", "verification_keys_checked",
      "Keys whose digests were compared with the leader's."),
    .counter(
      "replica_verify_keys_differing", "verification_keys_differing",
      "Keys that differed from the leader's, once more each time."),
    .counter("replica_verify_rounds", "verification_rounds", "Times that all keys were compared."),
    .gauge(
      "replica_verify_last_round_s", "verification_last_round_seconds",
      "How long the last time took; -1 before."),
    .gauge(
      "replica_verify_last_round_differing", "verification_last_round_differing",
      "Keys that differed then."),
    .gauge(
      "min_slaves_good_slaves", "good_followers", exporter: "min_slaves_good_slaves",
      "Followers that count for min-replicas-to-write."),
    .counter(
      "used_cpu_sys", "cpu_system_seconds", exporter: "cpu_sys_seconds_total",
      "Processor time in the kernel."),
    .counter(
      "used_cpu_user", "cpu_user_seconds", exporter: "cpu_user_seconds_total",
      "Processor time outside of it."),
    .counter(
      "used_cpu_sys_children", "cpu_system_children_seconds",
      exporter: "cpu_sys_children_seconds_total",
      "Always 0: there are no child processes."),
    .counter(
      "used_cpu_user_children", "cpu_user_children_seconds",
      exporter: "cpu_user_children_seconds_total",
      "Always 0: there are no child processes."),
    .counter(
      "used_cpu_sys_main_thread", "cpu_system_loop_seconds",
      exporter: "cpu_sys_main_thread_seconds_total",
      "Processor time of the loop in the kernel."),
    .counter(
      "used_cpu_user_main_thread", "cpu_user_loop_seconds",
      exporter: "cpu_user_main_thread_seconds_total",
      "Processor time of the loop outside of it."),
    .gauge(
      "io_threads_active", "io_threads_active", exporter: "io_threads_active",
      "Always 0: there is one thread for commands."),
  ]
}
