// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Clients that follow this server: they ask with PSYNC (or SYNC), get the whole dataset if they
// must (`Server+FullSync`), then the live stream of effects.
//
// Nothing is copied for a follower: it has a cursor on the stream, and what it is to get goes from
// the stream's blocks to its socket, at the end of a turn.

/// The clients that get the stream of effects.
struct Followers {
  var all: [Client] = []
  /// Monotonic nanoseconds of the last PING to them.
  var pingedAt: Int64 = 0
  /// Whether they are to be asked how far they are, at the end of the turn.
  var asksForAcknowledgements = false
  /// Where the stream ended when followers were sent some of it last.
  fileprivate var fedOffset = 0
  /// Since when there are none, in monotonic nanoseconds.
  var idleSince: Int64 = 0
  /// Those that were heard of lately, as `min-replicas-max-lag` says.
  var goodCount = 0

  /// How many have said that they have the stream up to an offset.
  func count(upTo offset: Int) -> Int { all.count { $0.follower(upTo: offset) != nil } }

  /// How many followers have said so, whatever number of connections they have: one that has come
  /// back may still have the old one.
  func distinctCount(upTo offset: Int) -> Int {
    all.indices.count { index in
      guard let follower = all[index].follower(upTo: offset) else { return false }
      return !all[..<index].contains {
        $0.follower(upTo: offset)?.identity == follower.identity
      }
    }
  }

  /// The highest offset up to which so many have said that they have the stream; 0 if fewer get it.
  func offset(confirmedBy count: Int) -> Int {
    var highest = 0
    for client in all {
      guard let offset = client.liveFollower?.acknowledgedOffset, offset > highest,
        distinctCount(upTo: offset) >= count
      else { continue }
      highest = offset
    }
    return highest
  }
}

extension Client {
  /// Its side as a follower, if it gets the stream and is not about to leave.
  var liveFollower: Follower? {
    guard let follower, follower.getsStream, !isClosing else { return nil }
    return follower
  }

  /// The same, if it has said that it has the stream up to an offset.
  fileprivate func follower(upTo offset: Int) -> Follower? {
    liveFollower.flatMap { $0.acknowledgedOffset >= offset ? $0 : nil }
  }
}

extension Server {
  /// Bytes of the stream that one follower is sent at the end of a turn; the rest waits for the
  /// next.
  private static let streamBytesPerTurn = 1 << 20

  /// Makes the client a follower that gets the whole dataset, then everything from there on.
  func startFollowing(_ client: Client) {
    log.notice("Replica \(followerName(client)) asks for synchronization")
    let follower = admitFollower(client)
    follower.stage = .waiting
    follower.waitsSince = clock.monotonicNanoseconds()
    statistics.fullSyncs += 1
    guard !follower.capabilities.contains(.noKeys) else {
      return sendKeylessSnapshot(to: client, follower)
    }
    joinFullSync(client)
    if follower.isWaiting { considerFullSync() }
    if follower.isWaiting { log.notice("Delay next BGSAVE for diskless SYNC") }
  }

  /// Whether this server can be followed: while it has lost its own leader it can't.
  var canBeFollowed: Bool { following?.isOnline != false }

  /// Counts the followers that were heard of lately: without enough of them nobody may write.
  func countGoodFollowers() {
    let lag = Int64(configuration.minReplicasMaxLag)
    let now = moment.milliseconds
    followers.goodCount = followers.all.count { client in
      client.liveFollower.map { (now - $0.acknowledgedAt) / 1000 <= lag } ?? false
    }
    let isWanted = configuration.minReplicasToWrite > 0 && lag > 0 && following == nil
    gate.set(.fewReplicas, isWanted && followers.goodCount < configuration.minReplicasToWrite)
  }

  /// Disconnects all followers: they come back and hear what has become of the history.
  func disconnectFollowers() {
    for client in followers.all where !client.isClosing { closeASAP(client) }
  }

  /// Lets the client go on behind an offset of the stream if it can; false if it needs everything.
  ///
  /// - Parameters:
  ///   - id: the history that it has.
  ///   - offset: the byte that it wants next, counted from 1.
  func resumeFollowing(_ client: Client, history id: RawSpan, offset: Int) -> Bool {
    let stream = effects.stream
    guard offset > 0, stream.continues(id, behind: offset - 1) else { return false }
    let follower = admitFollower(client)
    follower.cursor = stream.makeCursor(at: offset - 1)
    let name = follower.capabilities.contains(.secondID) ? " \(stream.replicationID)" : ""
    send("+CONTINUE\(name)\r\n", to: client)
    follower.stage = .online
    follower.acknowledgedAt = moment.milliseconds
    countGoodFollowers()
    statistics.partialSyncs += 1
    log.notice(
      "Partial resynchronization request from \(followerName(client)) accepted."
        + " Sending \(stream.offset - (offset - 1)) bytes of backlog starting from offset"
        + " \(offset).")
    return true
  }

