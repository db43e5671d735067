// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Messages that answer no request of their receiver: what was published, what became invalid.
// They must never end up inside a reply or inside EXEC's array of replies, so those for the client
// whose unit is under way wait for the end of the unit.

/// Messages that wait for the end of the unit under way.
@safe
struct PendingPushes: ~Copyable {
  /// The client whose unit is under way. Not owned: clients live until the end of their last turn.
  fileprivate var receiver: Unmanaged<Client>?
  /// What it gets when the unit has ended.
  fileprivate var waiting = ByteBuffer()

  /// Says whose unit begins.
  @inline(__always)
  mutating func begin(for client: Unmanaged<Client>) { unsafe receiver = client }

  /// No client's unit is under way any more.
  @inline(__always)
  mutating func end() { unsafe receiver = nil }

  /// Has a piece of a message wait for the end of the unit.
  mutating func wait(_ bytes: RawSpan) { waiting.append(bytes) }

  /// A unit between two requests of another client begins; `resume` takes what this returns.
  mutating func interrupt(for client: Client) -> Unmanaged<Client>? {
    let outer = unsafe receiver
    unsafe receiver = .passUnretained(client)
    return unsafe outer
  }

  /// The unit in between has ended.
  mutating func resume(_ outer: Unmanaged<Client>?) { unsafe receiver = outer }

  /// Whether it is this client's unit that is under way.
  @inline(__always)
  func concerns(_ client: Client) -> Bool {
    unsafe receiver?.toOpaque() == Unmanaged.passUnretained(client).toOpaque()
  }
}

extension Server {
  /// Sends `client` a message, protocol already, that answers none of its requests: at once, or
  /// behind the reply if the client's own unit is under way.
  func push(_ message: RawSpan, to client: Client) {
    guard !client.isClosing else { return }
    if pushes.concerns(client) {
      pushes.waiting.append(message)
      effects.attention.set(.ownPushes, true)
      return
    }
    prepare(client)
    client.reply.append(raw: message)
    if client.pendingOutput >= outputWatermark { checkOutputLimit(client) }
  }

  /// What has waited for the end of a unit: its client's own messages, then those clients whose
  /// keys have become ready. Call it where `Attention.Kinds.atEndOfUnit` prevails.
  @inline(never)
  func finishUnit() {
    deliverOwnPushes()
    if effects.attention.kinds.contains(.readyKeys) { serveReadyClients() }
  }

  /// Gives the client of the unit that has ended the messages that waited for its reply.
  func deliverOwnPushes() {
    guard effects.attention.kinds.contains(.ownPushes) else { return }
    effects.attention.set(.ownPushes, false)
    unsafe pushes.receiver?._withUnsafeGuaranteedRef { client in
      guard !client.isClosing else { return }
      prepare(client)
      client.reply.append(raw: pushes.waiting.bytes)
      if client.pendingOutput >= outputWatermark { checkOutputLimit(client) }
    }
    pushes.waiting.removeAll(keepingCapacity: false)
  }
}
