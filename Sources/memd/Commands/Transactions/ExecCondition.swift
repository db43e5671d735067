// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What must be true of a key for EXEC to run the queue: an option of it.
struct ExecCondition {
  private enum Kind {
    /// IFEQ, IFNE: a string that is, or is not, a text.
    case equal, notEqual
    /// NX, XX: whether there is such a key.
    case missing, present
  }

  private let kind: Kind
  /// Where the key stands among the arguments; the text of IFEQ and IFNE is behind it.
  private let position: Int

  /// The conditions of a request; nil if one of them is none.
  static func all(in arguments: Arguments) -> [ExecCondition]? {
    var conditions: [ExecCondition] = []
    var index = 1
    while index < arguments.count {
      let kind: Kind
      var valueCount = 1
      switch Keyword(folding: arguments[index]) {
      case Keyword("ifeq"): (kind, valueCount) = (.equal, 2)
      case Keyword("ifne"): (kind, valueCount) = (.notEqual, 2)
      case Keyword("nx"): kind = .missing
      case Keyword("xx"): kind = .present
      default: return nil
      }
      guard index + valueCount < arguments.count else { return nil }
      conditions.append(ExecCondition(kind: kind, position: index + 1))
      index += 1 + valueCount
    }
    return conditions
  }

  /// Whether the condition is met. A key that is due is removed, so that followers see it go before
  /// what happens because it is gone; otherwise the look-up leaves no trace.
  ///
  /// - Complexity: O(n) for a text of n bytes.
  func isMet(_ call: borrowing Call) throws(CommandError) -> Bool {
    let key = call.key(position)
    let entry = call.database.find(key)
    switch kind {
    case .missing: return entry == nil
    case .present: return entry != nil
    case .equal, .notEqual:
      guard let entry else { return kind == .notEqual }
      guard entry.header.isString else { throw .wrongType }
      return StringValue(entry).equals(call.arguments[position + 1]) == (kind == .equal)
    }
  }

  // MARK: - Declaration

  /// One condition, as COMMAND DOCS describes it.
  static let syntax = ArgumentSpec.oneOf(
    "condition",
    [
      .block("if-equal", [.key(), .string("value")]).after("IFEQ"),
      .block("if-not-equal", [.key("key", spec: 1), .string("value")]).after("IFNE"),
      .key("if-missing", spec: 2).after("NX"), .key("if-present", spec: 3).after("XX"),
    ]
  ).since("9.2.0")

  /// Where the keys stand. A condition may be given several times, which key specs can't say.
  static let keys = [
    keySpec("IFEQ", [.readOnly, .access, .incomplete]),
    keySpec("IFNE", [.readOnly, .access, .incomplete]), keySpec("NX", [.readOnly, .incomplete]),
    keySpec("XX", [.readOnly, .incomplete]),
  ]

  private static func keySpec(_ token: StaticString, _ access: KeySpec.Access) -> KeySpec {
    KeySpec(
      start: .keyword(token, from: 1), extent: .range(last: 0, step: 1, limit: 0), access: access)
  }
}