  /// Whether somebody asks for what is still to come: it has more of the leader's history than this
  /// follower, which was killed and has lost the end of its log.
  func isBehind(history id: RawSpan, offset: Int) -> Bool {
    following != nil && offset > effects.stream.offset + 1
      && effects.stream.replicationID.utf8.elementsEqual(id.copied)
  }

  /// How the log names a follower: where it can be reached, if it has said so.
  func followerName(_ client: Client) -> String {
    guard let follower = client.follower else { return client.address }
    let port = follower.listeningPort
    return follower.address(of: client) + (port > 0 ? ":\(port)" : ":<unknown-replica-port>")
  }

  /// Makes the client a follower that has got nothing yet.
  private func admitFollower(_ client: Client) -> Follower {
    // Nothing else may come between the snapshot and the stream, nor into them.
    leaveModes(client)
    let follower = client.makeFollower()
    client.flags.insert(.follower)
    effects.stream.makeIDKnown()
    let port = follower.listeningPort
    follower.identity =
      port > 0 ? "\(follower.address(of: client)):\(port)" : "client \(client.id)"
    client.updateGate()
    if !effects.stream.keepsHistory {
      effects.stream.beginHistory()
      log.notice(
        "Replication backlog created, my new replication IDs are"
          + " '\(effects.stream.replicationID)' and '\(effects.stream.secondID)'")
    }
    if followers.all.isEmpty {
      followers.pingedAt = clock.monotonicNanoseconds()
    }
    followers.all.append(client)
    return follower
  }

  /// Runs what a follower sends behind SYNC. It only tells how far it is: a reply would end up in
  /// the middle of the snapshot, or of the stream, so whoever asks for one is disconnected.
  func runForFollower(_ call: inout Call) {
    let client = call.client
    let name = commands.description(of: call.command).fullName
    guard call.command.flags.contains(.fromFollowers) else {
      if call.command.flags.contains(.readonly) || call.command.flags.contains(.write) {
        statistics.unexpectedErrorReplies += 1
        log.warning(
          "== CRITICAL == This primary is sending an error to its replica: 'Replica can't interact"
            + " with the keyspace' after processing the command '\(name)'")
      }
      return closeForReply(client, command: name)
    }
    client.lastCommand = call.command
    client.commandCount += 1
    let mark = client.reply.count
    execute(&call, raw: RawSpan())
    guard client.reply.count > mark else { return }
    client.reply.truncate(to: mark)
    closeForReply(client, command: name)
  }

  /// A follower has asked for something.
  func closeForReply(_ client: Client, command name: String) {
    log.warning(
      "Replica generated a reply to command '\(name)', disconnecting it:"
        + " \(clientLine(client).logText)")
    closeASAP(client)
  }

  /// The client is gone.
  func stopFollowing(_ client: Client) {
    followers.all.removeAll { $0 === client }
    if followers.all.isEmpty { followers.idleSince = clock.monotonicNanoseconds() }
    defer { countGoodFollowers() }
    log.warning("Connection with replica \(followerName(client)) lost.")
    guard let follower = client.follower else { return }
    let stage = follower.stage
    follower.stage = .introduced
    if let cursor = follower.cursor { effects.stream.remove(cursor) }
    follower.cursor = nil
    switch stage {
    case .receiving(let file, _): file.close()
    case .sharing(let sync): leave(sync)
    default: break
    }
  }

  /// Nanoseconds between two PINGs to followers.
  private var followerPingPeriod: Int64 {
    Int64(configuration.replPingReplicaPeriodSeconds) * 1_000_000_000
  }

  /// Lets followers know that their leader lives; called several times a second.
  func pingFollowers() {
    // A follower passes on its leader's.
    guard following == nil, !followers.all.isEmpty, !failover.needsSilence,
      clock.monotonicNanoseconds() - followers.pingedAt >= followerPingPeriod
    else { return }
    followers.pingedAt = clock.monotonicNanoseconds()
    effects.ping()
  }

  /// Once a second while nobody follows: the history is given up that nobody has asked for.
  func considerForgettingHistory() {
    let seconds = configuration.replBacklogTTLSeconds
    guard seconds > 0, following == nil, effects.stream.keepsHistory,
      (clock.monotonicNanoseconds() - followers.idleSince) / 1_000_000_000 > Int64(seconds)
    else { return }
    effects.stream.forgetHistory(as: Identity.make(&moment.random))
    log.notice(
      "Replication backlog freed after \(seconds) seconds without connected replicas.")
  }

