// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Output that waits until what it shows is durable (`appendfsync always`), or with followers
// (`sync-replicas`). Turns don't wait: they go on, and what they produce queues up behind the sync,
// or the question to followers, that is under way.
//
//     reply    |-- sent --|-- released --|-- covered --|-- later turns --|
//                                        ^             ^ leaves with the next answer but one
//                                        ^ leaves when everybody may see the stream up to where it
//                                          ended when this was covered

/// What of a client's reply may leave.
struct HeldOutput {
  /// Bytes of the reply that may leave.
  var releasedCount: Int
  /// Bytes that may when the stream can be seen up to `HeldClients.coveredOffset`.
  var coveredCount = 0
  /// Whether it has more output than that.
  var isWaiting = false

  /// So many bytes were dropped from the front of the reply.
  mutating func removedFirst(_ count: Int) {
    releasedCount -= count
    coveredCount -= count
  }
}

/// Clients whose output is held.
struct HeldClients {
  /// With output that is not covered yet.
  var waiting: [Client] = []
  /// With output that leaves when the stream can be seen up to an offset.
  var covered: [Client] = []
  var coveredOffset = 0

  var isEmpty: Bool { waiting.isEmpty && covered.isEmpty }
  var all: [Client] { covered + waiting }
  /// How many there are.
  var count: Int { all.count { $0.flags.contains(.heldOutput) } }

  /// Those that wait are covered now, up to an offset.
  mutating func cover(upTo offset: Int) {
    swap(&covered, &waiting)
    coveredOffset = offset
  }
}

extension Client {
  /// How many bytes of the reply may leave.
  var sendableCount: Int { details?.held?.releasedCount ?? reply.count }

  /// Whether what it gets may show data: its own requests have, or what it listens to.
  fileprivate var mayBeShownData: Bool {
    !flags.isDisjoint(with: [.seesData, .pubsub, .monitor]) || tracker != nil
  }
}

extension Server {
  /// Up to where the log has the stream, if nobody may see more of it (`appendfsync always`).
  var durableOffset: Int { holdsForLog ? appendLog.synced : .max }

  /// Up to where everybody may see the stream.
  private var visibleOffset: Int { min(durableOffset, promises.synchronous.visibleOffset) }

  /// Whether output must wait, since it may show what can still be lost.
  var holdsOutput: Bool { visibleOffset < effects.dataOffset }

  /// Has a client's output wait, apart from what was released.
  func hold(_ client: Client) {
    let isHeld = client.flags.contains(.heldOutput)
    // Whoever only asks whether the server lives need not wait for followers, which may take long.
    if !isHeld, promises.synchronous.state == .holding, !client.mayBeShownData {
      return flushAtEndOfTurn(client)
    }
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

  /// Everything that is held leaves when the stream can be seen up to its present end, unless
  /// output is covered already.
  func coverHeldOutput() {
    guard output.held.covered.isEmpty else { return }
    for client in output.held.waiting where !client.flags.contains(.closed) {
      client.details?.held?.coveredCount = client.reply.count
      client.details?.held?.isWaiting = false
    }
    output.held.cover(upTo: effects.dataOffset)
  }

  /// What is covered leaves if it may by now, whatever has come behind it meanwhile.
  func releaseCoveredOutput() {
    guard visibleOffset >= output.held.coveredOffset else { return }
    for client in output.held.covered where !client.flags.contains(.closed) {
      guard let held = client.details?.held else { continue }
      client.details?.held?.releasedCount = held.coveredCount
      queueOutput(client)
    }
    output.held.covered.removeAll(keepingCapacity: true)
  }

  /// Nothing has to wait any more.
  func releaseHeldOutput() {
    for client in output.held.all where !client.flags.contains(.closed) {
      forgetHeldOutput(of: client)
      queueOutput(client)
    }
    output.held = HeldClients()
  }

  /// What waits, or was produced in this turn, will not be confirmed: who it is for is
  /// disconnected, as nobody can say what becomes of what it has asked for.
  func abandonHeldOutput() {
    var clients = output.held.all
    for index in 0..<output.writers.count {
      unsafe output.writers[index]._withUnsafeGuaranteedRef { clients.append($0) }
    }
    // Also one that is to be closed once it has had its reply.
    for client in clients where !client.isClosedOrAboutToBe && client.mayBeShownData {
      closeASAP(client)
    }
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
