// SPDX-License-Identifier: Apache-2.0

/// What is exempt from a rule, each with its reason. Keep it short.
enum Exceptions {
  /// Parts of the execution that own the memory of requests.
  static let commandFilesThatOwnMemory = [
    "Sources/memd/Commands/Declaration/CommandTable.swift": "owns the records of all commands",
    "Sources/memd/Commands/Execution/Batch.swift": "owns the requests of a batch",
    "Sources/memd/Commands/Execution/KeptArguments.swift": "owns the bytes of queued requests",
  ]

  /// Files that walk over a dictionary or set without consequences for replies or data.
  static let filesWithHarmlessIteration: [String: String] = [:]

  /// Commands that no test names, with the reason.
  static let untestedCommands: [String: String] = [:]
}
