// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

@testable import memd

/// Writes keyspace events down as "database event key".
final class EventRecorder: KeyEventObserver {
  private var lines: [String] = []

  func observe(_ event: KeyEvent, _ key: RawSpan, database: Int) {
    lines.append("\(database) \(event.name) \(key.text)")
  }

  /// What has happened since the last call.
  func take() -> [String] {
    defer { lines = [] }
    return lines
  }
}

extension TestServer {
  /// Records keyspace events from now on.
  func recordEvents() -> EventRecorder {
    let recorder = EventRecorder()
    server.effects.observer = recorder
    return recorder
  }

  /// The commands that `body` sends to followers, words separated by blanks.
  func stream(_ body: () -> Void) -> [String] {
    let start = server.effects.stream.offset
    body()
    var parser = ReplyParser(server.effects.stream.copy(behind: start))
    var commands: [String] = []
    while !parser.isAtEnd, let command = parser.next() {
      commands.append(command.elements.map(\.text).joined(separator: " "))
    }
    return commands
  }

  /// Changes that a save would write (`rdb_changes_since_last_save`).
  var changeCount: Int { server.effects.changeCount }

  /// Now, as commands see it, in milliseconds since 1970.
  var now: Int64 { clock.wallMicroseconds() / 1000 }
}
