// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on fields that hold numbers.
enum HashCounterCommands: CommandFamily {
  static let group = CommandGroup.hash

  static let commands: [Command] = [
    Command(
      "hincrby", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .access, .update])],
      [.key(), .string("field"), .integer("increment")], since: "2.0.0", complexity: "O(1)",
      summary: "Adds to the integer of a field of a hash, which counts from zero.",
      handler: hincrby),
    Command(
      "hincrbyfloat", [.write, .denyOOM, .fast],
      keys: [.key(1, [.readWrite, .access, .update])],
      [.key(), .string("field"), .double("increment")],
      effect: .rewritten("HSET key field value, and HPEXPIREAT if the field has a deadline"),
      since: "2.6.0", complexity: "O(1)",
      summary: "Adds to the floating-point number of a field of a hash, which counts from zero.",
      handler: hincrbyfloat),
  ]

  // MARK: - HINCRBY

  static func hincrby(_ call: inout Call) throws(CommandError) {
    let increment = try call.integer(3)
    let key = call.key(1)
    let entry = try call.hashForWriting(key, fieldsFrom: 2, to: 3)
    var old = 0
    if let entry, let value = HashValue(entry).find(call.arguments[2], before: call.fieldThreshold)
    {
      guard let integer = value.integer ?? DecimalText.parse(value.stored) else {
        throw CommandError("ERR hash value is not an integer")
      }
      old = integer
    }
    let (sum, overflows) = old.addingReportingOverflow(increment)
    if overflows { throw .overflow }
    var scratch = DecimalScratch()
    let text = scratch.write(sum)
    call.database.setNumber(text, of: call.arguments[2], in: entry, key)
    call.mentionFields(from: 2, to: 3)
    call.changed(key, .hashIncrement)
    call.reply.integer(sum)
  }

  // MARK: - HINCRBYFLOAT

  static func hincrbyfloat(_ call: inout Call) throws(CommandError) {
    guard let increment = LongDoubleText.parse(call.arguments[3]) else { throw .notFloat }
    guard increment.isFinite else { throw CommandError("ERR value is NaN or Infinity") }
    let key = call.key(1)
    let entry = try call.hashForWriting(key, fieldsFrom: 2, to: 3)
    var old: LongDouble = 0
    var deadline: Int64?
    if let entry, let value = HashValue(entry).find(call.arguments[2], before: call.fieldThreshold)
    {
      if let integer = value.integer {
        old = LongDouble(integer)
      } else if let number = LongDoubleText.parse(value.stored) {
        old = number
      } else {
        throw CommandError("ERR hash value is not a float")
      }
      if case .expiring(let instant) = HashValue(entry).state(
        of: call.arguments[2], before: call.fieldThreshold)
      {
        deadline = instant
      }
    }
    let sum = old + increment
    guard sum.isFinite else { throw .nanOrInfinity }
    var buffer = ByteBuffer()
    LongDoubleText.append(sum, to: &buffer)
    let text = buffer.bytes
    call.database.setNumber(text, of: call.arguments[2], in: entry, key)
    propagate(text, deadline, key, call)
    call.mentionFields(from: 2, to: 3)
    call.changed(key, .hashIncrementByFloat)
    call.reply.bulk(text)
  }

  /// Followers get the sum, as theirs might be rounded differently.
  private static func propagate(
    _ text: RawSpan, _ deadline: Int64?, _ key: Key, _ call: borrowing Call
  ) {
    call.effects.rewrite("HSET", argumentCount: 3)
    call.effects.append(key.bytes)
    call.effects.append(call.arguments[2])
    call.effects.append(text)
    guard let deadline else { return }
    call.effects.rewrite("HPEXPIREAT", argumentCount: 5)
    call.effects.append(key.bytes)
    call.effects.append(Int(deadline))
    call.effects.append("FIELDS")
    call.effects.append(1)
    call.effects.append(call.arguments[2])
  }
}

extension Database {
  /// Gives a field of a hash, which is created if there is none, a number; a deadline stays.
  @inline(__always)
  fileprivate func setNumber(
    _ text: RawSpan, of name: RawSpan, in entry: WritableEntry?, _ key: Key
  ) {
    var entry = entry ?? addPacked(key, .hash)
    _ = setField(name, text, of: &entry, hash: key.hash, keepsDeadline: true)
  }
}
