// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Messages that answer no request of their receiver: what was published, what became invalid.
// They must never end up inside a reply or inside EXEC's array of replies, so those for the client
// whose unit is under way wait for the end of the unit. Then it gets its reply, then what the unit
// has made stale in its cache, then everything else.

/// Messages that wait for the end of the unit under way.
@safe
struct PendingPushes: ~Copyable {
  /// The client whose unit is under way. Not owned: clients live until the end of their last turn.
  fileprivate var receiver: Unmanaged<Client>?
  /// What it gets when the unit has ended: first what is stale in its cache, then the rest.
  fileprivate var invalidations = ByteBuffer()
  fileprivate var others = ByteBuffer()
  /// Whether it is told, behind all that, what point its write has reached.
  fileprivate var endsWithToken = false

  /// Says whose unit begins.
  @inline(__always)
  mutating func begin(for client: Unmanaged<Client>) { unsafe receiver = client }

  /// No client's unit is under way any more.
  @inline(__always)
  mutating func end() { unsafe receiver = nil }

  /// Has a piece of a message wait for the end of the unit.
  mutating func wait(_ bytes: RawSpan) { others.append(bytes) }

  /// A unit between two requests of another client begins; `resume` takes what this returns.
  mutating func interrupt(for client: Client) -> Unmanaged<Client>? {
    let outer = unsafe receiver
    unsafe receiver = .passUnretained(client)
    return unsafe outer
  }

  /// The unit in between has ended.
  mutating func resume(_ outer: Unmanaged<Client>?) { unsafe receiver = outer }

  /// The number of the client whose unit is under way; 0 if nobody's is.
  var author: Int { unsafe receiver?._withUnsafeGuaranteedRef { $0.id } ?? 0 }

  /// True if the unit under way is this client's.
  @inline(__always)
  func concerns(_ client: Client) -> Bool {
    unsafe receiver?.toOpaque() == Unmanaged.passUnretained(client).toOpaque()
  }
}

extension Server {
  /// Sends `client` a message, protocol already, that answers none of its requests: at once, or
  /// behind the reply if the client's own unit is under way.
  ///
  /// - Parameter isInvalidation: it tells the client that a key in its own cache is stale, and so
  ///   comes before everything else that waits.
  func push(_ message: RawSpan, to client: Client, isInvalidation: Bool = false) {
    guard !client.isClosing else { return }
    // It may tell of a key.
    if gate.contains(.promised) { client.flags.insert(.seesData) }
    if output.pushes.concerns(client) {
      if isInvalidation {
        output.pushes.invalidations.append(message)
      } else {
        output.pushes.others.append(message)
      }
      effects.attention.set(.ownPushes, true)
      return
    }
    prepare(client)
    client.reply.append(raw: message)
    if client.pendingOutput >= output.watermark { checkOutputLimit(client) }
  }

  /// The client of the unit under way has changed something: it is told the point that this has
  /// reached, if it wants to.
  func considerToken(for client: Client) {
    guard client.gate.contains(.tokens), client.version == .resp3 else { return }
    output.pushes.endsWithToken = true
    effects.attention.set(.ownPushes, true)
  }

  /// Tells a client what point its write has reached (MEMD.TOKEN ON).
  @inline(never)
  private func writeToken(to client: Client) {
    client.reply.push(2)
    client.reply.bulk("memd.token")
    client.reply.bulk(freshnessToken.rawSpan)
  }

  /// Gives the client of the unit that has ended the messages that waited for its reply.
  @inline(never)
  func deliverOwnPushes() {
    guard effects.attention.kinds.contains(.ownPushes) else { return }
    effects.attention.set(.ownPushes, false)
    unsafe output.pushes.receiver?._withUnsafeGuaranteedRef { client in
      guard !client.isClosing else { return }
      prepare(client)
      client.reply.append(raw: output.pushes.invalidations.bytes)
      client.reply.append(raw: output.pushes.others.bytes)
      if output.pushes.endsWithToken { writeToken(to: client) }
      if client.pendingOutput >= output.watermark { checkOutputLimit(client) }
    }
    output.pushes.endsWithToken = false
    output.pushes.invalidations.removeAll(keepingCapacity: false)
    output.pushes.others.removeAll(keepingCapacity: false)
  }
}
