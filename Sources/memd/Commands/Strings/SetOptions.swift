// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The options of SET, read from everything behind the value.
struct SetOptions {
  /// When the value is stored.
  enum Condition {
    case always
    /// NX
    case ifMissing
    /// XX
    case ifPresent
    /// IFEQ and its like.
    case ifValue(ValueCondition)
  }

  private(set) var condition = Condition.always
  private(set) var expiration = ExpirationOption()
  /// GET: the old value is the reply.
  private(set) var returnsOld = false

  /// Options of a command that has no words for them (SETEX).
  init(_ expiration: ExpirationOption) { self.expiration = expiration }

  /// Reads all options; the cursor keeps the first error.
  init(_ cursor: inout ArgumentCursor) {
    while let keyword = cursor.keyword() {
      switch keyword {
      case Keyword("nx"): takeCondition(.ifMissing, &cursor)
      case Keyword("xx"): takeCondition(.ifPresent, &cursor)
      case Keyword("get"): returnsOld = true
      case Keyword("keepttl"): expiration.takeWord(.keep, &cursor)
      case Keyword("ifeq"): takeCondition(.equal, &cursor)
      case Keyword("ifne"): takeCondition(.notEqual, &cursor)
      case Keyword("ifdeq"): takeCondition(.digestEqual, &cursor)
      case Keyword("ifdne"): takeCondition(.digestNotEqual, &cursor)
      default: if !expiration.take(keyword, &cursor) { cursor.fail(.syntax) }
      }
    }
  }

  /// NX and XX may be repeated but exclude each other.
  private mutating func takeCondition(_ new: Condition, _ cursor: inout ArgumentCursor) {
    switch (condition, new) {
    case (.always, _), (.ifMissing, .ifMissing), (.ifPresent, .ifPresent): condition = new
    default: cursor.fail(.syntax)
    }
  }

  private mutating func takeCondition(
    _ kind: ValueCondition.Kind, _ cursor: inout ArgumentCursor
  ) {
    guard let argument = cursor.next() else { return }
    takeCondition(.ifValue(ValueCondition(kind: kind, argument: argument)), &cursor)
  }

  /// True if the old value has to be looked at before the new one is stored.
  var needsOld: Bool {
    if case .always = condition { return returnsOld }
    return true
  }

  /// True if a server of version 7.0 stores the same when it gets the request as it came.
  var isUnderstoodByFollowers: Bool {
    if returnsOld { return false }
    if case .ifValue = condition { return false }
    return true
  }
}
