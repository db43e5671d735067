// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Reads the options of a command one after the other and remembers the first error.
///
/// After an error every read returns a neutral value and the cursor is at its end, so a parser of
/// options has no error branches; the handler ends it with `try cursor.finish()`.
struct ArgumentCursor {
  let arguments: Arguments
  private(set) var index: Int
  private(set) var error: CommandError?

  init(_ arguments: Arguments, from index: Int) {
    self.arguments = arguments
    self.index = index
  }

  var isAtEnd: Bool { index >= arguments.count }
  var remaining: Int { max(0, arguments.count - index) }

  /// The next word as an option; nil at the end.
  mutating func keyword() -> Keyword? {
    guard index < arguments.count else { return nil }
    defer { index += 1 }
    return Keyword(folding: arguments[index])
  }

  /// The position of the next argument, which is skipped; a missing one is a syntax error.
  mutating func next() -> Int? {
    guard index < arguments.count else {
      fail(.syntax)
      return nil
    }
    defer { index += 1 }
    return index
  }

  /// The next argument as an integer; a missing one is a syntax error.
  mutating func integer(orFail wrong: CommandError = .notInteger) -> Int {
    guard let position = next() else { return 0 }
    guard let value = DecimalText.parse(arguments[position]) else {
      fail(wrong)
      return 0
    }
    return value
  }

  /// Records `error` unless an earlier one stands, and ends the reading.
  mutating func fail(_ error: CommandError) {
    if self.error == nil { self.error = error }
    index = arguments.count
  }

  /// Throws the first error that was met.
  func finish() throws(CommandError) {
    if let error { throw error }
  }
}
