// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Latency spikes by the event that caused them (LATENCY HISTORY and its kin).
final class LatencyMonitor {
  /// A spike: when, in seconds, and how long, in milliseconds.
  struct Sample: Equatable {
    var time: Int64
    var milliseconds: Int
  }

  /// The newest spikes of one event.
  struct Series {
    let event: String
    /// Oldest first, at most `LatencyMonitor.sampleCountMax`, one per second.
    var samples: [Sample] = []
    var longest = 0
  }

  static let sampleCountMax = 160

  /// In order of first appearance.
  private(set) var series: [Series] = []

  /// Adds a spike; several of one second keep the longest.
  func add(_ event: String, milliseconds: Int, time: Int64) {
    let index: Int
    if let known = series.firstIndex(where: { $0.event == event }) {
      index = known
    } else {
      series.append(Series(event: event))
      index = series.count - 1
    }
    series[index].longest = max(series[index].longest, milliseconds)
    if let last = series[index].samples.last, last.time == time {
      let place = series[index].samples.count - 1
      series[index].samples[place].milliseconds = max(last.milliseconds, milliseconds)
      return
    }
    series[index].samples.append(Sample(time: time, milliseconds: milliseconds))
    if series[index].samples.count > LatencyMonitor.sampleCountMax {
      series[index].samples.removeFirst()
    }
  }

  /// The spikes of the event with this name.
  func find(_ event: RawSpan) -> Series? {
    for known in series where event.equals(known.event) { return known }
    return nil
  }

  /// Forgets one event; false if there was none of this name.
  func remove(_ event: RawSpan) -> Bool {
    for index in series.indices where event.equals(series[index].event) {
      series.remove(at: index)
      return true
    }
    return false
  }

  /// Forgets all events; returns how many there were.
  func removeAll() -> Int {
    let count = series.count
    series = []
    return count
  }
}
