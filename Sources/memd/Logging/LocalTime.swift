// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A moment in the local time zone, as the log prints it.
struct LocalTime {
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  private var fields = tm()
  private let milliseconds: Int

  /// Microseconds since 1970-01-01 UTC.
  init(wallMicroseconds: Int64) {
    // Rounded down, so that the milliseconds are never negative.
    let thousand = wallMicroseconds >= 0 ? wallMicroseconds : wallMicroseconds - 999
    let total = thousand / 1000
    milliseconds = Int(((total % 1000) + 1000) % 1000)
    var seconds = time_t((total - Int64(milliseconds)) / 1000)
    _ = unsafe localtime_r(&seconds, &fields)
  }

  /// "20 Nov 2026 13:20:01.123".
  var text: String {
    let month = Self.months.indices.contains(Int(fields.tm_mon)) ? Int(fields.tm_mon) : 0
    let date = "\(two(fields.tm_mday)) \(Self.months[month]) \(Int(fields.tm_year) + 1900)"
    let time = "\(two(fields.tm_hour)):\(two(fields.tm_min)):\(two(fields.tm_sec))"
    let fraction = "\(milliseconds)"
    return "\(date) \(time)." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
  }

  private func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
