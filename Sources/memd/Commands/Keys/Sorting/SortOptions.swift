// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What follows the key of SORT.
final class SortOptions {
  /// The argument with the pattern of the weights; nil: elements are their own weights.
  private(set) var weights: Int?
  /// The arguments with the patterns of what is returned.
  private(set) var gets: [Int] = []
  private(set) var isDescending = false
  private(set) var isAlphabetic = false
  /// False if the weights' pattern has no asterisk: elements stay in the order that they have.
  private(set) var sorts = true
  /// The argument with the key under which the result is stored.
  private(set) var destination: Int?
  private var offset = 0
  /// Negative: as many as there are.
  private var count = -1

  init(_ call: borrowing Call, mayStore: Bool) throws(CommandError) {
    var cursor = ArgumentCursor(call.arguments, from: 2)
    while let word = cursor.keyword() {
      switch word {
      case Keyword("asc"): isDescending = false
      case Keyword("desc"): isDescending = true
      case Keyword("alpha"): isAlphabetic = true
      case Keyword("limit") where cursor.remaining >= 2:
        offset = cursor.integer()
        count = cursor.integer()
      case Keyword("store") where mayStore && cursor.remaining >= 1: destination = cursor.next()
      case Keyword("by") where cursor.remaining >= 1:
        weights = cursor.next()
        if let weights { sorts = SortPattern(call.arguments[weights]).hasAsterisk }
        if sorts, !call.mayReadEverything { cursor.fail(.insufficientForBy) }
      case Keyword("get") where cursor.remaining >= 1:
        if let index = cursor.next() { gets.append(index) }
        if !call.mayReadEverything { cursor.fail(.insufficientForGet) }
      default: cursor.fail(.syntax)
      }
    }
    try cursor.finish()
    // Without an asterisk there is nothing to look up.
    if !sorts { weights = nil }
  }

  /// Which of `total` elements are returned.
  func range(of total: Int) -> Range<Int> {
    let start = min(max(offset, 0), total)
    return start..<(count < 0 ? total : min(total, start + min(count, total)))
  }
}

extension CommandError {
  fileprivate static var insufficientForBy: CommandError {
    CommandError("ERR BY option of SORT denied due to insufficient ACL permissions.")
  }
  fileprivate static var insufficientForGet: CommandError {
    CommandError("ERR GET option of SORT denied due to insufficient ACL permissions.")
  }
}
