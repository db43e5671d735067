// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Why an option doesn't take a value, in words that follow "failed - " or stand on their own.
struct OptionError: Error, Equatable {
  let message: ByteText

  init(_ message: ByteText) { self.message = message }

  static let wrongArgumentCount = OptionError("wrong number of arguments")
}
