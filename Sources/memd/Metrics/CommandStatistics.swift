// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What is counted per command: calls, time, refusals and the distribution of durations.
struct CommandStatistics: ~Copyable {
  var calls = 0
  /// Time from the end of the command before to the end of this one, in ticks of the clock.
  var ticks: UInt64 = 0
  /// Requests that never reached the handler: arity, access control, out of memory.
  var rejectedCalls = 0
  /// Calls that ended with an error.
  var failedCalls = 0
  var histogram = LatencyHistogram()
}

/// The statistics of every command, indexed by its number.
@safe
final class CommandStatisticsTable {
  private let records: UnsafeMutablePointer<CommandStatistics>
  let count: Int
  /// Whether durations are also entered into histograms (`latency-tracking`).
  var tracksLatency = true
  /// Nanoseconds per tick in units of 2^-20.
  private var nanosecondsPerTick: UInt64
  let ticksPerMicrosecond: Double

  init(count: Int, ticksPerMicrosecond: Double) {
    self.count = count
    self.ticksPerMicrosecond = ticksPerMicrosecond
    nanosecondsPerTick = UInt64(1000.0 / max(ticksPerMicrosecond, 0.001) * 1_048_576)
    unsafe records = .allocate(capacity: max(1, count))
    for id in 0..<count { unsafe (records + id).initialize(to: CommandStatistics()) }
  }

  deinit {
    unsafe records.deinitialize(count: count)
    unsafe records.deallocate()
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

  /// Counts a call that took so many ticks.
  @inline(__always)
  func record(_ id: CommandID, ticks: UInt64) {
    precondition(id < count)
    let record = unsafe records + id
    unsafe record.pointee.calls &+= 1
    unsafe record.pointee.ticks &+= ticks
    if tracksLatency {
      let nanoseconds = Int(truncatingIfNeeded: (ticks &* nanosecondsPerTick) >> 20)
      unsafe record.pointee.histogram.record(nanoseconds: nanoseconds)
    }
  }

  /// Forgets everything (CONFIG RESETSTAT).
  func reset() {
    for id in 0..<count { unsafe records[id] = CommandStatistics() }
  }

  /// Time spent in all commands, in microseconds.
  var totalMicroseconds: Double { (0..<count).reduce(0) { $0 + microseconds(of: $1) } }

  /// Time spent in a command, in microseconds.
  func microseconds(of id: CommandID) -> Double {
    Double(self[id].ticks) / max(ticksPerMicrosecond, 0.001)
  }
}
