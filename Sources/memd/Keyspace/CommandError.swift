// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Why a command refuses: the text of the error reply, without the leading `-`.
///
/// Thrown by handlers and written as a reply in one place, `Execution`. A fixed text costs no
/// allocation; a formatted one waits in `ErrorText` (`Call.failure`) while this value travels.
struct CommandError: Error, Equatable {
  let text: StaticString

  init(_ text: StaticString) { self.text = text }

  static func == (left: CommandError, right: CommandError) -> Bool {
    left.text.utf8CodeUnitCount == right.text.utf8CodeUnitCount
      && left.text.description == right.text.description
  }

  /// The text was formatted and waits in the server's `ErrorText`.
  static var formatted: CommandError { CommandError("") }

  static var syntax: CommandError { CommandError("ERR syntax error") }
  static var wrongType: CommandError {
    CommandError("WRONGTYPE Operation against a key holding the wrong kind of value")
  }
  static var failingSaves: CommandError {
    CommandError(
      """
      MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to \
      disk. Commands that may modify the data set are disabled, because this instance is \
      configured to report errors during writes if RDB snapshotting fails \
      (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB \
      error.
      """)
  }
  static var notInteger: CommandError {
    CommandError("ERR value is not an integer or out of range")
  }
  static var notFloat: CommandError { CommandError("ERR value is not a valid float") }
  static var overflow: CommandError {
    CommandError("ERR increment or decrement would overflow")
  }
  static var nanOrInfinity: CommandError {
    CommandError("ERR increment would produce NaN or Infinity")
  }
  static var noSuchKey: CommandError { CommandError("ERR no such key") }
  static var sameObject: CommandError {
    CommandError("ERR source and destination objects are the same")
  }
  static var stringTooLong: CommandError {
    CommandError("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
  }
  static var databaseOutOfRange: CommandError { CommandError("ERR DB index is out of range") }
  static var outOfMemory: CommandError {
    CommandError("OOM command not allowed when used memory > 'maxmemory'.")
  }
  static var readOnly: CommandError {
    CommandError("READONLY You can't write against a read only replica.")
  }
  static var fewReplicas: CommandError {
    CommandError("NOREPLICAS Not enough good replicas to write.")
  }
  static var noScript: CommandError {
    CommandError("NOSCRIPT No matching script. Please use EVAL.")
  }
  static var busyScript: CommandError {
    CommandError(
      """
      BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.
      """)
  }
  static var busyFunction: CommandError {
    CommandError(
      """
      BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.
      """)
  }
  static var loading: CommandError {
    CommandError("LOADING Redis is loading the dataset in memory")
  }
  static var notAuthenticated: CommandError {
    CommandError("NOAUTH Authentication required.")
  }
}
