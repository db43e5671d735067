// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that set, read and clear the deadlines of keys.
///
/// A deadline is an absolute instant in milliseconds, whatever unit and origin a command has;
/// followers get it as PEXPIREAT, so that it doesn't depend on when they apply it. One that has
/// passed already deletes the key at once.
enum ExpiryCommands: CommandFamily {
  static let group = CommandGroup.generic

  static let commands: [Command] = [
    Command(
      "expire", [.write, .fast], keys: [.key(1, [.readWrite, .update])],
      [.key(), .integer("seconds"), condition], effect: deadlineEffect, since: "1.0.0",
      complexity: "O(1)",
      summary: "Sets the time to live of a key in seconds.", history: conditionHistory,
      handler: expire),
    Command(
      "pexpire", [.write, .fast], keys: [.key(1, [.readWrite, .update])],
      [.key(), .integer("milliseconds"), condition], effect: deadlineEffect, since: "2.6.0",
      complexity: "O(1)",
      summary: "Sets the time to live of a key in milliseconds.", history: conditionHistory,
      handler: pexpire),
    Command(
      "expireat", [.write, .fast], keys: [.key(1, [.readWrite, .update])],
      [.key(), .unixTime("unix-time-seconds"), condition], effect: deadlineEffect, since: "1.2.0",
      complexity: "O(1)",
      summary: "Sets the instant at which a key expires, in seconds since 1970.",
      history: conditionHistory,
      handler: expireat),
    Command(
      "pexpireat", [.write, .fast], keys: [.key(1, [.readWrite, .update])],
      [.key(), .unixTime("unix-time-milliseconds"), condition], effect: deadlineEffect,
      since: "2.6.0",
      complexity: "O(1)",
      summary: "Sets the instant at which a key expires, in milliseconds since 1970.",
      history: conditionHistory,
      handler: pexpireat),
    Command(
      "ttl", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])], [.key()],
      tips: ["nondeterministic_output"], since: "1.0.0", complexity: "O(1)",
      summary: "Returns the time to live of a key in seconds.",
      history: [("2.8.0", "Tells a missing key (-2) from one without a deadline (-1).")],
      handler: ttl),
    Command(
      "pttl", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])], [.key()],
      tips: ["nondeterministic_output"], since: "2.6.0", complexity: "O(1)",
      summary: "Returns the time to live of a key in milliseconds.",
      history: [("2.8.0", "Tells a missing key (-2) from one without a deadline (-1).")],
      handler: pttl),
    Command(
      "expiretime", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])], [.key()],
      since: "7.0.0", complexity: "O(1)",
      summary: "Returns the instant at which a key expires, in seconds since 1970.",
      handler: expiretime),
    Command(
      "pexpiretime", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])], [.key()],
      since: "7.0.0", complexity: "O(1)",
      summary: "Returns the instant at which a key expires, in milliseconds since 1970.",
      handler: pexpiretime),
    Command(
      "persist", [.write, .fast], keys: [.key(1, [.readWrite, .update])], [.key()],
      since: "2.2.0", complexity: "O(1)",
      summary: "Takes the deadline of a key away, so that it doesn't expire.", handler: persist),
  ]

  private static let condition = ArgumentSpec.oneOf(
    "condition", [.token("nx"), .token("xx"), .token("gt"), .token("lt")]
  ).optional.since("7.0.0")

  private static let conditionHistory: [(version: StaticString, change: StaticString)] = [
    ("7.0.0", "Takes the conditions NX, XX, GT and LT.")
  ]

  private static let deadlineEffect = Command.Effect.rewritten(
    "PEXPIREAT, or UNLINK (DEL) if the deadline has passed")

  // MARK: - EXPIRE

  static func expire(_ call: inout Call) throws(CommandError) {
    try setDeadline(call, millisecondsPerUnit: 1000, from: call.moment.milliseconds)
  }

  // MARK: - PEXPIRE

  static func pexpire(_ call: inout Call) throws(CommandError) {
    try setDeadline(call, millisecondsPerUnit: 1, from: call.moment.milliseconds)
  }

  // MARK: - EXPIREAT

  static func expireat(_ call: inout Call) throws(CommandError) {
    try setDeadline(call, millisecondsPerUnit: 1000, from: 0)
  }

  // MARK: - PEXPIREAT

  static func pexpireat(_ call: inout Call) throws(CommandError) {
    try setDeadline(call, millisecondsPerUnit: 1, from: 0)
  }

  private static func setDeadline(
    _ call: borrowing Call, millisecondsPerUnit unit: Int, from origin: Int64
  ) throws(CommandError) {
    let condition = try DeadlineCondition(call)
    let (product, productOverflows) = try call.integer(2).multipliedReportingOverflow(by: unit)
    let (deadline, sumOverflows) = product.addingReportingOverflow(Int(origin))
    guard !productOverflows, !sumOverflows else { throw call.invalidExpireTime() }
    let database = call.database
    let key = call.key(1)
    guard let entry = database.write(key) else { return call.reply.integer(0) }
    guard condition.allows(Int64(deadline), current: entry.deadlineIfAny) else {
      return call.reply.integer(0)
    }
    // A follower keeps even a key that is due: its leader's DEL is under way.
    if deadline <= call.moment.milliseconds, call.moment.expiryMode == .remove {
      _ = database.remove(key)
      call.effects.rewrite(call.effects.removesWithDel ? "DEL" : "UNLINK", argumentCount: 1)
      call.effects.append(key.bytes)
      call.changed(key, .delete)
    } else {
      database.setDeadline(Int64(deadline), of: entry, key)
      call.effects.rewrite("PEXPIREAT", argumentCount: 2)
      call.effects.append(key.bytes)
      call.effects.append(deadline)
      call.changed(key, .expire)
    }
    call.reply.integer(1)
  }

  /// NX, XX, GT and LT of the commands that set a deadline.
  private struct DeadlineCondition {
    var onlyIfMissing = false
    var onlyIfPresent = false
    var onlyIfLater = false
    var onlyIfEarlier = false

    init(_ call: borrowing Call) throws(CommandError) {
      for index in 3..<max(3, call.arguments.count) {
        switch call.keyword(index) {
        case Keyword("nx"): onlyIfMissing = true
        case Keyword("xx"): onlyIfPresent = true
        case Keyword("gt"): onlyIfLater = true
        case Keyword("lt"): onlyIfEarlier = true
        default: throw DeadlineCondition.unsupported(index, call)
        }
      }
      if onlyIfMissing, onlyIfPresent || onlyIfLater || onlyIfEarlier {
        throw CommandError(
          "ERR NX and XX, GT or LT options at the same time are not compatible")
      }
      if onlyIfLater, onlyIfEarlier {
        throw CommandError("ERR GT and LT options at the same time are not compatible")
      }
    }

    @inline(never)
    private static func unsupported(_ index: Int, _ call: borrowing Call) -> CommandError {
      call.failure("ERR Unsupported option \(echo: call.arguments[index])")
    }

    /// Whether a key with the deadline `current` gets the deadline `new`; no deadline is infinity.
    func allows(_ new: Int64, current: Int64?) -> Bool {
      guard let current else { return !onlyIfPresent && !onlyIfLater }
      if onlyIfMissing { return false }
      if onlyIfLater { return new > current }
      if onlyIfEarlier { return new < current }
      return true
    }
  }

  // MARK: - TTL

  static func ttl(_ call: inout Call) throws(CommandError) {
    replyDeadline(call, inSeconds: true, isRelative: true)
  }

  // MARK: - PTTL

  static func pttl(_ call: inout Call) throws(CommandError) {
    replyDeadline(call, inSeconds: false, isRelative: true)
  }

  // MARK: - EXPIRETIME

  static func expiretime(_ call: inout Call) throws(CommandError) {
    replyDeadline(call, inSeconds: true, isRelative: false)
  }

  // MARK: - PEXPIRETIME

  static func pexpiretime(_ call: inout Call) throws(CommandError) {
    replyDeadline(call, inSeconds: false, isRelative: false)
  }

  private static func replyDeadline(_ call: borrowing Call, inSeconds: Bool, isRelative: Bool) {
    guard let entry = call.database.inspect(call.key(1)) else { return call.reply.integer(-2) }
    guard let deadline = entry.deadlineIfAny else { return call.reply.integer(-1) }
    // Compatibility: a time that has passed is 0, since -1 has a meaning of its own.
    let origin = isRelative ? call.moment.milliseconds : 0
    let milliseconds = deadline > origin ? Int(deadline - origin) : 0
    guard inSeconds else { return call.reply.integer(milliseconds) }
    // Rounded to the nearest second, in a way that can't overflow.
    call.reply.integer(milliseconds / 1000 + (milliseconds % 1000 >= 500 ? 1 : 0))
  }

  // MARK: - PERSIST

  static func persist(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let entry = call.database.write(key), entry.header.hasDeadline else {
      return call.reply.integer(0)
    }
    call.database.clearDeadline(of: entry, key)
    call.changed(key, .persist)
    call.reply.integer(1)
  }
}
