// SPDX-License-Identifier: Apache-2.0

/// A picture of an event's spikes: a column per spike, its height relative to the others, and below
/// it how long ago it was, read from top to bottom.
///
///      #
///      |
///     _|
///
///     20
///     ss
enum LatencyGraph {
  private static let rows = 4
  /// What the top of a column looks like, from low to high; below the top there is a line.
  private static let tops: [Character] = ["_", "o", "#"]

  static func text(of series: LatencyMonitor.Series, now: Int64) -> String {
    let values = series.samples.map(\.milliseconds)
    let highest = values.max() ?? 0
    let lowest = values.min() ?? 0
    var text =
      "\(series.event) - high \(highest) ms, low \(lowest) ms"
      + " (all time high \(series.longest) ms)\n"
    text += String(repeating: "-", count: 80) + "\n"
    let heights = values.map { height(of: $0, lowest: lowest, highest: highest) }
    for row in stride(from: rows - 1, through: 0, by: -1) {
      for height in heights { text.append(mark(height - row * tops.count)) }
      text += "\n"
    }
    let ages = series.samples.map { Array(age(now - $0.time)) }
    text += String(repeating: " ", count: values.count) + "\n"
    for line in 0..<(ages.map(\.count).max() ?? 0) {
      for age in ages { text.append(line < age.count ? age[line] : " ") }
      text += "\n"
    }
    return text
  }

  /// The height of a column: 0 up to the number of marks in all rows less one.
  private static func height(of value: Int, lowest: Int, highest: Int) -> Int {
    let steps = rows * tops.count
    let range = max(1, highest - lowest)
    return min(steps - 1, Int(Double(value - lowest) / Double(range) * Double(steps)))
  }

  private static func mark(_ height: Int) -> Character {
    if height < 0 { return " " }
    return height < tops.count ? tops[height] : "|"
  }

  /// Seconds in the largest unit that fits: 2s, 15m, 3h, 4d.
  private static func age(_ seconds: Int64) -> String {
    if seconds < 60 { return "\(max(0, seconds))s" }
    if seconds < 3600 { return "\(seconds / 60)m" }
    if seconds < 86400 { return "\(seconds / 3600)h" }
    return "\(seconds / 86400)d"
  }
}
