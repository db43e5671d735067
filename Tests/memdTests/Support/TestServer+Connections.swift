// SPDX-License-Identifier: Apache-2.0

import EventLoop

@testable import memd

extension TestServer {
  /// Turns until nothing is under way any more, at most `limit` times.
  func settle(limit: Int = 10_000) {
    for _ in 0..<limit {
      turn()
      if let next = transport.nextEventNanoseconds {
        clock.advance(toNanoseconds: max(next, clock.monotonicNanoseconds()))
      } else if server.appendLog.continuesAt < .max {
        clock.advance(
          toNanoseconds: max(server.appendLog.continuesAt, clock.monotonicNanoseconds()))
      } else if server.intake.resuming.isEmpty, !server.persistence.savingContinues,
        server.persistence.loading == nil
      {
        return
      }
    }
  }

  /// Lets the log be read, warnings and all.
  func keepLog() {
    server.log.destination = .file("log", disk)
    server.log.level = .verbose
  }

  /// What was logged since `keepLog`.
  var logText: String {
    ((try? disk.read("log")) ?? []).map { String(Unicode.Scalar($0)) }.joined()
  }
}

extension TestServer {
  /// Sends a command on the first client and waits for the whole reply, however many turns that
  /// takes.
  @discardableResult
  func ask(_ words: [String]) -> Reply { ask(words, by: client) }

  /// The same for another client.
  @discardableResult
  func ask(_ words: [String], by client: TestClient) -> Reply {
    client.send(words)
    settle(limit: 2000)
    return client.next() ?? .error("no reply")
  }
}

extension TestClient {
  /// Sends words separated by blanks without waiting.
  func post(_ line: String) { send(TestClient.words(line)) }

  /// All replies that have arrived.
  func replies() -> [Reply] {
    var replies: [Reply] = []
    while let reply = next() { replies.append(reply) }
    return replies
  }

  /// Whether the server has ended the connection.
  var isClosed: Bool {
    _ = next()
    return connection.isClosed
  }
}

extension TestClient {
  /// Sends a command whose words may hold any bytes, and returns the bytes of the reply.
  func exchange(octets words: [[UInt8]]) -> [UInt8] {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + [13, 10] }
    _ = connection.send(bytes)
    server.settle()
    return connection.receive()
  }
}
