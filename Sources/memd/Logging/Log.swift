// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc

/// The log of the server; as a rule in the line format of Redis:
///
///     4711:M 20 Nov 2026 13:20:01.123 * Ready to accept connections
///     |    | |                        | text
///     |    | local time               . debug  - verbose  * notice  # warning
///     |    M primary, S follower, C before the server runs, X sentinel
///     process
///
/// Every line is one write, so that lines of several processes in one file don't mix. A file is
/// opened, written and closed per line, so that it may be moved away at any time (logrotate).
final class Log {
  /// Where lines go besides the system's log.
  enum Destination {
    case nowhere
    case standardOutput
    /// A file of the disk, made if it is missing.
    case file(String, Disk)
  }

  /// Lines less serious than this are not written.
  var level = LogLevel.notice
  var format = LogFormat.default
  var destination: Destination
  /// Whether lines go to the system's log, too.
  var writesToSystemLog = false
  /// What this process is: M, S, C or X.
  var role: Character
  /// The process in front of the lines; another one after a fork.
  var processID: Int32
  private let clock: Clock?

  /// A log without clock and destination swallows everything.
  init(
    clock: Clock? = nil, destination: Destination = .nowhere, processID: Int32 = 0,
    role: Character = "M"
  ) {
    self.clock = clock
    self.destination = destination
    self.processID = processID
    self.role = role
  }

  func debug(_ text: @autoclosure () -> String) {
    if level <= .debug { write(text(), .debug) }
  }

  func verbose(_ text: @autoclosure () -> String) {
    if level <= .verbose { write(text(), .verbose) }
  }

  func notice(_ text: @autoclosure () -> String) {
    if level <= .notice { write(text(), .notice) }
  }

  /// Warnings are always written.
  func warning(_ text: @autoclosure () -> String) { write(text(), .warning) }

  /// Writes a line whatever the level is.
  func write(_ text: String, _ level: LogLevel) {
    emit(
      format.text(
        of: LogFormat.Line(
          processID: processID, role: role, wallMicroseconds: clock?.wallMicroseconds() ?? 0,
          level: level, text: text)))
    if writesToSystemLog { SystemLog.write(text, level: level.systemLevel) }
  }

  private func emit(_ line: String) {
    switch destination {
    case .nowhere: break
    case .standardOutput: StandardStream.output.write(line)
    case .file(let path, let disk):
      // A full disk must not stop the server, and there is nobody left to tell.
      try? disk.append(to: path, Array(line.utf8))
    }
  }
}

extension LogLevel {
  /// The corresponding level of the system's log.
  fileprivate var systemLevel: SystemLog.Level {
    switch self {
    case .debug: .debug
    case .verbose: .verbose
    case .notice: .notice
    case .warning: .warning
    }
  }
}
