// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What may be done to a key, or what a command does to it.
struct KeyUse: OptionSet, Sendable {
  let rawValue: UInt8

  static let read = KeyUse(rawValue: 1 << 0)
  static let write = KeyUse(rawValue: 1 << 1)
  /// Not known from the command alone: the request's words must be looked at.
  static let varies = KeyUse(rawValue: 1 << 7)

  /// What a command does to a key for which its declaration says `access`.
  ///
  /// Commands that only tell whether a key exists, or how large it is, do neither.
  init(_ access: KeySpec.Access) {
    var use: KeyUse = []
    if access.contains(.access) { use.insert(.read) }
    if !access.isDisjoint(with: [.insert, .delete, .update]) { use.insert(.write) }
    self = use
  }

  init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// Keys that may be used, and how.
struct KeyPatterns {
  /// Keys that match the pattern may be used in this way.
  struct Pattern {
    var use: KeyUse
    let glob: [UInt8]

    /// "~pattern", "%R~pattern", "%W~pattern".
    var rule: [UInt8] {
      switch use {
      case .read: Array("%R~".utf8) + glob
      case .write: Array("%W~".utf8) + glob
      default: Array("~".utf8) + glob
      }
    }
  }

  private(set) var allowsAll = false
  private(set) var patterns: [Pattern] = []

  mutating func allowAll() {
    allowsAll = true
    patterns = []
  }

  mutating func removeAll() {
    allowsAll = false
    patterns = []
  }

  /// Adds "~pattern" or "%RW~pattern".
  mutating func add(_ rule: [UInt8]) throws(RuleError) {
    guard !allowsAll else { throw .keysAfterAll }
    let (use, glob) = try KeyPatterns.split(rule)
    guard !glob.contains(where: DirectiveText.isBlankOrNull) else { throw .syntax }
    if let index = patterns.firstIndex(where: { $0.glob == glob }) {
      patterns[index].use.formUnion(use)
    } else {
      patterns.append(Pattern(use: use, glob: glob))
    }
  }

  private static func split(_ rule: [UInt8]) throws(RuleError) -> (KeyUse, [UInt8]) {
    guard rule.first == UInt8(ascii: "%") else {
      return ([.read, .write], Array(rule.dropFirst()))
    }
    var use: KeyUse = []
    for index in rule.indices.dropFirst() {
      switch rule[index] {
      case UInt8(ascii: "R"), UInt8(ascii: "r"):
        guard use.insert(.read).inserted else { throw .syntax }
      case UInt8(ascii: "W"), UInt8(ascii: "w"):
        guard use.insert(.write).inserted else { throw .syntax }
      case UInt8(ascii: "~") where !use.isEmpty: return (use, Array(rule[(index + 1)...]))
      default: throw .syntax
      }
    }
    guard !use.isEmpty else { throw .syntax }
    // Compatibility: without a tilde this is an empty pattern.
    return (use, [])
  }

  /// Whether a key may be used in this way.
  func allow(_ use: KeyUse, of key: RawSpan) -> Bool {
    if allowsAll { return true }
    for pattern in patterns where pattern.use.isSuperset(of: use) {
      let glob = pattern.glob
      if GlobPattern.matches(pattern: glob.rawSpan, text: key) { return true }
    }
    return false
  }

  /// Whether every key may be read.
  var allowReadingAll: Bool {
    allowsAll || patterns.contains { $0.use.contains(.read) && $0.glob == [UInt8(ascii: "*")] }
  }

  /// The patterns as rules.
  var rules: [[UInt8]] { allowsAll ? [Array("~*".utf8)] : patterns.map(\.rule) }
}
