// SPDX-License-Identifier: Apache-2.0

/// Why an option doesn't take a value, in words that follow "failed - " or stand on their own.
struct OptionError: Error, Equatable {
  let message: String

  init(_ message: String) { self.message = message }

  static let wrongArgumentCount = OptionError("wrong number of arguments")
}
