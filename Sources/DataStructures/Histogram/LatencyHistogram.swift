// SPDX-License-Identifier: Apache-2.0
//
// How long calls of one command took: 3072 counters whose width grows with the value, so that
// every duration from 1 ns to 1 s is known to better than one percent (two significant digits).
// Bounds, clamping, percentiles and cumulative steps are those of the reference server's
// histograms, so LATENCY HISTOGRAM and INFO latencystats print comparable numbers.
//
//     value          0 ..< 256 ns   256 ..< 512   512 ..< 1024   ...   2^29 ..< 2^30
//     counter        one per ns     per 2 ns      per 4 ns       ...   per 2^22 ns
//     index          0 ..< 256      256 ..< 384   384 ..< 512    ...   2944 ..< 3072
//
// The counters (24 KiB) exist from the first `record` on: a command never called costs 24 bytes.

/// Durations of calls in logarithmic counters with two significant digits, from 1 ns to 1 s.
@safe
public struct LatencyHistogram: ~Copyable {
  /// A point of the cumulative distribution.
  public struct Step: Equatable, Sendable {
    /// The longest duration that counts, in microseconds, rounded down.
    public let microseconds: Int
    /// Calls that took no longer than that.
    public let count: Int
  }

  /// How many calls were recorded.
  @inlinable public var count: Int { total }

  @usableFromInline var total = 0
  @usableFromInline var counters: UnsafeMutablePointer<Int>?

  /// An empty histogram; allocates nothing.
  @inlinable
  public init() {
    unsafe counters = nil
  }

  deinit { unsafe counters?.deallocate() }

  /// The longest duration that is told apart from longer ones, in nanoseconds.
  @inlinable public static var longest: Int { 1_000_000_000 }

  @usableFromInline static var counterCount: Int { 3072 }

  /// Counts a call that took `nanoseconds`, taken as 1 ns if less and as 1 s if more.
  @inlinable
  public mutating func record(nanoseconds: Int) {
    let value = max(1, min(nanoseconds, LatencyHistogram.longest))
    if unsafe counters == nil { allocate() }
    // Within bounds: the longest value's index is 3054.
    unsafe counters.unsafelyUnwrapped[LatencyHistogram.index(of: value)] &+= 1
    total &+= 1
  }

  /// Forgets all calls and frees the counters.
  public mutating func reset() {
    unsafe counters?.deallocate()
    unsafe counters = nil
    total = 0
  }

  /// The duration in nanoseconds that `percent` percent of the calls did not exceed; 0 if empty.
  ///
  /// - Complexity: O(number of counters): a few microseconds.
  public func percentile(_ percent: Double) -> Int {
    guard total > 0, let counters = unsafe counters else { return 0 }
    let share = max(0, min(percent, 100)) / 100
    let rank = max(1, min(Int(share * Double(total) + 0.5), total))
    var seen = 0
    for index in 0..<LatencyHistogram.counterCount {
      seen &+= unsafe counters[index]
      if seen >= rank { return LatencyHistogram.highest(at: index) }
    }
    return LatencyHistogram.longest
  }

  /// Cumulative counts at the powers of two from 1024 ns on; a step without new calls is left out.
  ///
  /// Compatibility: a step counts what shares the counter of its power of two, and its bound is
  /// that counter's: the steps are 1, 2, 4, 8, 16, 33, 66, ... microseconds.
  public var cumulativeSteps: [Step] {
    var steps: [Step] = []
    guard total > 0, let counters = unsafe counters else { return steps }
    var seen = 0
    var next = 0
    var bound = 1024
    while seen < total {
      let last = min(LatencyHistogram.index(of: bound), LatencyHistogram.counterCount - 1)
      let before = seen
      while next <= last {
        seen &+= unsafe counters[next]
        next &+= 1
      }
      if seen > before {
        let microseconds = LatencyHistogram.highest(at: last) / 1000
        steps.append(Step(microseconds: microseconds, count: seen))
      }
      bound &*= 2
    }
    return steps
  }

  /// The bounds of all steps that `cumulativeSteps` can have, in microseconds, ascending.
  public static let stepBounds: [Int] = {
    var bounds: [Int] = []
    var bound = 1024
    while bound < 2 * longest {
      bounds.append(highest(at: min(index(of: bound), counterCount - 1)) / 1000)
      bound *= 2
    }
    return bounds
  }()

  /// The counter of a value of at least 0: seven bits behind the highest one choose it.
  @inlinable @inline(__always)
  static func index(of value: Int) -> Int {
    let shift = max(0, 56 &- value.leadingZeroBitCount)
    return shift &<< 7 &+ value &>> shift
  }

  /// The longest duration that a counter counts, in nanoseconds.
  static func highest(at index: Int) -> Int {
    let shift = max(0, index >> 7 - 1)
    return (index - shift << 7 + 1) << shift - 1
  }

  @usableFromInline @inline(never)
  mutating func allocate() {
    let count = LatencyHistogram.counterCount
    let fresh = UnsafeMutablePointer<Int>.allocate(capacity: count)
    unsafe fresh.initialize(repeating: 0, count: count)
    unsafe counters = fresh
  }
}
