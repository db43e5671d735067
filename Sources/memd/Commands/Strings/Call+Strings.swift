// SPDX-License-Identifier: Apache-2.0

import RESP

extension ReplyWriter {
  /// Replies with the text of a stored string.
  @inline(__always)
  mutating func bulk(_ value: StringValue) {
    if let integer = value.integer { return bulk(integer: integer) }
    bulk(value.stored)
  }

  /// Replies with a number whose text is known: a double in RESP3, a bulk string in RESP2.
  mutating func double(text: RawSpan) {
    if version == .resp2 { return bulk(text) }
    append(byte: 0x2C)
    append(raw: text)
    append("\r\n")
  }
}

extension Call {
  /// Followers get SET with a value and no deadline.
  func propagateSet(_ key: Key, _ value: RawSpan) {
    effects.rewrite("SET", argumentCount: 2)
    effects.append(key.bytes)
    effects.append(value)
  }

  /// Followers get SET with a deadline, in milliseconds since 1970.
  func propagateSet(_ key: Key, _ value: RawSpan, deadline: Int64) {
    effects.rewrite("SET", argumentCount: 4)
    effects.append(key.bytes)
    effects.append(value)
    effects.append("PXAT")
    effects.append(Int(deadline))
  }

  /// Followers get SET with a value; the key keeps its deadline.
  func propagateSetKeepingDeadline(_ key: Key, _ value: RawSpan) {
    effects.rewrite("SET", argumentCount: 3)
    effects.append(key.bytes)
    effects.append(value)
    effects.append("KEEPTTL")
  }

  /// Throws if a string of `count` bytes more than `offset` would be longer than allowed.
  ///
  /// What a leader has accepted is not refused by its followers.
  @inline(__always)
  func checkLength(_ offset: Int, adding count: Int) throws(CommandError) -> Int {
    let (total, overflows) = offset.addingReportingOverflow(count)
    if overflows { throw .stringTooLong }
    if total > server.configuration.protoMaxBulkLength, !client.flags.contains(.leader) {
      throw .stringTooLong
    }
    return total
  }
}
