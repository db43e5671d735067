// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The SHA-256 of a password: the form in which users have them. `requirepass` is kept in clear.
struct PasswordHash {
  private let bytes: [32 of UInt8]

  /// The hash of a password in clear.
  init(of password: RawSpan) { bytes = SHA256.digest(of: password).bytes }

  /// The hash that 64 lower case hexadecimal digits spell; nil if these are something else.
  init?(hexadecimal digits: some Collection<UInt8>) {
    guard digits.count == 64 else { return nil }
    var bytes = [32 of UInt8](repeating: 0)
    for (position, digit) in digits.enumerated() {
      guard Identity.isDigit(digit), let value = digit.hexadecimalValue else { return nil }
      bytes[position >> 1] = bytes[position >> 1] << 4 | value
    }
    self.bytes = bytes
  }

  /// Whether both are the same; takes equally long however much of them is.
  func equals(_ other: PasswordHash) -> Bool {
    var difference: UInt8 = 0
    for index in bytes.indices { difference |= bytes[index] ^ other.bytes[index] }
    return difference == 0
  }

  /// 64 hexadecimal digits.
  var text: [UInt8] {
    let digits = SHA256Digest(bytes: bytes).hex
    return digits.indices.map { digits[$0] }
  }
}
