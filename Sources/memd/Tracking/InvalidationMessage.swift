// SPDX-License-Identifier: Apache-2.0

import RESP

/// A message that says which keys are no longer what they were. Many clients get the same, so it is
/// written once for each protocol that they speak.
struct InvalidationMessage: ~Copyable {
  /// The array of keys; empty: all keys.
  private var keys = ReplyWriter()
  /// The whole message in one protocol.
  private var text = ReplyWriter()
  private var isWritten = false

  /// Sends the message, which must have been written for the client's protocol.
  ///
  /// - Parameter isOwn: it is about what this client holds itself.
  func send(to client: Client, of server: Server, isOwn: Bool) {
    assert(isWritten && text.version == client.version)
    server.push(text.bytes, to: client, isInvalidation: isOwn)
  }

  /// Says that all keys are meant.
  mutating func meanAll() {
    keys.removeAll()
    isWritten = false
  }

  /// Says how many keys are meant, which follow.
  mutating func mean(count: Int) {
    keys.removeAll()
    keys.array(count)
    isWritten = false
  }

  /// One of the keys.
  mutating func append(_ key: RawSpan) { keys.bulk(key) }

  /// Writes the message for a client of this protocol: in RESP3 as a push, in RESP2 as if it had
  /// been published.
  mutating func write(for version: ProtocolVersion) {
    guard !isWritten || text.version != version else { return }
    isWritten = true
    text.removeAll()
    text.version = version
    if version == .resp3 {
      text.push(2)
      text.bulk("invalidate")
    } else {
      text.array(3)
      text.bulk("message")
      text.bulk("__redis__:invalidate")
    }
    if keys.count == 0 { text.null() } else { Self.append(keys, to: &text) }
  }

  private static func append(_ keys: borrowing ReplyWriter, to text: inout ReplyWriter) {
    text.append(raw: keys.bytes)
  }
}
