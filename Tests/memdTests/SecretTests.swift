// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// What the slow log and MONITOR must not show, by whatever way it comes.
@Suite struct SecretTests {
  /// Requests around another one, of which every word is shown somewhere.
  static let wrappers = [
    "COMMAND GETKEYS", "COMMAND GETKEYSANDFLAGS", "ACL DRYRUN default",
    "command getkeys COMMAND GETKEYSANDFLAGS", "ACL DRYRUN default command GetKeys",
  ]

  static let requests = [
    "AUTH hush", "AUTH user hush", "HELLO 3 AUTH hush hush SETNAME name",
    "ACL SETUSER hush on >hush ~*", "ACL GETUSER hush", "ACL DELUSER hush",
    "CONFIG SET maxmemory 0 requirepass hush", "CONFIG SET masterAuth hush timeout 0",
    "CONFIG SET tls-key-file-pass hush", "MIGRATE host 1 key 0 1 COPY AUTH hush",
    "MIGRATE host 1 \"\" 0 1 auth2 hush hush KEYS a b",
  ]

  @Test(arguments: requests)
  func `a secret is hidden, be it in a request or in one that a request is about`(_ line: String) {
    for wrapper in [""] + Self.wrappers {
      let server = TestServer(follows: false)
      server.run("CONFIG SET slowlog-log-slower-than 0")
      let monitor = server.connect()
      monitor.run("MONITOR")
      server.run("\(wrapper) \(line)")
      let shown = monitor.connection.receiveText()
      #expect(!shown.contains("hush"), "MONITOR: \(shown)")
      let client = server.connect()
      client.run("RESET")
      // AUTH may have changed who asks, and requirepass who may.
      server.server.users.defaultUser.setUnlimited(in: server)
      let entries = client.run("SLOWLOG GET -1").elements
      #expect(entries.count > 1)
      let words = entries.flatMap { $0.elements[3].elements.map(\.text) }
      #expect(!words.contains { $0.contains("hush") }, "SLOWLOG: \(words)")
      #expect(words.contains("(redacted)"), "SLOWLOG: \(words)")
    }
  }

  /// What is hidden follows from the inner command's declaration, so it is the same words.
  @Test func `what is hidden in a request is hidden in a wrapped one, and nothing else`() {
    let table = CommandTable()
    var hiddenCount = 0
    for description in table.descriptions where description.subcommands.isEmpty {
      for shape in RequestShapes.of(description, key: "key") {
        let words = shape.map { Array($0.text.utf8) }
        let plain = Self.hidden(words, in: table)
        hiddenCount += plain.count
        for (word, index) in zip(shape, shape.indices) where word.text == "password" {
          #expect(plain.contains(index), "\(shape.map(\.text)) shows its password")
        }
        for wrapper in Self.wrappers {
          let outer = TestClient.words(wrapper).map { Array($0.utf8) }
          let wrapped = Self.hidden(outer + words, in: table)
          #expect(
            wrapped == plain.map { $0 + outer.count }, "\(wrapper) \(shape.map(\.text))")
        }
      }
    }
    #expect(hiddenCount > 20)
  }

  @Test func `a request that is wrapped a hundred thousand times is looked into`() {
    let layer = ["COMMAND", "GETKEYS"].map { Array($0.utf8) }
    let words = (0..<100_000).flatMap { _ in layer } + [Array("AUTH".utf8), Array("hush".utf8)]
    let table = CommandTable()
    let kept = KeptRequest(words)
    let command = table.find(kept.arguments)
    let hidden = command.map { HiddenArguments($0, kept.arguments, in: table) }
    #expect(hidden?.contains(200_001) == true)
    #expect(hidden?.contains(200_000) == false)
  }

  private static func hidden(_ words: [[UInt8]], in table: CommandTable) -> [Int] {
    let kept = KeptRequest(words)
    guard let command = table.find(kept.arguments) else { return [] }
    let hidden = HiddenArguments(command, kept.arguments, in: table)
    return words.indices.filter { hidden.contains($0) }
  }
}

extension User {
  /// Lets everybody in again.
  fileprivate func setUnlimited(in server: TestServer) {
    server.server.change(name, to: .unlimited(server.server.commands))
  }
}
