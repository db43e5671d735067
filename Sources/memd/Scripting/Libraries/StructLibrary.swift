// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The library `struct`: values as the bytes of a structure of C's, and back.
enum StructLibrary {
  static let functions: [(StaticString, ScriptFunction)] = [
    ("pack", .structPack), ("unpack", .structUnpack), ("size", .structSize),
  ]

  /// Runs a function of the library.
  static func run(_ function: ScriptFunction, _ stack: LuaStack) -> ScriptOutcome {
    do throws(LuaArgumentError) {
      try stack.checkString(1)
      var format = StructFormat(stack.string(at: 1))
      switch function {
      case .structPack: return try pack(stack, &format)
      case .structUnpack: return try unpack(stack, &format)
      default: return try size(stack, &format)
      }
    } catch {
      return stack.raise(error)
    }
  }

  private static func raise(
    _ failure: StructFormat.Failure, _ stack: LuaStack
  ) throws(LuaArgumentError) -> ScriptOutcome {
    switch failure {
    case .sizeOverflow: return stack.raiseHere("integral size overflow")
    case .tooLarge(let size):
      return stack.raiseHere("integral size \(size) is larger than limit of 32")
    case .alignment(let number):
      return stack.raiseHere("alignment \(number) is not a power of 2")
    case .option(let byte):
      throw LuaArgumentError(position: 1, reason: "invalid format option '\(whole: [byte])'")
    case .place: throw tooShort
    }
  }

  private static var tooShort: LuaArgumentError {
    LuaArgumentError(position: 2, reason: "data string too short")
  }

  // MARK: - Packing

  private static func pack(
    _ stack: LuaStack, _ format: inout StructFormat
  ) throws(LuaArgumentError) -> ScriptOutcome {
    // Compatibility: an argument that is missing is nil.
    stack.pushNull()
    var bytes = ByteBuffer()
    var patience = LuaPatience()
    var argument = 2
    while let item = format.next(at: bytes.count) {
      // If not, the script gets the error of that in the place of a result.
      guard patience.spend(item.size + LuaPatience.costOfValue, made: bytes.count, stack) else {
        return .results(0)
      }
      for _ in 0..<item.padding { bytes.append(byte: 0) }
      switch item.option {
      case UInt8(ascii: "x"): bytes.append(byte: 0)
      case UInt8(ascii: "f"):
        let number = Float(try stack.checkedNumber(argument))
        append(UInt64(number.bitPattern), item, to: &bytes)
      case UInt8(ascii: "d"):
        append(try stack.checkedNumber(argument).bitPattern, item, to: &bytes)
      case UInt8(ascii: "c"), UInt8(ascii: "s"):
        let byteCount = stack.string(at: argument).byteCount
        guard patience.spend(byteCount, made: bytes.count, stack) else { return .results(0) }
        try appendString(stack, argument, item, to: &bytes)
      default: append(word(of: try stack.checkedNumber(argument)), item, to: &bytes)
      }
      if item.option != UInt8(ascii: "x") { argument += 1 }
    }
    if let failure = format.failure { return try raise(failure, stack) }
    stack.push(bytes.bytes)
    return .results(1)
  }

  private static func appendString(
    _ stack: LuaStack, _ argument: Int, _ item: StructFormat.Item, to bytes: inout ByteBuffer
  ) throws(LuaArgumentError) {
    try stack.checkString(argument)
    let text = stack.string(at: argument)
    let count = item.size == 0 ? text.byteCount : item.size
    guard text.byteCount >= count else {
      // Compatibility: it names the argument behind.
      throw LuaArgumentError(position: argument + 1, reason: "string too short")
    }
    bytes.append(text.extracting(first: count))
    if item.option == UInt8(ascii: "s") { bytes.append(byte: 0) }
  }

  /// A number's bits, as C makes an integer of it on x86-64: beyond 64 bits there are none.
  private static func word(of number: Double) -> UInt64 {
    if number < 0 { return UInt64(bitPattern: Int64(LuaReply.integer(number))) }
    return number < 0x1p64 ? UInt64(number) : number.isNaN ? 1 << 63 : 0
  }

