// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What is wrong with the arguments of a function that a script has called.
struct LuaArgumentError: Error {
  let position: Int
  let reason: ByteText
}

/// The arguments of such a function, checked as Lua's own library checks them.
extension LuaStack {
  /// The error of an argument of another type.
  private func wrongType(_ position: Int, _ expected: StaticString) -> LuaArgumentError {
    LuaArgumentError(
      position: position, reason: "\(expected) expected, got \(typeName(at: position))")
  }

  /// The argument as a number.
  func checkedNumber(_ position: Int) throws(LuaArgumentError) -> Double {
    guard let number = numeral(at: position) else { throw wrongType(position, "number") }
    return number
  }

  /// The argument as an integer; what is far too large becomes the lowest one, as in C.
  func checkedInteger(_ position: Int) throws(LuaArgumentError) -> Int {
    LuaReply.integer(try checkedNumber(position))
  }

  /// The argument as an integer, if it is there.
  func checkedInteger(_ position: Int, orElse other: Int) throws(LuaArgumentError) -> Int {
    isMissing(position) ? other : try checkedInteger(position)
  }

  /// Makes sure that the argument is a string, or a number that becomes one.
  func checkString(_ position: Int) throws(LuaArgumentError) {
    let type = self.type(at: position)
    guard type == .string || type == .number else { throw wrongType(position, "string") }
    _ = string(at: position)
  }

  /// Whether the argument is not given, or nil.
  func isMissing(_ position: Int) -> Bool {
    let type = self.type(at: position)
    return type == .none || type == .null
  }

  /// Pushes what is wrong with an argument.
  func raise(_ error: LuaArgumentError) -> ScriptOutcome {
    push(error.position)
    push(error.reason)
    return .raiseArgument
  }

  /// Pushes an error to which the place of the call is added.
  func raiseHere(_ message: ByteText) -> ScriptOutcome {
    push(message)
    return .raiseHere
  }
}
