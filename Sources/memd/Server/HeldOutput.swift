// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Output that waits until what it shows is durable (`appendfsync always`). Turns don't wait: they
// go on, and what they produce queues up behind the sync that is under way.
//
//     reply    |-- sent --|-- released --|-- covered --|-- later turns --|
//                                        ^             ^ leaves with the sync after the next
//                                        ^ leaves when the sync under way is done

/// What of a client's reply may leave.
struct HeldOutput {
  /// Bytes of the reply that may leave.
  var releasedCount: Int
  /// Bytes that may when the sync under way is done.
  var coveredCount = 0
  /// Whether it has output that this sync doesn't cover.
  var isWaiting = false

  /// So many bytes were dropped from the front of the reply.
  mutating func removedFirst(_ count: Int) {
    releasedCount -= count
    coveredCount -= count
  }
}

/// Clients whose output is held.
struct HeldClients {
  /// With output that the sync under way doesn't cover.
  var waiting: [Client] = []
  /// With output that it does.
  var covered: [Client] = []

  var isEmpty: Bool { waiting.isEmpty && covered.isEmpty }

  /// Those that wait are covered now, in the place of others.
  mutating func cover() { swap(&covered, &waiting) }
}

extension Client {
  /// How many bytes of the reply may leave.
  var sendableCount: Int { details?.held?.releasedCount ?? reply.count }
}

extension Server {
  /// Has a client's output wait for the log, apart from what was released.
  func hold(_ client: Client) {
    let isHeld = client.flags.contains(.heldOutput)
    // The head of a snapshot was held, and what is in it is older.
    if !isHeld, client.follower?.isReceiving == true { return flushAtEndOfTurn(client) }
    // A follower may get what it lacks of the stream, as far as that is durable.
    guard !client.isClosedOrAboutToBe, isHeld || client.reply.count > client.sentCount else {
      return flushAtEndOfTurn(client)
    }
    var held = client.details?.held ?? HeldOutput(releasedCount: client.sentCount)
    if !held.isWaiting, client.reply.count > max(held.coveredCount, held.releasedCount) {
      held.isWaiting = true
      output.held.waiting.append(client)
    }
    client.makeDetails().held = held
    client.flags.insert(.heldOutput)
    flushAtEndOfTurn(client)
  }

  /// The sync that begins covers everything that is held. None may be under way.
  func coverHeldOutput() {
    assert(output.held.covered.isEmpty, "two syncs at once")
    for client in output.held.waiting where !client.flags.contains(.closed) {
      client.details?.held?.coveredCount = client.reply.count
      client.details?.held?.isWaiting = false
    }
    output.held.cover()
  }

  /// The sync under way is done: what it covers leaves at the end of the turn, whatever has come
  /// behind it meanwhile.
  func releaseCoveredOutput() {
    for client in output.held.covered where !client.flags.contains(.closed) {
      guard let held = client.details?.held else { continue }
      client.details?.held?.releasedCount = held.coveredCount
      queueOutput(client)
    }
    output.held.covered.removeAll(keepingCapacity: true)
  }

  /// Nothing has to wait any more.
  func releaseHeldOutput() {
    for client in output.held.covered + output.held.waiting
    where !client.flags.contains(.closed) {
      forgetHeldOutput(of: client)
      queueOutput(client)
    }
    output.held = HeldClients()
  }

  private func forgetHeldOutput(of client: Client) {
    client.details?.held = nil
    client.flags.remove(.heldOutput)
  }

  /// Sends what was released of a client's output.
  func flushReleased(_ client: Client) {
    if let held = client.details?.held, !held.isWaiting, held.releasedCount >= client.reply.count {
      forgetHeldOutput(of: client)
      return flush(client)
    }
    let count = client.sendableCount - client.sentCount
    guard count > 0 else {
      dropSent(client)
      if client.flags.contains(.waitsForWritable) { stopAwaitingWritable(client) }
      return
    }
    let start = client.sentCount
    let result = transport.send(
      client.connection, client.reply.bytes.extracting(start..<start + count))
    guard case .bytes(let sent) = result else { return failSending(result, client) }
    noteSent(sent, client)
    client.sentCount += sent
    if sent < count { awaitWritable(client) } else { flushReleased(client) }
  }
}
