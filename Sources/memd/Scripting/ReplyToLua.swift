// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Makes a reply, which this server has written itself, a value of Lua's.
///
///     integer      -> number           null        -> false (RESP3: nil)
///     bulk string  -> string           boolean     -> boolean
///     status       -> {ok = text}      double      -> {double = number}
///     error        -> {err = text}     big number  -> {big_number = digits}
///     array        -> table            verbatim    -> {verbatim_string = {format =, string =}}
///     map          -> {map = table}    set         -> {set = {member = true}}
struct ReplyToLua {
  let stack: LuaStack
  private var position = 0
  /// Values that stand on the stack while an element is pushed, at most. A function that Lua calls
  /// has room for more than that.
  private static let depthOfValue = 10

  /// After so many elements it is asked whether there is memory for more: a value of Lua's needs
  /// more bytes than it has in a reply.
  private static let elementMask = 1023

  init(stack: LuaStack) { self.stack = stack }

  /// Pushes a reply.
  mutating func push(_ reply: RawSpan) {
    guard reply.byteCount > 0 else { return stack.push(false) }
    pushValue(reply)
  }

  private mutating func pushValue(_ reply: RawSpan) {
    guard position < reply.byteCount else { return stack.pushNull() }
    let type = reply.byte(position)
    position &+= 1
    switch type {
    case UInt8(ascii: ":"): stack.push(Double(number(reply)))
    case UInt8(ascii: "$"):
      let count = number(reply)
      if count < 0 { return stack.push(false) }
      stack.push(bytes(count, reply))
    case UInt8(ascii: "*"):
      let count = number(reply)
      if count < 0 { return stack.push(false) }
      pushArray(count, reply)
    case UInt8(ascii: "+"): pushText("ok", line(reply))
    case UInt8(ascii: "-"): pushError(line(reply))
    default: pushNewer(type, reply)
    }
  }

  /// What RESP3 has beyond RESP2.
  private mutating func pushNewer(_ type: UInt8, _ reply: RawSpan) {
    switch type {
    case UInt8(ascii: "_"):
      _ = line(reply)
      stack.pushNull()
    case UInt8(ascii: "#"): stack.push(line(reply).equals("t"))
    case UInt8(ascii: ","):
      let text = line(reply)
      stack.pushTable(fields: 1)
      stack.setField("double", ReplyToLua.double(text))
    case UInt8(ascii: "("): pushText("big_number", line(reply))
    case UInt8(ascii: "="): pushVerbatim(bytes(number(reply), reply))
    case UInt8(ascii: "%"): pushPairs(number(reply), reply, isMap: true)
    case UInt8(ascii: "~"): pushPairs(number(reply), reply, isMap: false)
    case UInt8(ascii: "|"):
      // Attributes describe the reply behind them; scripts don't see them.
      let count = number(reply)
      for _ in 0..<max(0, count) * 2 {
        pushValue(reply)
        stack.pop()
      }
      pushValue(reply)
    default: stack.pushNull()
    }
  }

  // MARK: - Values

  private mutating func pushArray(_ count: Int, _ reply: RawSpan) {
    guard stack.reserve(ReplyToLua.depthOfValue) else { return stack.pushNull() }
    stack.pushTable(elements: count)
    var index = 1
    while index <= count {
      // Else redis.call fails.
      if index & ReplyToLua.elementMask == 0, !stack.hasRoom(byteCount: 0) { return }
      pushValue(reply)
      stack.setElement(index, ofTableAt: -2)
      index &+= 1
    }
  }

  private func pushText(_ field: StaticString, _ text: RawSpan) {
    stack.pushTable(fields: 1)
    stack.push(field)
    stack.push(text)
    stack.setField(ofTableAt: -3)
  }

  @inline(never)
  private func pushError(_ text: RawSpan) {
    LuaError.push(LuaError.coded(ByteText(text)), isCounted: true, to: stack)
  }

  private func pushVerbatim(_ text: RawSpan) {
    stack.pushTable(fields: 1)
    stack.push("verbatim_string")
    stack.pushTable(fields: 2)
    stack.push("string")
    stack.push(text.extracting(droppingFirst: min(4, text.byteCount)))
    stack.setField(ofTableAt: -3)
    stack.push("format")
    stack.push(text.extracting(first: min(3, text.byteCount)))
    stack.setField(ofTableAt: -3)
    stack.setField(ofTableAt: -3)
  }

  /// Pushes a map's pairs, or a set's members as keys.
  private mutating func pushPairs(_ count: Int, _ reply: RawSpan, isMap: Bool) {
    guard stack.reserve(ReplyToLua.depthOfValue) else { return stack.pushNull() }
    stack.pushTable(fields: 1)
    stack.push(isMap ? "map" : "set" as StaticString)
    stack.pushTable(fields: count)
    for index in 0..<max(0, count) {
      if index & ReplyToLua.elementMask == ReplyToLua.elementMask, !stack.hasRoom(byteCount: 0) {
        break
      }
      pushValue(reply)
      // A table has no such key; no command answers one.
      let isKey = stack.type(at: -1) != .null
      if isMap { pushValue(reply) } else { stack.push(true) }
      guard isKey else {
        stack.pop(2)
        continue
      }
      stack.setField(ofTableAt: -3)
    }
    stack.setField(ofTableAt: -3)
  }

  private static func double(_ text: RawSpan) -> Double {
    if text.equals("nan") { return .nan }
    return DoubleText.parse(text) ?? .nan
  }

  // MARK: - Bytes

  /// The rest of the line.
  @_lifetime(copy reply)
  private mutating func line(_ reply: RawSpan) -> RawSpan {
    let start = position
    while position < reply.byteCount, reply.byte(position) != 13 { position &+= 1 }
    let text = reply.extracting(start..<position)
    position = min(position &+ 2, reply.byteCount)
    return text
  }

  /// The rest of the line as a number.
  private mutating func number(_ reply: RawSpan) -> Int {
    var value = 0
    var isNegative = false
    while position < reply.byteCount {
      let byte = reply.byte(position)
      position &+= 1
      if byte == 13 { break }
      if byte == UInt8(ascii: "-") {
        isNegative = true
      } else {
        // Downwards, as there is one more negative number.
        value = value &* 10 &- Int(byte &- 48)
      }
    }
    position = min(position &+ 1, reply.byteCount)
    return isNegative ? value : 0 &- value
  }

  /// So many bytes, with the end of the line behind them.
  @_lifetime(copy reply)
  private mutating func bytes(_ count: Int, _ reply: RawSpan) -> RawSpan {
    let end = min(position &+ max(0, count), reply.byteCount)
    let text = reply.extracting(position..<end)
    position = min(end &+ 2, reply.byteCount)
    return text
  }
}
