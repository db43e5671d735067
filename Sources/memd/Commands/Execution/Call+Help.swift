// SPDX-License-Identifier: Apache-2.0

import RESP

extension Call {
  /// Answers HELP of a command with subcommands: a frame around the lines of its declaration.
  ///
  /// - Parameters:
  ///   - name: the command in upper case.
  ///   - lines: for each subcommand its syntax, then indented lines about it.
  func writeHelp(_ name: StaticString, _ lines: [StaticString]) {
    reply.array(lines.count + 3)
    reply.status("\(name) <subcommand> [<arg> [value] [opt] ...]. Subcommands are:" as String)
    for line in lines { reply.status(line) }
    reply.status("HELP")
    reply.status("    Prints this help.")
  }
}
