// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on strings that hold numbers.
enum CounterCommands: CommandFamily {
  static let group = CommandGroup.string

  static let commands: [Command] = [
    Command(
      "incr", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .access, .update])],
      [.key()], since: "1.0.0", complexity: "O(1)",
      summary: "Adds one to the integer of a key, which counts from zero.", handler: incr),
    Command(
      "decr", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .access, .update])],
      [.key()], since: "1.0.0", complexity: "O(1)",
      summary: "Takes one from the integer of a key, which counts from zero.", handler: decr),
    Command(
      "incrby", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .access, .update])],
      [.key(), .integer("increment")], since: "1.0.0", complexity: "O(1)",
      summary: "Adds to the integer of a key, which counts from zero.", handler: incrby),
    Command(
      "decrby", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .access, .update])],
      [.key(), .integer("decrement")], since: "1.0.0", complexity: "O(1)",
      summary: "Takes from the integer of a key, which counts from zero.", handler: decrby),
    Command(
      "incrbyfloat", [.write, .denyOOM, .fast],
      keys: [.key(1, [.readWrite, .access, .update])], [.key(), .double("increment")],
      effect: .rewritten("SET key value KEEPTTL"), since: "2.6.0", complexity: "O(1)",
      summary: "Adds to the floating-point number of a key, which counts from zero.",
      handler: incrbyfloat),
    Command(
      "increx", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .access, .update])],
      [
        .key(),
        .oneOf(
          "increment", [.double("float").after("BYFLOAT"), .integer("integer").after("BYINT")]
        ).optional,
        .token("SATURATE", "saturate").optional,
        .string("lowerbound").after("LBOUND").optional,
        .string("upperbound").after("UBOUND").optional,
        .oneOf(
          "expiration",
          [
            .integer("seconds").after("EX"), .integer("milliseconds").after("PX"),
            .unixTime("unix-time-seconds").after("EXAT"),
            .unixTime("unix-time-milliseconds").after("PXAT"), .token("PERSIST", "persist"),
          ]
        ).optional,
        .token("ENX", "enx").optional,
      ],
      effect: .rewritten("SET key value with KEEPTTL, PXAT or nothing; DEL key"), since: "8.8.0",
      complexity: "O(1)",
      summary: "Adds to the number of a key within bounds, and changes when it expires.",
      handler: increx),
  ]

  // MARK: - INCR, DECR, INCRBY, DECRBY

  static func incr(_ call: inout Call) throws(CommandError) { try increment(&call, by: 1) }

  static func decr(_ call: inout Call) throws(CommandError) { try increment(&call, by: -1) }

  static func incrby(_ call: inout Call) throws(CommandError) {
    try increment(&call, by: call.integer(2))
  }

  static func decrby(_ call: inout Call) throws(CommandError) {
    let decrement = try call.integer(2)
    guard decrement != .min else { throw CommandError("ERR decrement would overflow") }
    try increment(&call, by: -decrement)
  }

  @inline(__always)
  private static func increment(_ call: inout Call, by delta: Int) throws(CommandError) {
    let key = call.key(1)
    let sum = try call.database.increment(key, by: delta)
    call.changed(key, .increment)
    call.reply.integer(sum)
  }

  // MARK: - INCRBYFLOAT

  static func incrbyfloat(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    let string = try call.database.stringForWriting(key)
    let old = try string?.value.longDouble() ?? 0
    guard let increment = LongDoubleText.parse(call.arguments[2]) else { throw .notFloat }
    let sum = old + increment
    guard sum.isFinite else { throw .nanOrInfinity }
    var buffer = ByteBuffer()
    LongDoubleText.append(sum, to: &buffer)
    let text = buffer.bytes
    call.database.store(key, .bytes(text), deadline: .keep)
    call.propagateSetKeepingDeadline(key, text)
    call.changed(key, .incrementByFloat)
    call.reply.bulk(text)
  }

  // MARK: - INCREX

  static func increx(_ call: inout Call) throws(CommandError) {
    var cursor = ArgumentCursor(call.arguments, from: 2)
    let options = BoundedIncrementOptions(&cursor)
    try cursor.finish()
    if options.onlyWithoutDeadline, !options.expiration.hasTime {
      throw options.expiration.kind == .persist
        ? .syntax : CommandError("ERR ENX flag requires an expiration")
    }
    switch options.increment {
    case .integer: try incrementInteger(&call, options)
    case .float(let argument): try incrementFloat(&call, options, argument)
    }
  }

  private static func incrementInteger(
    _ call: inout Call, _ options: BoundedIncrementOptions
  ) throws(CommandError) {
    let increment = try BoundedIncrement<Int>(options, call)
    let deadline = try options.deadlineChange(call)
    let old = try call.database.stringForWriting(call.key(1))?.value.parsedInteger() ?? 0
    let outcome = try increment.outcome(from: old)
    call.reply.array(2)
    call.reply.integer(outcome.value)
    call.reply.integer(outcome.applied)
    guard !outcome.isRejected else { return }
    var scratch = DecimalScratch()
    let text = scratch.write(outcome.value)
    assign(text, isInteger: true, deadline, options, &call)
  }

  private static func incrementFloat(
    _ call: inout Call, _ options: BoundedIncrementOptions, _ argument: Int
  ) throws(CommandError) {
    let increment = try BoundedIncrement<LongDouble>(options, float: argument, call)
    let deadline = try options.deadlineChange(call)
    let old = try call.database.stringForWriting(call.key(1))?.value.longDouble() ?? 0
    let outcome = try increment.outcome(from: old)
    var buffer = ByteBuffer()
    LongDoubleText.append(outcome.applied, to: &buffer)
    let split = buffer.count
    LongDoubleText.append(outcome.value, to: &buffer)
    let text = buffer.bytes.extracting(split..<buffer.count)
    call.reply.array(2)
    call.reply.double(text: text)
    call.reply.double(text: buffer.bytes.extracting(0..<split))
    guard !outcome.isRejected else { return }
    assign(text, isInteger: false, deadline, options, &call)
  }

  /// Stores the text of a sum with its deadline, and says so to everybody.
  private static func assign(
    _ text: RawSpan, isInteger: Bool, _ deadline: DeadlineChange,
    _ options: BoundedIncrementOptions, _ call: inout Call
  ) {
    let key = call.key(1)
    let hadDeadline = call.database.find(key)?.header.hasDeadline ?? false
    let change = options.onlyWithoutDeadline && hadDeadline ? .keep : deadline
    if case .at(let instant) = change, call.isPast(instant) {
      // A missing key would be created only to expire: nothing changes.
      call.removeOverdue(key)
      return
    }
    if isInteger {
      call.database.setString(key, text, deadline: change)
    } else {
      call.database.store(key, .bytes(text), deadline: change)
    }
    call.changed(key, isInteger ? .increment : .incrementByFloat)
    switch change {
    case .clear:
      call.propagateSet(key, text)
      if hadDeadline { call.effects.notify(.persist, key, in: call.database) }
    case .keep: call.propagateSetKeepingDeadline(key, text)
    case .at(let instant):
      call.propagateSet(key, text, deadline: instant)
      call.effects.notify(.expire, key, in: call.database)
    }
  }
}

extension StringValue {
  /// The number in the text, as INCRBYFLOAT adds it; throws if it is none.
  fileprivate func longDouble() throws(CommandError) -> LongDouble {
    if let integer { return LongDouble(integer) }
    guard let number = LongDoubleText.parse(stored) else { throw .notFloat }
    return number
  }

  /// The integer in the text, however it is stored; throws if it is none.
  fileprivate func parsedInteger() throws(CommandError) -> Int {
    if let integer { return integer }
    guard let integer = DecimalText.parse(stored) else { throw .notInteger }
    return integer
  }
}
