// SPDX-License-Identifier: Apache-2.0

/// What this program is, and what it claims to be to clients that ask for a version of Redis.
enum Version {
  static let memd = "0.1.0"
  /// Clients choose what they use by it: client-side caching, for one, needs 7.4.
  static let redis = "7.4.0"
}
