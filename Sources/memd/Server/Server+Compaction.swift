// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// When passes of compaction begin, and how much of the time they get.
//
// The directives are those of Redis's active defragmentation. It is on by default here, and from
// less memory on (`active-defrag-ignore-bytes`): the allocator knows exactly which slabs to empty,
// so a pass costs some 50 ns per key and gains what it promises.

extension Server {
  /// Begins a pass if enough memory lies idle in slabs; a periodic chore.
  func considerCompaction() {
    guard configuration.activeDefrag else { return upkeep.compaction.stop() }
    // A cut knows blocks by their addresses.
    guard persistence.backgroundSave == nil else { return }
    let free = allocator.slabBytesFree
    upkeep.compaction.noteFreeBytes(free)
    guard !upkeep.compaction.isRunning, keyspace.unlinked.isEmpty, !upkeep.expiration.hasBacklog,
      free - upkeep.compaction.hopelessBytes >= configuration.activeDefragIgnoreBytes,
      idlePercent >= configuration.activeDefragThresholdLower
    else { return }
    let lower = Double(configuration.activeDefragThresholdLower)
    upkeep.compaction.start(threshold: 100 / (100 + max(lower, 1)))
  }

  /// Goes on with a pass for as long as the budget of this turn allows.
  func compact(until deadline: UInt64) {
    let start = clock.ticks()
    repeat {
      upkeep.compaction.step()
    } while upkeep.compaction.isRunning && clock.ticks() < deadline
    upkeep.compaction.note(microseconds: clock.microseconds(from: start, to: clock.ticks()))
  }

  /// The share of the time, in percent, that compaction may take while requests wait.
  var compactionPercent: Int {
    guard upkeep.compaction.isRunning else { return 0 }
    let lower = configuration.activeDefragThresholdLower
    let upper = max(configuration.activeDefragThresholdUpper, lower + 1)
    let least = configuration.activeDefragCycleMin
    let most = max(configuration.activeDefragCycleMax, least)
    let position = min(max(idlePercent - lower, 0), upper - lower)
    return min(least + (most - least) * position / (upper - lower), Server.backgroundPercent)
  }

  /// Free bytes in slabs, in percent of those in use.
  private var idlePercent: Int {
    let free = allocator.slabBytesFree
    return Int(Double(free) * 100 / Double(max(1, allocator.slabBytes - free)))
  }
}
