// SPDX-License-Identifier: Apache-2.0

import CLua
import DataStructures
import RESP

/// Makes JSON a value of Lua's, as lua-cjson 2.1 does: it takes some things that are no JSON, such
/// as hexadecimal numbers, and its errors name tokens and places in its own way.
struct JSONDecoder: ~Copyable {
  private enum Token {
    case objectBegin, objectEnd, arrayBegin, arrayEnd, string, number(Double), boolean(Bool), null
    case colon, comma, end
    case error(StaticString)

    var name: StaticString {
      switch self {
      case .objectBegin: "T_OBJ_BEGIN"
      case .objectEnd: "T_OBJ_END"
      case .arrayBegin: "T_ARR_BEGIN"
      case .arrayEnd: "T_ARR_END"
      case .string: "T_STRING"
      case .number: "T_NUMBER"
      case .boolean: "T_BOOLEAN"
      case .null: "T_NULL"
      case .colon: "T_COLON"
      case .comma: "T_COMMA"
      case .end: "T_END"
      case .error(let reason): reason
      }
    }
  }

  let stack: LuaStack
  let settings: JSONSettings
  /// Why the text is no JSON.
  private(set) var failure: ByteText?
  private var position = 0
  /// Where the last token begins, or what is wrong with it.
  private var tokenStart = 0
  /// The text of the last string.
  private var string = ByteBuffer()
  private var depth = 0
  private var patience = LuaPatience()
  private static let depthMax = 3500

  init(_ stack: LuaStack, _ settings: JSONSettings) {
    self.stack = stack
    self.settings = settings
  }

  /// Pushes the value of a text, behind which a zero byte must stand; false with a `failure`.
  mutating func decode(_ text: RawSpan) -> Bool {
    // Compatibility: other encodings than UTF-8 are known by this.
    if text.byteCount >= 2, text.byte(0) == 0 || text.byte(1) == 0 {
      failure = "JSON parser does not support UTF-16 or UTF-32"
      return false
    }
    pushValue(next(text), text)
    guard failure == nil else { return false }
    let last = next(text)
    if case .end = last { return true }
    fail("the end", last)
    return false
  }

  private mutating func fail(_ expected: StaticString, _ found: Token) {
    guard failure == nil else { return }
    failure = "Expected \(expected) but found \(found.name) at character \(tokenStart + 1)"
  }

  // MARK: - Values

  /// Pushes a value; on failure something is pushed as well.
  private mutating func pushValue(_ token: Token, _ text: RawSpan) {
    guard patience.spend(LuaPatience.costOfValue, stack) else {
      // The script gets the error of that in the place of this one.
      if failure == nil { failure = "" }
      return stack.pushNull()
    }
    switch token {
    case .string:
      _ = patience.spend(string.count, stack)
      stack.push(string.bytes)
    case .number(let number): stack.push(number)
    case .boolean(let value): stack.push(value)
    case .null: stack.pushNullPointer()
    case .objectBegin: pushObject(text)
    case .arrayBegin: pushArray(text)
    default:
      fail("value", token)
      stack.pushNull()
    }
  }

  private mutating func descend() -> Bool {
    depth += 1
    if depth <= settings.decodeDepthMax, depth < JSONDecoder.depthMax, stack.reserve(4) {
      stack.pushTable()
      return true
    }
    if failure == nil {
      failure = "Found too many nested data structures (\(depth)) at character \(position)"
    }
    stack.pushNull()
    return false
  }

  private mutating func pushObject(_ text: RawSpan) {
    guard descend() else { return }
    defer { depth -= 1 }
    var token = next(text)
    if case .objectEnd = token { return }
    while true {
      guard case .string = token else { return fail("object key string", token) }
      stack.push(string.bytes)
      token = next(text)
      guard case .colon = token else {
        stack.pop()
        return fail("colon", token)
      }
      pushValue(next(text), text)
      stack.setField(ofTableAt: -3)
      guard failure == nil else { return }
      token = next(text)
      if case .objectEnd = token { return }
      guard case .comma = token else { return fail("comma or object end", token) }
      token = next(text)
    }
  }

  private mutating func pushArray(_ text: RawSpan) {
    guard descend() else { return }
    defer { depth -= 1 }
    var token = next(text)
    if case .arrayEnd = token { return }
    var index = 1
    while true {
      pushValue(token, text)
      stack.setElement(index, ofTableAt: -2)
      guard failure == nil else { return }
      token = next(text)
      if case .arrayEnd = token { return }
      guard case .comma = token else { return fail("comma or array end", token) }
      token = next(text)
      index += 1
    }
  }

  // MARK: - Tokens

  /// The byte at `index`; behind the text there are zeros.
  private static func byte(_ index: Int, _ text: RawSpan) -> UInt8 {
    index < text.byteCount ? text.byte(index) : 0
  }

