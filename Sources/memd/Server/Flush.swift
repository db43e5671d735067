// SPDX-License-Identifier: Apache-2.0

import EventLoop
import RESP

// From replies to sockets, at the end of a turn: one write per connection with output, more only
// for shared payloads and the stream. What the socket refuses waits for writability.

extension Server {
  /// The client is about to get output: gives it storage and a place in the list of writers.
  @inline(__always)
  func prepare(_ client: Client) {
    if client.reply.capacity == 0, let storage = output.pool.take() {
      client.reply.adopt(storage)
    }
    queueOutput(client)
  }

  /// Has the client's output written at the end of the turn.
  @inline(__always)
  func queueOutput(_ client: Client) {
    if client.flags.contains(.hasOutput) { return }
    client.flags.insert(.hasOutput)
    output.writers.append(client)
  }

  /// Writes the output of every client that has some, unless it has to wait for the log or for
  /// followers.
  func flush() {
    flushWriters(sparing: nil)
    if !arrivals.isEmpty { arrivals.removeAll() }
    intake.forget()
  }

  /// The same in the midst of a turn, for all but a client whose reply is being written.
  func flushWriters(sparing spared: Client?) {
    if promises.isActive { keepPromises() }
    if !followers.all.isEmpty { queueFollowers() }
    if configuration.replicaBackpressure || backpressure.isActive { considerBackpressure() }
    let holds = holdsOutput
    if !output.held.isEmpty {
      if holds { releaseCoveredOutput() } else { releaseHeldOutput() }
    }
    var index = 0
    while index < output.writers.count {
      unsafe output.writers[index]._withUnsafeGuaranteedRef {
        if $0 === spared { return }
        if holds { hold($0) } else { flushAtEndOfTurn($0) }
      }
      index &+= 1
    }
    output.writers.removeAll()
    if let spared, spared.flags.contains(.hasOutput) { output.writers.append(spared) }
    if holds { coverHeldOutput() }
    if appendLog.isRunning { writeLog() }
    effects.stream.trim()
  }

  @inline(__always)
  func flushAtEndOfTurn(_ client: Client) {
    client.flags.remove(.hasOutput)
    if !client.flags.isDisjoint(with: [.closeASAP, .isWritable])
      || !client.flags.contains(.waitsForWritable)
    {
      client.flags.remove(.isWritable)
      flush(client)
    }
    accountMemory(of: client)
  }

  /// Writes as much of one client's output as its socket takes.
  @inline(__always)
  func flush(_ client: Client) {
    if !client.flags.isDisjoint(with: [.closed, .closeASAP, .sharesOutput, .heldOutput]) {
      return flushUnusually(client)
    }
    let pending = client.reply.count - client.sentCount
    guard pending > 0 else { return finishOutput(client) }
    let result = transport.send(
      client.connection, client.reply.bytes.extracting(last: pending))
    guard case .bytes(let count) = result else { return failSending(result, client) }
    noteSent(count, client)
    if count < pending {
      client.sentCount += count
      awaitWritable(client)
    } else {
      finishOutput(client)
    }
  }

  /// Counts what a socket has taken.
  @inline(__always)
  func noteSent(_ count: Int, _ client: Client) {
    statistics.networkOutputBytes &+= count
    statistics.writesProcessed &+= 1
    client.outputBytes &+= count
  }

  @inline(never)
  private func flushUnusually(_ client: Client) {
    guard client.flags.isDisjoint(with: [.closed, .closeASAP]) else {
      if !client.flags.contains(.closed) { close(client) }
      return
    }
    if client.flags.contains(.sharesOutput) { flushShared(client) } else { flushReleased(client) }
  }

  /// The socket takes nothing now, or never again.
  @inline(never)
  func failSending(_ result: IOResult, _ client: Client) {
    if case .wouldBlock = result { awaitWritable(client) } else { close(client) }
  }

  /// Everything has left: the storage goes back to the pool, a client that was to leave leaves.
  @inline(__always)
  func finishOutput(_ client: Client) {
    client.sentCount = 0
    client.reply.removeAll(keepingCapacity: true)
    if client.flags.contains(.follower), continueFollower(client) {
      return awaitWritable(client)
    }
    if client.flags.contains(.closed) { return }
    if let storage = client.reply.takeStorage() { output.pool.put(storage) }
    if client.details != nil
      || !client.flags.isDisjoint(with: [.waitsForWritable, .closeAfterReply])
    {
      finishUnusually(client)
    }
  }

  /// A follower has had its replies: goes on with its snapshot, or with the stream behind it; true
  /// if more waits for its socket.
  @inline(never)
  private func continueFollower(_ client: Client) -> Bool {
    continueSnapshot(for: client) || sendStream(to: client)
  }

  /// What comes after the last byte to a client that had waited for it.
  @inline(never)
  private func finishUnusually(_ client: Client) {
    client.softLimitSince = 0
    if client.flags.contains(.waitsForWritable) { stopAwaitingWritable(client) }
    if client.flags.contains(.closeAfterReply) { close(client) }
  }

  /// Nothing waits for the socket any more.
  func stopAwaitingWritable(_ client: Client) {
    client.flags.remove(.waitsForWritable)
    transport.watchWritable(client.connection, false)
  }

  /// What is left of the output leaves when the socket takes more.
  @inline(never)
  func awaitWritable(_ client: Client) {
    dropSent(client)
    guard !client.flags.contains(.waitsForWritable) else { return }
    client.flags.insert(.waitsForWritable)
    transport.watchWritable(client.connection, true)
  }

  /// What has been sent is dropped once it is more than half, so a slow reader costs no copies.
  func dropSent(_ client: Client) {
    guard client.sentCount > client.reply.count / 2 else { return }
    client.reply.removeFirst(client.sentCount)
    client.details?.sharedOutput?.removedFirst(client.sentCount)
    client.details?.held?.removedFirst(client.sentCount)
    client.sentCount = 0
  }
}
