// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

extension Server {
  /// What INFO tells about the link to the leader.
  func writeLinkInfo(_ following: Following, to text: inout InfoText) {
    let now = clock.monotonicNanoseconds()
    let second: Int64 = 1_000_000_000
    text.field("master_host", following.leader.host.logText)
    text.field("master_port", following.leader.port)
    text.field("master_link_status", following.isOnline ? "up" : "down")
    text.field(
      "master_last_io_seconds_ago",
      following.isOnline ? Int((now - following.heardAt) / second) : -1)
    text.field("master_sync_in_progress", following.isSyncing)
    text.field("slave_read_repl_offset", comparableOffset(following))
    text.field("slave_repl_offset", comparableOffset(following))
    if let receiver = following.receiver {
      let received = receiver.byteCount
      let total = receiver.missing.map { received + $0 } ?? 0
      text.field("master_sync_total_bytes", total)
      text.field("master_sync_read_bytes", received)
      text.field("master_sync_left_bytes", total - received)
      text.field(
        "master_sync_perc", total == 0 ? 0 : Double(received) * 100 / Double(total), digits: 2)
      text.field("master_sync_last_io_seconds_ago", Int((now - following.heardAt) / second))
    }
    if let placement = following.placement {
      text.field("master_sync_load", placement.place.rawValue)
      text.field("master_sync_load_reason", placement.reason.rawValue)
    }
    if !following.isOnline {
      let down = following.downSince.map { Int((now - $0) / second) } ?? -1
      text.field("master_link_down_since_seconds", down)
    }
    writeFreshnessInfo(following, to: &text)
    writeFindingsInfo(to: &text)
    text.field("slave_priority", announcedPriority(following))
    text.field("slave_read_only", configuration.replicaReadOnly)
    text.field("replica_announced", configuration.replicaAnnounced)
  }

  /// The offset by which sentinels choose who leads: whoever may have another history than the last
  /// leader's is behind all who share it. (Redis says 1 where a leader has refused to go on.)
  private func comparableOffset(_ following: Following) -> Int {
    switch following.kinship {
    case .shared: effects.stream.offset
    case .unknown: min(effects.stream.offset, 1)
    case .none: 0
    }
  }

  /// `replica-priority`, or 0 for a follower that sentinels must not choose: where followers are
  /// counted on for what was acknowledged, one that may have lost that does not come to lead.
  private func announcedPriority(_ following: Following) -> Int {
    let isCountedOn =
      configuration.syncReplicas > 0
      || (configuration.maxUnconfirmed > 0 && configuration.maxUnconfirmedReplicas > 0)
    return isCountedOn && !following.holdsConfirmed ? 0 : configuration.replicaPriority
  }

  /// What ROLE tells about the link to the leader.
  func writeLinkRole(_ following: Following, to reply: inout ReplyWriter) {
    let host = following.leader.host
    reply.array(5)
    reply.bulk("slave")
    reply.bulk(host.rawSpan)
    reply.integer(following.leader.port)
    reply.bulk(following.stageName)
    reply.integer(following.isOnline ? effects.stream.offset : -1)
  }
}
