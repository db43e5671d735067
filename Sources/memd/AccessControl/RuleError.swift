// SPDX-License-Identifier: Apache-2.0

/// Why a rule is not accepted. The texts are part of replies that tools look for.
enum RuleError: Error {
  case unknownCommand
  case syntax
  case keysAfterAll
  case channelsAfterAll
  case missingPassword
  case malformedHash
  case argumentOfSubcommand

  var text: StaticString {
    switch self {
    case .unknownCommand: "Unknown command or category name in ACL"
    case .syntax: "Syntax error"
    case .keysAfterAll:
      """
      Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have \
      any effect. Try 'resetkeys' to start with an empty list of patterns
      """
    case .channelsAfterAll:
      """
      Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not \
      have any effect. Try 'resetchannels' to start with an empty list of channels
      """
    case .missingPassword: "The password you are trying to remove from the user does not exist"
    case .malformedHash:
      """
      The password hash must be exactly 64 characters and contain only lowercase hexadecimal \
      characters
      """
    case .argumentOfSubcommand: "Allowing first-arg of a subcommand is not supported"
    }
  }
}

/// What rules are read against.
struct RuleContext {
  let commands: CommandTable
  /// New users and selectors may use all channels (`acl-pubsub-default`).
  let allowsChannels: Bool
}
