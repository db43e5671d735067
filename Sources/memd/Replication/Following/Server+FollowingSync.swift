// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// A leader's snapshot: received into a file while the old data are served, then loaded beside them
// or in their place.
//
//     receiving --> SnapshotPlacement --> beside:   loaded while the old data are served, then
//                                                   swapped in one step; or dropped, if it fails
//                                     --> in place: the old data are flushed first
//
// As in Redis it is this server's `dbfilename` from then on, unless `repl-diskless-load` or
// `rdb-del-sync-files` say that it leaves no file.

extension Server {
  /// A snapshot follows, and behind it the stream from an offset of a history.
  func beginReceiving(_ following: Following, id: ByteText, offset: Int) {
    let path = configuration.path(inDirectory: temporaryName(forFollower: 0))
    following.kinship = .none
    following.stage = .receiving(
      SnapshotReceiver(id: id, offset: offset, file: ReceivedFile(path: path, disk: disk)))
  }

  /// Takes what has come of a snapshot; false if more is to come first.
  func receive(_ following: Following, _ receiver: SnapshotReceiver) -> Bool {
    guard receiver.extent != nil else { return receiveHead(following, receiver) }
    // What follows is read when this is loaded.
    guard !receiver.isComplete else { return false }
    let (count, isComplete) = receiver.take(following.received)
    let part = Array(following.received.prefix(count))
    following.received.removeFirst(count)
    if count > 0 {
      receiver.backlog += count
      submit(.write(part), of: receiver, byteCount: count)
    }
    if isComplete {
      watchLink(following, false)
      submit(.finish(byteCount: receiver.contentCount, syncs: keepsReceived), of: receiver)
      return false
    }
    if receiver.backlog > SnapshotReceiver.backlogMax { watchLink(following, false) }
    return true
  }

  private func receiveHead(_ following: Following, _ receiver: SnapshotReceiver) -> Bool {
    guard let line = takeLine(of: following) else { return false }
    if line.isEmpty { return true }
    guard let extent = SnapshotReceiver.Extent(line) else {
      loseLink(
        following,
        "Bad protocol from MASTER, the first byte is not '$' (we received '\(line.logText)')")
      return false
    }
    receiver.extent = extent
    switch extent {
    case .length(let count):
      log.notice("MASTER <-> REPLICA sync: receiving \(count) bytes from master to disk")
      // Of nothing nothing comes, and the end would not be noticed.
      if count == 0 { loseLink(following, "MASTER has sent an empty snapshot") }
    case .marker:
      log.notice("MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to disk")
    }
    return true
  }

  private func watchLink(_ following: Following, _ isWatched: Bool) {
    guard let connection = following.connection else { return }
    transport.watchReadable(connection, isWatched)
  }

  /// Before this server ends it takes no more of the stream: its own followers are to have all
  /// that it has, since it will know no more when it comes back.
  func holdLink(_ isHeld: Bool) {
    guard let following else { return }
    following.heardAt = clock.monotonicNanoseconds()
    watchLink(following, !isHeld)
  }

  private func submit(_ work: ReceiveJob.Work, of receiver: SnapshotReceiver, byteCount: Int = 0) {
    helpers.submit(
      ReceiveJob(work, for: receiver.file) { [unowned self] job in
        receiver.backlog -= byteCount
        finished(job, of: receiver)
      }, to: .snapshot)
  }

  private func finished(_ job: ReceiveJob, of receiver: SnapshotReceiver) {
    guard !receiver.isAbandoned, let following, following.receiver === receiver else { return }
    if let failure = job.failure {
      return loseLink(
        following,
        "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA"
          + " synchronization: \(failure)")
    }
    if case .finish = job.work { return loadReceived(receiver, following) }
    if !receiver.isComplete, receiver.backlog <= SnapshotReceiver.backlogMax / 2 {
      watchLink(following, true)
    }
  }

  /// Nobody wants what was received.
  func abandon(_ receiver: SnapshotReceiver) {
    receiver.isAbandoned = true
    submit(.abandon, of: receiver)
  }

  // MARK: - Histories

