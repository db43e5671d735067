// SPDX-License-Identifier: Apache-2.0

/// How fast a counter has grown lately: the mean of the rates of the last sixteen samples.
struct RateSampler {
  static let sampleCount = 16

  private var rates = [Double](repeating: 0, count: sampleCount)
  private var next = 0
  private var lastValue = 0.0
  private var lastBase = 0.0

  /// Notes the counter's value.
  ///
  /// - Parameter base: what the rate refers to: seconds, or another counter.
  mutating func note(_ value: Double, per base: Double) {
    // A counter that was set back starts anew.
    let grown = max(0, value - lastValue)
    let elapsed = base - lastBase
    rates[next] = elapsed > 0 ? grown / elapsed : 0
    next = (next + 1) % RateSampler.sampleCount
    lastValue = value
    lastBase = base
  }

  /// Growth per unit of the base.
  var rate: Double { rates.reduce(0, +) / Double(RateSampler.sampleCount) }
}

/// The rates that INFO calls instantaneous; cron notes samples, ten times a second at most.
final class Rates {
  private(set) var commands = RateSampler()
  private(set) var inputBytes = RateSampler()
  private(set) var outputBytes = RateSampler()
  private(set) var replicationInputBytes = RateSampler()
  private(set) var replicationOutputBytes = RateSampler()
  private(set) var turns = RateSampler()
  /// Microseconds per turn.
  private(set) var turnDuration = RateSampler()
  private var nextSample: Int64 = 0

  /// Notes all counters if a tenth of a second has passed since the last time.
  ///
  /// - Parameter now: monotonic nanoseconds.
  func sample(_ statistics: Statistics, monotonic now: Int64) {
    guard now >= nextSample else { return }
    nextSample = now + 100_000_000
    let seconds = Double(now) / 1e9
    commands.note(Double(statistics.commandsProcessed), per: seconds)
    inputBytes.note(Double(statistics.networkInputBytes), per: seconds)
    outputBytes.note(Double(statistics.networkOutputBytes), per: seconds)
    replicationInputBytes.note(Double(statistics.replicationInputBytes), per: seconds)
    replicationOutputBytes.note(Double(statistics.replicationOutputBytes), per: seconds)
    turns.note(Double(statistics.turns), per: seconds)
    turnDuration.note(statistics.turnMicroseconds, per: Double(statistics.turns))
  }
}