  /// Once a second: followers that wait for a snapshot hear that there is somebody, and those of
  /// whom nothing was heard for long are left.
  func tendFollowers() {
    countGoodFollowers()
    considerVerification()
    for client in followers.all where client.limitedOutput >= output.watermark {
      checkOutputLimit(client)
    }
    let timeout = Int64(configuration.replTimeoutSeconds) * 1000
    for client in followers.all where !client.isClosing {
      guard let follower = client.follower else { continue }
      switch follower.stage {
      // They take empty lines for a sign of life, as long as nothing of a snapshot has come.
      case .waiting: send("\n", to: client)
      case .sharing(let sync) where sync.feed == nil: send("\n", to: client)
      case .loading, .online:
        // One that is loading sends empty lines.
        let heard = max(follower.acknowledgedAt, client.lastInteraction)
        guard follower.capabilities.contains(.acknowledgements),
          moment.milliseconds - heard > timeout
        else { continue }
        log.warning("Disconnecting timedout replica (streaming sync): \(followerName(client))")
        closeASAP(client)
      case .sharing, .receiving:
        // With nothing to be sent it is not the one that is slow.
        guard client.pendingOutput > 0,
          timing.turnStartedAt - follower.progressAt > timeout * 1_000_000
        else { continue }
        log.warning("Disconnecting timedout replica (full sync): \(followerName(client))")
        closeASAP(client)
      case .introduced: continue
      }
    }
  }
}

// MARK: - The stream at the end of a turn

extension Server {
  /// Has the followers written to that have not had all of the stream.
  func queueFollowers() {
    if followers.asksForAcknowledgements {
      followers.asksForAcknowledgements = false
      if following == nil { effects.askForAcknowledgements() }
    }
    followers.fedOffset = effects.stream.offset
    for client in followers.all where !client.isClosing {
      guard let follower = client.follower, let cursor = follower.cursor,
        cursor.position < effects.stream.offset
      else { continue }
      if follower.getsStream { queueOutput(client) }
      if client.limitedOutput >= output.watermark { checkOutputLimit(client) }
    }
  }

  /// So much may be added to the stream before followers get some of it within a turn: their
  /// sockets take a few megabytes at once, and a turn may add more than that.
  private static let fedByteCount = 256 << 10

  /// Called behind each batch of requests.
  @inline(__always)
  func considerFeeding() {
    if followers.all.isEmpty { return }
    guard effects.stream.offset &- followers.fedOffset >= Server.fedByteCount else { return }
    feedFollowers()
  }

  /// Sends followers a part of the stream within a turn; what fails is seen at its end.
  @inline(never)
  private func feedFollowers() {
    followers.fedOffset = effects.stream.offset
    for client in followers.all where !client.isClosing && client.pendingOutput == 0 {
      guard let cursor = liveCursor(of: client),
        client.flags.isDisjoint(with: [.closed, .closeASAP, .heldOutput, .sharesOutput])
      else { continue }
      _ = sendStream(from: cursor, to: client, atMost: .max)
    }
  }

  /// Sends a follower what it has not had of the stream.
  ///
  /// - Returns: whether more is to follow when its socket takes it.
  func sendStream(to client: Client) -> Bool {
    guard let cursor = liveCursor(of: client) else { return false }
    switch sendStream(from: cursor, to: client, atMost: Server.streamBytesPerTurn) {
    case .complete: return false
    case .unfinished: return true
    case .failed:
      close(client)
      return false
    }
  }

  /// The place in the stream of a follower that gets it now.
  private func liveCursor(of client: Client) -> StreamCursor? {
    guard let follower = client.follower, follower.getsStream else { return nil }
    return follower.cursor
  }

  private enum StreamSending { case complete, unfinished, failed }

  /// Sends what the socket takes, and no more once it has had so many bytes.
  private func sendStream(
    from cursor: StreamCursor, to client: Client, atMost byteCount: Int
  ) -> StreamSending {
    let stream = effects.stream
    var budget = byteCount
    // What the log may lose, followers must not have: they would be ahead of their leader.
    let end = durableOffset < effects.dataOffset ? durableOffset : stream.offset
    while cursor.position < end {
      guard budget > 0 else { return .unfinished }
      let rest = stream.bytes(behind: cursor.position)
      let part = rest.extracting(first: min(rest.byteCount, end - cursor.position))
      let result = transport.send(client.connection, part)
      guard case .bytes(let count) = result else {
        if case .wouldBlock = result { return .unfinished }
        return .failed
      }
      noteSent(count, client)
      statistics.replicationOutputBytes &+= count
      cursor.advance(count)
      budget -= count
      if count < part.byteCount { return .unfinished }
    }
    return .complete
  }
}
