// SPDX-License-Identifier: Apache-2.0

/// What is exempt from a rule, each with its reason. Keep it short.
enum Exceptions {
  /// Parts of the execution that own the memory of requests.
  static let commandFilesThatOwnMemory = [
    "Sources/memd/Commands/Declaration/CommandTable.swift": "owns the records of all commands",
    "Sources/memd/Commands/Execution/Batch.swift": "owns the requests of a batch",
    "Sources/memd/Commands/Execution/KeptArguments.swift": "owns the bytes of queued requests",
  ]

  /// Files that make Strings of bytes, or fold Strings: none of them does it to bytes of clients.
  static let filesThatMakeText = [
    "Sources/RESP/DoubleText+Fixed.swift": "digits that it has written itself",
    "Sources/RESP/DoubleText.swift": "digits that it has written itself",
    "Sources/RESP/LongDoubleText.swift": "digits that it has written itself",
    "Sources/RESP/Reply.swift": "for tests",
    "Sources/RESP/ReplyReader.swift": "reads lines of at most 64 KB, for tests and for MIGRATE",
    "Sources/memd/Commands/Introspection/CommandDocumentation.swift":
      "names of arguments, from declarations",
  ]

  /// Files that walk over a dictionary or set without consequences for replies or data.
  static let filesWithHarmlessIteration: [String: String] = [:]

  /// Files outside of the keyspace that reach into a database's tables.
  static let filesThatReadTables: [String: String] = [:]

  /// Commands that no test names, with the reason.
  static let untestedCommands: [String: String] = [:]
}
