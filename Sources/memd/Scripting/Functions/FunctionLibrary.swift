// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Why libraries can't be loaded, in the words of the reply, without a code in front.
struct LibraryError: Error {
  let message: ByteText
}

/// A function of a library, as FCALL finds it. What is compiled of it goes with it.
final class LibraryFunction: Procedure {
  let interpreter: Interpreter
  private let ownName: ByteText
  /// What its author says of it.
  let description: ByteText?

  init(
    _ name: ByteText, description: ByteText?, flags: ScriptFlags, number: Int,
    in interpreter: Interpreter
  ) {
    self.interpreter = interpreter
    ownName = name
    self.description = description
    super.init(flags: flags, number: number)
  }

  deinit { interpreter.forget(number) }

  override var name: ByteText { ownName }
}

/// A library: code that has registered functions.
final class FunctionLibrary {
  /// What a library or a function needs beyond its texts, roughly: object, arrays, place in tables.
  private static let overhead = 160

  let name: ByteText
  /// As FUNCTION LOAD got it.
  let code: [UInt8]
  let functions: [LibraryFunction]
  /// Memory of all this, without what the interpreter has compiled.
  let byteCount: Int

  init(_ name: ByteText, code: [UInt8], functions: [LibraryFunction]) {
    self.name = name
    self.code = code
    self.functions = functions
    byteCount = functions.reduce(code.count + name.count + FunctionLibrary.overhead) {
      $0 + $1.name.count + ($1.description?.count ?? 0) + FunctionLibrary.overhead
    }
  }

  /// Whether libraries and functions may be called this.
  static func isName(_ name: ByteText) -> Bool {
    !name.isEmpty
      && name.bytes.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  static let wrongName: ByteText =
    """
    Library names can only contain letters, numbers, or underscores(_) and must be at least one \
    character long
    """
}

/// The first line of a library: `#!lua name=mylib`.
struct LibraryHeader {
  let name: ByteText
  /// Bytes in front of the line's end, which stays so that lines keep their numbers.
  let byteCount: Int

  /// Reads the first line of a library's code; throws what is wrong with it.
  init(of code: RawSpan) throws(LibraryError) {
    guard code.byteCount >= 2, code.byte(0) == UInt8(ascii: "#"), code.byte(1) == UInt8(ascii: "!")
    else { throw LibraryError(message: "Missing library metadata") }
    let line = code.copied.prefix { $0 != UInt8(ascii: "\n") }
    guard line.count < code.byteCount, !line.contains(0), let words = DirectiveText.split(line),
      let engine = words.first
    else { throw LibraryError(message: "Invalid library metadata") }
    var name: ByteText?
    for word in words.dropFirst() {
      guard ByteText(word.prefix(5)).spells("name=") else {
        throw LibraryError(message: "Invalid metadata value given: \(echo: word)")
      }
      guard name == nil else {
        throw LibraryError(
          message: "Invalid metadata value, name argument was given multiple times")
      }
      name = ByteText(word.dropFirst(5))
    }
    guard let name else { throw LibraryError(message: "Library name was not given") }
    guard FunctionLibrary.isName(name) else {
      throw LibraryError(message: FunctionLibrary.wrongName)
    }
    let engineName = ByteText(engine.dropFirst(2))
    guard engineName.spells("lua") else {
      throw LibraryError(message: "Engine '\(echo: engineName.bytes)' not found")
    }
    self.name = name
    byteCount = line.count
  }
}
