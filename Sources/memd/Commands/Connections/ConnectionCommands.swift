// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands about the connection itself.
enum ConnectionCommands: CommandFamily {
  static let group = CommandGroup.connection

  private static let early: CommandFlags = [
    .noScript, .loading, .stale, .fast, .noAuth, .allowBusy, .parserBarrier,
  ]

  static let commands: [Command] = [
    Command(
      "auth", early, [.string("username").since("6.0.0").optional, .string("password")],
      secrets: [.arguments(from: 1)], since: "1.0.0",
      complexity: "O(N) where N is the number of passwords defined for the user",
      summary: "Authenticates the connection.",
      history: [("6.0.0", "Takes a user name in front of the password.")], handler: auth),
    Command(
      "echo", [.loading, .stale, .fast], [.string("message")], since: "1.0.0", complexity: "O(1)",
      summary: "Answers the given message.", handler: echo),
    Command(
      "hello", early, [helloArguments], secrets: [.values(behind: "auth", count: 2)],
      since: "6.0.0", complexity: "O(1)", summary: "Greets the server and chooses the protocol.",
      history: [("6.2.0", "May be called without arguments, and then changes nothing.")],
      handler: hello),
    Command(
      "ping", [.fast, .allowedWhileSubscribed, .probes, .inStreams], [.string("message").optional],
      tips: ["request_policy:all_shards", "response_policy:all_succeeded"], since: "1.0.0",
      complexity: "O(1)", summary: "Answers PONG, or the given message.", handler: ping),
    Command(
      "quit", early.union([.notQueued, .allowedWhileSubscribed]), since: "1.0.0",
      complexity: "O(1)",
      summary: "Closes the connection after the reply.", arity: -1, handler: quit),
    Command(
      "reset", early.union([.notQueued, .allowedWhileSubscribed]), since: "6.2.0",
      complexity: "O(1)",
      summary: "Makes the connection as if it had just been opened.", handler: reset),
  ]

  private static let helloArguments = ArgumentSpec.block(
    "arguments",
    [
      .integer("protover"),
      .block("username_password", [.string("username"), .string("password")])
        .after("AUTH").optional,
      .string("clientname").after("SETNAME").optional,
    ]
  ).optional

  // MARK: - AUTH

  static func auth(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count <= 3 else { throw .syntax }
    let isNamed = call.arguments.count == 3
    guard isNamed || !call.server.users.defaultUser.rules.needsNoPassword else {
      throw CommandError(
        """
        ERR AUTH <password> called without any password configured for the default user. Are you \
        sure your configuration is correct?
        """)
    }
    let defaultName = Users.defaultName
    let isRight =
      if isNamed {
        call.server.authenticate(
          call, user: call.arguments[1], password: call.arguments[2])
      } else {
        call.server.authenticate(
          call, user: defaultName.rawSpan, password: call.arguments[1])
      }
    guard isRight else { throw .wrongPassword }
    call.reply.ok()
  }

  // MARK: - ECHO

  static func echo(_ call: inout Call) throws(CommandError) {
    call.reply.bulk(call.arguments[1])
  }

  // MARK: - HELLO

  static func hello(_ call: inout Call) throws(CommandError) {
    let options = try HelloOptions(call)
    if let position = options.credentials {
      guard
        call.server.authenticate(
          call, user: call.arguments[position], password: call.arguments[position + 1])
      else { throw .wrongPassword }
    }
    guard !call.client.mustAuthenticate else {
      throw CommandError(
        """
        NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO \
        AUTH <user> <pass> option can be used to authenticate the client and select the RESP \
        protocol version at the same time
        """)
    }
    if let position = options.name { call.client.name = call.arguments[position].copied }
    if let version = options.version {
      call.client.version = version
      call.client.updateGate()
    }
    writeGreeting(call)
  }

  private static func writeGreeting(_ call: borrowing Call) {
    call.reply.map(7)
    call.reply.bulk("server")
    call.reply.bulk("redis")
    call.reply.bulk("version")
    call.reply.bulk(Version.redis)
    call.reply.bulk("proto")
    call.reply.integer(call.client.version == .resp3 ? 3 : 2)
    call.reply.bulk("id")
    call.reply.integer(call.client.id)
    call.reply.bulk("mode")
    call.reply.bulk("standalone")
    call.reply.bulk("role")
    call.reply.bulk("master")
    call.reply.bulk("modules")
    call.reply.array(0)
  }

  // MARK: - PING

  static func ping(_ call: inout Call) throws(CommandError) {
    if call.client.flags.contains(.leader), call.arguments.count == 1 {
      call.server.notePing()
    } else if call.client.flags.contains(.leader), call.arguments.count == 2 {
      if VerificationMessage.looksLikeOne(call.arguments[1]) {
        call.server.compareWithLeader(call.arguments[1])
      } else {
        call.server.noteMark(call.arguments[1])
      }
    }
    guard call.arguments.count <= 2 else {
      throw CommandError("ERR wrong number of arguments for 'ping' command")
    }
    if call.client.flags.contains(.pubsub), call.client.version == .resp2 {
      // Compatibility: among messages a plain PONG could not be told from one.
      call.reply.array(2)
      call.reply.bulk("pong")
      if call.arguments.count == 2 {
        call.reply.bulk(call.arguments[1])
      } else {
        call.reply.bulk("")
      }
    } else if call.arguments.count == 2 {
      call.reply.bulk(call.arguments[1])
    } else {
      call.reply.status("PONG")
    }
  }

  // MARK: - QUIT

  static func quit(_ call: inout Call) throws(CommandError) {
    call.reply.ok()
    call.server.closeAfterReply(call.client)
  }

  // MARK: - RESET

  static func reset(_ call: inout Call) throws(CommandError) {
    let client = call.client
    guard client.flags.isDisjoint(with: [.follower, .leader]) else {
      throw CommandError("ERR can only reset normal client connections")
    }
    call.server.leaveModes(client)
    client.flags.subtract([.readOnlyMode, .noEvict, .noTouch])
    client.database = call.server.keyspace.databases[0]
    client.version = .resp2
    client.name = []
    call.moment.touchesKeys = true
    call.server.authenticateAnonymously(client)
    call.reply.status("RESET")
  }
}

/// What HELLO asks for; positions are those of the arguments.
private struct HelloOptions {
  var version: ProtocolVersion?
  /// The user's name; the password follows.
  var credentials: Int?
  var name: Int?

  init(_ call: borrowing Call) throws(CommandError) {
    guard call.arguments.count > 1 else { return }
    let number = try call.integer(
      1, orThrow: CommandError("ERR Protocol version is not an integer or out of range"))
    switch number {
    case 2: version = .resp2
    case 3: version = .resp3
    default: throw CommandError("NOPROTO unsupported protocol version")
    }
    var index = 2
    while index < call.arguments.count {
      let remaining = call.arguments.count - index - 1
      switch call.keyword(index) {
      case Keyword("auth") where remaining >= 2:
        credentials = index + 1
        index += 3
      case Keyword("setname") where remaining >= 1:
        guard ClientName.isValid(call.arguments[index + 1]) else { throw ClientName.error }
        name = index + 1
        index += 2
      default:
        throw call.failure("ERR Syntax error in HELLO option '\(echo: call.arguments[index])'")
      }
    }
  }
}

extension CommandError {
  static var wrongPassword: CommandError {
    CommandError("WRONGPASS invalid username-password pair or user is disabled.")
  }
}
