// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// What the log says of a link that doesn't come about.

extension Server {
  /// The leader's end of the connection is gone: gives the link up, and says why if it was still
  /// being made.
  func loseLink(_ following: Following, because end: IOResult) {
    guard !following.isOnline, !following.isSyncing, let connection = following.connection else {
      return loseLink(following)
    }
    let refusal = encryption?.failureText(of: connection) ?? ""
    var reason = "the connection was closed"
    if case .failed(let number) = end { reason = SystemError(number).text }
    if !refusal.isEmpty { reason = refusal }
    let stage = following.stage
    loseLink(following, "Failed to read response from the server: \(reason)")
    guard case .greeting(let greeting) = stage, greeting.isUnanswered else { return }
    if !refusal.isEmpty {
      log.warning(
        "Remedy: the leader's TLS refuses this server: its 'tls-ca-cert-file' must know who signed"
          + " this server's certificate, and 'tls-protocols' must fit.")
    } else if !configuration.tls.replication {
      log.warning(
        "Remedy: if \(following.leader.port) is the leader's 'tls-port', this server needs"
          + " 'tls-replication yes'.")
    }
  }

  /// The leader has been silent for too long.
  func loseSilentLink(_ following: Following) {
    switch following.stage {
    case .online: loseLink(following, "MASTER timeout: no data nor PING received...")
    case .receiving:
      loseLink(
        following,
        "Timeout receiving bulk data from MASTER... If it happens again, raise 'repl-timeout'.")
    case .connecting where configuration.tls.replication:
      loseLink(following, "Timeout connecting to the PRIMARY...")
      log.warning(
        "Remedy: 'tls-replication' is on, so 'replicaof' must name the leader's 'tls-port'.")
    default: loseLink(following, "Timeout connecting to the PRIMARY...")
    }
  }
}
