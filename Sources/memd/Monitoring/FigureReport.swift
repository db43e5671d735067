// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Everything that monitors are told, as of one moment; the loop makes it, other threads read it.
struct FigureReport: Sendable {
  /// Calls of one command.
  struct Command: Sendable {
    let name: String
    let calls: Int
    let microseconds: Double
    let rejectedCalls: Int
    let failedCalls: Int
    let durations: Durations
  }

  /// A distribution of durations.
  struct Durations: Sendable {
    /// See `LatencyHistogram.cumulativeSteps`; those without new counts are left out.
    var steps: [LatencyHistogram.Step] = []
    var count = 0
    /// Nanoseconds that 50, 99 and 99.9 percent did not exceed.
    var percentiles = [0, 0, 0]

    static let percents = [50, 99, 99.9]

    init() {}

    init(_ histogram: borrowing LatencyHistogram) {
      steps = histogram.cumulativeSteps
      count = histogram.count
      for index in Self.percents.indices {
        percentiles[index] = histogram.percentile(Self.percents[index])
      }
    }
  }

  /// A slow command.
  struct SlowCommand: Sendable {
    let id: Int
    /// Seconds since 1970.
    let time: Int64
    let microseconds: Int
    let text: String
    let client: String
  }

  /// A kind of latency spikes.
  struct Spike: Sendable {
    let event: String
    /// Of the last one: when, in seconds since 1970, and how long, in milliseconds.
    let time: Int64
    let milliseconds: Int
    /// Milliseconds of the longest one.
    let longest: Int
  }

  /// Monotonic nanoseconds and milliseconds since 1970 at which the report was begun.
  let startedAt: Int64
  let wallMilliseconds: Int64
  /// Milliseconds since 1970 at which the server started.
  let serverStartedAt: Int64
  /// The sections of INFO, those about single commands left out.
  var info = ""
  var commands: [Command] = []
  var turns = Durations()
  var turnMicroseconds = 0.0
  var expiryLag = Durations()
  var expiryLagMilliseconds: Int64 = 0
  var slowCommands: [SlowCommand] = []
  var slowCommandCount = 0
  var spikes: [Spike] = []

  /// Fields of INFO with their sections, in their order.
  var fields: [(section: Substring, name: Substring, text: Substring)] {
    var section: Substring = ""
    var fields: [(section: Substring, name: Substring, text: Substring)] = []
    for line in info.split(separator: "\r\n") {
      if line.hasPrefix("# ") {
        section = line.dropFirst(2)
      } else if let colon = line.firstIndex(of: ":") {
        fields.append((section, line[..<colon], line[line.index(after: colon)...]))
      }
    }
    return fields
  }
}
