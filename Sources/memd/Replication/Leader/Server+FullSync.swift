// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Followers that need the whole dataset. One cut serves all that wait when it begins:
//
//     waiting --(a cut begins)--> sharing --(file complete)--> receiving --> online
//                                         --(direct: marker sent)--> loading --(ACK)--> online
//
// The stream behind the cut is kept for them meanwhile, by their cursors.

extension Server {
  /// Bytes of a snapshot that one follower is sent at once.
  private static let partByteCount = 256 << 10

  /// Begins a snapshot for the followers that wait, if it is time and no cut is under way.
  func considerFullSync() {
    guard persistence.backgroundSave == nil, !persistence.isLoading else { return }
    let waiting = followers.all.filter { !$0.isClosing && $0.follower?.isWaiting == true }
    guard !waiting.isEmpty else { return }
    let isDirect =
      configuration.replDisklessSync
      && waiting.allSatisfy { $0.follower?.capabilities.contains(.endMarker) == true }
    guard !isDirect || isTimeForDirectSync(waiting) else { return }
    startFullSync(for: waiting, isDirect: isDirect)
  }

  /// Who comes too late for a direct snapshot has to wait for the next one: it begins late.
  private func isTimeForDirectSync(_ waiting: [Client]) -> Bool {
    let wanted = configuration.replDisklessSyncMaxReplicas
    if wanted > 0, waiting.count >= wanted { return true }
    let delay = Int64(configuration.replDisklessSyncDelay) * 1_000_000_000
    let now = clock.monotonicNanoseconds()
    return waiting.contains { now - ($0.follower?.waitsSince ?? now) >= delay }
  }

  private func startFullSync(for waiting: [Client], isDirect: Bool) {
    log.notice(
      "Starting BGSAVE for SYNC with target: \(isDirect ? "replicas sockets" : "disk")")
    // Whoever joins the stream here has to be told the database.
    effects.forgetDatabase()
    let cursor = effects.stream.makeCursor()
    let sync: FullSync
    if isDirect {
      sync = FullSync(.direct(SnapshotFeed(marker: Identity.make(&moment.random))), from: cursor)
    } else {
      sync = FullSync(.file, from: cursor)
    }
    let name = isDirect ? nil : temporaryName(forFollower: waiting[0].id)
    startSave(
      .followers(sync),
      temporary: name.map { configuration.path(inDirectory: $0) }, as: nil)
    for client in waiting { join(sync, client) }
    log.notice(
      "Background \(isDirect ? "RDB transfer" : "saving") started by pid \(log.processID)")
  }

  /// Sends a snapshot without keys, which needs no cut: functions are all there is in it.
  func sendKeylessSnapshot(to client: Client, _ follower: Follower) {
    effects.forgetDatabase()
    let output = makeOutput(
      version: RDBFormat.lowestVersion, temporary: nil,
      hasLibraries: !follower.capabilities.contains(.noFunctions))
    output.begin()
    output.finish()
    let marker = Identity.make(&moment.random)
    follower.cursor = effects.stream.makeCursor()
    greet(client, follower, from: effects.stream.offset)
    send("$EOF:\(marker)\r\n", to: client)
    client.reply.append(raw: output.takeBytes().rawSpan)
    send(marker, to: client)
    follower.stage = .loading
    follower.acknowledgedAt = moment.milliseconds
    if follower.capabilities.contains(.snapshotOnly) { closeAfterReply(client) }
  }

  /// Tells a follower which history its snapshot belongs to, unless it has asked with SYNC.
  private func greet(_ client: Client, _ follower: Follower, from offset: Int) {
    guard follower.capabilities.contains(.acknowledgements) else { return }
    send("+FULLRESYNC \(effects.stream.replicationID) \(offset)\r\n", to: client)
  }

  /// Lets a follower share the snapshot that is being written for others, if it can.
  func joinFullSync(_ client: Client) {
    guard let sync = persistence.backgroundSave?.sync, case .file = sync.delivery else { return }
    log.notice("Waiting for end of BGSAVE for SYNC")
    join(sync, client)
  }

  private func join(_ sync: FullSync, _ client: Client) {
    guard let follower = client.follower else { return }
    follower.stage = .sharing(sync)
    follower.cursor = effects.stream.makeCursor(at: sync.cursor.position)
    follower.feedPosition = 0
    follower.progressAt = timing.turnStartedAt
    greet(client, follower, from: sync.cursor.position)
    if let feed = sync.feed { send("$EOF:\(feed.marker)\r\n", to: client) }
  }

  /// Adds to what the client gets at the end of the turn.
  func send(_ text: String, to client: Client) {
    prepare(client)
    client.reply.append(raw: Array(text.utf8).rawSpan)
  }

  // MARK: - The snapshot under way

  /// A helper has encoded some more of a snapshot.
  func feed(_ bytes: [UInt8], to sync: FullSync) {
    guard let feed = sync.feed, !bytes.isEmpty else { return }
    feed.append(bytes)
    queueOutput(of: sync)
    for client in followers.all
    where client.follower?.sync === sync && client.limitedOutput >= output.watermark {
      checkOutputLimit(client)
    }
  }

  private func queueOutput(of sync: FullSync) {
    for client in followers.all where client.follower?.sync === sync && !client.isClosing {
      queueOutput(client)
    }
  }

  /// The snapshot is complete.
  func finish(_ sync: FullSync, _ save: BackgroundSave) {
    defer { effects.stream.remove(sync.cursor) }
    switch sync.delivery {
    case .direct(let feed):
      feed.end()
      let count = followers.all.count { $0.follower?.sync === sync && !$0.isClosing }
      log.notice("Diskless rdb transfer, done reading from pipe, \(count) replicas still up.")
      queueOutput(of: sync)
    case .file:
      for client in followers.all where client.follower?.sync === sync {
        openSnapshot(of: save, for: client)
      }
      // An open file keeps its bytes: nothing is left behind, however this ends.
      save.output.abandon()
    }
  }