  /// The database that the stream has selected where it ends.
  var streamDatabase: Int {
    following.map { $0.applier.database } ?? effects.selectedDatabase
  }

  /// Becomes another history at an offset: nothing of the old one can be read any more.
  func restartStream(as id: String, at offset: Int) {
    // A helper may be reading it.
    helpers.drain(.log)
    effects.stream.restart(as: id, at: offset)
    effects.forgetParts()
    if appendLog.isRunning { appendLog.restart(at: offset) }
  }

  /// Another server leads. If this one has led under a name that nobody has heard, and what it has
  /// put into the stream were messages (sentinels publish some every two seconds), its data are
  /// still those of the history that others know, and it can go on from there.
  func returnToFormerHistory() {
    let stream = effects.stream
    guard followers.all.isEmpty, stream.isUnheard(behind: effects.dataOffset) else { return }
    // A helper may be reading it.
    helpers.drain(.log)
    stream.returnToFormerName()
    effects.forgetParts()
    guard appendLog.isRunning else { return }
    appendLog.goBack(to: stream.offset)
    submit(.goBack(to: stream.position))
  }

  /// What is here now is nobody's history.
  private func beginUnknownHistory() {
    let id = Identity.make(&moment.random)
    restartStream(as: id, at: 0)
    effects.stream.rename(id)
  }

  /// The data that were loaded at start are those of a point of a stream: a follower asks for what
  /// comes behind it, and who has followed this server can go on from there, or from where the log
  /// has filled the stream, as long as they have no more.
  ///
  /// - Parameter position: nil: nobody knows the history of these data.
  func continueHistory(_ position: LogPosition?) {
    guard let position else {
      if effects.stream.isShared { beginUnknownHistory() }
      return
    }
    if effects.stream.position != position {
      restartStream(as: position.replicationID.logText, at: position.offset)
    }
    guard configuration.replicaOf == nil else { return }
    effects.stream.continueHistory(as: Identity.make(&moment.random), isKnown: false)
    log.notice("The history \(position.replicationID.logText) goes on at offset \(position.offset)")
  }

  // MARK: - Loading

  /// All of a snapshot has come: it is loaded in the place of what is here, or beside it.
  private func loadReceived(_ receiver: SnapshotReceiver, _ following: Following) {
    let placement = SnapshotPlacement.decide(circumstances(of: receiver))
    following.placement = placement
    let target: Loading.Target
    switch placement.place {
    case .inPlace:
      // What is being saved must not get the name behind it.
      cancelBackgroundSave()
      guard keep(receiver, following) else { return }
      following.stage = .loading(receiver)
      following.holdsConfirmed = false
      leaveHistory()
      log.notice("MASTER <-> REPLICA sync: Flushing old data")
      _ = keyspace.flushAll(lazily: configuration.replicaLazyFlush)
      target = Loading.Target(databases: keyspace.databases, servesClients: false)
    case .beside, .besideHidden:
      following.stage = .loading(receiver)
      target = Loading.Target(
        databases: keyspace.makeReplacement(), servesClients: placement.place == .beside)
    }
    log.notice(
      "MASTER <-> REPLICA sync: Loading DB in memory (\(placement.place.rawValue):"
        + " \(placement.reason.rawValue))")
    var options = loadingOptions
    options.keepsDueKeys = true
    startLoading(
      [Loading.File(path: receiver.file.path, role: .snapshot)], into: target, options,
      byteCount: receiver.contentCount
    ) { [unowned self, options] isLoaded in
      endLoadingReceived(receiver, following, options, isLoaded)
    }
  }

  private var keepsReceived: Bool {
    configuration.replDisklessLoad.leavesFile && !leavesNoFile
  }

  private var leavesNoFile: Bool {
    configuration.rdbDelSyncFiles && !configuration.appendOnly && configuration.saveRules.isEmpty
  }

