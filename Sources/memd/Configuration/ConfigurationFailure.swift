// SPDX-License-Identifier: Apache-2.0

/// Why the server can't start with its configuration, and what would help.
enum ConfigurationFailure: Error, Equatable {
  /// A line that is not accepted.
  case line(place: ConfigurationPlace, text: String, reason: String, remedy: String)
  /// A file that can't be read; `place` is the line that includes it.
  case unreadable(path: String, reason: String, place: ConfigurationPlace?)
  /// The log file can't be written; `place` is the line that names it.
  case logFile(path: String, reason: String, place: ConfigurationPlace?)

  /// What is written to standard error before the process ends with code 1.
  var message: String { "\n*** FATAL CONFIG FILE ERROR (memd \(Version.memd)) ***\n" + details }

  /// Place, cause and remedy, without the title.
  var details: String {
    switch self {
    case .line(let place, let text, let reason, let remedy):
      "\(place.heading)\n>>> '\(text)'\n\(reason)\nRemedy: \(remedy)\n"
    case .unreadable(let path, let reason, nil):
      "Fatal error, can't open config file '\(path)': \(reason)\n"
        + "Remedy: correct the path; the user who starts memd must be allowed to read the file.\n"
    case .unreadable(let path, let reason, let place?):
      "\(place.heading)\nFatal error, can't open config file '\(path)': \(reason)\n"
        + "Remedy: correct the path (relative ones begin at 'dir', else where memd was started); a"
        + " pattern such as conf.d/*.conf may fit no file.\n"
    case .logFile(let path, let reason, let place):
      "\(place.map { $0.heading + "\n" } ?? "")Can't open the log file: \(path): \(reason)\n"
        + "Remedy: make its directory, for the user who runs memd to write in; or correct"
        + " 'logfile' (\"\" writes to standard output).\n"
    }
  }
}
