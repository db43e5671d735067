// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Lists of clients, and their ends.

extension ClientCommands {
  // MARK: - CLIENT INFO

  static func info(_ call: inout Call) throws(CommandError) {
    let line = call.server.clientLine(call.client, running: call.arguments)
    call.reply.verbatim((line + "\n").rawSpan, format: "txt")
  }

  // MARK: - CLIENT LIST

  static func list(_ call: inout Call) throws(CommandError) {
    var text = ByteText()
    if call.arguments.count == 2 {
      append(call.server.shownClients, to: &text, call)
    } else if call.arguments.count == 4, call.keyword(2) == Keyword("type") {
      let kind = try clientClass(call, at: 3)
      append(call.server.shownClients.filter { $0.clientClass == kind }, to: &text, call)
    } else if call.arguments.count > 3, call.keyword(2) == Keyword("id") {
      for index in 3..<call.arguments.count {
        let id = try call.integer(index, orThrow: CommandError("ERR Invalid client ID"))
        let leader = call.server.following?.client
        if let client = call.server.clients.find(id: id) ?? (leader?.id == id ? leader : nil) {
          append([client], to: &text, call)
        }
        // An id can be given many times.
        try call.reserveReply(items: 1, bytesEach: text.count)
      }
    } else {
      throw .syntax
    }
    call.reply.verbatim(text.rawSpan, format: "txt")
  }

  private static func append(_ clients: [Client], to text: inout ByteText, _ call: borrowing Call) {
    for client in clients where !client.flags.contains(.closed) {
      text += call.server.clientLine(
        client, running: client === call.client ? call.arguments : nil)
      text += "\n"
    }
  }

  private static func clientClass(
    _ call: borrowing Call, at index: Int
  ) throws(CommandError) -> ClientClass {
    guard let kind = ClientClass(name: call.arguments[index]) else {
      throw call.failure("ERR Unknown client type '\(echo: call.arguments[index])'")
    }
    return kind
  }

  // MARK: - CLIENT KILL

  static func kill(_ call: inout Call) throws(CommandError) {
    let isOldForm = call.arguments.count == 3
    var filter = KillFilter()
    if isOldForm {
      filter.address = ByteText(call.arguments[2])
      filter.skipsCaller = false
    } else {
      try filter.read(call)
    }
    var count = 0
    var closesCaller = false
    for client in call.server.shownClients where filter.matches(client, call) {
      count += 1
      if client === call.client {
        closesCaller = true
      } else if let following = call.server.following, following.client === client {
        call.server.loseLink(following)
      } else {
        call.server.close(client)
      }
    }
    if !isOldForm {
      call.reply.integer(count)
    } else if count == 0 {
      throw CommandError("ERR No such client")
    } else {
      call.reply.ok()
    }
    if closesCaller { call.server.closeAfterReply(call.client) }
  }

  /// Which clients CLIENT KILL means: those that match everything that was given.
  private struct KillFilter {
    var address: ByteText?
    var localAddress: ByteText?
    var kind: ClientClass?
    var id: Int?
    var user: User?
    /// Seconds since the connection was made, at least.
    var ageMin: Int?
    var skipsCaller = true

    mutating func read(_ call: borrowing Call) throws(CommandError) {
      for index in stride(from: 2, to: call.arguments.count, by: 2) {
        guard index + 1 < call.arguments.count else { throw .syntax }
        try read(call, at: index)
      }
    }

    private mutating func read(
      _ call: borrowing Call, at index: Int
    ) throws(CommandError) {
      let value = index + 1
      switch call.keyword(index) {
      case Keyword("id"):
        let id = try call.integer(
          value, orThrow: CommandError("ERR client-id should be greater than 0"))
        guard id > 0 else { throw CommandError("ERR client-id should be greater than 0") }
        self.id = id
      case Keyword("maxage"):
        let age = try call.integer(
          value, orThrow: CommandError("ERR maxage is not an integer or out of range"))
        guard age > 0 else { throw CommandError("ERR maxage should be greater than 0") }
        ageMin = age
      case Keyword("type"): kind = try ClientCommands.clientClass(call, at: value)
      case Keyword("addr"): address = ByteText(call.arguments[value])
      case Keyword("laddr"): localAddress = ByteText(call.arguments[value])
      case Keyword("user"):
        guard let user = call.server.users.find(call.arguments[value]) else {
          throw call.failure("ERR No such user '\(echo: call.arguments[value])'")
        }
        self.user = user
      case Keyword("skipme"):
        switch call.keyword(value) {
        case Keyword("yes"): skipsCaller = true
        case Keyword("no"): skipsCaller = false
        default: throw .syntax
        }
      default: throw .syntax
      }
    }

    func matches(_ client: Client, _ call: borrowing Call) -> Bool {
      if client.flags.contains(.closed) { return false }
      if let address, !address.rawSpan.equals(client.address) { return false }
      if let localAddress, !localAddress.rawSpan.equals(client.localAddress) { return false }
      if let kind, client.clientClass != kind { return false }
      if let id, client.id != id { return false }
      if let user, client.user !== user { return false }
      if skipsCaller, client === call.client { return false }
      if let ageMin {
        return call.moment.milliseconds / 1000 - client.createdAt / 1000 >= Int64(ageMin)
      }
      return true
    }
  }
}
