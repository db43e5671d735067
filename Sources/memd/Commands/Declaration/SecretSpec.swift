// SPDX-License-Identifier: Apache-2.0

/// Which arguments of a command are secrets: SLOWLOG and MONITOR show `(redacted)` in their place.
enum SecretSpec: Sendable {
  /// Every argument from this index on.
  case arguments(from: Int)
  /// So many values behind a word, wherever it stands.
  case values(behind: StaticString, count: Int)
  /// Of pairs of option and value, from this index on, the values of options that are secrets.
  case settings(from: Int)
  /// A whole request begins here: of it is hidden what would be if it came by itself.
  case request(from: Int)
}
