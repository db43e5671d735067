// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The options of ZADD, which stand between key and scores.
struct AddOptions {
  private(set) var conditions: AddConditions = []
  /// CH: members with another score than before count, too.
  private(set) var countsUpdates = false
  /// The argument where scores and members begin.
  private(set) var end = 2

  /// Reads the options and checks that pairs follow.
  @inline(__always)
  init(_ call: borrowing Call) throws(CommandError) {
    loop: while end < call.arguments.count {
      switch call.keyword(end) {
      case Keyword("nx"): conditions.insert(.onlyAbsent)
      case Keyword("xx"): conditions.insert(.onlyPresent)
      case Keyword("gt"): conditions.insert(.onlyGreater)
      case Keyword("lt"): conditions.insert(.onlyLess)
      case Keyword("incr"): conditions.insert(.increment)
      case Keyword("ch"): countsUpdates = true
      default: break loop
      }
      end &+= 1
    }
    let words = call.arguments.count &- end
    guard words > 0, words & 1 == 0 else { throw .syntax }
    if !conditions.isEmpty { try check(pairs: words / 2) }
  }

  /// Throws if options don't go together.
  private func check(pairs: Int) throws(CommandError) {
    if conditions.isSuperset(of: [.onlyAbsent, .onlyPresent]) {
      throw CommandError("ERR XX and NX options at the same time are not compatible")
    }
    let comparisons = conditions.intersection([.onlyGreater, .onlyLess, .onlyAbsent])
    if comparisons.rawValue.nonzeroBitCount > 1 {
      throw CommandError(
        "ERR GT, LT, and/or NX options at the same time are not compatible")
    }
    if conditions.contains(.increment), pairs > 1 {
      throw CommandError("ERR INCR option supports a single increment-element pair")
    }
  }
}
