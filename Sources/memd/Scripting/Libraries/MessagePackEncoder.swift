// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Makes a value of Lua's MessagePack, as lua-cmsgpack 0.4 does: numbers that are integers become
/// integers, tables whose keys are 1 to n arrays, all others maps.
struct MessagePackEncoder: ~Copyable {
  let stack: LuaStack
  private(set) var bytes = ByteBuffer()
  private var patience = LuaPatience()
  /// A weak table has lost elements when their number stood there already.
  private(set) var hasLostElements = false
  /// Tables that lie deeper become nil, as they may lie in themselves.
  private static let depthMax = 16

  init(_ stack: LuaStack) { self.stack = stack }

  /// Appends the value on top of the stack, and takes it away.
  ///
  /// If it may not go on, what was appended is no MessagePack, and the function that the script has
  /// called fails.
  mutating func append(depth: Int = 0) {
    guard patience.spend(LuaPatience.costOfValue, made: bytes.count, stack) else {
      return stack.pop()
    }
    switch stack.type(at: -1) {
    case .string: appendString(stack.string(at: -1))
    case .boolean: bytes.append(byte: stack.boolean(at: -1) ? 0xC3 : 0xC2)
    case .number: appendNumber(stack.number(at: -1))
    case .table where depth < MessagePackEncoder.depthMax && stack.reserve(6): appendTable(depth)
    default: bytes.append(byte: 0xC0)
    }
    stack.pop()
  }

  private mutating func append(_ code: UInt8, _ word: UInt64, byteCount: Int) {
    bytes.append(byte: code)
    var shift = UInt64(byteCount * 8)
    while shift > 0 {
      shift -= 8
      bytes.append(byte: UInt8(truncatingIfNeeded: word >> shift))
    }
  }

  private mutating func appendString(_ text: RawSpan) {
    guard patience.spend(text.byteCount, made: bytes.count, stack) else { return }
    let count = UInt64(text.byteCount)
    switch count {
    case 0..<32: bytes.append(byte: 0xA0 | UInt8(count))
    case 0...0xFF: append(0xD9, count, byteCount: 1)
    case 0...0xFFFF: append(0xDA, count, byteCount: 2)
    default: append(0xDB, count, byteCount: 4)
    }
    bytes.append(text)
  }

  private mutating func appendNumber(_ number: Double) {
    if number >= -0x1p63, number < 0x1p63, number == number.rounded(.towardZero) {
      return appendInteger(Int64(number))
    }
    let short = Float(number)
    if Double(short) == number {
      append(0xCA, UInt64(short.bitPattern), byteCount: 4)
    } else {
      append(0xCB, number.bitPattern, byteCount: 8)
    }
  }

  private mutating func appendInteger(_ integer: Int64) {
    let word = UInt64(bitPattern: integer)
    switch integer {
    case 0...127: bytes.append(byte: UInt8(truncatingIfNeeded: integer))
    case 0...0xFF: append(0xCC, word, byteCount: 1)
    case 0...0xFFFF: append(0xCD, word, byteCount: 2)
    case 0...0xFFFF_FFFF: append(0xCE, word, byteCount: 4)
    case 0...: append(0xCF, word, byteCount: 8)
    case (-32)...: bytes.append(byte: UInt8(truncatingIfNeeded: integer))
    case (-0x80)...: append(0xD0, word, byteCount: 1)
    case (-0x8000)...: append(0xD1, word, byteCount: 2)
    case (-0x8000_0000)...: append(0xD2, word, byteCount: 4)
    default: append(0xD3, word, byteCount: 8)
    }
  }

  // MARK: - Tables

  private mutating func appendTable(_ depth: Int) {
    stack.lookThrough(at: -1)
    let (count, isArray) = countKeys()
    appendHeader(count, fixed: isArray ? 0x90 : 0x80, code: isArray ? 0xDC : 0xDE)
    guard !isArray else {
      for index in stride(from: 1, through: count, by: 1) {
        if patience.isOver { return }
        stack.pushElement(index, ofTableAt: -1)
        append(depth: depth + 1)
      }
      return
    }
    var packed = 0
    stack.pushNull()
    while stack.next(inTableAt: -2) {
      stack.pushCopy(of: -2)
      append(depth: depth + 1)
      append(depth: depth + 1)
      packed += 1
      if patience.isOver { return stack.pop() }
    }
    if packed != count { hasLostElements = true }
  }

  private mutating func appendHeader(_ count: Int, fixed: UInt8, code: UInt8) {
    let word = UInt64(count)
    switch word {
    case 0...15: bytes.append(byte: fixed | UInt8(word))
    case 0...0xFFFF: append(code, word, byteCount: 2)
    default: append(code + 1, word, byteCount: 4)
    }
  }

  /// Number of keys of the table on top, and whether they are 1 to that number.
  private mutating func countKeys() -> (count: Int, isArray: Bool) {
    var count = 0
    var highest = 0.0
    var isArray = true
    stack.pushNull()
    while stack.next(inTableAt: -2) {
      stack.pop()
      count += 1
      _ = patience.spend(1, made: bytes.count, stack)
      let key = stack.type(at: -1) == .number ? stack.number(at: -1) : 0
      if key > 0, key <= Double(Int32.max), key == key.rounded(.down) {
        highest = max(highest, key)
      } else {
        isArray = false
      }
    }
    return (count, isArray && highest == Double(count))
  }
}
