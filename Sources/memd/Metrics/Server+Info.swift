// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Sections of INFO about the server as a whole. Names are those that monitors of Redis read; what
// memd alone has to tell begins with `memd_`.

extension Server {
  /// The process and its configuration.
  func writeServerInfo(to text: inout InfoText) {
    let uptime = (clock.wallMicroseconds() / 1000 - timing.startedAt) / 1000
    text.section("Server")
    text.field("redis_version", Version.redis)
    text.field("memd_version", Version.memd)
    text.field("redis_git_sha1", "00000000")
    text.field("redis_git_dirty", false)
    text.field("redis_build_id", "0")
    text.field("redis_mode", "standalone")
    text.field("os", ProcessFacts.operatingSystem)
    text.field("arch_bits", 64)
    text.field("monotonic_clock", "POSIX clock_gettime")
    text.field("multiplexing_api", "epoll")
    text.field("process_id", Int(ProcessFacts.processID))
    text.field("process_supervised", configuration.supervised.rawValue)
    text.field("run_id", runID)
    text.field("tcp_port", configuration.mainPort)
    text.field("server_time_usec", clock.wallMicroseconds())
    text.field("uptime_in_seconds", uptime)
    text.field("uptime_in_days", uptime / 86400)
    text.field("hz", configuration.hz)
    text.field("configured_hz", configuration.hz)
    text.field("lru_clock", Int(moment.accessClock))
    text.field("executable", ProcessFacts.executablePath)
    text.field("config_file", configuration.configFile)
    text.field("io_threads_active", false)
    if let pendingShutdown {
      let left = pendingShutdown.deadline - clock.monotonicNanoseconds()
      text.field("shutdown_in_milliseconds", Int(left / 1_000_000))
    }
    let path = configuration.unixSocket
    writeListener(0, "tcp", configuration.bind, port: configuration.port, to: &text)
    if !path.isEmpty { text.line("listener1:name=unix,bind=\(path)") }
    writeListener(2, "tls", configuration.bind, port: configuration.tls.port, to: &text)
  }

  /// Where the server listens, as Redis 7.2 tells it.
  private func writeListener(
    _ number: Int, _ kind: String, _ addresses: [String], port: Int, to text: inout InfoText
  ) {
    guard port != 0 else { return }
    let binds = addresses.map { ",bind=" + $0 }.joined()
    text.line("listener\(number):name=\(kind)\(binds),port=\(port)")
  }

  /// Connections and their buffers.
  func writeClientsInfo(to text: inout InfoText) {
    text.section("Clients")
    let leaderCount = following?.client == nil ? 0 : 1
    text.field("connected_clients", clients.count - followers.all.count + leaderCount)
    text.field("cluster_connections", 0)
    text.field("maxclients", configuration.maxClients)
    text.field("client_recent_max_input_buffer", statistics.recentMaxInputBuffer)
    text.field("client_recent_max_output_buffer", statistics.recentMaxOutputBuffer)
    text.field("blocked_clients", parkedCount + effects.blocked.count)
    text.field("tracking_clients", effects.tracking?.clientCount ?? 0)
    text.field("pubsub_clients", clients.all.count { $0.flags.contains(.pubsub) })
    text.field("watching_clients", effects.watched.clientCount)
    text.field("clients_in_timeout_table", effects.blocked.timeouts.count)
    text.field("total_watched_keys", effects.watched.keyCount)
    text.field("total_blocking_keys", effects.blocked.keyCount)
    text.field("total_blocking_keys_on_nokey", effects.blocked.removalKeyCount)
  }

  /// Followers and the history they can go on from.
  func writeReplicationInfo(to text: inout InfoText) {
    let stream = effects.stream
    text.section("Replication")
    text.field("role", following == nil ? "master" : "slave")
    if let following { writeLinkInfo(following, to: &text) }
    text.field("connected_slaves", followers.all.count)
    if configuration.minReplicasToWrite > 0, configuration.minReplicasMaxLag > 0 {
      text.field("min_slaves_good_slaves", followers.goodCount)
    }
    for (index, client) in followers.all.enumerated() {
      guard let follower = client.follower else { continue }
      let lag = (moment.milliseconds - follower.acknowledgedAt) / 1000
      text.line(
        "slave\(index):ip=\(follower.address(of: client)),port=\(follower.listeningPort),"
          + "state=\(follower.stateName),offset=\(follower.acknowledgedOffset),"
          + "lag=\(follower.acknowledgedAt == 0 ? 0 : lag)")
    }
    // A snapshot and the stream behind it come on one connection.
    text.field("replicas_waiting_psync", 0)
    if following == nil {
      writePromisesInfo(to: &text)
      writeBackpressureInfo(to: &text)
      writeVerificationInfo(to: &text)
    }
    text.field("master_failover_state", failover.stageName)
    text.field("master_replid", stream.replicationID)
    text.field("master_replid2", stream.secondID)
    text.field("master_repl_offset", stream.offset)
    text.field("second_repl_offset", stream.secondOffset)
    text.field("repl_backlog_active", stream.keepsHistory)
    text.field("repl_backlog_size", stream.capacity)
    text.field(
      "repl_backlog_first_byte_offset", stream.keepsHistory ? stream.firstHistoryOffset : 0)
    text.field("repl_backlog_histlen", stream.historyCount)
  }

  /// Processor time; nothing forks, so children have none.
  func writeProcessorInfo(to text: inout InfoText) {
    let process = ProcessFacts.processorTime(of: .process)
    let children = ProcessFacts.processorTime(of: .children)
    let thread = ProcessFacts.processorTime(of: .thread)
    text.section("CPU")
    text.field("used_cpu_sys", Double(process.systemMicroseconds) / 1e6, digits: 6)
    text.field("used_cpu_user", Double(process.userMicroseconds) / 1e6, digits: 6)
    text.field("used_cpu_sys_children", Double(children.systemMicroseconds) / 1e6, digits: 6)
    text.field("used_cpu_user_children", Double(children.userMicroseconds) / 1e6, digits: 6)
    text.field("used_cpu_sys_main_thread", Double(thread.systemMicroseconds) / 1e6, digits: 6)
    text.field("used_cpu_user_main_thread", Double(thread.userMicroseconds) / 1e6, digits: 6)
  }

  /// Keys per database.
  func writeKeyspaceInfo(to text: inout InfoText) {
    text.section("Keyspace")
    for database in keyspace.databases where database.count > 0 {
      text.line(
        "db\(database.number):keys=\(database.count),expires=\(database.expiringCount),"
          + "avg_ttl=\(database.averageTimeToLive),subexpiry=\(database.fieldExpiringCount)")
    }
  }
}
