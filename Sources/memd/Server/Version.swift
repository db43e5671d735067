// SPDX-License-Identifier: Apache-2.0

/// What this program is, and what it claims to be to clients that ask for a version of Redis.
enum Version {
  static let memd = "0.1.0"
  /// Clients choose what they use by it: client-side caching, for one, needs 7.4.
  static let redis = redisText.description
  static let redisText: StaticString = "7.4.0"
  /// The same for scripts: two digits for each part, in hexadecimal.
  static let redisNumber: Double = 0x07_04_00
}