  private static func append(_ word: UInt64, _ item: StructFormat.Item, to bytes: inout ByteBuffer)
  {
    for index in 0..<item.size {
      let place = item.isBigEndian ? item.size - 1 - index : index
      bytes.append(byte: place < 8 ? UInt8(truncatingIfNeeded: word >> UInt64(place * 8)) : 0)
    }
  }

  // MARK: - Unpacking

  private static func unpack(
    _ stack: LuaStack, _ format: inout StructFormat
  ) throws(LuaArgumentError) -> ScriptOutcome {
    try stack.checkString(2)
    let offset = try stack.checkedInteger(3, orElse: 1)
    guard offset != 0 else {
      throw LuaArgumentError(position: 3, reason: "offset must be 1 or greater")
    }
    let data = stack.string(at: 2)
    // Compatibility: an offset below zero is one that is far beyond the data.
    var position = offset &- 1
    var count = 0
    while let item = format.next(at: position, limit: data.byteCount) {
      let (start, overflows) = position.addingReportingOverflow(item.padding)
      position = start
      guard !overflows, position >= 0, item.size <= data.byteCount,
        position <= data.byteCount - item.size
      else {
        throw tooShort
      }
      guard stack.reserve(4) else { return stack.raiseHere("stack overflow (too many results)") }
      switch item.option {
      case UInt8(ascii: "x"): position += item.size
      case UInt8(ascii: "c") where item.size == 0:
        guard count > 0, let number = stack.numeral(at: -1) else {
          return stack.raiseHere("format 'c0' needs a previous size")
        }
        stack.pop()
        let size = word(of: number)
        guard size <= UInt64(data.byteCount - position) else { throw tooShort }
        let end = position + Int(size)
        stack.push(data.extracting(position..<end))
        position = end
      case UInt8(ascii: "s"):
        guard let end = (position..<data.byteCount).first(where: { data.byte($0) == 0 }) else {
          return stack.raiseHere("unfinished string in data")
        }
        stack.push(data.extracting(position..<end))
        position = end + 1
        count += 1
      default:
        push(data.extracting(position..<position + item.size), item, to: stack)
        position += item.size
        count += 1
      }
    }
    if let failure = format.failure { return try raise(failure, stack) }
    stack.push(position &+ 1)
    return .results(count + 1)
  }

  private static func push(_ bytes: RawSpan, _ item: StructFormat.Item, to stack: LuaStack) {
    if item.option == UInt8(ascii: "c") { return stack.push(bytes) }
    var word: UInt64 = 0
    for index in 0..<item.size {
      word = word << 8 | UInt64(bytes.byte(item.isBigEndian ? index : item.size - 1 - index))
    }
    switch item.option {
    case UInt8(ascii: "f"):
      stack.push(Double(Float(bitPattern: UInt32(truncatingIfNeeded: word))))
    case UInt8(ascii: "d"): stack.push(Double(bitPattern: word))
    case 97...122:
      // Compatibility: beyond eight bytes the sign is where the processor's shift puts it.
      let mask = UInt64.max << UInt64((item.size * 8 - 1) & 63)
      if item.size > 0, word & mask != 0 { word |= mask }
      stack.push(Double(Int64(bitPattern: word)))
    default: stack.push(Double(word))
    }
  }

  // MARK: - Sizes

  private static func size(
    _ stack: LuaStack, _ format: inout StructFormat
  ) throws(LuaArgumentError) -> ScriptOutcome {
    var position = 0
    while let item = format.next(at: position, passesOver: true) {
      if item.option == UInt8(ascii: "s") {
        throw LuaArgumentError(position: 1, reason: "option 's' has no fixed size")
      }
      if item.option == UInt8(ascii: "c"), item.size == 0 {
        throw LuaArgumentError(position: 1, reason: "option 'c0' has no fixed size")
      }
      position += item.padding + item.size
    }
    if let failure = format.failure { return try raise(failure, stack) }
    stack.push(position)
    return .results(1)
  }
}
