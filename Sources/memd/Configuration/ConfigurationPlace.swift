// SPDX-License-Identifier: Apache-2.0

/// Where a directive stands.
enum ConfigurationPlace: Equatable, Sendable {
  /// A file, as it was named, and the number of the line, from 1.
  case file(path: String, line: Int)
  case standardInput(line: Int)
  case commandLine

  /// "/etc/memd/memd.conf:12", as editors understand it.
  var text: String {
    switch self {
    case .file(let path, let line): "\(path):\(line)"
    case .standardInput(let line): "standard input:\(line)"
    case .commandLine: "command line"
    }
  }

  /// The beginning of a message about what stands there.
  ///
  /// Compatibility: it begins with Redis's words for a file; tools look for "at line 12".
  var heading: String {
    switch self {
    case .file(let path, let line): "Reading the configuration file, at line \(line) of \(path)"
    case .standardInput(let line):
      "Reading the configuration file, at line \(line) of standard input"
    case .commandLine: "Reading the options of the command line"
    }
  }
}
