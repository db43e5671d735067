// SPDX-License-Identifier: Apache-2.0

/// One element of a command's syntax, as COMMAND DOCS describes it.
///
/// The arity of a command is derived from these, so that it cannot disagree with the syntax.
struct ArgumentSpec: Sendable {
  /// What stands there.
  enum Kind: String, Sendable {
    case string, integer, double, key, pattern, unixTime = "unix-time", pureToken = "pure-token"
    case oneOf = "oneof"
    case block
  }

  var name: StaticString
  var kind: Kind
  var token: StaticString?
  var since: StaticString?
  var deprecatedSince: StaticString?
  var summary: StaticString?
  var keySpecIndex: Int?
  var isOptional = false
  var isMultiple = false
  /// The token is repeated with every value.
  var repeatsToken = false
  var members: [ArgumentSpec] = []

  // MARK: - Constructors

  /// A key, described by the key spec with number `spec`.
  static func key(_ name: StaticString = "key", spec: Int = 0) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .key, keySpecIndex: spec)
  }

  static func string(_ name: StaticString) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .string)
  }

  static func integer(_ name: StaticString) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .integer)
  }

  static func double(_ name: StaticString) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .double)
  }

  static func pattern(_ name: StaticString) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .pattern)
  }

  static func unixTime(_ name: StaticString) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .unixTime)
  }

  /// A word that stands for itself, such as NX.
  static func token(_ token: StaticString, _ name: StaticString? = nil) -> ArgumentSpec {
    ArgumentSpec(name: name ?? token, kind: .pureToken, token: token)
  }

  /// One of several alternatives.
  static func oneOf(_ name: StaticString, _ members: [ArgumentSpec]) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .oneOf, members: members)
  }

  /// Several arguments that belong together.
  static func block(_ name: StaticString, _ members: [ArgumentSpec]) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .block, members: members)
  }

  // MARK: - Modifiers

  /// The same argument behind a word: `EX seconds`.
  func after(_ token: StaticString) -> ArgumentSpec {
    var copy = self
    copy.token = token
    return copy
  }

  /// The same argument, said to be what the key spec with this number finds.
  func with(keySpec: Int) -> ArgumentSpec {
    var copy = self
    copy.keySpecIndex = keySpec
    return copy
  }

  /// May be left out.
  var optional: ArgumentSpec {
    var copy = self
    copy.isOptional = true
    return copy
  }

  /// May be repeated.
  var repeated: ArgumentSpec {
    var copy = self
    copy.isMultiple = true
    return copy
  }

  /// May be repeated together with its token.
  var repeatedWithToken: ArgumentSpec {
    var copy = repeated
    copy.repeatsToken = true
    return copy
  }

  /// Exists from `version` on.
  func since(_ version: StaticString) -> ArgumentSpec {
    var copy = self
    copy.since = version
    return copy
  }

  // MARK: - Arity

  /// The least number of words this element takes.
  var minimumCount: Int {
    if isOptional { return 0 }
    let tokenCount = token != nil && kind != .pureToken ? 1 : 0
    switch kind {
    case .oneOf: return tokenCount + (members.map(\.minimumCount).min() ?? 0)
    case .block: return tokenCount + members.reduce(0) { $0 + $1.minimumCount }
    default: return tokenCount + 1
    }
  }

  /// True if requests of different lengths match.
  var isVariable: Bool {
    if isOptional || isMultiple { return true }
    switch kind {
    case .oneOf:
      let counts = members.map(\.minimumCount)
      return counts.min() != counts.max() || members.contains(where: \.isVariable)
    case .block: return members.contains(where: \.isVariable)
    default: return false
    }
  }
}
