// SPDX-License-Identifier: Apache-2.0

/// How serious a line of the log is; `loglevel` names the least serious that is written.
enum LogLevel: String, ConfigurationChoice, Comparable {
  case debug, verbose, notice, warning

  /// The character that stands before the text of a line.
  var mark: Character {
    switch self {
    case .debug: "."
    case .verbose: "-"
    case .notice: "*"
    case .warning: "#"
    }
  }

  private var rank: Int {
    switch self {
    case .debug: 0
    case .verbose: 1
    case .notice: 2
    case .warning: 3
    }
  }

  static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }
}
