// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// The log of the system (syslog), opened once per process.
public enum SystemLog {
  /// How serious a line is, by the levels of Redis.
  public enum Level: Int32, Sendable {
    /// LOG_WARNING.
    case warning = 4
    /// LOG_NOTICE.
    case notice = 5
    /// LOG_INFO.
    case verbose = 6
    /// LOG_DEBUG.
    case debug = 7
  }

  /// Names of the directive `syslog-facility` and their numbers (RFC 5424).
  private static let facilities: [(name: String, number: Int32)] = [
    ("user", 1), ("local0", 16), ("local1", 17), ("local2", 18), ("local3", 19), ("local4", 20),
    ("local5", 21), ("local6", 22), ("local7", 23),
  ]

  /// Opens the log under a name; an unknown facility means "local0".
  public static func open(identity: String, facility: String) {
    let number = facilities.first { $0.name == facility.lowercased() }?.number ?? 16
    // The system keeps the pointer, so the copy lives as long as the process.
    guard let name = unsafe strdup(identity) else { return }
    unsafe openlog(name, LOG_PID | LOG_NDELAY | LOG_NOWAIT, number << 3)
  }

  /// Writes a line.
  public static func write(_ line: String, level: Level) {
    unsafe memd_syslog(level.rawValue, line)
  }
}
