// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The fields that a command names behind FIELDS and their number: places among its arguments.
struct FieldArguments {
  /// Where the first name stands.
  let first: Int
  /// Behind the last argument that belongs to them.
  let end: Int
  /// Arguments per field: 2 if each name is followed by a value.
  let step: Int

  /// Number of fields.
  var count: Int { (end - first) / step }
  /// Places of the names.
  var indexes: StrideTo<Int> { stride(from: first, to: end, by: step) }

  /// Fields of which nothing is known but that they are the rest of the request.
  init(from first: Int, to end: Int, step: Int = 1) {
    self.first = first
    self.end = end
    self.step = step
  }

  /// Reads `FIELDS count name ...` from the argument at `index` to the end of the request.
  ///
  /// - Parameter badCount: the error for a count that is no positive number.
  init(
    _ call: borrowing Call, at index: Int, badCount: CommandError = FieldArguments.badCount
  ) throws(CommandError) {
    guard index + 1 < call.arguments.count, case Keyword("fields") = call.keyword(index) else {
      throw CommandError("ERR Mandatory argument FIELDS is missing or not at the right position")
    }
    guard let count = DecimalText.parse(call.arguments[index + 1]), count > 0 else {
      throw badCount
    }
    guard count == call.arguments.count - index - 2 else {
      throw CommandError("ERR The `numfields` parameter must match the number of arguments")
    }
    self.init(from: index + 2, to: call.arguments.count)
  }

  static var badCount: CommandError {
    CommandError("ERR Number of fields must be a positive integer")
  }
}

extension FieldDeadline {
  /// Reads a number of `unit` milliseconds from `origin` on.
  static func parse(
    _ call: borrowing Call, at index: Int, unit: Int, origin: Int64
  ) throws(CommandError) -> Int64 {
    let time = try call.integer(index)
    guard time >= 0 else { throw CommandError("ERR invalid expire time, must be >= 0") }
    guard time <= latest / unit, time * unit <= latest - Int(origin) else {
      throw call.invalidExpireTime()
    }
    return Int64(time * unit) + origin
  }
}

extension Call {
  /// Says that fields have got a deadline; followers get it as it is, never relative to now.
  ///
  /// - Parameter fields: places of the names among the arguments.
  func fieldsExpire(_ fields: [Int], of key: Key, at deadline: Int64) {
    effects.rewrite("HPEXPIREAT", argumentCount: fields.count + 4)
    effects.append(key.bytes)
    effects.append(Int(deadline))
    appendFields(fields)
    mention(fields)
    changed(key, .hashExpire, count: fields.count)
  }

  /// Says that fields have lost their deadline.
  func fieldsPersist(_ fields: [Int], of key: Key) {
    effects.rewrite("HPERSIST", argumentCount: fields.count + 3)
    effects.append(key.bytes)
    appendFields(fields)
    mention(fields)
    changed(key, .hashPersist, count: fields.count)
  }

  private func appendFields(_ fields: [Int]) {
    effects.append("FIELDS")
    effects.append(fields.count)
    for index in fields { effects.append(arguments[index]) }
  }

  private func mention(_ fields: [Int]) {
    for index in fields { effects.mention(field: arguments[index]) }
  }

  /// The next event is about the fields that stand in front of their values from `first` on.
  @inline(__always)
  func mentionFields(from first: Int, to end: Int) {
    if effects.attention.kinds.contains(.fields) { mention(from: first, to: end) }
  }

  @inline(never)
  private func mention(from first: Int, to end: Int) {
    for index in stride(from: first, to: end, by: 2) { effects.mention(field: arguments[index]) }
  }

  /// Says that fields have been removed, and removes the hash with the last of them.
  func fieldsRemoved(_ fields: [Int], of key: Key, in entry: WritableEntry) {
    effects.rewrite("HDEL", argumentCount: fields.count + 1)
    effects.append(key.bytes)
    for index in fields { effects.append(arguments[index]) }
    mention(fields)
    changed(key, .hashDelete, count: fields.count)
    if HashValue(entry).count == 0 { removeEmptied(key) }
  }

  /// Gives fields that exist a deadline; if it has passed they are removed instead.
  ///
  /// - Returns: whether they were removed.
  @discardableResult
  func expireFields(
    _ fields: [Int], of entry: inout WritableEntry, _ key: Key, at deadline: Int64
  ) -> Bool {
    guard !fields.isEmpty else { return false }
    if isPast(deadline) {
      for index in fields { _ = database.removeField(arguments[index], of: &entry, hash: key.hash) }
      fieldsRemoved(fields, of: key, in: entry)
      return true
    }
    for index in fields {
      database.setFieldDeadline(deadline, of: arguments[index], in: &entry, hash: key.hash)
    }
    fieldsExpire(fields, of: key, at: deadline)
    return false
  }
}
