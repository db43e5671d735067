// SPDX-License-Identifier: Apache-2.0

import CLua
import DataStructures
import RESP

/// What a script has set for a library `cjson`: the one that all scripts share, or one of its own.
struct JSONSettings {
  /// What becomes of numbers that JSON doesn't have.
  enum InvalidNumbers: Int {
    case error, text, null
  }

  /// A row with more holes than this has: is an object, if wanted, else an error.
  var convertsSparse = false
  var sparseRatio = 2
  var sparseSafe = 10
  var encodeDepthMax = 1000
  var decodeDepthMax = 1000
  var encodesInvalidNumbers = InvalidNumbers.error
  var decodesInvalidNumbers = true
  var keepsBuffer = true
  /// Significant digits of numbers.
  var precision = 14
}

/// Makes a value of Lua's JSON, as lua-cjson 2.1 does.
struct JSONEncoder: ~Copyable {
  let stack: LuaStack
  let settings: JSONSettings
  private(set) var text = ByteBuffer()
  /// Why the value has no JSON.
  private(set) var failure: ByteText?
  private var depth = 0
  private var patience = LuaPatience()
  /// Tables are gone into by recursion; no script has set more than this.
  private static let depthMax = 2500

  init(_ stack: LuaStack, _ settings: JSONSettings) {
    self.stack = stack
    self.settings = settings
  }

  /// Encodes the value on top of the stack, which stays there; false with a `failure`.
  mutating func encode() -> Bool {
    append()
    return failure == nil
  }

  private mutating func append() {
    guard spend(LuaPatience.costOfValue) else { return }
    switch stack.type(at: -1) {
    case .string: appendString(at: -1)
    case .number: appendNumber(at: -1)
    case .boolean: text.append(stack.boolean(at: -1) ? "true" : "false")
    case .table: appendTable()
    case .null: text.append("null")
    case .lightUserdata where stack.address(at: -1) == 0: text.append("null")
    default: fail(at: -1, "type not supported")
    }
  }

  /// Whether it may go on, with so much more.
  private mutating func spend(_ cost: Int) -> Bool {
    if patience.spend(cost, made: text.count, stack) { return true }
    // The script gets the error of that in the place of this one.
    if failure == nil { failure = "" }
    return false
  }

  private mutating func fail(at place: Int, _ reason: StaticString) {
    if failure == nil {
      failure = "Cannot serialise \(stack.typeName(at: place)): \(reason)"
    }
  }

  // MARK: - Strings and numbers

  private mutating func appendString(at place: Int) {
    let bytes = stack.string(at: place)
    guard spend(bytes.byteCount) else { return }
    text.append(byte: UInt8(ascii: "\""))
    var start = 0
    var index = 0
    while index < bytes.byteCount {
      let byte = bytes.byte(index)
      if byte >= 0x20, byte != 0x22, byte != 0x5C, byte != 0x2F, byte != 0x7F {
        index &+= 1
        continue
      }
      text.append(bytes.extracting(start..<index))
      guard spend(8) else { return }
      appendEscape(byte)
      index &+= 1
      start = index
    }
    text.append(bytes.extracting(start..<index))
    text.append(byte: UInt8(ascii: "\""))
  }

  private mutating func appendEscape(_ byte: UInt8) {
    switch byte {
    case 0x22: text.append("\\\"")
    case 0x5C: text.append("\\\\")
    case 0x2F: text.append("\\/")
    case 0x08: text.append("\\b")
    case 0x09: text.append("\\t")
    case 0x0A: text.append("\\n")
    case 0x0C: text.append("\\f")
    case 0x0D: text.append("\\r")
    default:
      text.append("\\u00")
      for digit in [byte >> 4, byte & 15] {
        text.append(byte: digit < 10 ? 48 &+ digit : 87 &+ digit)
      }
    }
  }

  private mutating func appendNumber(at place: Int) {
    let number = stack.number(at: place)
    guard number.isFinite else {
      switch settings.encodesInvalidNumbers {
      case .error: return fail(at: place, "must not be NaN or Inf")
      case .null: return text.append("null")
      case .text where number.isNaN: return text.append("nan")
      case .text: return text.append(number < 0 ? "-inf" : "inf")
      }
    }
    // So many digits are exact, whatever the precision is.
    if settings.precision == 14, abs(number) < 1e14, number == number.rounded(.towardZero),
      number != 0 || number.sign == .plus
    {
      return text.append(integer: Int(number))
    }
    let precision = Int32(clamping: settings.precision)
    unsafe text.append(upTo: 32) { room in
      unsafe Int(memd_lua_format(room.baseAddress, 32, precision, number))
    }
  }

  // MARK: - Tables

  private mutating func appendTable() {
    depth += 1
    defer { depth -= 1 }
    guard depth <= settings.encodeDepthMax, depth < JSONEncoder.depthMax, stack.reserve(4) else {
      if failure == nil { failure = "Cannot serialise, excessive nesting (\(depth))" }
      return
    }
    stack.lookThrough(at: -1)
    guard let count = elementCount() else { return appendObject() }
    if count > 0 { appendArray(count) } else { appendObject() }
  }

  /// The highest index, if all keys are indices; nil for an object.
  private mutating func elementCount() -> Int? {
    var highest: Int32 = 0
    var count = 0
    stack.pushNull()
    while stack.next(inTableAt: -2) {
      let key = stack.type(at: -2) == .number ? stack.number(at: -2) : 0
      guard key >= 1, key == key.rounded(.down) else {
        stack.pop(2)
        return nil
      }
      guard spend(1) else {
        stack.pop(2)
        return nil
      }
      // Compatibility: C's int is where it ends, and begins anew at the lowest one.
      if key > Double(highest) { highest = Int32(exactly: key) ?? .min }
      count += 1
      stack.pop()
    }
    let index = Int(highest)
    guard settings.sparseRatio > 0, index > count.multipliedClamped(by: settings.sparseRatio),
      index > settings.sparseSafe
    else { return index }
    if !settings.convertsSparse { fail(at: -1, "excessively sparse array") }
    return nil
  }

  private mutating func appendArray(_ count: Int) {
    text.append(byte: UInt8(ascii: "["))
    var index = 1
    while index <= count, failure == nil {
      if index > 1 { text.append(byte: UInt8(ascii: ",")) }
      stack.pushElement(index, ofTableAt: -1)
      append()
      stack.pop()
      index += 1
    }
    text.append(byte: UInt8(ascii: "]"))
  }

  private mutating func appendObject() {
    guard failure == nil else { return }
    text.append(byte: UInt8(ascii: "{"))
    var isFirst = true
    stack.pushNull()
    while stack.next(inTableAt: -2) {
      if !isFirst { text.append(byte: UInt8(ascii: ",")) }
      isFirst = false
      switch stack.type(at: -2) {
      case .number:
        text.append(byte: UInt8(ascii: "\""))
        appendNumber(at: -2)
        text.append("\":")
      case .string:
        appendString(at: -2)
        text.append(byte: UInt8(ascii: ":"))
      default: fail(at: -2, "table key must be a number or string")
      }
      if failure == nil { append() }
      guard failure == nil else { return stack.pop(2) }
      stack.pop()
    }
    text.append(byte: UInt8(ascii: "}"))
  }
}

extension Int {
  fileprivate func multipliedClamped(by other: Int) -> Int {
    let (product, overflows) = multipliedReportingOverflow(by: other)
    return overflows ? .max : product
  }
}
