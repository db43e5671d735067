// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Libraries that are there together: the server's, or those of a file that is being loaded. The
/// interpreter of all of them is one, so that they can move from one set to another.
///
/// Libraries are found by their names, functions by theirs in any case. Compatibility: of two
/// functions of one library whose names differ in case, the first one is found.
final class LibrarySet {
  /// In the order in which they came.
  private(set) var libraries: [FunctionLibrary] = []
  private var functionsByName: [ByteText: LibraryFunction] = [:]
  /// Memory of all libraries, without what the interpreter has compiled.
  private(set) var byteCount = 0

  /// How many functions can be called.
  var functionCount: Int { functionsByName.count }

  /// How many functions the libraries have registered.
  var registeredCount: Int { libraries.reduce(0) { $0 + $1.functions.count } }

  /// The library of that name.
  func library(_ name: ByteText) -> FunctionLibrary? { libraries.first { $0.name == name } }

  /// The function of that name, whatever its case.
  func function(_ name: RawSpan) -> LibraryFunction? { functionsByName[ByteText(name).folded] }

  /// Adds a library, in the place of one of the same name; nothing happens if it throws.
  func add(_ library: FunctionLibrary) throws(LibraryError) {
    let old = self.library(library.name)
    if let function = library.functions.first(where: { isTaken($0.name, outside: old) }) {
      throw LibraryError(message: "Function \(function.name) already exists")
    }
    if let old { remove(old) }
    link(library)
  }

  /// Adds all libraries of another set, or none of them if it throws.
  ///
  /// - Parameter replaces: whether they take the place of libraries of the same names.
  func add(_ others: LibrarySet, replaces: Bool) throws(LibraryError) {
    let before = libraries
    let replaced = others.libraries.compactMap { library($0.name) }
    if let first = replaced.first, !replaces {
      throw LibraryError(message: "Library \(first.name) already exists")
    }
    for library in replaced { remove(library) }
    for library in others.libraries {
      guard let function = library.functions.first(where: { isTaken($0.name) }) else { continue }
      removeAll()
      for library in before { link(library) }
      throw LibraryError(message: "Function \(function.name) already exists")
    }
    for library in others.libraries { link(library) }
  }

  /// Whether there is such a function, but for those of a library that is to go.
  private func isTaken(_ name: ByteText, outside library: FunctionLibrary? = nil) -> Bool {
    guard let function = functionsByName[name.folded] else { return false }
    return !(library?.functions.contains { $0 === function } ?? false)
  }

  private func link(_ library: FunctionLibrary) {
    libraries.append(library)
    byteCount += library.byteCount
    for function in library.functions where !isTaken(function.name) {
      functionsByName[function.name.folded] = function
    }
  }

  /// Takes a library out, which must be there.
  func remove(_ library: FunctionLibrary) {
    libraries.removeAll { $0 === library }
    byteCount -= library.byteCount
    for function in library.functions { functionsByName[function.name.folded] = nil }
  }

  /// Takes all libraries out.
  func removeAll() {
    libraries = []
    functionsByName = [:]
    byteCount = 0
  }
}
