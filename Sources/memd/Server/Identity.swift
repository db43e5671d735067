// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Random names of runs and of histories.
enum Identity {
  /// 40 hexadecimal digits.
  static func make(_ random: inout RandomGenerator) -> String {
    var text = ""
    while text.utf8.count < byteCount {
      let digits = String(random.next(), radix: 16)
      text += String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
    return String(text.prefix(byteCount))
  }

  static let byteCount = 40

  /// Whether bytes are such a name.
  static func isOne(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.count == byteCount && bytes.allSatisfy(isDigit)
  }

  /// Whether a byte is a hexadecimal digit as names have them, in lower case.
  static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}
