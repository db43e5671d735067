// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Which files a log consists of, and in which order they are read: the base, then the increments.
///
/// What a rewrite has replaced stays listed as history until it is removed, so that nothing is left
/// behind by a crash. A manifest is a value: change a copy, write it, and if that succeeded put it
/// in the old one's place. `LogManifest+Text.swift` says how it is written.
struct LogManifest: Equatable, Sendable {
  /// A file and its number among those of its kind, counted from 1.
  struct File: Hashable, Sendable {
    let name: LogFileName
    let sequence: Int
  }

  /// Numbers end here: far more than there will be rewrites, and one more is always possible.
  static let sequenceMax = Int.max / 2

  /// The dataset as of a rewrite; nil before the first.
  private(set) var base: File?
  /// Files that nobody reads any more.
  private(set) var history: [File] = []
  /// What was written since the base, numbers rising.
  private(set) var increments: [File] = []
  /// The highest numbers given out; an increment's is not used again while the server runs.
  private var baseSequence = 0
  private var incrementSequence = 0

  /// The manifest of a log without files. It must not be written: Redis refuses to read it.
  init() {}

  /// The manifest for the whole log of a Redis before 7.0, which becomes the base.
  init(upgrading naming: LogNaming) {
    base = File(name: naming.appendFilename, sequence: 1)
    baseSequence = 1
  }

  /// Whether there is nothing to read.
  var isEmpty: Bool { base == nil && increments.isEmpty }

  /// Files to read, in this order.
  var readingOrder: [File] { (base.map { [$0] } ?? []) + increments }

  /// Whether these are the files of an upgrade from a Redis before 7.0 that was interrupted before
  /// `appendfilename` was moved to its place.
  func isUnfinishedUpgrade(_ naming: LogNaming) -> Bool {
    increments.isEmpty && base?.name == naming.appendFilename
  }

  // MARK: - Changes

  /// Lists the next increment, which is from now on the one that is written to.
  mutating func addIncrement(_ naming: LogNaming) -> File {
    let file = next(after: incrementSequence, naming.increment)
    incrementSequence = file.sequence
    increments.append(file)
    return file
  }

  /// Lists the first base of a log, or replaces the base alone.
  mutating func addBase(_ naming: LogNaming, _ format: LogNaming.Format) -> File {
    let file = next(after: baseSequence) { naming.base($0, format) }
    if let base { history.insert(base, at: 0) }
    baseSequence = file.sequence
    base = file
    return file
  }

  /// A rewrite has succeeded: lists its base, and what that replaces as history.
  ///
  /// - Parameter start: number of the increment that was begun when the rewrite's dataset was
  ///   fixed; it and later ones are still read. Nil if nothing was logged meanwhile.
  mutating func finishRewrite(
    _ naming: LogNaming, _ format: LogNaming.Format, incrementsFrom start: Int?
  ) -> File {
    let base = addBase(naming, format)
    let replaced = increments.prefix { $0.sequence < start ?? .max }
    history.insert(contentsOf: replaced, at: 0)
    increments.removeFirst(replaced.count)
    return base
  }

  /// Forgets the history; returns the files to remove, none of which is read any more.
  mutating func dropHistory() -> [File] {
    defer { history = [] }
    let names = readingOrder.map(\.name)
    return history.filter { !names.contains($0.name) }
  }

  /// The next number whose name no file has: history is removed by name, so a new file must not
  /// have one of its names.
  private func next(after sequence: Int, _ name: (Int) -> LogFileName) -> File {
    var sequence = sequence
    while true {
      sequence += 1
      let name = name(sequence)
      let isTaken = (readingOrder + history).contains { $0.name == name }
      if !isTaken { return File(name: name, sequence: sequence) }
    }
  }

  // MARK: - Reading

  /// Why a file can't be listed.
  enum Conflict: Error {
    case secondBase
    case sequenceNotRising
  }

  /// What a line of the manifest says of a file.
  enum Kind: UInt8, Sendable {
    case base = 0x62
    case history = 0x68
    case increment = 0x69
  }

  /// Lists a file that a manifest names.
  mutating func list(_ file: File, as kind: Kind) throws(Conflict) {
    precondition((1...Self.sequenceMax).contains(file.sequence))
    switch kind {
    case .base:
      if base != nil { throw .secondBase }
      base = file
      baseSequence = file.sequence
    case .history: history.append(file)
    case .increment:
      if file.sequence <= incrementSequence { throw .sequenceNotRising }
      increments.append(file)
      incrementSequence = file.sequence
    }
  }
}
