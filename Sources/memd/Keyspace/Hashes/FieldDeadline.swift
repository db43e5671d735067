// SPDX-License-Identifier: Apache-2.0

/// A point in time that a command gives fields of a hash, in milliseconds since 1970.
enum FieldDeadline {
  /// Later than this no field can expire: in the year 4199.
  ///
  /// Compatibility: Redis has 46 bits for it.
  static let latest = 0xFFFF_FFFF_FFFE >> 2
}
