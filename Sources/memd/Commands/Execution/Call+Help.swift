// SPDX-License-Identifier: Apache-2.0

import RESP

extension Call {
  /// Replies with the help of the container whose HELP subcommand is under way.
  func replyHelp() {
    let own = server.commands.description(of: command)
    let container = server.commands.descriptions[own.parent ?? own.id].command
    let name = container.name.description.uppercased()
    reply.array(container.help.count + 3)
    reply.status("\(name) <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
    for line in container.help { reply.status(line) }
    reply.status("HELP")
    reply.status("    Prints this help.")
  }
}
