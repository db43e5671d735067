// SPDX-License-Identifier: Apache-2.0

/// Why the server can't start with its configuration.
enum ConfigurationFailure: Error, Equatable {
  /// A line that is not accepted; numbers begin with 1.
  case line(number: Int, text: String, reason: String)
  /// A file that can't be read.
  case unreadable(path: String, reason: String)
  /// The log file can't be written.
  case logFile(reason: String)

  /// What is written to standard error before the process ends with code 1.
  var message: String {
    let title = "\n*** FATAL CONFIG FILE ERROR (memd \(Version.memd)) ***\n"
    switch self {
    case .line(let number, let text, let reason):
      return title + "Reading the configuration file, at line \(number)\n>>> '\(text)'\n\(reason)\n"
    case .unreadable(let path, let reason):
      return "Fatal error, can't open config file '\(path)': \(reason)\n"
    case .logFile(let reason):
      return title + "Can't open the log file: \(reason)\n"
    }
  }
}
