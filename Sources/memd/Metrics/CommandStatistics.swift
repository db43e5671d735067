// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What is counted per command: calls, time, refusals and the distribution of durations.
struct CommandStatistics {
  var calls = 0
  /// Time in the handler, in ticks of the clock.
  var ticks: UInt64 = 0
  /// Requests that never reached the handler: arity, access control, out of memory.
  var rejectedCalls = 0
  /// Calls that ended with an error.
  var failedCalls = 0
}

/// The statistics of every command, indexed by its number.
@safe
final class CommandStatisticsTable {
  private let records: UnsafeMutablePointer<CommandStatistics>
  private let histograms: UnsafeMutablePointer<LatencyHistogram?>
  let count: Int
  /// Whether durations are also entered into histograms (`latency-tracking`).
  var tracksLatency = true

  init(count: Int) {
    self.count = count
    unsafe records = .allocate(capacity: max(1, count))
    unsafe records.initialize(repeating: CommandStatistics(), count: count)
    unsafe histograms = .allocate(capacity: max(1, count))
    unsafe histograms.initialize(repeating: nil, count: count)
  }

  deinit {
    unsafe records.deallocate()
    unsafe histograms.deinitialize(count: count)
    unsafe histograms.deallocate()
  }

  /// The counters of a command.
  subscript(id: CommandID) -> CommandStatistics {
    _read {
      precondition(id >= 0 && id < count)
      yield unsafe records[id]
    }
    _modify {
      precondition(id >= 0 && id < count)
      yield unsafe &records[id]
    }
  }
}
