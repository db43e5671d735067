// SPDX-License-Identifier: Apache-2.0

/// A user as a `user` line of redis.conf declares it.
struct DeclaredUser {
  let name: [UInt8]
  let rules: [[UInt8]]
  /// Where the line stands.
  var place: ConfigurationPlace?
}
