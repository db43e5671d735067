// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// How late keys were removed after their deadline.
final class ExpirationLag {
  private(set) var histogram = LatencyHistogram()
  private(set) var longestMilliseconds: Int64 = 0
  private(set) var totalMilliseconds: Int64 = 0

  func record(milliseconds: Int64) {
    totalMilliseconds &+= max(0, milliseconds)
    histogram.record(nanoseconds: Int(max(0, min(milliseconds, 1000))) * 1_000_000)
    longestMilliseconds = max(longestMilliseconds, milliseconds)
  }

  func percentile(_ percent: Double) -> Int { histogram.percentile(percent) }

  func reset() {
    histogram.reset()
    longestMilliseconds = 0
    totalMilliseconds = 0
  }
}