  private mutating func next(_ text: RawSpan) -> Token {
    var byte = JSONDecoder.byte(position, text)
    while byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      position += 1
      byte = JSONDecoder.byte(position, text)
    }
    tokenStart = position
    switch byte {
    case UInt8(ascii: "{"): return single(.objectBegin)
    case UInt8(ascii: "}"): return single(.objectEnd)
    case UInt8(ascii: "["): return single(.arrayBegin)
    case UInt8(ascii: "]"): return single(.arrayEnd)
    case UInt8(ascii: ","): return single(.comma)
    case UInt8(ascii: ":"): return single(.colon)
    case 0: return .end
    case UInt8(ascii: "\""): return readString(text)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      if !settings.decodesInvalidNumbers, isInvalidNumber(text) { return .error("invalid number") }
      return number(text)
    case UInt8(ascii: "f"), UInt8(ascii: "i"), UInt8(ascii: "I"), UInt8(ascii: "n"),
      UInt8(ascii: "N"), UInt8(ascii: "t"), UInt8(ascii: "+"):
      return word(text)
    default: return .error("invalid token")
    }
  }

  private mutating func single(_ token: Token) -> Token {
    position += 1
    return token
  }

  private mutating func word(_ text: RawSpan) -> Token {
    if take("true", text) { return .boolean(true) }
    if take("false", text) { return .boolean(false) }
    if take("null", text) { return .null }
    if settings.decodesInvalidNumbers, isInvalidNumber(text) { return number(text) }
    return .error("invalid token")
  }

  private mutating func take(_ word: String, _ text: RawSpan) -> Bool {
    let end = position + word.utf8.count
    guard end <= text.byteCount, text.extracting(position..<end).equals(word) else { return false }
    position = end
    return true
  }

  /// What a number of C's may begin with, and one of JSON's may not.
  private func isInvalidNumber(_ text: RawSpan) -> Bool {
    var index = position
    if JSONDecoder.byte(index, text) == UInt8(ascii: "+") { return true }
    if JSONDecoder.byte(index, text) == UInt8(ascii: "-") { index += 1 }
    let first = JSONDecoder.byte(index, text)
    if first == UInt8(ascii: "0") {
      let second = JSONDecoder.byte(index + 1, text)
      return second | 0x20 == UInt8(ascii: "x") || (second >= 48 && second <= 57)
    }
    if first <= UInt8(ascii: "9") { return false }
    let word = text.extracting(index..<min(index + 3, text.byteCount))
    return word.spells("inf" as StaticString) || word.spells("nan" as StaticString)
  }

  private mutating func number(_ text: RawSpan) -> Token {
    if let token = shortInteger(text) { return token }
    var count = 0
    let start = position
    let value = unsafe text.withUnsafeBytes { bytes in
      // A zero byte stands behind the text, as behind all of Lua's strings.
      unsafe memd_lua_parse_number(bytes.baseAddress.map { unsafe $0 + start }, &count)
    }
    guard count > 0 else { return .error("invalid number") }
    position += count
    return .number(value)
  }

  /// An integer of few digits, with nothing behind it that would belong to a number.
  private mutating func shortInteger(_ text: RawSpan) -> Token? {
    var index = position
    let isNegative = JSONDecoder.byte(index, text) == UInt8(ascii: "-")
    if isNegative { index += 1 }
    let start = index
    var value = 0
    while index < text.byteCount, index - start < 15 {
      let digit = Int(text.byte(index)) - 48
      guard digit >= 0, digit <= 9 else { break }
      value = value * 10 + digit
      index += 1
    }
    guard index > start else { return nil }
    switch JSONDecoder.byte(index, text) {
    case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: " "), 0, 10, 13:
      position = index
      return .number(isNegative ? -Double(value) : Double(value))
    default: return nil
    }
  }

  // MARK: - Strings

  private mutating func readString(_ text: RawSpan) -> Token {
    position += 1
    string.removeAll()
    var start = position
    while true {
      let byte = JSONDecoder.byte(position, text)
      if byte == UInt8(ascii: "\"") {
        string.append(text.extracting(start..<position))
        position += 1
        return .string
      }
      if byte == 0 { return wrong("unexpected end of string") }
      guard byte == UInt8(ascii: "\\") else {
        position += 1
        continue
      }
      string.append(text.extracting(start..<position))
      let code = JSONDecoder.byte(position + 1, text)
      if code == UInt8(ascii: "u") {
        guard appendUnicode(text) else { return wrong("invalid unicode escape code") }
      } else {
        guard let byte = JSONDecoder.escaped(code) else { return wrong("invalid escape code") }
        string.append(byte: byte)
        position += 2
      }
      start = position
    }
  }

  private mutating func wrong(_ reason: StaticString) -> Token {
    tokenStart = position
    return .error(reason)
  }

  private static func escaped(_ code: UInt8) -> UInt8? {
    switch code {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): code
    case UInt8(ascii: "b"): 8
    case UInt8(ascii: "t"): 9
    case UInt8(ascii: "n"): 10
    case UInt8(ascii: "f"): 12
    case UInt8(ascii: "r"): 13
    default: nil
    }
  }

  /// Appends the character of `\u` and four digits, or of two of these that are a pair; false if
  /// they are none.
  private mutating func appendUnicode(_ text: RawSpan) -> Bool {
    guard var code = hexadecimal(at: position + 2, text) else { return false }
    var count = 6
    if code & 0xF800 == 0xD800 {
      guard code & 0x400 == 0, JSONDecoder.byte(position + 6, text) == UInt8(ascii: "\\"),
        JSONDecoder.byte(position + 7, text) == UInt8(ascii: "u"),
        let low = hexadecimal(at: position + 8, text), low & 0xFC00 == 0xDC00
      else { return false }
      code = (code & 0x3FF) << 10 | low & 0x3FF
      code += 0x10000
      count = 12
    }
    guard let scalar = Unicode.Scalar(code) else { return false }
    for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
      string.append(byte: byte)
    }
    position += count
    return true
  }

  private func hexadecimal(at index: Int, _ text: RawSpan) -> UInt32? {
    var value: UInt32 = 0
    for offset in 0..<4 {
      guard let digit = JSONDecoder.byte(index + offset, text).hexadecimalValue else { return nil }
      value = value << 4 | UInt32(digit)
    }
    return value
  }
}
