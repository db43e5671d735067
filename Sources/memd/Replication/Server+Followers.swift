// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Followers that ask with SYNC: `$<length>` and an RDB of that length, made in the foreground, then
// the live stream of effects. This is what redis-cli --rdb and the stream readers of tests use.
//
// Nothing is copied for a follower: it has a cursor on the stream, and what it is to get goes from
// the stream's blocks to its socket, at the end of a turn.

/// The clients that get the stream of effects.
struct Followers {
  var all: [Client] = []
  /// Monotonic nanoseconds of the next PING to them.
  var nextPing: Int64 = 0
}

extension Server {
  /// Bytes of a snapshot that are read at once.
  private static let partByteCount = 256 << 10
  /// Bytes of the stream that one follower is sent in a turn; the rest waits for the next.
  private static let streamBytesPerTurn = 1 << 20

  /// Makes the client a follower that gets everything from now on.
  ///
  /// - Throws: what the disk has to say; the client is then what it was.
  func startFollowing(_ client: Client) throws(DiskError) {
    log.notice("Replica \(client.address) asks for synchronization")
    let path = temporaryName(forFollower: client.id)
    let snapshot = takeSnapshot(temporary: path)
    snapshot.close()
    if let failure = snapshot.failure {
      snapshot.abandon()
      throw failure
    }
    let file: DiskFile
    do throws(DiskError) {
      file = try disk.open(path, .read)
    } catch {
      snapshot.abandon()
      throw error
    }
    // An open file keeps its bytes: nothing is left behind, however this ends.
    snapshot.abandon()
    // Nothing else may come between the snapshot and the stream, nor into them.
    leaveModes(client)
    let follower = client.makeFollower()
    follower.snapshot = file
    follower.snapshotRemaining = snapshot.byteCount
    client.flags.insert(.follower)
    client.updateGate()
    followers.all.append(client)
    client.reply.append(byte: UInt8(ascii: "$"))
    client.reply.append(raw: Array("\(snapshot.byteCount)\r\n".utf8).rawSpan)
    // Whoever joins the stream here has to be told the database.
    effects.forgetDatabase()
    follower.cursor = effects.stream.makeCursor()
    followers.nextPing = clock.monotonicNanoseconds() + followerPingPeriod
    statistics.fullSyncs += 1
  }

  /// Runs what a follower sends behind SYNC. It only tells how far it is: a reply would end up in
  /// the middle of the snapshot, or of the stream, so whoever asks for one is disconnected.
  func runForFollower(_ call: inout Call) {
    let client = call.client
    guard call.command.flags.contains(.fromFollowers) else { return closeForReply(client) }
    client.lastCommand = call.command
    client.commandCount += 1
    let mark = client.reply.count
    execute(&call, raw: RawSpan())
    guard client.reply.count > mark else { return }
    client.reply.truncate(to: mark)
    closeForReply(client)
  }

  /// A follower has asked for something.
  func closeForReply(_ client: Client) {
    log.warning("Replica sent a command that is answered, disconnecting it: \(clientLine(client))")
    closeASAP(client)
  }

  /// The client is gone.
  func stopFollowing(_ client: Client) {
    let follower = client.details?.follower
    follower?.snapshot?.close()
    if let cursor = follower?.cursor { effects.stream.remove(cursor) }
    follower?.cursor = nil
    followers.all.removeAll { $0 === client }
    log.notice("Connection with replica \(client.address) lost.")
  }

  /// Puts the next part of what a follower waits for into its output; false if it has everything.
  func continueSnapshot(for client: Client) -> Bool {
    guard let follower = client.details?.follower, let file = follower.snapshot else {
      return false
    }
    if follower.snapshotRemaining > 0 {
      var part = [UInt8](
        repeating: 0, count: min(follower.snapshotRemaining, Server.partByteCount))
      let count = (try? file.read(into: &part, from: 0)) ?? 0
      guard count > 0 else {
        log.warning("Read error sending DB to replica: premature EOF")
        closeASAP(client)
        return false
      }
      follower.snapshotRemaining -= count
      follower.isReceiving = true
      client.reply.append(raw: part.rawSpan.extracting(first: count))
      return true
    }
    file.close()
    follower.snapshot = nil
    follower.isReceiving = false
    follower.acknowledgedAt = moment.milliseconds
    log.notice("Synchronization with replica \(client.address) succeeded")
    return false
  }

  /// Nanoseconds between two PINGs to followers.
  private var followerPingPeriod: Int64 {
    Int64(configuration.replPingReplicaPeriodSeconds) * 1_000_000_000
  }

  /// Lets followers know that their leader lives.
  func pingFollowers() {
    guard !followers.all.isEmpty, clock.monotonicNanoseconds() >= followers.nextPing else { return }
    followers.nextPing = clock.monotonicNanoseconds() + followerPingPeriod
    if !pause.isActive { effects.ping() }
  }
}

// MARK: - The stream at the end of a turn

extension Server {
  /// Has the followers written to that have not had all of the stream.
  func queueFollowers() {
    for client in followers.all where !client.isClosing {
      guard let cursor = client.details?.follower?.cursor,
        cursor.position < effects.stream.offset
      else { continue }
      queueOutput(client)
      if client.limitedOutput >= output.watermark { checkOutputLimit(client) }
    }
  }

  /// Sends a follower what it has not had of the stream.
  ///
  /// - Returns: whether more is to follow when its socket takes it.
  func sendStream(to client: Client) -> Bool {
    guard let follower = client.details?.follower, follower.snapshot == nil,
      let cursor = follower.cursor
    else { return false }
    let stream = effects.stream
    var budget = Server.streamBytesPerTurn
    // What the log may lose, followers must not have: they would be ahead of their leader.
    let end = holdsOutput ? appendLog.synced : stream.offset
    while cursor.position < end {
      guard budget > 0 else { return true }
      let rest = stream.bytes(behind: cursor.position)
      let part = rest.extracting(first: min(rest.byteCount, end - cursor.position))
      let result = transport.send(client.connection, part)
      guard case .bytes(let count) = result else {
        if case .wouldBlock = result { return true }
        close(client)
        return false
      }
      noteSent(count, client)
      cursor.advance(count)
      budget -= count
      if count < part.byteCount { return true }
    }
    return false
  }
}
