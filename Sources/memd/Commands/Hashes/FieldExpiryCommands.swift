// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that set, take away and read the deadlines of fields.
enum FieldExpiryCommands: CommandFamily {
  static let group = CommandGroup.hash

  static let commands: [Command] = [
    Command(
      "hexpire", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .update])],
      [.key(), .integer("seconds"), condition, fields], effect: deadlineEffect, since: "7.4.0",
      complexity: fieldComplexity,
      summary: "Sets the time to live of fields of a hash in seconds.", handler: hexpire),
    Command(
      "hpexpire", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .update])],
      [.key(), .integer("milliseconds"), condition, fields], effect: deadlineEffect,
      since: "7.4.0", complexity: fieldComplexity,
      summary: "Sets the time to live of fields of a hash in milliseconds.", handler: hpexpire),
    Command(
      "hexpireat", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .update])],
      [.key(), .unixTime("unix-time-seconds"), condition, fields], effect: deadlineEffect,
      since: "7.4.0", complexity: fieldComplexity,
      summary: "Sets the instant at which fields of a hash expire, in seconds since 1970.",
      handler: hexpireat),
    Command(
      "hpexpireat", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .update])],
      [.key(), .unixTime("unix-time-milliseconds"), condition, fields], effect: deadlineEffect,
      since: "7.4.0", complexity: fieldComplexity,
      summary: "Sets the instant at which fields of a hash expire, in milliseconds since 1970.",
      handler: hpexpireat),
    Command(
      "hpersist", [.write, .fast], keys: [.key(1, [.readWrite, .update])], [.key(), fields],
      effect: .rewritten("HPERSIST key FIELDS count field ..."), since: "7.4.0",
      complexity: fieldComplexity,
      summary: "Takes the deadlines of fields of a hash away, so that they don't expire.",
      handler: hpersist),
    Command(
      "httl", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])], [.key(), fields],
      tips: ["nondeterministic_output"], since: "7.4.0", complexity: fieldComplexity,
      summary: "Returns the times to live of fields of a hash in seconds.", handler: httl),
    Command(
      "hpttl", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])], [.key(), fields],
      tips: ["nondeterministic_output"], since: "7.4.0", complexity: fieldComplexity,
      summary: "Returns the times to live of fields of a hash in milliseconds.", handler: hpttl),
    Command(
      "hexpiretime", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [.key(), fields], since: "7.4.0", complexity: fieldComplexity,
      summary: "Returns the instants at which fields of a hash expire, in seconds since 1970.",
      handler: hexpiretime),
    Command(
      "hpexpiretime", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [.key(), fields], since: "7.4.0", complexity: fieldComplexity,
      summary:
        "Returns the instants at which fields of a hash expire, in milliseconds since 1970.",
      handler: hpexpiretime),
  ]

  private static let condition = ArgumentSpec.oneOf(
    "condition", [.token("NX", "nx"), .token("XX", "xx"), .token("GT", "gt"), .token("LT", "lt")]
  ).optional

  private static let fields = ArgumentSpec.block(
    "fields", [.integer("numfields"), .string("field").repeated]
  ).after("FIELDS")

  private static let fieldComplexity: StaticString =
    "O(N) where N is the number of fields named."

  private static let deadlineEffect = Command.Effect.rewritten(
    "HPEXPIREAT key milliseconds FIELDS count field ..., or HDEL if that has passed")

  // MARK: - HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT

  static func hexpire(_ call: inout Call) throws(CommandError) {
    try setDeadlines(&call, unit: 1000, origin: call.moment.milliseconds)
  }

  static func hpexpire(_ call: inout Call) throws(CommandError) {
    try setDeadlines(&call, unit: 1, origin: call.moment.milliseconds)
  }

  static func hexpireat(_ call: inout Call) throws(CommandError) {
    try setDeadlines(&call, unit: 1000, origin: 0)
  }

  static func hpexpireat(_ call: inout Call) throws(CommandError) {
    try setDeadlines(&call, unit: 1, origin: 0)
  }

  /// What happened to a field, as it is answered.
  private enum Outcome {
    static let missing = -2
    static let refused = 0
    static let set = 1
    static let removed = 2
  }

  private static func setDeadlines(
    _ call: inout Call, unit: Int, origin: Int64
  ) throws(CommandError) {
    let key = call.key(1)
    _ = try call.database.collectionForWriting(key, .hash)
    let deadline = try FieldDeadline.parse(call, at: 2, unit: unit, origin: origin)
    let condition = Condition(call.keyword(3))
    let fields = try FieldArguments(
      call, at: condition == .none ? 3 : 4,
      badCount: CommandError("ERR Parameter `numFields` should be greater than 0"))
    call.reply.array(fields.count)
    guard var entry = try call.hashForWriting(key, fieldsFrom: fields.first, to: fields.end) else {
      for _ in fields.indexes { call.reply.integer(Outcome.missing) }
      return
    }
    let isPast = call.isPast(deadline)
    var changed: [Int] = []
    for index in fields.indexes {
      // Each field sees what happened to those before it: it may be one of them again.
      let outcome: Int
      switch HashValue(entry).state(of: call.arguments[index], before: call.fieldThreshold) {
      case .missing: outcome = Outcome.missing
      case .lasting: outcome = condition.allows(deadline, current: nil) ? Outcome.set : 0
      case .expiring(let current):
        outcome = condition.allows(deadline, current: current) ? Outcome.set : 0
      }
      guard outcome == Outcome.set else {
        call.reply.integer(outcome)
        continue
      }
      changed.append(index)
      let name = call.arguments[index]
      if isPast {
        _ = call.database.removeField(name, of: &entry, hash: key.hash)
      } else {
        call.database.setFieldDeadline(deadline, of: name, in: &entry, hash: key.hash)
      }
      call.reply.integer(isPast ? Outcome.removed : Outcome.set)
    }
    guard !changed.isEmpty else { return }
    if isPast {
      call.fieldsRemoved(changed, of: key, in: entry)
    } else {
      call.fieldsExpire(changed, of: key, at: deadline)
    }
  }

  /// NX, XX, GT and LT; no deadline counts as infinity.
  private enum Condition {
    case none, missing, present, later, earlier

    init(_ keyword: Keyword) {
      switch keyword {
      case Keyword("nx"): self = .missing
      case Keyword("xx"): self = .present
      case Keyword("gt"): self = .later
      case Keyword("lt"): self = .earlier
      default: self = .none
      }
    }

    /// Whether a field with the deadline `current` gets the deadline `new`.
    func allows(_ new: Int64, current: Int64?) -> Bool {
      switch self {
      case .none: true
      case .missing: current == nil
      case .present: current != nil
      case .later: current.map { new > $0 } ?? false
      case .earlier: current.map { new < $0 } ?? true
      }
    }
  }

  // MARK: - HPERSIST

  static func hpersist(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    _ = try call.database.collectionForWriting(key, .hash)
    let fields = try FieldArguments(call, at: 2)
    call.reply.array(fields.count)
    guard var entry = try call.hashForWriting(key, fieldsFrom: fields.first, to: fields.end) else {
      for _ in fields.indexes { call.reply.integer(-2) }
      return
    }
    var changed: [Int] = []
    for index in fields.indexes {
      switch HashValue(entry).state(of: call.arguments[index], before: call.fieldThreshold) {
      case .missing: call.reply.integer(-2)
      case .lasting: call.reply.integer(-1)
      case .expiring:
        call.database.setFieldDeadline(
          nil, of: call.arguments[index], in: &entry, hash: key.hash)
        changed.append(index)
        call.reply.integer(1)
      }
    }
    if !changed.isEmpty { call.fieldsPersist(changed, of: key) }
  }

  // MARK: - HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME

  static func httl(_ call: inout Call) throws(CommandError) {
    try replyDeadlines(&call, unit: 1000, origin: call.moment.milliseconds)
  }

  static func hpttl(_ call: inout Call) throws(CommandError) {
    try replyDeadlines(&call, unit: 1, origin: call.moment.milliseconds)
  }

  static func hexpiretime(_ call: inout Call) throws(CommandError) {
    try replyDeadlines(&call, unit: 1000, origin: 0)
  }

  static func hpexpiretime(_ call: inout Call) throws(CommandError) {
    try replyDeadlines(&call, unit: 1, origin: 0)
  }

  private static func replyDeadlines(
    _ call: inout Call, unit: Int, origin: Int64
  ) throws(CommandError) {
    let key = call.key(1)
    let entry = try call.database.collection(key, .hash)
    let fields = try FieldArguments(call, at: 2)
    call.reply.array(fields.count)
    for index in fields.indexes {
      let state = entry.map {
        HashValue($0).state(of: call.arguments[index], before: call.fieldThreshold)
      }
      switch state ?? .missing {
      case .missing: call.reply.integer(-2)
      case .lasting: call.reply.integer(-1)
      case .expiring(let deadline):
        // Seconds are rounded up. The leader's stream may see what has passed: that is 0.
        let time = max(0, Int(deadline - origin))
        call.reply.integer(time / unit + (time % unit == 0 ? 0 : 1))
      }
    }
  }
}
