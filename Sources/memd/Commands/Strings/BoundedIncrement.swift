// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The options of INCREX, in any order.
struct BoundedIncrementOptions {
  /// How much is added.
  enum Increment {
    /// The argument with the number; 0: one is added.
    case integer(Int)
    /// The argument with the number.
    case float(Int)
  }

  private(set) var increment = Increment.integer(0)
  /// The argument with the least allowed result; 0: none.
  private(set) var lowerBound = 0
  /// The argument with the largest allowed result; 0: none.
  private(set) var upperBound = 0
  /// SATURATE: a result out of bounds is pulled to the bound instead of being rejected.
  private(set) var saturates = false
  private(set) var expiration = ExpirationOption()
  /// ENX: a deadline that the key has stays.
  private(set) var onlyWithoutDeadline = false

  /// Reads all options; the cursor keeps the first error.
  init(_ cursor: inout ArgumentCursor) {
    while let keyword = cursor.keyword() {
      switch keyword {
      case Keyword("byint"): takeIncrement(&cursor) { .integer($0) }
      case Keyword("byfloat"): takeIncrement(&cursor) { .float($0) }
      case Keyword("lbound"): lowerBound = cursor.next() ?? 0
      case Keyword("ubound"): upperBound = cursor.next() ?? 0
      case Keyword("saturate"): saturates = true
      case Keyword("persist"): expiration.takeWord(.persist, &cursor)
      case Keyword("enx"): onlyWithoutDeadline = true
      default: if !expiration.take(keyword, &cursor) { cursor.fail(.syntax) }
      }
    }
  }

  private mutating func takeIncrement(
    _ cursor: inout ArgumentCursor, _ make: (Int) -> Increment
  ) {
    guard case .integer(0) = increment else { return cursor.fail(.syntax) }
    if let argument = cursor.next() { increment = make(argument) }
  }

  /// What happens to the deadline; without an option it stays.
  func deadlineChange(_ call: borrowing Call) throws(CommandError) -> DeadlineChange {
    expiration.kind == .none ? .keep : try expiration.deadlineChange(call)
  }
}

/// An increment and the bounds within which its result has to lie.
struct BoundedIncrement<Number> {
  let increment: Number
  let lower: Number
  let upper: Number
  /// A result out of bounds is pulled to the bound instead of being rejected.
  let saturates: Bool

  /// What an increment comes to.
  struct Outcome {
    /// The value afterwards.
    let value: Number
    /// What was really added.
    let applied: Number
    /// True if the result was out of bounds and nothing changes.
    var isRejected = false
  }
}

extension BoundedIncrement<Int> {
  /// Reads the numbers of options that count in integers.
  init(_ options: BoundedIncrementOptions, _ call: borrowing Call) throws(CommandError) {
    increment =
      if case .integer(let argument) = options.increment, argument != 0 {
        try call.integer(argument)
      } else {
        1
      }
    lower = options.lowerBound == 0 ? .min : try call.integer(options.lowerBound)
    upper = options.upperBound == 0 ? .max : try call.integer(options.upperBound)
    saturates = options.saturates
    guard lower <= upper else { throw .boundsOutOfOrder }
  }

  /// Adds to `old`; a sum that doesn't fit lies out of bounds too.
  func outcome(from old: Int) throws(CommandError) -> Outcome {
    let (sum, overflows) = old.addingReportingOverflow(increment)
    if !overflows, sum >= lower, sum <= upper { return Outcome(value: sum, applied: increment) }
    guard saturates else { return Outcome(value: old, applied: 0, isRejected: true) }
    // An overflow has gone beyond the bound on the increment's side.
    let isAbove = overflows ? increment > 0 : sum > upper
    let bound = isAbove ? upper : lower
    let (applied, appliedOverflows) = bound.subtractingReportingOverflow(old)
    if appliedOverflows { throw .overflow }
    return Outcome(value: bound, applied: applied)
  }
}

extension BoundedIncrement<LongDouble> {
  /// Reads the numbers of options that count in floating-point numbers.
  init(
    _ options: BoundedIncrementOptions, float argument: Int, _ call: borrowing Call
  ) throws(CommandError) {
    let greatest = LongDouble.greatestFiniteMagnitude
    increment = try BoundedIncrement.number(argument, call)
    lower =
      options.lowerBound == 0 ? -greatest : try BoundedIncrement.number(options.lowerBound, call)
    upper =
      options.upperBound == 0 ? greatest : try BoundedIncrement.number(options.upperBound, call)
    saturates = options.saturates
    guard lower <= upper else { throw .boundsOutOfOrder }
  }

  /// Adds to `old`; infinity is an error wherever it comes from.
  func outcome(from old: LongDouble) throws(CommandError) -> Outcome {
    guard old.isFinite, increment.isFinite else { throw .infinite }
    let sum = old + increment
    if sum >= lower, sum <= upper { return Outcome(value: sum, applied: increment) }
    guard saturates else { return Outcome(value: old, applied: 0, isRejected: true) }
    let bound = sum > upper ? upper : lower
    guard bound.isFinite, (bound - old).isFinite else { throw .infinite }
    return Outcome(value: bound, applied: bound - old)
  }

  private static func number(
    _ argument: Int, _ call: borrowing Call
  ) throws(CommandError) -> LongDouble {
    guard let number = LongDoubleText.parse(call.arguments[argument]) else { throw .notFloat }
    return number
  }
}

extension CommandError {
  fileprivate static var boundsOutOfOrder: CommandError {
    CommandError("ERR LBOUND can't be greater than UBOUND")
  }
  fileprivate static var infinite: CommandError {
    CommandError("ERR value or increment would produce Infinity")
  }
}
