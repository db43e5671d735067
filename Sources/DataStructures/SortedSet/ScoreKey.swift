// SPDX-License-Identifier: Apache-2.0

/// Scores as integers in the same order, so that they can be stored as differences.
///
/// The bits of positive doubles are ordered like integers already, those of negative ones the other
/// way round. Every double has its key; -0.0 and 0.0, which are equal as scores, have two keys side
/// by side.
enum ScoreKey {
  /// The key of a score, which is not NaN.
  @inline(__always)
  static func make(_ score: Double) -> UInt64 {
    let bits = score.bitPattern
    let negative = UInt64(bitPattern: Int64(bitPattern: bits) &>> 63)
    return bits ^ (negative | 1 &<< 63)
  }

  /// The lowest key of scores that are equal to this one.
  @inline(__always)
  static func lowest(_ score: Double) -> UInt64 { make(score == 0 ? -0.0 : score) }

  /// The highest key of scores that are equal to this one.
  @inline(__always)
  static func highest(_ score: Double) -> UInt64 { make(score == 0 ? 0.0 : score) }

  /// The score with this key, bit for bit.
  @inline(__always)
  static func score(_ key: UInt64) -> Double {
    let negative = (key &>> 63) &- 1
    return Double(bitPattern: key ^ (negative | 1 &<< 63))
  }
}
