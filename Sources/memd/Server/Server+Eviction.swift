// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// Keeping memory under `maxmemory`: before a command runs, keys are evicted by policy until there
// is room, the time for it is over, or nothing is left that may go.

extension Server {
  /// Memory that counts against `maxmemory`: everything, what is being freed in slices included,
  /// but not what the stream keeps for slow followers beyond its history, since evicting would only
  /// make more of that.
  var evictableMemory: Int {
    allocator.bytesInUse + clientMemory.total - clientMemory.elsewhere + objectMemory
      + effects.stream.capacity
  }

  /// Memory of objects that the allocator doesn't see, as far as their sizes are known: clients
  /// without their buffers, logs of commands, hot keys, watched keys, scripts.
  var objectMemory: Int {
    clients.count &* Client.objectByteCount &+ metrics.byteCount
      &+ effects.watched.byteCount &+ scripting.byteCount
  }

  /// Frees memory before a command while `maxmemory` is exceeded; the error if that fails and the
  /// command needs memory.
  func makeRoom(for call: borrowing Call) -> CommandError? {
    guard evictableMemory > configuration.maxMemory, configuration.maxMemory > 0, evictsItself
    else {
      noteExceeding(false)
      return nil
    }
    // Clients go before keys do.
    if configuration.maxMemoryClients != 0 { evictClients(sparing: call.client) }
    let hasRoom = evict()
    noteExceeding(!hasRoom || upkeep.eviction.continues)
    guard !hasRoom else { return nil }
    return needsMemory(call) ? .outOfMemory : nil
  }

  /// Whether keys are evicted here, and not where a leader says so. Those that are about to be
  /// replaced make room as a whole.
  private var evictsItself: Bool {
    following == nil || !(configuration.replicaIgnoreMaxMemory || keyspace.hasReplacement)
  }

  /// Measures how long memory is over its limit.
  func noteExceeding(_ isExceeded: Bool) {
    let since = statistics.evictionExceededSince
    guard isExceeded != (since != nil) else { return }
    let now = clock.monotonicNanoseconds() / 1000
    if let since { statistics.evictionExceededMicroseconds += now - since }
    statistics.evictionExceededSince = isExceeded ? now : nil
  }

  /// How long memory has been over its limit this time, in microseconds.
  var currentExceedingMicroseconds: Int64 {
    guard let since = statistics.evictionExceededSince else { return 0 }
    return clock.monotonicNanoseconds() / 1000 - since
  }

  /// Evicts until there is room; false if that isn't possible.
  ///
  /// Stops after some time, set by `maxmemory-eviction-tenacity`, and then counts as done: the rest
  /// follows in the next turns, and every command brings the goal closer.
  func evict() -> Bool {
    upkeep.eviction.continues = false
    guard evictsItself else { return true }
    // While clients are paused, the dataset has to stay as it is; writes wait anyway.
    if configuration.maxMemory == 0 || pause.isActive { return true }
    guard configuration.maxMemoryPolicy != .noEviction else {
      return evictableMemory <= configuration.maxMemory
    }
    let start = clock.ticks()
    let deadline = start &+ clock.ticks(microseconds: evictionMicroseconds)
    var evicted = 0
    while evictableMemory > configuration.maxMemory {
      // What was removed and still has to be freed is room as well, and it comes first.
      if keyspace.unlinked.isEmpty {
        if !upkeep.eviction.evictOne(configuration.maxMemoryPolicy) { return false }
        endUnit()
      } else {
        _ = keyspace.unlinked.free(upTo: UnlinkedData.elementsAtOnce)
      }
      evicted += 1
      if evicted % 16 == 0, clock.ticks() > deadline {
        upkeep.eviction.continues = true
        return true
      }
    }
    return true
  }

  /// The longest that one command evicts, in microseconds.
  private var evictionMicroseconds: Double {
    let tenacity = configuration.maxMemoryEvictionTenacity
    if tenacity <= 10 { return 50.0 * Double(tenacity) }
    if tenacity < 100 {
      var limit = 500.0
      for _ in 10..<tenacity { limit *= 1.15 }
      return limit
    }
    return .greatestFiniteMagnitude
  }
}
