// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A range of scores, as clients write it: `1`, `(1`, `-inf`, `+inf`.
struct ScoreRange {
  private let minimum: Double
  private let maximum: Double
  private let excludesMinimum: Bool
  private let excludesMaximum: Bool

  /// Reads the bounds from two arguments.
  init(_ arguments: Arguments, minimum: Int, maximum: Int) throws(CommandError) {
    (self.minimum, excludesMinimum) = try ScoreRange.bound(arguments[minimum])
    (self.maximum, excludesMaximum) = try ScoreRange.bound(arguments[maximum])
  }

  /// All scores from one up to another, both included.
  init(_ minimum: Double, _ maximum: Double) {
    self.minimum = minimum
    self.maximum = maximum
    excludesMinimum = false
    excludesMaximum = false
  }

  /// A range that its end doesn't belong to.
  init(_ minimum: Double, upTo maximum: Double) {
    self.minimum = minimum
    self.maximum = maximum
    excludesMinimum = false
    excludesMaximum = true
  }

  private static func bound(
    _ text: RawSpan
  ) throws(CommandError) -> (value: Double, isExcluded: Bool) {
    let isExcluded = text.byteCount > 0 && text.byte(0) == UInt8(ascii: "(")
    let number = isExcluded ? text.extracting(droppingFirst: 1) : text
    guard let value = DoubleText.parseBound(number) else {
      throw CommandError("ERR min or max is not a float")
    }
    return (value, isExcluded)
  }

  /// The ranks of the members with such scores; empty if there are none.
  func ranks(in value: SortedSetValue) -> Range<Int> {
    let first = value.countBelow(minimum, inclusive: excludesMinimum)
    let end = value.countBelow(maximum, inclusive: !excludesMaximum)
    return first..<max(first, end)
  }
}
