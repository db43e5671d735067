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

/// A range of the alphabet, as clients write it: `[a`, `(a`, `-`, `+`.
struct AlphabetRange {
  private enum Bound {
    /// `-`: before everything.
    case start
    /// `+`: behind everything.
    case end
    /// What follows the first byte of the argument at this index.
    case member(Int, isExcluded: Bool)
  }

  private let arguments: Arguments
  private let minimum: Bound
  private let maximum: Bound

  /// Reads the bounds from two arguments.
  init(_ arguments: Arguments, minimum: Int, maximum: Int) throws(CommandError) {
    self.arguments = arguments
    self.minimum = try AlphabetRange.bound(arguments, at: minimum)
    self.maximum = try AlphabetRange.bound(arguments, at: maximum)
  }

  private static func bound(
    _ arguments: Arguments, at index: Int
  ) throws(CommandError) -> Bound {
    let text = arguments[index]
    let isAlone = text.byteCount == 1 || text.byteCount > 1 && text.byte(1) == 0
    switch text.byteCount == 0 ? 0 : text.byte(0) {
    case UInt8(ascii: "-") where isAlone: return .start
    case UInt8(ascii: "+") where isAlone: return .end
    case UInt8(ascii: "["): return .member(index, isExcluded: false)
    case UInt8(ascii: "("): return .member(index, isExcluded: true)
    default: throw CommandError("ERR min or max not valid string range item")
    }
  }

  /// The ranks of the members within the range, if all scores are equal.
  func ranks(in value: SortedSetValue) -> Range<Int> {
    let first = count(before: minimum, includesExcluded: true, in: value)
    let end = count(before: maximum, includesExcluded: false, in: value)
    return first..<max(first, end)
  }

  /// Number of members before a bound; one that is the bound counts if `isExcluded` is as said.
  private func count(
    before bound: Bound, includesExcluded: Bool, in value: SortedSetValue
  ) -> Int {
    switch bound {
    case .start: 0
    case .end: value.count
    case .member(let index, let isExcluded):
      value.countBelow(
        arguments[index].extracting(droppingFirst: 1), inclusive: isExcluded == includesExcluded)
    }
  }
}
