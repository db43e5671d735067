// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A library that is being loaded, and what its code has registered so far.
final class LibraryLoad {
  private(set) var functions: [LibraryFunction] = []
  private var names: Set<ByteText> = []
  /// Reading of the cycle counter at its start.
  let startedAt: UInt64
  /// How long its code may run, in milliseconds; nil: as long as it takes.
  let milliseconds: Double?

  init(startedAt: UInt64, milliseconds: Double?) {
    self.startedAt = startedAt
    self.milliseconds = milliseconds
  }

  func has(_ name: ByteText) -> Bool { names.contains(name) }

  func add(_ function: LibraryFunction) {
    names.insert(function.name)
    functions.append(function)
  }
}

/// What redis.register_function has been given:
///
///     redis.register_function('name', function(keys, args) ... end)
///     redis.register_function{function_name = 'name', callback = f, flags = {...},
///                             description = text}
private struct FunctionRegistration {
  /// What errors call the function that reads this.
  let caller: ByteText
  private(set) var name: ByteText = ""
  private(set) var description: ByteText?
  private(set) var flags: ScriptFlags = []

  /// Reads the arguments, and leaves the callback at place 2.
  init(_ stack: LuaStack, caller: ByteText) throws(LibraryError) {
    self.caller = caller
    switch stack.count {
    case 1: try readNamed(stack)
    case 2: try readPositional(stack)
    default: throw LibraryError(message: "wrong number of arguments to \(caller)")
    }
  }

  private mutating func readPositional(_ stack: LuaStack) throws(LibraryError) {
    guard let name = FunctionRegistration.text(at: 1, stack) else {
      throw LibraryError(message: "first argument to \(caller) must be a string")
    }
    guard stack.type(at: 2) == .function else {
      throw LibraryError(message: "second argument to \(caller) must be a function")
    }
    self.name = name
  }

  private mutating func readNamed(_ stack: LuaStack) throws(LibraryError) {
    guard stack.type(at: 1) == .table else {
      throw LibraryError(
        message: """
          calling \(caller) with a single argument is only applicable to Lua table (representing \
          named arguments).
          """)
    }
    stack.lookThrough(at: 1)
    // Place 2 is the callback's.
    stack.pushNull()
    stack.pushNull()
    var isNamed = false
    while stack.next(inTableAt: 1) {
      if try readNamedArgument(stack) { isNamed = true }
      stack.truncate(to: 3)
    }
    guard isNamed else {
      throw LibraryError(message: "\(caller) must get a function name argument")
    }
    guard stack.type(at: 2) == .function else {
      throw LibraryError(message: "\(caller) must get a callback argument")
    }
  }

  /// Reads the argument whose name and value are at places 3 and 4; true if that is the name.
  private mutating func readNamedArgument(_ stack: LuaStack) throws(LibraryError) -> Bool {
    // A number is a string to Lua, but none that names an argument; nor may it become one here.
    guard stack.type(at: 3) != .number else {
      throw LibraryError(message: "unknown argument given to \(caller)")
    }
    guard stack.type(at: 3) == .string else {
      throw LibraryError(message: "named argument key given to \(caller) is not a string")
    }
    switch FoldedName(folding: stack.string(at: 3)) {
    case FoldedName("function_name"):
      guard let text = FunctionRegistration.text(at: 4, stack) else {
        throw LibraryError(message: "function_name argument given to \(caller) must be a string")
      }
      name = text
      return true
    case FoldedName("description"):
      guard let text = FunctionRegistration.text(at: 4, stack) else {
        throw LibraryError(message: "description argument given to \(caller) must be a string")
      }
      description = text
    case FoldedName("callback"):
      guard stack.type(at: 4) == .function else {
        throw LibraryError(message: "callback argument given to \(caller) must be a function")
      }
      stack.moveTop(to: 2)
    case FoldedName("flags"):
      guard stack.type(at: 4) == .table else {
        throw LibraryError(
          message: "flags argument to \(caller) must be a table representing function flags")
      }
      try readFlags(stack)
    default: throw LibraryError(message: "unknown argument given to \(caller)")
    }
    return false
  }

  /// Reads the flags in the table at place 4, which is the top.
  private mutating func readFlags(_ stack: LuaStack) throws(LibraryError) {
    stack.lookThrough(at: 4)
    flags = []
    var index = 1
    while true {
      stack.pushElement(index, ofTableAt: 4)
      defer { stack.pop() }
      if stack.type(at: -1) == .null { return }
      guard let name = FunctionRegistration.text(at: -1, stack),
        let flag = ScriptFlags.named(name.folded.bytes)
      else { throw LibraryError(message: "unknown flag given") }
      flags.insert(flag)
      index += 1
    }
  }

  /// The text of a string or a number; nil for anything else.
  private static func text(at place: Int, _ stack: LuaStack) -> ByteText? {
    switch stack.type(at: place) {
    case .string, .number: ByteText(stack.string(at: place))
    default: nil
    }
  }
}

extension Server {
  /// Runs redis.register_function.
  func registerFunction(_ stack: LuaStack, _ library: StaticString) -> ScriptOutcome {
    do throws(LibraryError) {
      try register(stack, caller: "\(library).register_function")
      return .results(0)
    } catch {
      LuaError.push("ERR " + error.message, to: stack)
      return .raise
    }
  }

  private func register(_ stack: LuaStack, caller: ByteText) throws(LibraryError) {
    guard let load = scripting.load, let interpreter = scripting.functionInterpreter else {
      throw LibraryError(message: "\(caller) can only be called on FUNCTION LOAD command")
    }
    let registration = try FunctionRegistration(stack, caller: caller)
    guard FunctionLibrary.isName(registration.name) else {
      throw LibraryError(message: FunctionLibrary.wrongName)
    }
    guard !load.has(registration.name) else {
      throw LibraryError(message: "Function already exists in the library")
    }
    stack.truncate(to: 2)
    load.add(
      LibraryFunction(
        registration.name, description: registration.description, flags: registration.flags,
        number: interpreter.keep(onTopOf: stack), in: interpreter))
  }
}
