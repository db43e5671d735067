// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The library `cjson`: JSON, and what a script can set for it. Settings of the library that all
/// scripts share stay; `cjson.new` makes one for the script that calls it.
struct JSONLibrary {
  /// By instance; the first is the one that all scripts share.
  private var settings = [JSONSettings()]
  /// A script makes no more instances than this.
  private static let instanceCountMax = 10_000

  /// The script has ended: what it has made for itself goes.
  mutating func endScript() {
    if settings.count > 1 { settings.removeLast(settings.count - 1) }
  }

  static let functions: [(StaticString, ScriptFunction)] = [
    ("encode", .jsonEncode), ("decode", .jsonDecode), ("new", .jsonNew),
    ("encode_sparse_array", .jsonSparse), ("encode_max_depth", .jsonEncodeDepth),
    ("decode_max_depth", .jsonDecodeDepth), ("encode_number_precision", .jsonPrecision),
    ("encode_keep_buffer", .jsonKeepBuffer), ("encode_invalid_numbers", .jsonEncodeInvalid),
    ("decode_invalid_numbers", .jsonDecodeInvalid),
  ]

  static let texts: [(name: StaticString, value: StaticString)] = [
    ("_NAME", "cjson"), ("_VERSION", "2.1.0"),
  ]

  /// Runs a function of an instance.
  mutating func run(
    _ function: ScriptFunction, _ stack: LuaStack, instance: Int
  ) -> ScriptOutcome {
    guard instance < settings.count else { return .results(0) }
    do throws(LuaArgumentError) {
      switch function {
      case .jsonEncode: return try encode(stack, settings[instance])
      case .jsonDecode: return try decode(stack, settings[instance])
      case .jsonNew: return makeInstance(stack)
      default: return try set(function, stack, &settings[instance])
      }
    } catch {
      return stack.raise(error)
    }
  }

  private func encode(
    _ stack: LuaStack, _ settings: JSONSettings
  ) throws(LuaArgumentError) -> ScriptOutcome {
    guard stack.count == 1 else {
      throw LuaArgumentError(position: 1, reason: "expected 1 argument")
    }
    var encoder = JSONEncoder(stack, settings)
    guard encoder.encode() else { return stack.raiseHere(encoder.failure ?? "") }
    stack.push(encoder.text.bytes)
    return .results(1)
  }

  private func decode(
    _ stack: LuaStack, _ settings: JSONSettings
  ) throws(LuaArgumentError) -> ScriptOutcome {
    guard stack.count == 1 else {
      throw LuaArgumentError(position: 1, reason: "expected 1 argument")
    }
    try stack.checkString(1)
    var decoder = JSONDecoder(stack, settings)
    guard decoder.decode(stack.string(at: 1)) else {
      return stack.raiseHere(decoder.failure ?? "")
    }
    return .results(1)
  }

  // MARK: - Settings

  private mutating func makeInstance(_ stack: LuaStack) -> ScriptOutcome {
    guard settings.count < JSONLibrary.instanceCountMax else {
      return stack.raiseHere("too many instances of cjson")
    }
    settings.append(JSONSettings())
    stack.pushTable(fields: 16)
    for (name, function) in JSONLibrary.functions {
      stack.pushFunction(function, named: name, instance: settings.count - 1)
    }
    for (name, value) in JSONLibrary.texts { stack.setField(name, value) }
    stack.push("null")
    stack.pushNullPointer()
    stack.setField(ofTableAt: -3)
    return .results(1)
  }

  /// Sets what is given, and answers what holds then.
  private func set(
    _ function: ScriptFunction, _ stack: LuaStack, _ settings: inout JSONSettings
  ) throws(LuaArgumentError) -> ScriptOutcome {
    let count = function == .jsonSparse ? 3 : 1
    guard stack.count <= count else {
      throw LuaArgumentError(position: count + 1, reason: "found too many arguments")
    }
    switch function {
    case .jsonSparse:
      settings.convertsSparse = try flag(stack, 1, settings.convertsSparse)
      settings.sparseRatio = try number(stack, 2, settings.sparseRatio, 0...Int(Int32.max))
      settings.sparseSafe = try number(stack, 3, settings.sparseSafe, 0...Int(Int32.max))
      stack.push(settings.convertsSparse)
      stack.push(settings.sparseRatio)
      stack.push(settings.sparseSafe)
    case .jsonEncodeDepth:
      settings.encodeDepthMax = try number(stack, 1, settings.encodeDepthMax, 1...Int(Int32.max))
      stack.push(settings.encodeDepthMax)
    case .jsonDecodeDepth:
      settings.decodeDepthMax = try number(stack, 1, settings.decodeDepthMax, 1...Int(Int32.max))
      stack.push(settings.decodeDepthMax)
    case .jsonPrecision:
      settings.precision = try number(stack, 1, settings.precision, 1...14)
      stack.push(settings.precision)
    case .jsonKeepBuffer:
      settings.keepsBuffer = try flag(stack, 1, settings.keepsBuffer)
      stack.push(settings.keepsBuffer)
    case .jsonEncodeInvalid:
      let choice = try choice(
        stack, 1, settings.encodesInvalidNumbers.rawValue, of: ["off", "on", "null"])
      settings.encodesInvalidNumbers = JSONSettings.InvalidNumbers(rawValue: choice) ?? .error
      if choice == 2 { stack.push("null") } else { stack.push(choice == 1) }
    default:
      settings.decodesInvalidNumbers = try flag(stack, 1, settings.decodesInvalidNumbers)
      stack.push(settings.decodesInvalidNumbers)
    }
    return .results(count)
  }

  private func number(
    _ stack: LuaStack, _ position: Int, _ present: Int, _ range: ClosedRange<Int>
  ) throws(LuaArgumentError) -> Int {
    guard !stack.isMissing(position) else { return present }
    let value = Int(Int32(truncatingIfNeeded: try stack.checkedInteger(position)))
    guard range.contains(value) else {
      throw LuaArgumentError(
        position: 1,
        reason: "expected integer between \(range.lowerBound) and \(range.upperBound)")
    }
    return value
  }

  private func flag(
    _ stack: LuaStack, _ position: Int, _ present: Bool
  ) throws(LuaArgumentError) -> Bool {
    try choice(stack, position, present ? 1 : 0, of: ["off", "on"]) == 1
  }

  private func choice(
    _ stack: LuaStack, _ position: Int, _ present: Int, of words: [String]
  ) throws(LuaArgumentError) -> Int {
    guard !stack.isMissing(position) else { return present }
    if stack.type(at: position) == .boolean { return stack.boolean(at: position) ? 1 : 0 }
    try stack.checkString(position)
    let word = stack.string(at: position)
    for index in words.indices where word.equals(words[index]) { return index }
    throw LuaArgumentError(position: position, reason: "invalid option '\(whole: word)'")
  }
}
