// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A moment as a calendar and a clock on the wall show it, for the log.
struct CalendarTime {
  /// Whose clock it is.
  enum Zone {
    case local, universal
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  private let year: Int
  private let month: Int
  private let day: Int
  private let hour: Int
  private let minute: Int
  private let second: Int
  private let millisecond: Int

  /// - Parameter wallMicroseconds: since 1970-01-01 UTC.
  init(wallMicroseconds: Int64, in zone: Zone) {
    // Rounded down, so that the milliseconds are never negative.
    let total = wallMicroseconds.dividedRoundingDown(by: 1000)
    var seconds = time_t(total.dividedRoundingDown(by: 1000))
    millisecond = Int(total - Int64(seconds) * 1000)
    var fields = unsafe tm()
    switch zone {
    case .local: _ = unsafe localtime_r(&seconds, &fields)
    case .universal: _ = unsafe gmtime_r(&seconds, &fields)
    }
    unsafe year = Int(fields.tm_year) + 1900
    unsafe month = Int(fields.tm_mon)
    unsafe day = Int(fields.tm_mday)
    unsafe hour = Int(fields.tm_hour)
    unsafe minute = Int(fields.tm_min)
    unsafe second = Int(fields.tm_sec)
  }

  /// "20 Nov 2026 13:20:01.123".
  var text: String {
    let name = Self.months.indices.contains(month) ? Self.months[month] : "???"
    return "\(padded(day, 2)) \(name) \(year) "
      + "\(padded(hour, 2)):\(padded(minute, 2)):\(padded(second, 2)).\(padded(millisecond, 3))"
  }

  /// "2026-11-20T13:20:01.123Z", as ISO 8601 has it for universal time.
  var standardText: String {
    "\(padded(year, 4))-\(padded(month + 1, 2))-\(padded(day, 2))"
      + "T\(padded(hour, 2)):\(padded(minute, 2)):\(padded(second, 2)).\(padded(millisecond, 3))Z"
  }

  private func padded(_ number: Int, _ digits: Int) -> String {
    let text = "\(number)"
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}

extension Int64 {
  fileprivate func dividedRoundingDown(by divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
