// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What a user may do and how it proves who it is: everything but its name.
///
/// A value, so that changes are tried on a copy: all rules of an ACL SETUSER take effect, or none.
struct UserRules {
  private(set) var isOn = false
  /// Every password is right.
  private(set) var needsNoPassword = false
  private(set) var passwords: [PasswordHash] = []
  /// The first one is the root selector, which rules outside of parentheses change.
  private(set) var selectors: [AccessSelector]
  /// Shown only: what RESTORE brings is always checked.
  private var skipsPayloadCheck = false

  /// A user that may do nothing.
  init(_ context: RuleContext) { selectors = [AccessSelector(context)] }

  /// The user that everybody is who doesn't authenticate: without password, without limits.
  static func unlimited(_ commands: CommandTable) -> UserRules {
    let context = RuleContext(commands: commands, allowsChannels: true)
    var rules = UserRules(context)
    for rule in ["+@all", "~*", "&*", "on", "nopass"] {
      // These words are always accepted.
      try? rules.apply(Array(rule.utf8), context)
    }
    return rules
  }

  /// Whether whoever connects is let in as this user without asking.
  var admitsAnyone: Bool { isOn && needsNoPassword }

  var allowsEverything: Bool { selectors.contains(where: \.allowsEverything) }

  /// Whether the user may come in with this password.
  func accept(_ password: PasswordHash) -> Bool {
    guard isOn else { return false }
    return needsNoPassword || passwords.contains { $0.equals(password) }
  }

  // MARK: - Rules

  /// Applies rules in order; those in parentheses may be spread over several words.
  mutating func apply(
    _ words: [[UInt8]], _ context: RuleContext
  ) throws(RuleFailure) {
    for word in try UserRules.joined(words) {
      do throws(RuleError) {
        try apply(word, context)
      } catch {
        throw .rule(word, error)
      }
    }
  }

  /// Applies one rule; an empty one does nothing.
  mutating func apply(_ rule: [UInt8], _ context: RuleContext) throws(RuleError) {
    guard let first = rule.first else { return }
    switch first {
    case UInt8(ascii: ">"): add(PasswordHash(of: rule.rawSpan.extracting(droppingFirst: 1)))
    case UInt8(ascii: "#"): add(try UserRules.hash(in: rule))
    case UInt8(ascii: "<"):
      try remove(PasswordHash(of: rule.rawSpan.extracting(droppingFirst: 1)))
    case UInt8(ascii: "!"): try remove(try UserRules.hash(in: rule))
    case UInt8(ascii: "(") where rule.count > 1 && rule.last == UInt8(ascii: ")"):
      selectors.append(try AccessSelector(rule, context))
    default: try applyWord(rule, context)
    }
  }

  private mutating func applyWord(_ rule: [UInt8], _ context: RuleContext) throws(RuleError) {
    switch FoldedName(folding: rule.rawSpan) {
    case FoldedName("on"): isOn = true
    case FoldedName("off"): isOn = false
    case FoldedName("nopass"): setPasswords(needsNone: true)
    case FoldedName("resetpass"): setPasswords(needsNone: false)
    case FoldedName("sanitize-payload"): skipsPayloadCheck = false
    case FoldedName("clearselectors"): selectors.removeLast(selectors.count - 1)
    case FoldedName("reset"): self = UserRules(context)
    default:
      // Longer than a folded name.
      if rule.rawSpan.spells("skip-sanitize-payload" as StaticString) {
        skipsPayloadCheck = true
      } else {
        try selectors[0].apply(rule, context)
      }
    }
  }

  /// Forgets all passwords; from now on every one is right, or none.
  mutating func setPasswords(needsNone: Bool) {
    passwords = []
    needsNoPassword = needsNone
  }

  /// Adds a password; from now on one is needed.
  mutating func add(_ password: PasswordHash) {
    if !passwords.contains(where: { $0.equals(password) }) { passwords.append(password) }
    needsNoPassword = false
  }

  private mutating func remove(_ password: PasswordHash) throws(RuleError) {
    guard let index = passwords.firstIndex(where: { $0.equals(password) }) else {
      throw .missingPassword
    }
    passwords.remove(at: index)
  }

  private static func hash(in rule: [UInt8]) throws(RuleError) -> PasswordHash {
    guard let hash = PasswordHash(hexadecimal: rule.dropFirst()) else { throw .malformedHash }
    return hash
  }

  /// Joins the words from one with an opening parenthesis to the one that closes it.
  static func joined(_ words: [[UInt8]]) throws(RuleFailure) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var open: (first: [UInt8], text: [UInt8])?
    for word in words {
      let closes = word.last == UInt8(ascii: ")")
      if let begun = open {
        let text = begun.text + [UInt8(ascii: " ")] + word
        open = closes ? nil : (begun.first, text)
        if closes { result.append(text) }
      } else if word.first == UInt8(ascii: "("), !closes {
        open = (word, word)
      } else {
        result.append(word)
      }
    }
    if let open { throw .unmatchedParenthesis(open.first) }
    return result
  }

  // MARK: - Texts

  /// Names of what is switched on, in Redis's order.
  var flags: [StaticString] {
    var flags: [StaticString] = [isOn ? "on" : "off"]
    if needsNoPassword { flags.append("nopass") }
    flags.append(skipsPayloadCheck ? "skip-sanitize-payload" : "sanitize-payload")
    return flags
  }

  /// The rules that make this user from a new one, as ACL LIST shows them.
  var text: [UInt8] {
    var words = flags.map { Array($0.description.utf8) }
    words += passwords.map { Array("#".utf8) + $0.text }
    words.append(selectors[0].text(quotesWords: false))
    for selector in selectors.dropFirst() {
      words.append(Array("(".utf8) + selector.text(quotesWords: true) + Array(")".utf8))
    }
    return Array(words.joined(separator: [UInt8(ascii: " ")]))
  }

  // MARK: - Decisions

  /// What stands against a request; nil if one of the selectors allows all of it.
  func denial(
    of command: CommandReference, _ arguments: Arguments, in table: CommandTable
  ) -> AccessDenial? {
    var request = AccessRequest(command, arguments, in: table)
    var worst = AccessDenial(reason: .command, position: 0)
    for index in selectors.indices {
      guard let denial = selectors[index].denial(of: &request) else { return nil }
      if denial.isMoreTelling(than: worst) { worst = denial }
    }
    return worst
  }

  /// Whether one of the selectors allows the request, and reading any key besides.
  func allowsReadingAll(
    with command: CommandReference, _ arguments: Arguments, in table: CommandTable
  ) -> Bool {
    var request = AccessRequest(command, arguments, in: table)
    return selectors.contains {
      $0.keys.allowReadingAll && $0.denial(of: &request) == nil
    }
  }
}

/// Why a list of rules is not accepted.
enum RuleFailure: Error {
  case rule([UInt8], RuleError)
  /// The word that opens a selector which no word closes.
  case unmatchedParenthesis([UInt8])

  /// The text of ACL SETUSER's error, without its code.
  var message: ByteText {
    switch self {
    case .rule(let rule, let error):
      "Error in ACL SETUSER modifier '\(echo: rule)': \(error.text)"
    case .unmatchedParenthesis(let word):
      "Unmatched parenthesis in acl selector starting at '\(echo: word)'."
    }
  }
}
