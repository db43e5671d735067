// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Channels that may be used.
struct ChannelPatterns {
  private(set) var allowsAll: Bool
  private(set) var globs: [[UInt8]] = []

  init(allowsAll: Bool) { self.allowsAll = allowsAll }

  /// All that several selectors allow together.
  init(union selectors: [AccessSelector]) {
    allowsAll = selectors.contains { $0.channels.allowsAll }
    globs = selectors.flatMap { $0.channels.globs }
  }

  mutating func allowAll() {
    allowsAll = true
    globs = []
  }

  mutating func removeAll() {
    allowsAll = false
    globs = []
  }

  /// Adds "&pattern".
  mutating func add(_ rule: [UInt8]) throws(RuleError) {
    guard !allowsAll else { throw .channelsAfterAll }
    let glob = Array(rule.dropFirst())
    guard !glob.contains(where: DirectiveText.isBlankOrNull) else { throw .syntax }
    if !globs.contains(glob) { globs.append(glob) }
  }

  /// Whether a channel may be used.
  func allow(channel: RawSpan) -> Bool {
    if allowsAll { return true }
    for glob in globs where GlobPattern.matches(pattern: glob.rawSpan, text: channel) {
      return true
    }
    return false
  }

  /// Whether a pattern may be subscribed to: it must be among the allowed ones, letter for letter,
  /// since nobody can tell whether one pattern lies within another.
  func allow(pattern: RawSpan) -> Bool {
    if allowsAll { return true }
    for glob in globs where pattern.equals(glob.rawSpan) { return true }
    return false
  }

  /// Whether everything that `other` allows is allowed here, too, in the same words.
  func include(_ other: ChannelPatterns) -> Bool {
    if allowsAll { return true }
    return !other.allowsAll && other.globs.allSatisfy { globs.contains($0) }
  }

  /// The patterns as rules.
  var rules: [[UInt8]] {
    allowsAll ? [Array("&*".utf8)] : globs.map { Array("&".utf8) + $0 }
  }
}
