// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Makes the value that a script returns its reply.
///
///     string  -> bulk string         {err = text}     -> error
///     number  -> integer             {ok = text}      -> status
///     true    -> 1                   {double = n}     -> double
///     false   -> null                {big_number = t} -> big number
///     nil     -> null                {map = table}    -> map
///     table   -> array, up to nil    {set = table}    -> set
///                                    {verbatim_string = {format = t, string = t}}
///
/// After redis.setresp(3) booleans are booleans. Metatables mean nothing.
///
/// A table may be in itself, or in others so often that the reply would never end. So it may be as
/// long as others' replies, and no longer than Lua's own memory; and whoever has to wait for it is
/// answered BUSY and can end the script, which has not ended before its reply is written. What is
/// written by then goes: the reply is an error.
struct LuaReply {
  unowned(unsafe) let server: Server
  /// What the script has chosen to see replies in.
  let scriptVersion: ProtocolVersion
  /// Where the reply begins, and how long it may get.
  private var start = 0
  private var limit = 0
  private var end = End.complete
  /// What may be written before it is asked whether this may go on.
  private var budget = LuaReply.budgetMax
  private static let budgetMax = 32 << 10
  private static let costOfValue = 16
  /// Tables inside tables, and how many there may be: each takes the machine's stack, too.
  private var depth = 0
  private static let depthMax = 2000

  /// Why nothing more is written.
  private enum End {
    case complete, tooLong, killed, changed
  }

  init(server: Server, scriptVersion: ProtocolVersion) {
    unsafe self.server = server
    self.scriptVersion = scriptVersion
  }

  /// Writes the value on top of the stack, and takes it away.
  mutating func write(_ stack: LuaStack, to call: borrowing Call) {
    start = call.client.reply.count
    let outputLimit = unsafe server.replyLimit(of: call.client)
    let memoryLimit = unsafe server.configuration.luaMemoryLimit
    let isMemoryLess = memoryLimit > 0 && memoryLimit < outputLimit
    limit = isMemoryLess ? memoryLimit : outputLimit
    writeValue(stack, call)
    let message: ByteText
    switch end {
    case .complete: return
    case .tooLong where isMemoryLess:
      message = "ERR reply of the script exceeds lua-memory-limit of \(limit)"
    case .tooLong: message = "ERR reply of the script exceeds the output limit of \(limit)"
    case .changed: message = "ERR table has lost elements while the reply was written"
    case .killed: message = unsafe server.killedText
    }
    call.client.reply.truncate(to: start)
    unsafe server.writeScriptError(message, isCounted: true, call)
  }

  /// Whether more may be written, after what costs so much.
  private mutating func spend(_ cost: Int, _ stack: LuaStack, _ call: borrowing Call) -> Bool {
    budget &-= cost
    return budget > 0 || ask(stack, call)
  }

  @inline(never)
  private mutating func ask(_ stack: LuaStack, _ call: borrowing Call) -> Bool {
    guard end == .complete else { return false }
    budget = LuaReply.budgetMax
    if call.client.reply.count - start > limit {
      end = .tooLong
    } else if unsafe server.interruptScript(stack) {
      stack.pop()
      end = .killed
    }
    // So that this is asked for at once from now on.
    if end != .complete { budget = 0 }
    return end == .complete
  }

  private mutating func writeValue(_ stack: LuaStack, _ call: borrowing Call) {
    guard depth < LuaReply.depthMax, stack.reserve(4) else {
      stack.pop()
      return unsafe server.writeScriptError("ERR reached lua stack limit", isCounted: true, call)
    }
    guard spend(LuaReply.costOfValue, stack, call) else { return stack.pop() }
    switch stack.type(at: -1) {
    case .string: writeString(stack.string(at: -1), stack, call)
    case .boolean:
      let value = stack.boolean(at: -1)
      if scriptVersion == .resp3 {
        call.reply.boolean(value)
      } else if value {
        call.reply.integer(1)
      } else {
        call.reply.null()
      }
    case .number: call.reply.integer(LuaReply.integer(stack.number(at: -1)))
    case .table:
      depth += 1
      writeTable(stack, call)
      depth -= 1
    default: call.reply.null()
    }
    stack.pop()
  }

  private mutating func writeString(
    _ text: RawSpan, _ stack: LuaStack, _ call: borrowing Call
  ) {
    if mayWrite(text.byteCount, stack, call) { call.reply.bulk(text) }
  }

  /// Whether a text has room: one may be as long as the limit, in many places of a table.
  private mutating func mayWrite(
    _ byteCount: Int, _ stack: LuaStack, _ call: borrowing Call
  ) -> Bool {
    guard spend(byteCount, stack, call) else { return false }
    guard call.client.reply.count - start + byteCount > limit else { return true }
    end = .tooLong
    budget = 0
    return false
  }

  /// Compatibility: what C makes of a number that doesn't fit.
  static func integer(_ number: Double) -> Int {
    number >= -0x1p63 && number < 0x1p63 ? Int(number) : .min
  }

  // MARK: - Tables

