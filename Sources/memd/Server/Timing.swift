// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// When what has begun: the cycle counter for short durations, the monotonic clock for long ones.
struct Timing {
  /// Wall time, in milliseconds, at which the server has started.
  let startedAt: Int64
  let ticksPerMillisecond: UInt64

  /// Reading of the cycle counter when the last command ended.
  var stopwatch: UInt64 = 0
  /// Reading at which `moment` is more than a millisecond old.
  var momentExpiresAt: UInt64 = 0
  /// Reading at the end of the last slice of background work.
  var backgroundEndedAt: UInt64 = 0
  /// Commands that take longer are looked at by slow log and latency monitor.
  var slowTicks = UInt64.max
  /// Monotonic nanoseconds at the start of the turn, and how long the last turn took.
  var turnStartedAt: Int64 = 0
  var turnNanoseconds: Int64 = 0

  init(_ clock: Clock, startedAt: Int64) {
    self.startedAt = startedAt
    ticksPerMillisecond = clock.ticks(microseconds: 1000)
  }
}
