// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Names that clients give themselves and their libraries: one word of printable ASCII, so that it
/// can stand in a line of CLIENT LIST.
enum ClientName {
  static var error: CommandError {
    CommandError("ERR Client names cannot contain spaces, newlines or special characters.")
  }

  /// True if the bytes may be a name; none at all may, too.
  static func isValid(_ bytes: RawSpan) -> Bool {
    bytes.copied.allSatisfy { $0 >= UInt8(ascii: "!") && $0 <= UInt8(ascii: "~") }
  }
}
