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
  private var librariesByName: [ByteText: FunctionLibrary] = [:]
  private var functionsByName: [ByteText: LibraryFunction] = [:]
  /// Memory of all libraries, without what the interpreter has compiled.
  private(set) var byteCount = 0

  /// How many functions can be called.
  var functionCount: Int { functionsByName.count }

  /// How many functions the libraries have registered.
  var registeredCount: Int { libraries.reduce(0) { $0 + $1.functions.count } }

  /// The library of that name.
  func library(_ name: ByteText) -> FunctionLibrary? { librariesByName[name] }

  /// The function of that name, whatever its case.
  func function(_ name: RawSpan) -> LibraryFunction? { functionsByName[ByteText(name).folded] }

  /// Adds a library, in the place of one of the same name; nothing happens if it throws.
  func add(_ library: FunctionLibrary) throws(LibraryError) {
    try add([library], replaces: true)
  }

  /// Adds all libraries of another set, or none of them if it throws.
  ///
  /// - Parameter replaces: whether they take the place of libraries of the same names.
  func add(_ others: LibrarySet, replaces: Bool) throws(LibraryError) {
    try add(others.libraries, replaces: replaces)
  }

  private func add(_ added: [FunctionLibrary], replaces: Bool) throws(LibraryError) {
    let before = libraries
    let replaced = added.compactMap { library($0.name) }
    if let first = replaced.first, !replaces {
      throw LibraryError(message: "Library \(first.name) already exists")
    }
    if !replaced.isEmpty { remove(replaced) }
    for library in added {
      guard let function = library.functions.first(where: { isTaken($0.name) }) else { continue }
      if !replaced.isEmpty { linkAgain(before) }
      throw LibraryError(message: "Function \(function.name) already exists")
    }
    for library in added { link(library) }
  }

  private func isTaken(_ name: ByteText) -> Bool { functionsByName[name.folded] != nil }

  private func link(_ library: FunctionLibrary) {
    libraries.append(library)
    librariesByName[library.name] = library
    byteCount += library.byteCount
    for function in library.functions where !isTaken(function.name) {
      functionsByName[function.name.folded] = function
    }
  }

  private func linkAgain(_ before: [FunctionLibrary]) {
    removeAll()
    for library in before { link(library) }
  }

  /// Takes a library out, which must be there.
  func remove(_ library: FunctionLibrary) { remove([library]) }

  private func remove(_ gone: [FunctionLibrary]) {
    for library in gone {
      librariesByName[library.name] = nil
      byteCount -= library.byteCount
      for function in library.functions { functionsByName[function.name.folded] = nil }
    }
    libraries.removeAll { librariesByName[$0.name] !== $0 }
  }

  /// Takes all libraries out.
  func removeAll() {
    libraries = []
    librariesByName = [:]
    functionsByName = [:]
    byteCount = 0
  }
}
