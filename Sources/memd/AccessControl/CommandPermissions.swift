// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The commands that a selector allows, and the rules that made it so.
///
/// The rules are remembered in the order in which they were given, as far as they still matter, so
/// that a user can be written down without loss. The set is what decides.
struct CommandPermissions {
  /// One rule: "+get", "-@admin", "+config|get", without the sign.
  private struct Rule {
    let name: [UInt8]
    let allows: Bool
  }

  /// A first argument with which a command is allowed that otherwise isn't (`+select|0`).
  private struct FirstArgument {
    let command: CommandID
    /// In lower case.
    let word: ByteText
  }

  private var allowed: CommandSet
  /// The rules begin with `+@all` instead of `-@all`.
  private var beginsWithAll = false
  private var rules: [Rule] = []
  private var firstArguments: [FirstArgument] = []

  init(_ commands: CommandTable) {
    allowed = CommandSet(count: commands.descriptions.count, containsAll: false)
  }

  /// `+@all` or `-@all`: everything said before is void.
  mutating func reset(allowsAll: Bool) {
    allowed.fill(allowsAll)
    beginsWithAll = allowsAll
    rules = []
    firstArguments = []
  }

  var allowAll: Bool { allowed.isFull }

  /// Whether a request may run as far as its command is concerned.
  func allow(_ command: CommandReference, _ request: Arguments) -> Bool {
    if allowed.contains(command.id) || command.flags.contains(.noAuth) { return true }
    guard !firstArguments.isEmpty, request.count > 1 else { return false }
    for first in firstArguments where first.command == command.id {
      if request[1].spells(first.word) { return true }
    }
    return false
  }

  // MARK: - Rules

  /// Applies "+name", "-name", "+@category" or "-@category".
  mutating func apply(_ rule: [UInt8], _ commands: CommandTable) throws(RuleError) {
    let allows = rule.first == UInt8(ascii: "+")
    let name = ByteText(rule.dropFirst()).folded.bytes
    if name.first == UInt8(ascii: "@") {
      try apply(category: name, allows, commands)
    } else if allows, let bar = name.lastIndex(of: UInt8(ascii: "|")) {
      try allow(container: Array(name[..<bar]), name, rule, commands)
    } else {
      guard let command = commands.find(declared: name.rawSpan) else { throw .unknownCommand }
      change(command.id, allows, commands)
      remember(name, allows)
    }
  }

  private mutating func apply(
    category name: [UInt8], _ allows: Bool, _ commands: CommandTable
  ) throws(RuleError) {
    let wanted = Array(name.dropFirst())
    guard let category = ACLCategories(name: wanted.rawSpan) else { throw .unknownCommand }
    for description in commands.descriptions where description.categories.contains(category) {
      change(description.id, allows, commands)
    }
    remember(name, allows)
  }

  /// "+config|get": a subcommand; "+select|0": a command with this first argument.
  private mutating func allow(
    container: [UInt8], _ name: [UInt8], _ rule: [UInt8], _ commands: CommandTable
  ) throws(RuleError) {
    guard let command = commands.find(declared: container.rawSpan) else { throw .unknownCommand }
    let description = commands.description(of: command)
    guard description.parent == nil else { throw .argumentOfSubcommand }
    // The word behind the bar, in the letters in which it was given.
    let word = Array(rule.dropFirst(container.count + 2))
    guard !word.isEmpty, !word.contains(where: DirectiveText.isBlankOrNull) else { throw .syntax }
    if description.subcommands.isEmpty {
      let folded = ByteText(word).folded
      if !firstArguments.contains(where: { $0.command == command.id && $0.word == folded }) {
        firstArguments.append(FirstArgument(command: command.id, word: folded))
      }
    } else {
      guard let subcommand = commands.find(declared: name.rawSpan) else { throw .unknownCommand }
      change(subcommand.id, true, commands)
    }
    remember(name, true)
  }

  /// What is said of a container is said of its subcommands.
  private mutating func change(_ id: CommandID, _ allows: Bool, _ commands: CommandTable) {
    allowed.set(id, allows)
    firstArguments.removeAll { $0.command == id }
    for subcommand in commands.descriptions[id].subcommands { allowed.set(subcommand, allows) }
  }

  /// Adds a rule and forgets those that it makes void: the same one, and those about its
  /// subcommands.
  private mutating func remember(_ name: [UInt8], _ allows: Bool) {
    let beginning = name + [UInt8(ascii: "|")]
    rules.removeAll { $0.name == name || $0.name.starts(with: beginning) }
    rules.append(Rule(name: name, allows: allows))
  }

  /// The rules that make these permissions: "-@all +get".
  var text: [UInt8] {
    var text = Array((beginsWithAll ? "+@all" : "-@all").utf8)
    for rule in rules {
      text += Array((rule.allows ? " +" : " -").utf8)
      text += rule.name
    }
    return text
  }
}
