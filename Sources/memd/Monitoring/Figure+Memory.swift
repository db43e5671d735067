// SPDX-License-Identifier: Apache-2.0

// Figures about clients, memory and files. Names in the middle are memd's, those behind `exporter`
// are redis_exporter's.

extension Figure {
  static let memoryAndFiles: [Figure] = [
    .gauge(
      "uptime_in_seconds", "uptime_seconds", exporter: "uptime_in_seconds",
      "Time since the server started."),
    .gauge("process_id", "process_id", exporter: "process_id", "Number of the process."),
    .gauge(
      "connected_clients", "connected_clients", exporter: "connected_clients",
      "Client connections, followers not counted."),
    .gauge(
      "maxclients", "max_clients", exporter: "max_clients",
      "Connections that are accepted at most."),
    .gauge(
      "client_recent_max_input_buffer", "client_recent_max_input_buffer_bytes",
      exporter: "client_recent_max_input_buffer_bytes",
      "Longest input buffer of a client lately."),
    .gauge(
      "client_recent_max_output_buffer", "client_recent_max_output_buffer_bytes",
      exporter: "client_recent_max_output_buffer_bytes",
      "Longest output of a client lately."),
    .gauge(
      "blocked_clients", "blocked_clients", exporter: "blocked_clients",
      "Clients that wait in a blocking command."),
    .gauge(
      "tracking_clients", "tracking_clients", exporter: "tracking_clients",
      "Clients with client-side caching."),
    .gauge(
      "pubsub_clients", "pubsub_clients", exporter: "pubsub_clients",
      "Clients with subscriptions."),
    .gauge(
      "watching_clients", "watching_clients", exporter: "watching_clients",
      "Clients that watch keys."),
    .gauge(
      "clients_in_timeout_table", "clients_in_timeout_table", exporter: "clients_in_timeout_table",
      "Blocked clients whose wait ends by itself."),
    .gauge(
      "total_watched_keys", "watched_keys", exporter: "total_watched_keys",
      "Keys that clients watch."),
    .gauge(
      "total_blocking_keys", "blocking_keys", exporter: "total_blocking_keys",
      "Keys that clients wait for."),
    .gauge(
      "total_blocking_keys_on_nokey", "blocking_keys_on_nokey",
      exporter: "total_blocking_keys_on_nokey",
      "Keys whose removal ends a wait."),
    .gauge(
      "used_memory", "memory_used_bytes", exporter: "memory_used_bytes",
      "Memory that counts against maxmemory."),
    .gauge(
      "used_memory_rss", "memory_resident_bytes", exporter: "memory_used_rss_bytes",
      "Resident memory of the process."),
    .gauge(
      "used_memory_peak", "memory_peak_bytes", exporter: "memory_used_peak_bytes",
      "Most memory that was ever in use."),
    .gauge(
      "used_memory_overhead", "memory_overhead_bytes", exporter: "memory_used_overhead_bytes",
      "Memory that is not data: tables, clients, backlog."),
    .gauge(
      "used_memory_startup", "memory_startup_bytes", exporter: "memory_used_startup_bytes",
      "Memory of an empty server."),
    .gauge(
      "used_memory_dataset", "memory_dataset_bytes", exporter: "memory_used_dataset_bytes",
      "Memory of keys and values."),
    .gauge(
      "allocator_allocated", "memory_allocated_bytes", exporter: "allocator_allocated_bytes",
      "Bytes of all blocks of the allocator."),
    .gauge(
      "allocator_active", "memory_active_bytes", exporter: "allocator_active_bytes",
      "The same with the free space of their slabs."),
    .gauge(
      "allocator_resident", "memory_allocator_resident_bytes", exporter: "allocator_resident_bytes",
      "Resident bytes of the allocator."),
    .gauge(
      "allocator_frag_ratio", "memory_slab_ratio", exporter: "allocator_frag_ratio",
      "Active by allocated memory."),
    .gauge(
      "allocator_frag_bytes", "memory_slab_free_bytes", exporter: "allocator_frag_bytes",
      "Free space in slabs."),
    .gauge(
      "allocator_rss_ratio", "memory_resident_ratio", exporter: "allocator_rss_ratio",
      "Resident by active memory."),
    .gauge(
      "allocator_rss_bytes", "memory_resident_excess_bytes", exporter: "allocator_rss_bytes",
      "Resident beyond active memory."),
    .gauge(
      "mem_fragmentation_ratio", "memory_fragmentation_ratio", exporter: "mem_fragmentation_ratio",
      "Resident by used memory."),
    .gauge(
      "mem_fragmentation_bytes", "memory_fragmentation_bytes", exporter: "mem_fragmentation_bytes",
      "Resident beyond used memory."),
    .gauge(
      "total_system_memory", "memory_system_bytes", exporter: "total_system_memory_bytes",
      "Memory of the machine."),
    .gauge(
      "maxmemory", "memory_max_bytes", exporter: "memory_max_bytes",
      "The limit on used memory; 0 for none."),
    .gauge(
      "used_memory_lua", "memory_lua_bytes", exporter: "memory_used_lua_bytes",
      "Memory of the interpreter of scripts."),
    .gauge(
      "used_memory_vm_eval", "memory_vm_eval_bytes", exporter: "memory_used_vm_eval_bytes",
      "The same by its newer name."),
    .gauge(
      "used_memory_scripts_eval", "memory_scripts_eval_bytes",
      exporter: "memory_used_scripts_eval_bytes",
      "Texts of cached scripts."),
    .gauge(
      "used_memory_vm_functions", "memory_vm_functions_bytes",
      exporter: "memory_used_vm_functions_bytes",
      "Memory of the interpreter of functions."),
    .gauge(
      "used_memory_vm_total", "memory_vm_bytes", exporter: "memory_used_vm_total",
      "Memory of both interpreters."),
    .gauge(
      "used_memory_functions", "memory_functions_bytes", exporter: "memory_used_functions_bytes",
      "Texts of libraries of functions."),
    .gauge(
      "used_memory_scripts", "memory_scripts_bytes", exporter: "memory_used_scripts_bytes",
      "Texts of scripts and functions."),
    .gauge(
      "number_of_cached_scripts", "scripts_cached", exporter: "number_of_cached_scripts",
      "Scripts that EVALSHA finds."),
    .gauge(
      "number_of_functions", "functions", exporter: "number_of_functions",
      "Functions that FCALL finds."),
    .gauge(
      "number_of_libraries", "function_libraries", exporter: "number_of_libraries",
      "Libraries of functions."),
    .gauge(
      "mem_not_counted_for_evict", "memory_not_counted_for_eviction_bytes",
      exporter: "mem_not_counted_for_eviction_bytes",
      "Memory that doesn't count against maxmemory."),
    .gauge(
      "mem_replication_backlog", "memory_replication_backlog_bytes",
      exporter: "mem_replication_backlog_bytes",
      "Memory of the history of the stream."),
    .gauge(
      "mem_total_replication_buffers", "memory_replication_buffers_bytes",
      exporter: "mem_total_replication_buffers_bytes",
      "The same with what followers wait for."),
    .gauge(
      "mem_clients_slaves", "memory_followers_bytes", exporter: "mem_clients_slaves",
      "Memory of the connections of followers."),
    .gauge(
      "mem_clients_normal", "memory_clients_bytes", exporter: "mem_clients_normal",
      "Memory of other connections."),
    .gauge(
      "mem_cluster_links", "memory_cluster_links_bytes", exporter: "mem_cluster_links_bytes",
      "Always 0: there is no cluster."),
    .gauge(
      "mem_aof_buffer", "memory_log_buffer_bytes", exporter: "mem_aof_buffer_bytes",
      "Output that waits for the log."),
    .gauge(
      "mem_overhead_db_hashtable_rehashing", "memory_rehashing_bytes",
      exporter: "mem_overhead_db_hashtable_rehashing_bytes",
      "Tables that are being replaced."),
    .gauge(
      "lazyfree_pending_objects", "lazyfree_pending_objects", exporter: "lazyfree_pending_objects",
      "Removed values that are not freed yet."),
    .counter(
      "lazyfreed_objects", "lazyfreed_objects", exporter: "lazyfreed_objects",
      "Values that were freed in the background."),
    .gauge(
      "active_defrag_running", "compaction_running", exporter: "active_defrag_running",
      "Share of time that compaction takes, in percent."),
    .counter(
      "active_defrag_hits", "compaction_moved_blocks", exporter: "defrag_hits",
      "Blocks that compaction has moved."),
    .counter(
      "active_defrag_misses", "compaction_kept_blocks", exporter: "defrag_misses",
      "Blocks that compaction has left where they were."),
    .counter(
      "active_defrag_key_hits", "compaction_moved_keys", exporter: "defrag_key_hits",
      "Keys of which something was moved."),
    .counter(
      "active_defrag_key_misses", "compaction_kept_keys", exporter: "defrag_key_misses",
      "Keys of which nothing was moved."),
    .counter(
      "total_active_defrag_time", "compaction_seconds", scale: 0.001,
      "Time in which memory was fragmented beyond the limit."),
    .gauge(
      "current_active_defrag_time", "compaction_current_seconds", scale: 0.001,
      "The same, since it is so now."),
    .gauge("loading", "loading", exporter: "loading_dump_file", "Whether data are being loaded."),
    .gauge(
      "async_loading", "loading_beside", exporter: "async_loading",
      "Whether a snapshot is loaded beside the data in use."),
    .gauge(
      "loading_total_bytes", "loading_total_bytes", exporter: "loading_total_bytes",
      "Size of what is being loaded."),
    .gauge(
      "loading_loaded_bytes", "loading_loaded_bytes", exporter: "loading_loaded_bytes",
      "How much of that is loaded."),
    .gauge(
      "loading_eta_seconds", "loading_eta_seconds", exporter: "loading_eta_seconds",
      "Time until it is loaded, by the rate so far."),
    .gauge(
      "current_save_keys_processed", "snapshot_keys_processed",
      exporter: "current_save_keys_processed",
      "Keys that the snapshot under way has."),
    .gauge(
      "current_save_keys_total", "snapshot_keys_expected", exporter: "current_save_keys_total",
      "Keys that it is to have."),
    .gauge(
      "current_fork_perc", "snapshot_done_ratio", scale: 0.01, exporter: "current_fork_perc",
      "How much of the snapshot under way is done."),
    .gauge(
      "current_cow_size", "snapshot_image_bytes", exporter: "current_cow_size_bytes",
      "Images that the snapshot under way keeps."),
    .gauge(
      "current_cow_peak", "snapshot_image_peak_bytes", exporter: "current_cow_peak_bytes",
      "Most that it has kept."),
    .gauge(
      "rdb_changes_since_last_save", "changes_since_snapshot",
      exporter: "rdb_changes_since_last_save",
      "Changes that no snapshot has."),
    .gauge(
      "rdb_bgsave_in_progress", "snapshot_in_progress", exporter: "rdb_bgsave_in_progress",
      "Whether a snapshot is being saved."),
    .gauge(
      "rdb_last_save_time", "snapshot_last_timestamp_seconds",
      exporter: "rdb_last_save_timestamp_seconds",
      "When the last snapshot was complete."),
    .gauge(
      "rdb_last_bgsave_status", "snapshot_last_ok", exporter: "rdb_last_bgsave_status",
      "Whether the last snapshot succeeded."),
    .gauge(
      "rdb_last_bgsave_time_sec", "snapshot_last_duration_seconds",
      exporter: "rdb_last_bgsave_duration_sec",
      "How long it took; -1 before the first one."),
    .gauge(
      "rdb_current_bgsave_time_sec", "snapshot_current_duration_seconds",
      exporter: "rdb_current_bgsave_duration_sec",
      "How long the one under way has taken; -1 without."),
    .counter("rdb_saves", "snapshots", exporter: "rdb_saves_total", "Snapshots that were saved."),
    .gauge(
      "rdb_last_cow_size", "snapshot_last_image_bytes", exporter: "rdb_last_cow_size_bytes",
      "Images that the last snapshot has kept."),
    .gauge(
      "rdb_last_load_keys_expired", "loaded_expired_keys", exporter: "rdb_last_load_expired_keys",
      "Keys of the last load that were due already."),
    .gauge(
      "rdb_last_load_keys_loaded", "loaded_keys", exporter: "rdb_last_load_loaded_keys",
      "Keys of the last load."),
    .gauge(
      "aof_enabled", "log_enabled", exporter: "aof_enabled",
      "Whether there is an append-only log."),
    .gauge(
      "aof_rewrite_in_progress", "log_rewrite_in_progress", exporter: "aof_rewrite_in_progress",
      "Whether the log is being rewritten."),
    .gauge(
      "aof_rewrite_scheduled", "log_rewrite_scheduled", exporter: "aof_rewrite_scheduled",
      "Whether it is to be, when possible."),
    .gauge(
      "aof_last_rewrite_time_sec", "log_last_rewrite_duration_seconds",
      exporter: "aof_last_rewrite_duration_sec",
      "How long the last rewriting took; -1 before the first one."),
    .gauge(
      "aof_current_rewrite_time_sec", "log_current_rewrite_duration_seconds",
      exporter: "aof_current_rewrite_duration_sec",
      "How long the one under way has taken; -1 without."),
    .gauge(
      "aof_last_bgrewrite_status", "log_last_rewrite_ok", exporter: "aof_last_bgrewrite_status",
      "Whether the last rewriting succeeded."),
    .counter(
      "aof_rewrites", "log_rewrites", exporter: "aof_rewrites_total",
      "Rewritings of the log."),
    .gauge(
      "aof_rewrites_consecutive_failures", "log_rewrite_failures_in_a_row",
      exporter: "aof_rewrites_consecutive_failures",
      "Rewritings that failed since the last success."),
    .gauge(
      "aof_last_write_status", "log_last_write_ok", exporter: "aof_last_write_status",
      "Whether the log can be written."),
    .gauge(
      "aof_last_cow_size", "log_last_image_bytes", exporter: "aof_last_cow_size_bytes",
      "Images that the last rewriting has kept."),
    .gauge("aof_current_size", "log_bytes", exporter: "aof_current_size_bytes", "Size of the log."),
    .gauge(
      "aof_base_size", "log_base_bytes", exporter: "aof_base_size_bytes",
      "Size of the log behind its last rewriting."),
    .gauge(
      "aof_pending_rewrite", "log_pending_rewrite", exporter: "aof_pending_rewrite",
      "Whether a rewriting waits for a snapshot."),
    .gauge(
      "aof_buffer_length", "log_buffer_bytes", exporter: "aof_buffer_length",
      "Bytes that wait to be written."),
    .gauge(
      "aof_pending_bio_fsync", "log_pending_syncs", exporter: "aof_pending_bio_fsync",
      "Syncs under way."),
    .counter(
      "aof_delayed_fsync", "log_delayed_syncs", exporter: "aof_delayed_fsync",
      "Writes that had to wait for a slow sync."),
  ]
}
