// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Makes MessagePack values of Lua's, as lua-cmsgpack 0.4 does.
struct MessagePackDecoder {
  /// Why the bytes are no MessagePack, or can't be a value.
  enum Failure {
    case missingBytes, badFormat, tooMany
    /// A key of a map is nil, or not a number.
    case nullKey, notANumberKey

    var message: StaticString {
      switch self {
      case .missingBytes: "Missing bytes in input."
      case .badFormat: "Bad data format in input."
      case .tooMany:
        """
        stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)
        """
      case .nullKey: "table index is nil"
      case .notANumberKey: "table index is NaN"
      }
    }
  }

  let stack: LuaStack
  /// Where the next value begins.
  private(set) var position: Int
  private(set) var failure: Failure?
  private var depth = 0
  private var patience = LuaPatience()
  private static let depthMax = 2500

  init(_ stack: LuaStack, from position: Int) {
    self.stack = stack
    self.position = position
  }

  /// Pushes the next value; false with a `failure`.
  mutating func push(_ bytes: RawSpan) -> Bool {
    guard stack.reserve(4), depth < MessagePackDecoder.depthMax else { return fail(.tooMany) }
    guard position < bytes.byteCount else { return fail(.missingBytes) }
    // The script gets the error of that in the place of this one.
    guard patience.spend(LuaPatience.costOfValue, stack) else { return fail(.tooMany) }
    let code = bytes.byte(position)
    switch code {
    case 0x00...0x7F, 0xE0...0xFF:
      position += 1
      stack.push(Double(Int8(bitPattern: code)))
      return true
    case 0x80...0x8F: return pushMap(bytes, count: Int(code & 15), headerByteCount: 1)
    case 0x90...0x9F: return pushArray(bytes, count: Int(code & 15), headerByteCount: 1)
    case 0xA0...0xBF: return pushString(bytes, count: Int(code & 31), headerByteCount: 1)
    case 0xC0, 0xC2, 0xC3:
      position += 1
      if code == 0xC0 { stack.pushNull() } else { stack.push(code == 0xC3) }
      return true
    case 0xCA...0xD3: return pushNumber(bytes, code)
    default: return pushLong(bytes, code)
    }
  }

  private mutating func fail(_ failure: Failure) -> Bool {
    if self.failure == nil { self.failure = failure }
    return false
  }

  /// The number behind the code, in so many bytes.
  private mutating func word(_ bytes: RawSpan, byteCount: Int) -> UInt64? {
    guard bytes.byteCount - position > byteCount else { return nil }
    var word: UInt64 = 0
    for offset in 1...byteCount { word = word << 8 | UInt64(bytes.byte(position + offset)) }
    return word
  }

  private mutating func pushNumber(_ bytes: RawSpan, _ code: UInt8) -> Bool {
    let byteCount: Int
    switch code {
    case 0xCC, 0xD0: byteCount = 1
    case 0xCD, 0xD1: byteCount = 2
    case 0xCA, 0xCE, 0xD2: byteCount = 4
    default: byteCount = 8
    }
    guard let word = word(bytes, byteCount: byteCount) else { return fail(.missingBytes) }
    position += 1 + byteCount
    switch code {
    case 0xCA: stack.push(Double(Float(bitPattern: UInt32(truncatingIfNeeded: word))))
    case 0xCB: stack.push(Double(bitPattern: word))
    case 0xD0: stack.push(Double(Int8(truncatingIfNeeded: word)))
    case 0xD1: stack.push(Double(Int16(truncatingIfNeeded: word)))
    case 0xD2: stack.push(Double(Int32(truncatingIfNeeded: word)))
    case 0xD3: stack.push(Double(Int64(bitPattern: word)))
    // Compatibility: a number of 64 bits without sign becomes one with a sign.
    case 0xCF: stack.push(Double(Int64(bitPattern: word)))
    default: stack.push(Double(word))
    }
    return true
  }

  private mutating func pushLong(_ bytes: RawSpan, _ code: UInt8) -> Bool {
    let byteCount: Int
    switch code {
    case 0xD9: byteCount = 1
    case 0xDA, 0xDC, 0xDE: byteCount = 2
    case 0xDB, 0xDD, 0xDF: byteCount = 4
    default: return fail(.badFormat)
    }
    guard let word = word(bytes, byteCount: byteCount) else { return fail(.missingBytes) }
    let count = Int(truncatingIfNeeded: word)
    switch code {
    case 0xDC, 0xDD: return pushArray(bytes, count: count, headerByteCount: 1 + byteCount)
    case 0xDE, 0xDF: return pushMap(bytes, count: count, headerByteCount: 1 + byteCount)
    default: return pushString(bytes, count: count, headerByteCount: 1 + byteCount)
    }
  }

  private mutating func pushString(
    _ bytes: RawSpan, count: Int, headerByteCount: Int
  ) -> Bool {
    let start = position + headerByteCount
    guard count <= bytes.byteCount - start else { return fail(.missingBytes) }
    guard patience.spend(count, stack) else { return fail(.tooMany) }
    stack.push(bytes.extracting(start..<start + count))
    position = start + count
    return true
  }

  private mutating func pushArray(_ bytes: RawSpan, count: Int, headerByteCount: Int) -> Bool {
    position += headerByteCount
    depth += 1
    defer { depth -= 1 }
    stack.pushTable()
    var index = 1
    while index <= count {
      guard push(bytes) else { return false }
      stack.setElement(index, ofTableAt: -2)
      index += 1
    }
    return true
  }

  private mutating func pushMap(_ bytes: RawSpan, count: Int, headerByteCount: Int) -> Bool {
    position += headerByteCount
    depth += 1
    defer { depth -= 1 }
    stack.pushTable()
    for _ in 0..<count {
      guard push(bytes), push(bytes) else { return false }
      switch stack.type(at: -2) {
      case .null: return fail(.nullKey)
      case .number where stack.number(at: -2).isNaN: return fail(.notANumberKey)
      default: stack.setField(ofTableAt: -3)
      }
    }
    return true
  }
}
