// SPDX-License-Identifier: Apache-2.0

import DataStructures
import PubSub
import RESP

/// Publishes what happens to keys, as `notify-keyspace-events` selects it: each event to a channel
/// named after the key and to one named after the event, and, where it is about fields of a hash,
/// the names of these to four more kinds of channels.
///
/// It exists only while something is selected; else nobody observes the keyspace.
final class KeyspaceEvents: KeyEventObserver {
  private unowned let server: Server
  private let selection: KeyspaceNotifications
  private var text = EventText()
  private var fields: [[UInt8]] = []

  init(_ server: Server, _ selection: KeyspaceNotifications) {
    self.server = server
    self.selection = selection
  }

  func observe(_ event: KeyEvent, _ key: RawSpan, database: Int) {
    let fields = self.fields
    if !fields.isEmpty { self.fields.removeAll(keepingCapacity: true) }
    guard selection.selects(event) else { return }
    let subscriptions = server.subscriptions
    guard subscriptions.count(.channel) > 0 || subscriptions.count(.pattern) > 0 else { return }
    if selection.contains(.keyspaceChannels) {
      text.begin("__keyspace@", database)
      text.channel.append(key)
      text.payload.append(event.name)
      text.publish(on: server)
    }
    if selection.contains(.keyEventChannels) {
      text.begin("__keyevent@", database)
      text.channel.append(event.name)
      text.payload.append(key)
      text.publish(on: server)
    }
    if !fields.isEmpty { publish(fields, event, key, database) }
  }

  func note(field: RawSpan) { fields.append(field.copied) }

  /// The channels of Redis 8.8 that name the fields.
  private func publish(
    _ fields: [[UInt8]], _ event: KeyEvent, _ key: RawSpan, _ database: Int
  ) {
    if selection.contains(.fieldsByKey) {
      text.begin("__subkeyspace@", database)
      text.channel.append(key)
      text.payload.append(event.name)
      text.payload.append("|")
      text.append(fields)
      text.publish(on: server)
    }
    if selection.contains(.fieldsByEvent) {
      text.begin("__subkeyevent@", database)
      text.channel.append(event.name)
      text.append(key)
      text.payload.append("|")
      text.append(fields)
      text.publish(on: server)
    }
    // A line feed ends the key in the channel's name; a key that has one can't be told apart.
    if selection.contains(.field), !key.contains(UInt8(ascii: "\n")) {
      for field in fields {
        text.begin("__subkeyspaceitem@", database)
        text.channel.append(key)
        text.channel.append("\n")
        text.channel.append(field.rawSpan)
        text.payload.append(event.name)
        text.publish(on: server)
      }
    }
    if selection.contains(.fieldsByEventAndKey) {
      text.begin("__subkeyspaceevent@", database)
      text.channel.append(event.name)
      text.channel.append("|")
      text.channel.append(key)
      text.append(fields)
      text.publish(on: server)
    }
  }
}

/// A message about a key: the channel's name and what is said there.
private struct EventText: ~Copyable {
  var channel = ByteBuffer()
  var payload = ByteBuffer()

  /// Begins the name of a channel that belongs to a database.
  mutating func begin(_ kind: StaticString, _ database: Int) {
    payload.removeAll()
    channel.removeAll()
    channel.append(kind)
    channel.append(integer: database)
    channel.append("__:")
  }

  /// Adds a text behind its length, so that it may have any bytes.
  mutating func append(_ bytes: RawSpan) {
    payload.append(integer: bytes.byteCount)
    payload.append(":")
    payload.append(bytes)
  }

  /// Adds the names of fields.
  mutating func append(_ fields: [[UInt8]]) {
    for (index, field) in fields.enumerated() {
      if index > 0 { payload.append(",") }
      append(field.rawSpan)
    }
  }

  func publish(on server: Server) { server.publish(channel.bytes, payload.bytes) }
}

extension RawSpan {
  fileprivate func contains(_ byte: UInt8) -> Bool {
    for offset in 0..<byteCount where self.byte(offset) == byte { return true }
    return false
  }
}

extension Server {
  /// Takes over `notify-keyspace-events`.
  func updateKeyspaceEvents() {
    let selection = configuration.notifyKeyspaceEvents
    effects.observer = selection.isEffective ? KeyspaceEvents(self, selection) : nil
    effects.attention.set(
      .replacements,
      selection.isEffective && !selection.isDisjoint(with: [.overwritten, .typeChanged]))
    effects.attention.set(.fields, selection.isEffective && selection.wantsFields)
  }
}
