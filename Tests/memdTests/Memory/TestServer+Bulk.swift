// SPDX-License-Identifier: Apache-2.0

import EventLoop

@testable import memd

extension TestServer {
  /// Runs many commands on a connection of their own; nobody reads what they reply.
  func runAll(_ commands: [[String]]) {
    let client = connect()
    for (index, words) in commands.enumerated() {
      client.send(words)
      if index % 50 == 49 { settle(client) }
    }
    settle(client)
    client.connection.close()
    turn()
  }

  /// Turns until everything that the client has sent was executed.
  private func settle(_ client: TestClient) {
    var silentTurns = 0
    while silentTurns < 3 {
      turn()
      let isSilent = client.connection.receive().isEmpty && server.intake.resuming.isEmpty
      silentTurns = isSilent ? silentTurns + 1 : 0
    }
  }

  /// Turns without requests, a millisecond apart.
  func idle(milliseconds: Int) {
    for _ in 0..<milliseconds {
      clock.advance(milliseconds: 1)
      server.turn()
    }
  }

  /// A field of INFO.
  func info(_ name: String) -> String? {
    let lines = run("INFO").text.split(whereSeparator: \.isNewline)
    return lines.first { $0.hasPrefix(name + ":") }.map { String($0.dropFirst(name.count + 1)) }
  }
}