  private func openSnapshot(of save: BackgroundSave, for client: Client) {
    guard let follower = client.follower, !client.isClosing else { return }
    do throws(DiskError) {
      let file = try save.output.open()
      follower.stage = .receiving(file, remaining: save.output.byteCount)
      follower.progressAt = timing.turnStartedAt
      send("$\(save.output.byteCount)\r\n", to: client)
    } catch {
      log.warning("SYNC failed. Can't open/stat DB after BGSAVE: \(error)")
      closeASAP(client)
    }
  }

  /// There will be no snapshot: followers have to ask again.
  func giveUp(_ sync: FullSync) {
    effects.stream.remove(sync.cursor)
    for client in followers.all where client.follower?.sync === sync && !client.isClosing {
      log.warning("SYNC failed: the snapshot for \(followerName(client)) can't be written")
      closeASAP(client)
    }
  }

  /// A follower is gone that has shared a snapshot: without others nobody wants it.
  func leave(_ sync: FullSync) {
    if followers.all.contains(where: { $0.follower?.sync === sync }) {
      return trim(sync)
    }
    guard let save = persistence.backgroundSave, save.sync === sync else { return }
    log.notice("The snapshot for replicas is given up: they are all gone")
    effects.stream.remove(sync.cursor)
    drop(save)
    startScheduledSave()
  }

  // MARK: - The snapshot on its way

  /// Puts the next part of what a follower waits for into its output.
  ///
  /// - Returns: whether more of it is to follow as soon as the socket takes it.
  func continueSnapshot(for client: Client) -> Bool {
    guard let follower = client.follower else { return false }
    switch follower.stage {
    case .receiving(let file, let remaining):
      return continueFile(file, remaining: remaining, for: client, follower)
    case .sharing(let sync):
      guard let feed = sync.feed else { return false }
      return continueFeed(feed, of: sync, for: client, follower)
    default: return false
    }
  }

  private func continueFile(
    _ file: DiskFile, remaining: Int, for client: Client, _ follower: Follower
  ) -> Bool {
    guard remaining > 0 else {
      file.close()
      follower.isReceiving = false
      goOnline(client, follower)
      return false
    }
    var part = [UInt8](repeating: 0, count: min(remaining, Server.partByteCount))
    let count = (try? file.read(into: &part, from: 0)) ?? 0
    guard count > 0 else {
      log.warning("Read error sending DB to replica: premature EOF")
      closeASAP(client)
      return false
    }
    follower.stage = .receiving(file, remaining: remaining - count)
    follower.isReceiving = true
    follower.progressAt = timing.turnStartedAt
    client.reply.append(raw: part.rawSpan.extracting(first: count))
    statistics.replicationOutputBytes &+= count
    return true
  }

  private func continueFeed(
    _ feed: SnapshotFeed, of sync: FullSync, for client: Client, _ follower: Follower
  ) -> Bool {
    let part = feed.take(from: follower.feedPosition, limit: Server.partByteCount)
    guard !part.isEmpty else {
      if feed.isComplete { endFeed(of: sync, for: client, follower) }
      return false
    }
    follower.feedPosition += part.count
    follower.isReceiving = true
    follower.progressAt = timing.turnStartedAt
    client.reply.append(raw: Array(part).rawSpan)
    statistics.replicationOutputBytes &+= part.count
    trim(sync)
    return true
  }

  /// All of the snapshot has left.
  private func endFeed(of sync: FullSync, for client: Client, _ follower: Follower) {
    log.notice(
      "Streamed RDB transfer with replica \(followerName(client)) succeeded (socket)."
        + " Waiting for REPLCONF ACK from replica to enable streaming")
    follower.isReceiving = false
    // It looks for the marker in what it has got: nothing may stand behind it.
    follower.stage = .loading
    follower.acknowledgedAt = moment.milliseconds
    leave(sync)
    if follower.capabilities.contains(.snapshotOnly) { endTransfer(to: client) }
  }

  /// The follower has told how far it is: if it has its snapshot it gets the stream.
  func noteAcknowledgement(of client: Client, _ follower: Follower) {
    // It may be faster than the loop, which looks at its socket when that takes more.
    if let sync = follower.sync, let feed = sync.feed, feed.isComplete,
      follower.feedPosition == feed.byteCount, client.pendingOutput == 0
    {
      endFeed(of: sync, for: client, follower)
    }
    if case .loading = follower.stage { goOnline(client, follower) }
  }

  /// The client has had the snapshot, which is all that it wanted.
  private func endTransfer(to client: Client) {
    client.follower?.stage = .loading
    log.notice("RDB transfer to \(followerName(client)) is complete: it wanted nothing else")
    closeASAP(client)
  }

  /// Lets go of what all followers have had.
  private func trim(_ sync: FullSync) {
    guard let feed = sync.feed else { return }
    let positions = followers.all.compactMap { client in
      client.follower.flatMap { $0.sync === sync ? $0.feedPosition : nil }
    }
    if let slowest = positions.min() { feed.trim(to: slowest) }
    if let save = persistence.backgroundSave, save.sync === sync {
      persistence.savingContinues = save.canAdvance
    }
  }

  /// The follower gets the stream from now on.
  func goOnline(_ client: Client, _ follower: Follower) {
    if follower.capabilities.contains(.snapshotOnly) { return endTransfer(to: client) }
    follower.stage = .online
    follower.acknowledgedAt = moment.milliseconds
    countGoodFollowers()
    log.notice("Synchronization with replica \(followerName(client)) succeeded")
    queueOutput(client)
  }
}
