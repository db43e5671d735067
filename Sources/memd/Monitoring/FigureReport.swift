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
    /// Nanoseconds that 50, 99 and 99.9 percent did not exceed; empty if nobody wants to know.
    var percentiles: [Int] = []

    static let percents = [50, 99, 99.9]

    init() {}

    init(_ histogram: borrowing LatencyHistogram, withPercentiles: Bool = false) {
      steps = histogram.cumulativeSteps
      count = histogram.count
      guard withPercentiles else { return }
      for percent in Self.percents { percentiles.append(histogram.percentile(percent)) }
    }
  }

  /// A command that was remembered: a slow one, or one with a large request or reply.
  struct LoggedCommand: Sendable {
    let id: Int
    /// Seconds since 1970.
    let time: Int64
    /// Microseconds or bytes.
    let measure: Int
    let text: String
    let client: String
  }

  /// A log of COMMANDLOG.
  struct LoggedCommands: Sendable {
    let name: String
    /// Entries that it holds, and those that it has got since the start.
    let count: Int
    let total: Int
    /// The newest of them.
    let newest: [LoggedCommand]
  }

  /// A key of the session of HOTKEYS, and what it has cost.
  struct HotKey: Sendable {
    let name: [UInt8]
    let weight: Int
  }

  /// The session of HOTKEYS.
  struct HotKeys: Sendable {
    let isActive: Bool
    let milliseconds: Int64
    /// By nanoseconds and by bytes of requests and replies, hottest first; nil if not measured.
    let times: [HotKey]?
    let bytes: [HotKey]?
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
  /// Whether distributions of commands have percentiles.
  let hasPercentiles: Bool
  /// The sections of INFO, those about single commands left out.
  var info = ""
  var commands: [Command] = []
  var turns = Durations()
  var turnMicroseconds = 0.0
  var expiryLag = Durations()
  var expiryLagMilliseconds: Int64 = 0
  /// Slow commands, large requests and large replies.
  var logs: [LoggedCommands] = []
  var hotKeys: HotKeys?
  var census: CensusReport?
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
