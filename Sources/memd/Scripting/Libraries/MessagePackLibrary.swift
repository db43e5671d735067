// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The library `cmsgpack`.
enum MessagePackLibrary {
  static let functions: [(StaticString, ScriptFunction)] = [
    ("pack", .messagePack), ("unpack", .messageUnpack), ("unpack_one", .messageUnpackOne),
    ("unpack_limit", .messageUnpackLimit),
  ]

  static let texts: [(name: StaticString, value: StaticString)] = [
    ("_NAME", "cmsgpack"), ("_VERSION", "lua-cmsgpack 0.4.0"),
    ("_COPYRIGHT", "Copyright (C) 2012, Redis Ltd."),
    ("_DESCRIPTION", "MessagePack C implementation for Lua"),
  ]

  /// Runs a function of the library.
  static func run(_ function: ScriptFunction, _ stack: LuaStack) -> ScriptOutcome {
    do throws(LuaArgumentError) {
      switch function {
      case .messagePack: return try pack(stack)
      case .messageUnpackOne:
        let offset = try stack.checkedInteger(2, orElse: 0)
        return try unpack(stack, limit: 1, offset: offset)
      case .messageUnpackLimit:
        let limit = try stack.checkedInteger(2)
        let offset = try stack.checkedInteger(3, orElse: 0)
        return try unpack(stack, limit: limit, offset: offset)
      default: return try unpack(stack, limit: 0, offset: 0)
      }
    } catch {
      return stack.raise(error)
    }
  }

  private static func pack(_ stack: LuaStack) throws(LuaArgumentError) -> ScriptOutcome {
    let count = stack.count
    guard count > 0 else {
      throw LuaArgumentError(position: 0, reason: "MessagePack pack needs input.")
    }
    guard stack.reserve(4) else {
      throw LuaArgumentError(position: 0, reason: "Too many arguments for MessagePack pack.")
    }
    var encoder = MessagePackEncoder(stack)
    for index in 1...count {
      stack.pushCopy(of: index)
      encoder.append()
    }
    if encoder.hasLostElements { return stack.raiseHere("table has lost elements while packed") }
    stack.push(encoder.bytes.bytes)
    return .results(1)
  }

  private static func unpack(
    _ stack: LuaStack, limit: Int, offset: Int
  ) throws(LuaArgumentError) -> ScriptOutcome {
    // With neither a limit nor an offset everything is unpacked, and no offset answered.
    let isWhole = limit == 0 && offset == 0
    try stack.checkString(1)
    if !isWhole { stack.truncate(to: 1) }
    let first = stack.count
    let bytes = stack.string(at: 1)
    guard offset >= 0, limit >= 0 else {
      return stack.raiseHere(
        """
        Invalid request to unpack with offset of \(Int32(truncatingIfNeeded: offset)) and limit \
        of \(Int32(truncatingIfNeeded: bytes.byteCount)).
        """)
    }
    guard offset <= bytes.byteCount else {
      return stack.raiseHere(
        """
        Start offset \(Int32(truncatingIfNeeded: offset)) greater than input length \
        \(bytes.byteCount).
        """)
    }
    var decoder = MessagePackDecoder(stack, from: offset)
    let most = isWhole ? Int(Int32.max) : limit
    var count = 0
    while decoder.position < bytes.byteCount, count < most {
      guard decoder.push(bytes) else { return raise(decoder.failure, stack) }
      count += 1
    }
    guard !isWhole else { return .results(count) }
    stack.push(decoder.position == bytes.byteCount ? -1 : decoder.position)
    stack.insertTop(at: first + 1)
    return .results(count + 1)
  }

  private static func raise(
    _ failure: MessagePackDecoder.Failure?, _ stack: LuaStack
  ) -> ScriptOutcome {
    let failure = failure ?? .badFormat
    stack.push(failure.message)
    switch failure {
    case .nullKey, .notANumberKey: return .raise
    default: return .raiseHere
    }
  }
}