  private mutating func writeTable(_ stack: LuaStack, _ call: borrowing Call) {
    stack.lookThrough(at: -1)
    if field("err", is: .string, stack) {
      let error = LuaError(onTopOf: stack)
      guard mayWrite(error.message.count, stack, call) else { return }
      return unsafe server.writeScriptError(error.message, isCounted: !error.isCounted, call)
    }
    if field("ok", is: .string, stack) { return writeStatus(stack, call) }
    if field("double", is: .number, stack) {
      stack.pushField("double")
      call.reply.double(stack.number(at: -1))
      return stack.pop()
    }
    if field("big_number", is: .string, stack) {
      stack.pushField("big_number")
      if mayWrite(stack.string(at: -1).byteCount, stack, call) {
        writeBigNumber(stack.string(at: -1), call)
      }
      return stack.pop()
    }
    if field("verbatim_string", is: .table, stack), writeVerbatim(stack, call) { return }
    if field("map", is: .table, stack) { return writePairs(stack, call, isMap: true) }
    if field("set", is: .table, stack) { return writePairs(stack, call, isMap: false) }
    writeArray(stack, call)
  }

  private func field(_ name: StaticString, is type: LuaType, _ stack: LuaStack) -> Bool {
    stack.pushField(name)
    defer { stack.pop() }
    return stack.type(at: -1) == type
  }

  private mutating func writeStatus(_ stack: LuaStack, _ call: borrowing Call) {
    stack.pushField("ok")
    guard mayWrite(stack.string(at: -1).byteCount, stack, call) else { return stack.pop() }
    // Compatibility: a zero byte ends it.
    let text = stack.string(at: -1).copied.prefix { $0 != 0 }
    call.reply.append(byte: UInt8(ascii: "+"))
    LuaReply.appendLine(Array(text), call)
    stack.pop()
  }

  private func writeBigNumber(_ digits: RawSpan, _ call: borrowing Call) {
    let line = LuaReply.line(of: digits.copied)
    if call.client.version == .resp2 { return call.reply.bulk(line.rawSpan) }
    call.reply.append(byte: UInt8(ascii: "("))
    LuaReply.appendLine(line, call)
  }

  /// A text with blanks in place of line ends.
  private static func line(of text: [UInt8]) -> [UInt8] {
    text.map { $0 == 13 || $0 == 10 ? 32 : $0 }
  }

  /// Appends the rest of a line, with blanks in place of line ends.
  private static func appendLine(_ text: [UInt8], _ call: borrowing Call) {
    call.reply.append(raw: line(of: text).rawSpan)
    call.reply.append("\r\n")
  }

  private mutating func writeVerbatim(_ stack: LuaStack, _ call: borrowing Call) -> Bool {
    stack.pushField("verbatim_string")
    stack.lookThrough(at: -1)
    defer { stack.pop() }
    guard field("format", is: .string, stack), field("string", is: .string, stack) else {
      return false
    }
    stack.pushField("format")
    var format = stack.string(at: -1).copied.prefix { $0 != 0 }.prefix(3).map { $0 }
    while format.count < 3 { format.append(UInt8(ascii: " ")) }
    stack.pop()
    stack.pushField("string")
    let text = stack.string(at: -1)
    guard mayWrite(text.byteCount, stack, call) else {
      stack.pop()
      return true
    }
    if call.client.version == .resp2 {
      call.reply.bulk(text)
    } else {
      call.reply.append(byte: UInt8(ascii: "="))
      call.reply.append(decimal: text.byteCount + 4)
      call.reply.append("\r\n")
      call.reply.append(raw: format.rawSpan)
      call.reply.append(byte: UInt8(ascii: ":"))
      call.reply.append(raw: text)
      call.reply.append("\r\n")
    }
    stack.pop()
    return true
  }

  /// A map's pairs, or a set's members, which are the keys of its table.
  private mutating func writePairs(_ stack: LuaStack, _ call: borrowing Call, isMap: Bool) {
    stack.pushField(isMap ? "map" : "set")
    stack.lookThrough(at: -1)
    defer { stack.pop() }
    var count = 0
    stack.pushNull()
    while stack.next(inTableAt: -2) {
      stack.pop()
      count += 1
      _ = spend(1, stack, call)
    }
    if isMap { call.reply.map(count) } else { call.reply.set(count) }
    stack.pushNull()
    while stack.next(inTableAt: -2) {
      if !isMap { stack.pop() }
      stack.pushCopy(of: isMap ? -2 : -1)
      writeValue(stack, call)
      if isMap { writeValue(stack, call) }
      count -= 1
      guard end == .complete else { return stack.pop() }
    }
    // Garbage is collected meanwhile, with which a weak table loses elements.
    if count != 0 {
      end = .changed
      budget = 0
    }
  }

  /// Elements up to the first nil.
  private mutating func writeArray(_ stack: LuaStack, _ call: borrowing Call) {
    var count = 0
    while true {
      stack.pushElement(count + 1, ofTableAt: -1)
      let isEnd = stack.type(at: -1) == .null
      stack.pop()
      if isEnd { break }
      count += 1
      _ = spend(1, stack, call)
    }
    call.reply.array(count)
    var index = 1
    while index <= count, end == .complete {
      stack.pushElement(index, ofTableAt: -1)
      writeValue(stack, call)
      index += 1
    }
  }
}
