// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that read or replace the string of one key.
enum StringCommands: CommandFamily {
  static let group = CommandGroup.string

  static let commands: [Command] = [
    Command(
      "get", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])], [.key()],
      since: "1.0.0", complexity: "O(1)", summary: "Answers the string that a key holds.",
      handler: get),
    Command(
      "set", [.write, .denyOOM],
      keys: [
        .key(
          1, [.readWrite, .access, .update, .variableFlags],
          notes: "RW and ACCESS due to the optional `GET` argument")
      ],
      [
        .key(), .string("value"),
        .oneOf(
          "condition",
          [
            .token("NX", "nx"), .token("XX", "xx"),
            .string("ifeq-value").after("IFEQ").since("8.4.0"),
            .string("ifne-value").after("IFNE").since("8.4.0"),
            .string("ifdeq-digest").after("IFDEQ").since("8.4.0"),
            .string("ifdne-digest").after("IFDNE").since("8.4.0"),
          ]
        ).since("2.6.12").optional,
        .token("GET", "get").since("6.2.0").optional,
        .oneOf(
          "expiration",
          [
            .integer("seconds").after("EX").since("2.6.12"),
            .integer("milliseconds").after("PX").since("2.6.12"),
            .unixTime("unix-time-seconds").after("EXAT").since("6.2.0"),
            .unixTime("unix-time-milliseconds").after("PXAT").since("6.2.0"),
            .token("KEEPTTL", "keepttl").since("6.0.0"),
          ]
        ).optional,
      ],
      since: "1.0.0", complexity: "O(1)",
      summary: "Sets the string value of a key, whatever type it had; creates the key if needed.",
      history: [
        ("2.6.12", "`EX`, `PX`, `NX` and `XX` came."), ("6.0.0", "`KEEPTTL` came."),
        ("6.2.0", "`GET`, `EXAT` and `PXAT` came."), ("7.0.0", "`NX` and `GET` go together."),
        ("8.4.0", "`IFEQ`, `IFNE`, `IFDEQ` and `IFDNE` came."),
      ], handler: set),
    Command(
      "setnx", [.write, .denyOOM, .fast], keys: [.key(1, [.overwrite, .insert])],
      [.key(), .string("value")], since: "1.0.0", complexity: "O(1)",
      summary: "Sets the string value of a key that doesn't exist.", handler: setnx),
    Command(
      "setex", [.write, .denyOOM], keys: [.key(1, [.overwrite, .update])],
      [.key(), .integer("seconds"), .string("value")],
      effect: .rewritten("SET key value PXAT milliseconds"), since: "2.0.0", complexity: "O(1)",
      summary: "Sets the string value of a key, and when it expires, in seconds.", handler: setex),
    Command(
      "psetex", [.write, .denyOOM], keys: [.key(1, [.overwrite, .update])],
      [.key(), .integer("milliseconds"), .string("value")],
      effect: .rewritten("SET key value PXAT milliseconds"), since: "2.6.0", complexity: "O(1)",
      summary: "Sets the string value of a key, and when it expires, in milliseconds.",
      handler: psetex),
    Command(
      "getset", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .access, .update])],
      [.key(), .string("value")], effect: .rewritten("SET key value"), since: "1.0.0",
      complexity: "O(1)", summary: "Returns the string value of a key and sets another one.",
      deprecatedSince: "6.2.0", replacedBy: "`SET` with the `GET` option", handler: getset),
    Command(
      "getdel", [.write, .fast], keys: [.key(1, [.readWrite, .access, .delete])], [.key()],
      effect: .rewritten("DEL key"), since: "6.2.0", complexity: "O(1)",
      summary: "Returns the string value of a key and deletes the key.", handler: getdel),
    Command(
      "getex", [.write, .fast],
      keys: [
        .key(
          1, [.readWrite, .access, .update],
          notes: "RW and UPDATE because it changes the TTL")
      ],
      [
        .key(),
        .oneOf(
          "expiration",
          [
            .integer("seconds").after("EX"), .integer("milliseconds").after("PX"),
            .unixTime("unix-time-seconds").after("EXAT"),
            .unixTime("unix-time-milliseconds").after("PXAT"), .token("PERSIST", "persist"),
          ]
        ).optional,
      ],
      effect: .rewritten("PEXPIREAT key milliseconds, PERSIST key, DEL key, or nothing"),
      since: "6.2.0", complexity: "O(1)",
      summary: "Returns the string value of a key and changes when it expires.", handler: getex),
  ]

  // MARK: - GET

  static func get(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let value = try call.database.string(key) else { return call.reply.null() }
    call.reply.bulk(value)
  }

  // MARK: - SET

  static func set(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count == 3 else { return try setWithOptions(&call) }
    let key = call.key(1)
    call.replaces(key, by: .string)
    call.database.setString(key, call.arguments[2])
    call.changed(key, .set)
    call.reply.ok()
  }

  private static func setWithOptions(_ call: inout Call) throws(CommandError) {
    var cursor = ArgumentCursor(call.arguments, from: 3)
    let options = SetOptions(&cursor)
    try cursor.finish()
    try assign(&call, value: 2, options)
  }

  /// Stores the argument at `value` under the key, if the options allow it, and replies.
  private static func assign(
    _ call: inout Call, value: Int, _ options: SetOptions
  ) throws(CommandError) {
    let deadline = try options.expiration.deadlineChange(call)
    let key = call.key(1)
    if options.needsOld, !(try meets(options, key, call)) { return }
    if case .at(let instant) = deadline, call.isPast(instant) {
      call.removeOverdue(key)
    } else {
      let bytes = call.arguments[value]
      call.replaces(key, by: .string)
      call.database.setString(key, bytes, deadline: deadline)
      call.changed(key, .set)
      propagate(key, bytes, deadline, options, call)
    }
    if !options.returnsOld { call.reply.ok() }
  }

  /// Looks at the key's old value: replies with it if asked, or that the condition isn't met.
  private static func meets(
    _ options: SetOptions, _ key: Key, _ call: borrowing Call
  ) throws(CommandError) -> Bool {
    let isMet: Bool
    var old: StringValue?
    if options.returnsOld { old = try call.database.string(key) }
    switch options.condition {
    case .always: isMet = true
    case .ifMissing: isMet = call.database.write(key) == nil
    case .ifPresent: isMet = call.database.write(key) != nil
    case .ifValue(let condition):
      old = try call.database.stringForWriting(key)?.value
      isMet = if let old { try condition.isMet(by: old, call) } else { condition.admitsMissing }
    }
    if options.returnsOld, let old {
      call.reply.bulk(old)
    } else if options.returnsOld || !isMet {
      call.reply.null()
    }
    return isMet
  }

  /// Followers get absolute times, and no options that they may not know.
  @inline(__always)
  private static func propagate(
    _ key: Key, _ value: RawSpan, _ deadline: DeadlineChange, _ options: SetOptions,
    _ call: borrowing Call
  ) {
    switch deadline {
    case .at(let instant):
      // Compatibility: what already says PXAT goes out as it came, as Valkey does it.
      if options.expiration.kind != .unixMilliseconds || !options.isUnderstoodByFollowers {
        call.propagateSet(key, value, deadline: instant)
      }
      call.effects.notify(.expire, key, in: call.database)
    case .keep where !options.isUnderstoodByFollowers:
      call.propagateSetKeepingDeadline(key, value)
    case .clear where !options.isUnderstoodByFollowers:
      call.propagateSet(key, value)
    default: break
    }
  }

  // MARK: - SETNX

  static func setnx(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard call.database.write(key) == nil else { return call.reply.integer(0) }
    call.database.setString(key, call.arguments[2])
    call.changed(key, .set)
    call.reply.integer(1)
  }

  // MARK: - SETEX, PSETEX

  static func setex(_ call: inout Call) throws(CommandError) {
    try assign(&call, value: 3, SetOptions(ExpirationOption(.seconds, argument: 2)))
  }

  static func psetex(_ call: inout Call) throws(CommandError) {
    try assign(&call, value: 3, SetOptions(ExpirationOption(.milliseconds, argument: 2)))
  }

  // MARK: - GETSET

  static func getset(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    if let old = try call.database.string(key) {
      call.reply.bulk(old)
    } else {
      call.reply.null()
    }
    call.replaces(key, by: .string)
    call.database.setString(key, call.arguments[2])
    call.changed(key, .set)
    call.propagateSet(key, call.arguments[2])
  }

  // MARK: - GETDEL

  static func getdel(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let value = try call.database.string(key) else { return call.reply.null() }
    call.reply.bulk(value)
    _ = call.database.remove(key)
    call.effects.rewrite("DEL", argumentCount: 1)
    call.effects.append(key.bytes)
    call.changed(key, .delete)
  }

  // MARK: - GETEX

  static func getex(_ call: inout Call) throws(CommandError) {
    var cursor = ArgumentCursor(call.arguments, from: 2)
    var expiration = ExpirationOption()
    while let keyword = cursor.keyword() {
      if expiration.take(keyword, &cursor) { continue }
      guard case Keyword("persist") = keyword else {
        cursor.fail(.syntax)
        break
      }
      expiration.takeWord(.persist, &cursor)
    }
    try cursor.finish()
    let key = call.key(1)
    guard let value = try call.database.string(key) else { return call.reply.null() }
    guard expiration.hasTime else {
      call.reply.bulk(value)
      if expiration.kind == .persist { persist(key, call) }
      return
    }
    let deadline = try expiration.deadline(call)
    call.reply.bulk(value)
    if expiration.isAbsolute, call.isPast(deadline) {
      call.removeOverdue(key)
    } else if let entry = call.database.write(key) {
      call.database.setDeadline(deadline, of: entry, key)
      call.effects.rewrite("PEXPIREAT", argumentCount: 2)
      call.effects.append(key.bytes)
      call.effects.append(Int(deadline))
      call.changed(key, .expire)
    }
  }

  private static func persist(_ key: Key, _ call: borrowing Call) {
    guard let entry = call.database.write(key), entry.header.hasDeadline else { return }
    call.database.clearDeadline(of: entry, key)
    call.effects.rewrite("PERSIST", argumentCount: 1)
    call.effects.append(key.bytes)
    call.changed(key, .persist)
  }
}
