// SPDX-License-Identifier: Apache-2.0

import EventLoop

// With `replica-backpressure` a follower that falls behind isn't disconnected for the output that
// waits for it: clients that write wait until it has taken most of that. One that takes nothing at
// all is disconnected as ever, after `repl-timeout`.

/// Writers that wait for followers, and for how long they have.
struct Backpressure {
  /// Since when they wait, in monotonic nanoseconds; nil while they don't.
  fileprivate var since: Int64?
  /// Nanoseconds that earlier waits took, and their number.
  fileprivate var waited: Int64 = 0
  fileprivate var waitCount = 0
  /// When the log told of a wait last.
  fileprivate var loggedAt = Int64.min / 2

  var isActive: Bool { since != nil }
}

extension Server {
  /// Nanoseconds between two lines in the log: waits may be short and many.
  private static let backpressureLogInterval: Int64 = 60_000_000_000

  /// Bytes of the stream for which a follower isn't disconnected, since writers wait.
  ///
  /// One that never says how far it is could keep them waiting for ever. And the followers of a
  /// follower can't slow down what its leader is told.
  func awaitedStream(of client: Client) -> Int {
    guard configuration.replicaBackpressure, following == nil, !client.isClosing,
      client.follower?.capabilities.contains(.acknowledgements) == true
    else { return 0 }
    return client.pendingStream
  }

  /// Bytes of the stream that may wait for a follower before writers do.
  private var backpressureMark: Int {
    let limit = followerLimit
    let limits = [limit.hardBytes, limit.softBytes].filter { $0 > 0 }
    return max(1, limits.min().map { $0 / 2 } ?? effects.stream.capacity)
  }

  /// Has writes wait if a follower is too far behind, until none is half as far.
  func considerBackpressure() {
    let slowest = followers.all.max { awaitedStream(of: $0) < awaitedStream(of: $1) }
    let behind = slowest.map { awaitedStream(of: $0) } ?? 0
    let now = timing.turnStartedAt
    if let since = backpressure.since {
      guard behind <= backpressureMark / 2 else { return }
      backpressure.since = nil
      backpressure.waited += now - since
      holdWrites(false, for: .followers)
      if backpressure.loggedAt == since {
        log.notice("Writes go on after \((now - since) / 1_000_000) ms (replica-backpressure).")
      }
    } else if let slowest, behind >= backpressureMark {
      backpressure.since = now
      backpressure.waitCount += 1
      holdWrites(true, for: .followers)
      guard now - backpressure.loggedAt >= Server.backpressureLogInterval else { return }
      backpressure.loggedAt = now
      log.notice(
        "Writes wait for replica \(followerName(slowest)), which is \(behind) bytes behind"
          + " (replica-backpressure).")
    }
  }

  func writeBackpressureInfo(to text: inout InfoText) {
    let current = backpressure.since.map { clock.monotonicNanoseconds() - $0 } ?? 0
    text.field("replica_backpressure_active", backpressure.isActive ? 1 : 0)
    text.field("replica_backpressure_waits", backpressure.waitCount)
    text.field(
      "replica_backpressure_total_ms", Int((backpressure.waited + current) / 1_000_000))
  }
}
