// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Sets: members one by one, as sorted integers, or packed.

extension RDBReader {
  /// Reads a set.
  func set(
    _ kind: RDBFormat.ValueKind, key: RawSpan, hasDeadline: Bool, _ database: Database,
    _ scratch: inout ByteBuffer
  ) throws(RDBError) -> ValueOutcome {
    var set = SetBuilder(in: database)
    do throws(RDBError) {
      switch kind {
      case .setIntset: try addIntset(to: &set, &scratch)
      case .setListpack: try addListpack(to: &set, &scratch)
      default:
        let count = try length()
        for index in 0..<count {
          try string(into: &scratch)
          if index == 0 { set.prepare(forAdding: count, like: scratch.bytes) }
          try add(scratch.bytes, to: &set)
        }
      }
    } catch {
      set.discard()
      throw error
    }
    if set.count == 0 {
      set.discard()
      return .empty
    }
    return .entry(set.finish(key, hasDeadline: hasDeadline))
  }

  private func add(_ member: RawSpan, to set: inout SetBuilder) throws(RDBError) {
    try checkTextLength(member.byteCount)
    guard set.add(member) else { throw duplicate("set members") }
  }

  private func addIntset(
    to set: inout SetBuilder, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    try string(into: &scratch)
    noteSanitization()
    guard let integers = IntsetBytes(scratch.bytes) else { throw broken("intset") }
    var digits = DecimalScratch()
    for index in 0..<integers.count {
      try add(digits.write(integers.integer(scratch.bytes, at: index)), to: &set)
    }
  }

  private func addListpack(
    to set: inout SetBuilder, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    try string(into: &scratch)
    let listpack = try listpack(scratch.bytes)
    var digits = DecimalScratch()
    var position = listpack.first
    while let current = position {
      try add(listpack.text(at: current, &digits), to: &set)
      position = listpack.next(current)
    }
  }
}

extension RDBWriter {
  /// Appends a set: integers as they lie in memory, anything else member by member, which Redis 7.0
  /// can read, too.
  func set(_ value: SetValue, as kind: RDBFormat.ValueKind) {
    guard kind != .setIntset else { return string(value.entry.packedBytes) }
    length(value.count)
    value.forEach {
      string($0)
      return true
    }
  }
}
