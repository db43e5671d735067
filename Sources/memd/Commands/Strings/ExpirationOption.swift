// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What an option of a command says about a key's deadline: EX, PX, EXAT, PXAT, KEEPTTL, PERSIST.
///
/// Only the place of the number is kept while options are read, since the reference server looks
/// at numbers after it has found the whole syntax to be right.
struct ExpirationOption {
  /// The word, or that there was none.
  enum Kind {
    case none
    /// EX: seconds from now.
    case seconds
    /// PX: milliseconds from now.
    case milliseconds
    /// EXAT: seconds since 1970.
    case unixSeconds
    /// PXAT: milliseconds since 1970.
    case unixMilliseconds
    /// KEEPTTL.
    case keep
    /// PERSIST.
    case persist
  }

  private(set) var kind = Kind.none
  /// Where the number stands among the arguments.
  private(set) var argument = 0

  init() {}

  /// A command whose number is not an option but an argument (SETEX).
  init(_ kind: Kind, argument: Int) {
    self.kind = kind
    self.argument = argument
  }

  /// True if the option names a point in time.
  var hasTime: Bool {
    switch kind {
    case .none, .keep, .persist: false
    case .seconds, .milliseconds, .unixSeconds, .unixMilliseconds: true
    }
  }

  /// True if the point in time was given as such, so that it may lie in the past.
  var isAbsolute: Bool { kind == .unixSeconds || kind == .unixMilliseconds }

  private var countsSeconds: Bool { kind == .seconds || kind == .unixSeconds }

  /// Takes EX, PX, EXAT or PXAT with its number; false if the word is none of them.
  ///
  /// The same word again replaces the first, a rival is a syntax error.
  @inline(__always)
  mutating func take(_ keyword: Keyword, _ cursor: inout ArgumentCursor) -> Bool {
    switch keyword {
    case Keyword("ex"): take(.seconds, &cursor)
    case Keyword("px"): take(.milliseconds, &cursor)
    case Keyword("exat"): take(.unixSeconds, &cursor)
    case Keyword("pxat"): take(.unixMilliseconds, &cursor)
    default: return false
    }
    return true
  }

  private mutating func take(_ kind: Kind, _ cursor: inout ArgumentCursor) {
    takeWord(kind, &cursor)
    argument = cursor.next() ?? 0
  }

  /// Takes KEEPTTL or PERSIST, which have no number; a rival is a syntax error.
  mutating func takeWord(_ kind: Kind, _ cursor: inout ArgumentCursor) {
    guard self.kind == .none || self.kind == kind else { return cursor.fail(.syntax) }
    self.kind = kind
  }

  /// The deadline in milliseconds since 1970; only if `hasTime`.
  func deadline(_ call: borrowing Call) throws(CommandError) -> Int64 {
    var time = try call.integer(argument)
    guard time > 0, !countsSeconds || time <= Int.max / 1000 else {
      throw call.invalidExpireTime()
    }
    if countsSeconds { time *= 1000 }
    guard !isAbsolute else { return Int64(time) }
    let (sum, overflows) = time.addingReportingOverflow(Int(call.moment.milliseconds))
    if overflows { throw call.invalidExpireTime() }
    return Int64(sum)
  }

  /// What storing a value does to the key's deadline under this option.
  @inline(__always)
  func deadlineChange(_ call: borrowing Call) throws(CommandError) -> DeadlineChange {
    switch kind {
    case .none, .persist: .clear
    case .keep: .keep
    default: .at(try deadline(call))
    }
  }
}

extension Call {
  /// The error for a deadline that is zero, negative or too large.
  @inline(never)
  func invalidExpireTime() -> CommandError {
    failure(
      "ERR invalid expire time in '\(server.commands.description(of: command).fullName)' command")
  }

  /// True if a key with this deadline is to be removed at once instead of being stored.
  ///
  /// A follower stores it and waits for its leader's DEL.
  @inline(__always)
  func isPast(_ deadline: Int64) -> Bool {
    deadline <= moment.milliseconds && moment.expiryMode == .remove
  }

  /// Removes a key whose new deadline has passed; false if there is none.
  @inline(never)
  @discardableResult
  func removeOverdue(_ key: Key) -> Bool {
    guard database.write(key) != nil, database.remove(key) else { return false }
    effects.rewrite(effects.removesWithDel ? "DEL" : "UNLINK", argumentCount: 1)
    effects.append(key.bytes)
    changed(key, .delete)
    return true
  }
}
