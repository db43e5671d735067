// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

extension Call {
  /// Answers HELP of a container: the frame that all of them share around its lines.
  func writeHelp(_ name: StaticString, _ lines: [StaticString]) {
    reply.array(lines.count + 3)
    reply.status("\(name) <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
    for line in lines { reply.status(line) }
    reply.status("HELP")
    reply.status("    Shows this help.")
  }

  /// The error of a subcommand that got too many arguments, or some that don't go together.
  func subcommandFailure(_ container: StaticString) -> CommandError {
    failure(
      "ERR unknown subcommand or wrong number of arguments for"
        + " '\(echo: arguments[1])'. Try \(container) HELP.")
  }
}
