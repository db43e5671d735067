// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// What access control denies, and to whom. Errors and their order are those of Redis 7.0.

extension Server {
  /// What stands against a request of a user.
  func denial(
    of command: CommandReference, _ arguments: Arguments, for user: User
  ) -> AccessDenial? {
    user.isUnlimited ? nil : user.rules.denial(of: command, arguments, in: commands)
  }

  /// The error for a request that its client's user may not make, which is logged; nil if it may.
  @inline(never)
  func refuseAccess(_ call: borrowing Call) -> CommandError? {
    guard let user = call.client.user,
      let denial = denial(of: call.command, call.arguments, for: user)
    else { return nil }
    call.client.lastCommand = call.command
    note(denial, call, of: user, accessContext(of: call.client), by: call.client)
    let name = commands.descriptions[call.command.id].fullName
    switch denial.reason {
    case .command:
      return call.failure("NOPERM this user has no permissions to run the '\(name)' command")
    case .key:
      return CommandError(
        """
        NOPERM this user has no permissions to access one of the keys used as arguments
        """)
    case .channel:
      return CommandError(
        """
        NOPERM this user has no permissions to access one of the channels used as arguments
        """)
    }
  }

  /// The error for a request that was allowed when it was queued and isn't any more.
  @inline(never)
  func refuseQueuedAccess(_ call: borrowing Call) -> CommandError? {
    guard let user = call.client.user,
      let denial = denial(of: call.command, call.arguments, for: user)
    else { return nil }
    note(denial, call, of: user, .transaction, by: call.client)
    let reason =
      switch denial.reason {
      case .command: "no permission to execute the command or subcommand"
      case .key: "no permission to touch the specified keys"
      case .channel: "no permission to access one of the channels used as arguments"
      }
    return call.failure(
      "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC"
        + " call. This command is no longer allowed for the following reason: \(reason)")
  }

  func accessContext(of client: Client) -> AccessLog.Context {
    client.transaction.isActive ? .transaction : .topLevel
  }

  /// Logs what was denied to a client, for which the request may run as another one (a script).
  func note(
    _ denial: AccessDenial, _ call: borrowing Call, of user: User, _ context: AccessLog.Context,
    by client: Client
  ) {
    let reason: AccessLog.Reason
    var object = call.arguments[denial.position].copied
    switch denial.reason {
    case .command:
      reason = .command
      object = Array(commands.descriptions[call.command.id].fullName.utf8)
      statistics.accessDeniedCommand += 1
    case .key:
      reason = .key
      statistics.accessDeniedKey += 1
    case .channel:
      reason = .channel
      statistics.accessDeniedChannel += 1
    }
    users.accessLog.add(
      reason, context: context, object: object, user: user.name,
      client: clientLine(client, running: call.arguments), time: moment.milliseconds,
      limit: configuration.aclLogMaxLength)
  }
}

extension Call {
  /// Whether the client's user may read every key, for commands that follow patterns of keys.
  var mayReadEverything: Bool {
    guard client.gate.contains(.accessControl), let user = client.user else { return true }
    return user.rules.allowsReadingAll(with: command, arguments, in: server.commands)
  }
}
