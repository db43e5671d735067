// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// How long the turns of the loop took.
final class TurnDurations {
  private(set) var histogram = LatencyHistogram()
  private(set) var longestMicroseconds = 0.0

  func record(microseconds: Double) {
    histogram.record(nanoseconds: Int(min(microseconds, 1_000_000) * 1000))
    if microseconds > longestMicroseconds { longestMicroseconds = microseconds }
  }

  func percentile(_ percent: Double) -> Int { histogram.percentile(percent) }

  func reset() {
    histogram.reset()
    longestMicroseconds = 0
  }
}
