// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DataStructures

struct LatencyHistogramTests {
  @Test
  func `Counters follow each other without gap or overlap up to a second`() {
    var next = 0
    for index in 0..<LatencyHistogram.counterCount {
      let highest = LatencyHistogram.highest(at: index)
      #expect(LatencyHistogram.index(of: next) == index)
      #expect(LatencyHistogram.index(of: highest) == index)
      // Two significant digits: a counter is at most one percent wide.
      #expect(highest - next <= next / 100)
      next = highest + 1
    }
    #expect(next == 1 << 30)
    #expect(next > LatencyHistogram.longest)
  }

  @Test
  func `An empty histogram has no steps and percentile 0`() {
    let histogram = LatencyHistogram()
    #expect(histogram.count == 0)
    #expect(histogram.cumulativeSteps.isEmpty)
    #expect(histogram.percentile(50) == 0)
  }

  @Test
  func `Steps are the reference server's and only those with new calls`() {
    var histogram = LatencyHistogram()
    for value in [1, 1031, 1032, 2055, 33_023, 33_024, 40_000, 5_000_000] {
      histogram.record(nanoseconds: value)
    }
    let steps = histogram.cumulativeSteps
    #expect(steps.map(\.microseconds) == [1, 2, 33, 66, 8454])
    #expect(steps.map(\.count) == [2, 4, 5, 7, 8])
    #expect(histogram.count == 8)
  }

  @Test
  func `Durations outside the range are clamped`() {
    var histogram = LatencyHistogram()
    for value in [Int.min, -1, 0] { histogram.record(nanoseconds: value) }
    #expect(histogram.percentile(100) == 1)
    for value in [1_000_000_000, 1_000_000_001, Int.max] { histogram.record(nanoseconds: value) }
    #expect(histogram.cumulativeSteps.map(\.count) == [3, 6])
    #expect(histogram.cumulativeSteps.map(\.microseconds) == [1, 1_073_741])
    #expect(histogram.percentile(100) == 1_002_438_655)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `Percentiles are within one percent of the sorted durations`(seed: UInt64) {
    var state = seed
    var histogram = LatencyHistogram()
    var durations: [Int] = []
    for _ in 0..<5000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let duration = 1 + Int(state >> 40) % (1 << Int(state >> 59) % 30 + 1)
      durations.append(min(duration, LatencyHistogram.longest))
      histogram.record(nanoseconds: duration)
    }
    durations.sort()
    for percent in [0, 1, 50, 90, 99, 99.9, 100] {
      let rank = max(1, Int(percent / 100 * 5000 + 0.5))
      let exact = durations[rank - 1]
      let value = histogram.percentile(percent)
      #expect(value >= exact && value <= exact + exact / 100, "seed \(seed), p\(percent)")
    }
  }

  @Test
  func `A percentage that is no number or out of range does not trap`() {
    var histogram = LatencyHistogram()
    histogram.record(nanoseconds: 100)
    for percent in [-1, 101, Double.infinity, -Double.infinity, Double.nan] {
      #expect(histogram.percentile(percent) == 100)
    }
  }

  @Test
  func `After a reset it starts anew`() {
    var histogram = LatencyHistogram()
    histogram.record(nanoseconds: 5000)
    histogram.reset()
    #expect(histogram.count == 0 && histogram.cumulativeSteps.isEmpty)
    histogram.record(nanoseconds: 7)
    #expect(histogram.percentile(50) == 7)
  }
}
