// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

@testable import memd

/// Listens to what a server tells followers and subscribers, in the words of the commands.
final class StringsWitness: KeyEventObserver {
  private let server: TestServer
  private var offset: Int
  private var noted: [String] = []

  init(_ server: TestServer) {
    self.server = server
    offset = server.server.effects.stream.offset
    server.server.effects.observer = self
  }

  func observe(_ event: KeyEvent, _ key: RawSpan, database: Int) {
    guard event.kind != .new, event.kind != .keyMiss else { return }
    noted.append("\(event.name) \(key.text)")
  }

  /// Events since the last call.
  func events() -> [String] {
    defer { noted = [] }
    return noted
  }

  /// Commands that were sent to followers since the last call, without SELECT.
  func stream() -> [String] {
    let bytes = server.server.effects.stream.copy(behind: offset)
    offset += bytes.count
    var parser = ReplyParser(bytes)
    var lines: [String] = []
    while let command = parser.next() {
      lines.append(command.elements.map(\.text).joined(separator: " "))
    }
    return lines.filter { !$0.hasPrefix("SELECT") }
  }
}

extension TestServer {
  /// Wall time in milliseconds, as commands see it.
  var milliseconds: Int64 { clock.wallMicroseconds() / 1000 }
}
