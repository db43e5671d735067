// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// Libraries of functions: loaded, replaced as a whole, and forgotten.

extension Server {
  /// The code of a library may run so long while it is loaded, in milliseconds.
  static let libraryLoadMilliseconds = 500.0
  /// The code of all libraries of a payload together; from then on each has a moment.
  static let payloadLoadMilliseconds = 5000.0

  private func prepareFunctionInterpreter() throws(LibraryError) -> Interpreter {
    if let interpreter = scripting.functionInterpreter { return interpreter }
    guard let made = makeInterpreter(.functions) else {
      throw LibraryError(message: "no memory for the interpreter of functions")
    }
    scripting.functionInterpreter = made
    return made
  }

  /// Loads a library into a set; nothing happens to that if it throws.
  ///
  /// - Parameters:
  ///   - replaces: whether it may take the place of a library of the same name.
  ///   - milliseconds: how long its code may run; nil: as long as it takes.
  /// - Returns: its name.
  func loadLibrary(
    _ code: RawSpan, into set: LibrarySet, replaces: Bool, milliseconds: Double?
  ) throws(LibraryError) -> ByteText {
    let header = try LibraryHeader(of: code)
    guard replaces || set.library(header.name) == nil else {
      throw LibraryError(message: "Library '\(header.name)' already exists")
    }
    let functions = try registerFunctions(
      of: code.extracting(droppingFirst: header.byteCount), milliseconds: milliseconds)
    try set.add(FunctionLibrary(header.name, code: code.copied, functions: functions))
    return header.name
  }

  /// Compiles the code of a library and runs it, which registers its functions.
  private func registerFunctions(
    of code: RawSpan, milliseconds: Double?
  ) throws(LibraryError) -> [LibraryFunction] {
    let interpreter = try prepareFunctionInterpreter()
    defer { interpreter.clearStack() }
    scripting.share(configuration.luaMemoryLimit, with: interpreter)
    guard let number = interpreter.compile(code) else {
      let reason = interpreter.stack.string(at: -1)
      throw LibraryError(message: "Error compiling function: \(whole: reason)")
    }
    let load = LibraryLoad(startedAt: clock.ticks(), milliseconds: milliseconds)
    scripting.load = load
    let outcome = interpreter.load(number)
    scripting.load = nil
    interpreter.forget(number)
    guard case .done = outcome else {
      if case .outOfMemory = outcome { interpreter.collect() }
      throw LibraryError(message: "Error registering functions: \(reason(of: interpreter))")
    }
    guard !load.functions.isEmpty else { throw LibraryError(message: "No functions registered") }
    return load.functions
  }

  /// Why a library has failed: what is on top of the stack.
  private func reason(of interpreter: Interpreter) -> ByteText {
    let stack = interpreter.stack
    guard stack.type(at: -1) == .table else { return "ERR \(whole: stack.string(at: -1))" }
    return LuaError(onTopOf: stack).message
  }

  /// Forgets all libraries, and whatever their interpreter has.
  ///
  /// - Parameter lazily: a helper frees all of it.
  func flushLibraries(lazily: Bool) {
    let byteCount = scripting.functionInterpreterByteCount
    let kept = lazily ? scripting.functionInterpreter : nil
    replaceLibraries(by: LibrarySet())
    if lazily { freeLazily(kept) } else { returnMemory(ofInterpreter: byteCount) }
  }

  /// Puts a set, which has been loaded, in the place of all libraries.
  func replaceLibraries(by set: LibrarySet) {
    scripting.libraries = set
    // All of it was loaded into one interpreter, which may have been dropped since.
    scripting.functionInterpreter = set.libraries.first?.functions.first?.interpreter
  }
}

/// Frees an interpreter beside the loop, which takes as long as what it has is large.
final class InterpreterFreeingJob: Job, @unchecked Sendable {
  private var interpreter: Interpreter?
  /// Small blocks of it lie between others', where malloc keeps them.
  private let trims: Bool

  init(_ interpreter: Interpreter?, trims: Bool) {
    self.interpreter = interpreter
    self.trims = trims
  }

  override func perform() {
    interpreter = nil
    if trims { MemoryPolicy.returnFreeMemory() }
  }
}
