// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

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

  /// The ranks of the members within the range.
  ///
  /// That is meaningful only if all scores are equal. If they are not, a packed set still gives
  /// what redis-server gives, which goes on from one end for as long as members are within the
  /// range.
  func ranks(in value: SortedSetValue, isReversed: Bool = false) -> Range<Int> {
    guard value.isLarge else { return packedRanks(value, isReversed: isReversed) }
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

  // MARK: - Packed sets

  private func packedRanks(_ value: SortedSetValue, isReversed: Bool) -> Range<Int> {
    let count = value.count
    guard !isEmpty, count > 0, isWithinMinimum(value, count - 1), isWithinMaximum(value, 0) else {
      return 0..<0
    }
    var walk = SortedSetWalk(
      value, from: isReversed ? count - 1 : 0, count: count, isReversed: isReversed)
    var skipped = 0
    var taken = 0
    while let member = walk.next() {
      var scratch = DecimalScratch()
      let text = member.text(&scratch)
      let isBegun = isReversed ? isWithinMaximum(text) : isWithinMinimum(text)
      if taken == 0, !isBegun {
        skipped += 1
        continue
      }
      guard isReversed ? isWithinMinimum(text) : isWithinMaximum(text) else { break }
      taken += 1
    }
    return isReversed ? count - skipped - taken..<count - skipped : skipped..<skipped + taken
  }

  /// True if nothing at all lies within the range.
  private var isEmpty: Bool {
    switch (minimum, maximum) {
    case (.end, _), (_, .start): return true
    case (.start, _), (_, .end): return false
    case (.member(let first, let excludesFirst), .member(let last, let excludesLast)):
      let order = arguments[first].extracting(droppingFirst: 1)
        .compare(arguments[last].extracting(droppingFirst: 1))
      return order > 0 || order == 0 && (excludesFirst || excludesLast)
    }
  }

  private func isWithinMinimum(_ value: SortedSetValue, _ rank: Int) -> Bool {
    var walk = SortedSetWalk(value, from: rank, count: 1)
    var scratch = DecimalScratch()
    guard let member = walk.next() else { return false }
    return isWithinMinimum(member.text(&scratch))
  }

  private func isWithinMaximum(_ value: SortedSetValue, _ rank: Int) -> Bool {
    var walk = SortedSetWalk(value, from: rank, count: 1)
    var scratch = DecimalScratch()
    guard let member = walk.next() else { return false }
    return isWithinMaximum(member.text(&scratch))
  }

  private func isWithinMinimum(_ member: RawSpan) -> Bool {
    switch minimum {
    case .start: return true
    case .end: return false
    case .member(let index, let isExcluded):
      let order = member.compare(arguments[index].extracting(droppingFirst: 1))
      return isExcluded ? order > 0 : order >= 0
    }
  }

  private func isWithinMaximum(_ member: RawSpan) -> Bool {
    switch maximum {
    case .start: return false
    case .end: return true
    case .member(let index, let isExcluded):
      let order = member.compare(arguments[index].extracting(droppingFirst: 1))
      return isExcluded ? order < 0 : order <= 0
    }
  }
}
