// SPDX-License-Identifier: Apache-2.0

/// How a line of the log is written; `log-format` names it.
enum LogFormat: String, ConfigurationChoice {
  /// For people, as Redis does.
  case `default`
  /// One object per line.
  case json
  /// Pairs of name and value; names and values are Valkey's.
  case logfmt

  /// What a line is made of.
  struct Line {
    let processID: Int32
    /// M, S, C or X, as in `Log.role`.
    let role: Character
    let wallMicroseconds: Int64
    let level: LogLevel
    let text: String
  }

  /// A line in this format, its end included.
  func text(of line: Line) -> String {
    switch self {
    case .default:
      let time = CalendarTime(wallMicroseconds: line.wallMicroseconds, in: .local).text
      return "\(line.processID):\(line.role) \(time) \(line.level.mark) \(line.text)\n"
    case .json:
      return "{\"timestamp\":\"\(Self.timestamp(of: line))\",\"level\":\"\(line.level.word)\""
        + ",\"pid\":\(line.processID),\"role\":\"\(Self.role(of: line))\""
        + ",\"message\":\"\(QuotedText.escaped(line.text))\"}\n"
    case .logfmt:
      return "pid=\(line.processID) role=\(Self.role(of: line))"
        + " timestamp=\"\(Self.timestamp(of: line))\" level=\(line.level.word)"
        + " message=\"\(QuotedText.escaped(line.text))\"\n"
    }
  }

  private static func role(of line: Line) -> String {
    switch line.role {
    case "M": "primary"
    case "S": "replica"
    case "X": "sentinel"
    default: "RDB/AOF"
    }
  }

  /// ISO 8601, in UTC, as programs read it.
  private static func timestamp(of line: Line) -> String {
    CalendarTime(wallMicroseconds: line.wallMicroseconds, in: .universal).standardText
  }
}

extension LogLevel {
  /// The level's word in lines for programs.
  ///
  /// Compatibility: Valkey calls verbose lines "info".
  fileprivate var word: String { self == .verbose ? "info" : rawValue }
}
