// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP
import Testing

@testable import memd

// Access control decides from declarations. So the declarations must be right: here every command
// that names keys or channels is sent by a user who may use some of them only, in every form that
// its syntax allows, and must not get at any other.

@Suite struct NothingGetsThroughTests {
  static let descriptions = CommandTable().descriptions.filter { description in
    description.subcommands.isEmpty
      && description.command.keys.contains { !$0.access.contains(.notKey) }
  }
  static let namesOfKeyCommands = descriptions.map(\.fullName)

  static let types = ["string", "list", "set", "zset", "hash", "stream"]

  private static let mark = "(key)"

  /// Requests of a command with `mark` where keys stand, counts of keys put right.
  private static func shapes(_ name: String) throws -> [[String]] {
    let description = try #require(descriptions.first { $0.fullName == name })
    return RequestShapes.of(description, key: mark).map { shape in
      var words = shape.map(\.text)
      for spec in description.command.keys {
        guard case .index(let start) = spec.start,
          case .counted(let count, let first, _) = spec.extent,
          start + count < words.count
        else { continue }
        let keys = words.dropFirst(start + first).prefix { $0 == mark }
        words[start + count] = "\(keys.count)"
      }
      return words
    }.filter { $0.contains(mark) }
  }

  /// The request with a key for every mark: `odd` for the one with this number.
  private static func fill(_ shape: [String], _ key: String, odd: String, at position: Int)
    -> [String]
  {
    var number = -1
    return shape.map { word in
      guard word == mark else { return word }
      number += 1
      return number == position ? odd : key
    }
  }

  private func dataset(_ server: TestServer, _ prefix: String) {
    server.run("SET \(prefix):string 5")
    server.run("RPUSH \(prefix):list 1 2 3")
    server.run("SADD \(prefix):set 1 2 3")
    server.run("ZADD \(prefix):zset 1 a 2 b")
    server.run("HSET \(prefix):hash f 1 g 2")
    server.run("XADD \(prefix):stream 1-1 f v")
    server.run("XGROUP CREATE \(prefix):stream group 0")
  }

  private func client(_ server: TestServer, _ rules: String) -> TestClient {
    server.run("ACL SETUSER bob reset on nopass +@all -debug \(rules)")
    let client = server.connect()
    #expect(client.run("AUTH bob x") == .ok)
    return client
  }

  @Test(arguments: namesOfKeyCommands)
  func `No command reaches a key that its user may not use`(name: String) throws {
    var denials = 0
    for type in Self.types {
      let server = TestServer(follows: false)
      dataset(server, "secret")
      let before = DatasetText.of(server.server.keyspace)
      dataset(server, "allowed")
      let bob = client(server, "~allowed:*")
      for shape in try Self.shapes(name) {
        for position in 0..<shape.count(where: { $0 == Self.mark }) {
          let request = Self.fill(
            shape, "allowed:\(type)", odd: "secret:\(type)", at: position)
          let reply = bob.run(request)
          #expect(reply.isError && reply.text != "no reply", "\(request) got \(reply)")
          // Behind EXEC's own code, where EXEC is what is denied.
          if reply.text.contains("NOPERM ") { denials += 1 }
        }
      }
      let after = DatasetText.of(server.server.keyspace).filter { $0.contains(" secret:") }
      #expect(after == before)
    }
    #expect(denials > 0)
  }

  /// Commands that Redis declares as readers of a key in which they change something.
  private static let changingReaders = ["xreadgroup"]

  @Test(arguments: namesOfKeyCommands)
  func `With permission to read only nothing is changed`(name: String) throws {
    for type in Self.types {
      let server = TestServer(follows: false)
      dataset(server, "allowed")
      let before = DatasetText.of(server.server.keyspace)
      let bob = client(server, "%R~allowed:*")
      for shape in try Self.shapes(name) {
        let request = Self.fill(shape, "allowed:\(type)", odd: "", at: -1)
        let reply = bob.run(request)
        if reply.text == "no reply" { server.run("CLIENT UNBLOCK 2") }
        guard !Self.changingReaders.contains(name) else { continue }
        #expect(DatasetText.of(server.server.keyspace) == before, "\(request) got \(reply)")
      }
    }
  }

  @Test(arguments: namesOfKeyCommands)
  func `Who may use a key is not hindered`(name: String) throws {
    let server = TestServer(follows: false)
    dataset(server, "allowed")
    let bob = client(server, "~allowed:*")
    for shape in try Self.shapes(name) {
      // Given twice, the second word is a key (MIGRATE).
      guard shape.count(where: { $0 == "KEYS" }) < 2 else { continue }
      let reply = bob.run(Self.fill(shape, "allowed:string", odd: "", at: -1))
      #expect(!reply.text.contains("NOPERM "), "\(shape)")
      if reply.text == "no reply" { server.run("CLIENT UNBLOCK 2") }
    }
  }

  // MARK: - Channels

  @Test func `No command reaches a channel that its user may not use`() throws {
    let server = TestServer(follows: false, families: unsafe CommandTable.families + [Speech.self])
    let table = server.server.commands
    var count = 0
    for description in table.descriptions {
      guard let spec = description.command.channels else { continue }
      count += 1
      let bob = client(server, "resetchannels &allowed:*")
      let allowed = spec.use.isPattern ? "allowed:*" : "allowed:c"
      for shape in RequestShapes.of(description, key: "k") {
        let last = spec.last >= 0 ? spec.last : shape.count + spec.last
        guard spec.first <= last else { continue }
        for position in spec.first...last where position < shape.count {
          var request = shape.map(\.text)
          for index in spec.first...last where index < shape.count { request[index] = allowed }
          let command = table[description.id]
          let user = try #require(server.server.users.all.first { $0.name == Array("bob".utf8) })
          var kept = KeptRequest(request.map { Array($0.utf8) })
          #expect(server.server.denial(of: command, kept.arguments, for: user) == nil)
          request[position] = spec.use.isPattern ? "allowed:c" : "secret:c"
          kept = KeptRequest(request.map { Array($0.utf8) })
          let denial = server.server.denial(of: command, kept.arguments, for: user)
          guard !spec.use.isFree else {
            #expect(denial == nil)
            continue
          }
          #expect(denial == AccessDenial(reason: .channel, position: position))
          #expect(bob.run(request).text.hasPrefix("NOPERM "), "\(request)")
        }
      }
    }
    #expect(count >= 4)
  }
}

extension ChannelSpec.Use {
  fileprivate var isPattern: Bool {
    switch self {
    case .subscribePattern: true
    default: false
    }
  }

  fileprivate var isFree: Bool {
    switch self {
    case .unsubscribe: true
    default: false
    }
  }
}

/// Commands about channels that do nothing.
private enum Speech: CommandFamily {
  static let group = CommandGroup.pubsub
  private static let channels = [ArgumentSpec.string("channel").repeated]

  static let commands: [Command] = [
    Command(
      "say", [.fast], channels: .channel(1, .publish), [.string("channel"), .string("message")],
      since: "7.0.0", summary: "Says something.", handler: answer),
    Command(
      "listen", [.fast], channels: .channels(from: 1, .subscribe), channels, since: "7.0.0",
      summary: "Listens.", handler: answer),
    Command(
      "listenall", [.fast], channels: .channels(from: 1, .subscribePattern), channels,
      since: "7.0.0", summary: "Listens to patterns.", handler: answer),
    Command(
      "leave", [.fast], channels: .channels(from: 1, .unsubscribe), channels, since: "7.0.0",
      summary: "Listens no longer.", handler: answer),
  ]

  static func answer(_ call: inout Call) throws(CommandError) { call.reply.ok() }
}
