// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Work that time causes: expiry by deadline, and periodic chores in slices. Background work takes
// at most a millisecond per turn, and a small share of the time while requests wait.

extension Server {
  /// The longest a turn works in the background, in microseconds.
  static let backgroundMicrosecondsMax = 1000.0

  /// Runs everything that is due.
  func runTimers() {
    let now = clock.monotonicNanoseconds()
    endPauseIfDue(monotonic: now)
    expireDueKeys()
    if now >= nextCron {
      nextCron = now + 1_000_000_000 / Int64(max(1, configuration.hz))
      if !isCronPaused { runCron() }
    }
    freeUnlinked()
    if evictionContinues { _ = evict() }
  }

  /// True while there is work that doesn't wait for time or events.
  var hasBackgroundWork: Bool {
    !keyspace.unlinked.isEmpty || expiry.hasBacklog || evictionContinues
  }

  /// Frees a slice of what FLUSHALL and the like have unlinked.
  private func freeUnlinked() {
    guard !keyspace.unlinked.isEmpty else { return }
    let deadline = clock.ticks() &+ clock.ticks(microseconds: Server.backgroundMicrosecondsMax / 2)
    let before = keyspace.unlinked.keyCount
    while keyspace.unlinked.free(upTo: 512, allocator: allocator), clock.ticks() < deadline {}
    statistics.lazyFreedObjects += before - keyspace.unlinked.keyCount
  }
}
