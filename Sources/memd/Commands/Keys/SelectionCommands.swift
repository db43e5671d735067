// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The command that chooses a database.
enum SelectionCommands: CommandFamily {
  static let group = CommandGroup.connection

  static let commands: [Command] = [
    Command(
      "select", [.loading, .stale, .fast, .inStreams], [.integer("index")], since: "1.0.0",
      complexity: "O(1)", summary: "Changes the database that the connection works on.",
      handler: select)
  ]

  // MARK: - SELECT

  static func select(_ call: inout Call) throws(CommandError) {
    call.client.database = try call.database(numberedAt: 1)
    call.reply.ok()
  }
}

extension Call {
  /// The database whose number stands at `index`.
  func database(numberedAt index: Int) throws(CommandError) -> Database {
    let number = try integer(index)
    guard Int32(exactly: number) != nil else {
      throw CommandError(
        "ERR value is out of range, value must between -2147483648 and 2147483647")
    }
    guard let database = server.keyspace.database(number) else { throw .databaseOutOfRange }
    return database
  }
}