  /// Gives the snapshot the name of this server's, if it is to have it; false if that fails, and
  /// then it is not to be loaded.
  private func keep(_ receiver: SnapshotReceiver, _ following: Following) -> Bool {
    guard configuration.replDisklessLoad.leavesFile else { return true }
    guard !leavesNoFile else {
      removeFormerSnapshot()
      return true
    }
    do throws(DiskError) {
      try receiver.file.keep(as: configuration.path(inDirectory: configuration.dbFilename))
      return true
    } catch {
      loseLink(
        following,
        "Failed trying to rename the temp DB into \(configuration.dbFilename) in MASTER <-> REPLICA"
          + " synchronization: \(error.cause.text)")
      return false
    }
  }

  /// A file that holds other data than this server has must not be what the next start finds.
  private func removeFormerSnapshot() {
    let path = configuration.path(inDirectory: configuration.dbFilename)
    guard disk.exists(path), (try? disk.remove(path)) != nil else { return }
    log.notice("Removing the RDB file \(path). This replica has persistence disabled")
  }

  private func circumstances(of receiver: SnapshotReceiver) -> SnapshotPlacement.Circumstances {
    let used = evictableMemory
    let id = receiver.id.logText
    let stream = effects.stream
    return SnapshotPlacement.Circumstances(
      option: configuration.replDisklessLoad,
      isSameHistory: id == stream.replicationID || id == following?.leftHistory
        || (id == stream.secondID && id != ReplicationStream.noID),
      newData: receiver.estimate(current: used), usedMemory: used,
      maxMemory: configuration.maxMemory, availableMemory: world.availableMemory())
  }

  /// What is under way with the data that are here is given up, as others take their place; who
  /// follows this server can't go on, and the log begins again behind the snapshot.
  private func leaveHistory() {
    cancelBackgroundSave()
    cancelFullSync()
    cancelRewriting()
    disconnectFollowers()
    appendLog.isRewriteScheduled = false
    stopLog()
  }

  private func endLoadingReceived(
    _ receiver: SnapshotReceiver, _ following: Following, _ options: RDBLoader.Options,
    _ isLoaded: Bool
  ) {
    guard isLoaded, self.following === following else {
      receiver.file.giveUp()
      abandon(receiver)
      return noteUnloadable(following)
    }
    if keyspace.hasReplacement {
      cancelBackgroundSave()
      guard keep(receiver, following) else {
        keyspace.dropReplacement()
        abandon(receiver)
        following.stage = .waiting(until: clock.monotonicNanoseconds() + 1_000_000_000)
        return
      }
      leaveHistory()
      log.notice("MASTER <-> REPLICA sync: Swapping active DB with loaded DB")
      keyspace.adoptReplacement()
      _ = adoptLibraries(of: options)
      endUnit()
    }
    abandon(receiver)
    restartStream(as: receiver.id.logText, at: receiver.offset)
    following.kinship = .shared
    following.applier = makeApplier(database: persistence.loadedStreamDatabase)
    log.notice("MASTER <-> REPLICA sync: Finished with success")
    guard following.connection != nil else {
      // It was lost meanwhile.
      following.stage = .waiting(until: clock.monotonicNanoseconds())
      resumeLogOfFollower()
      return updateFollowerState()
    }
    watchLink(following, true)
    goOnline(following)
    process(following)
  }

  /// A snapshot could not be loaded. What it was loaded beside is as it was; what it was to replace
  /// has gone.
  private func noteUnloadable(_ following: Following) {
    if keyspace.hasReplacement {
      keyspace.dropReplacement()
    } else {
      _ = keyspace.flushAll(lazily: configuration.replicaLazyFlush)
      beginUnknownHistory()
      following.applier = makeApplier(database: 0)
    }
    following.stage = .waiting(until: 0)
    following.failuresInARow += 1
    loseLink(
      following,
      "Failed trying to load the MASTER synchronization DB from disk, check server logs.")
  }

  /// The log begins again, with what is here as its base, if it was ended for a snapshot.
  func resumeLogOfFollower() {
    guard configuration.appendOnly, !appendLog.isRunning else { return }
    do throws(LogOpeningError) {
      try startLog()
    } catch {
      warn(of: error)
      log.warning("Failed enabling the AOF after successful master synchronization!")
    }
  }
}
