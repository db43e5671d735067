// SPDX-License-Identifier: Apache-2.0

import DataStructures

extension Configuration {
  /// What rules are read against, with the commands of a running server.
  func ruleContext(_ commands: CommandTable) -> RuleContext {
    RuleContext(commands: commands, allowsChannels: aclPubsubDefault == .allChannels)
  }

  /// Notes a user for the start of the server.
  ///
  /// Commands that don't exist are complained about only then.
  func declare(_ user: DeclaredUser) throws(OptionError) {
    guard !declaredUsers.contains(where: { $0.name == user.name }) else {
      throw OptionError(
        "Error in user declaration '\(echo: user.name)': Duplicate user found."
          + " A user can only be defined once in config files")
    }
    let context = ruleContext(checkingCommands)
    var rules = UserRules(context)
    do throws(RuleFailure) {
      try rules.apply(user.rules, context)
    } catch {
      switch error {
      case .rule(_, .unknownCommand): break
      case .rule(let rule, let error):
        throw OptionError(
          "Error in user declaration '\(echo: rule)': \(error.text)")
      case .unmatchedParenthesis: throw OptionError(error.message)
      }
    }
    declaredUsers.append(user)
  }

  /// Notes another name of a command.
  func renameCommand(_ name: ByteText, to newName: ByteText) throws(OptionError) {
    try checkingCommands.rename(name, to: newName)
    renamedCommands.append((name, newName))
  }

  private var checkingCommands: CommandTable {
    if let commands = commandsForChecks as? CommandTable { return commands }
    let made = CommandTable()
    commandsForChecks = made
    return made
  }
}
