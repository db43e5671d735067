// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Following another server: the link to the leader, from the connection to the stream.
//
//     waiting -> (resolving) -> connecting -> greeting -> asking
//         asking --(+CONTINUE)---------------------------> online
//         asking --(+FULLRESYNC)-> receiving -> loading -> online
//
// Whatever goes wrong leads back to `waiting`, with the data as they are: the next PSYNC asks for
// what is missing. `Server+FollowingSync` has what is special about a snapshot.

extension Server {
  /// Nanoseconds between two attempts, and between two reports to the leader.
  private static let second: Int64 = 1_000_000_000

  // MARK: - Roles

  /// Follows a leader from now on, with the data that are here until it sends others.
  ///
  /// - Parameter kinship: of the data that are here with the leader's, if this server has not
  ///   followed anybody yet.
  func follow(_ leader: LeaderAddress, _ kinship: Following.Kinship = .unknown) {
    giveUpLoadingBeside()
    let previous = following
    if let previous {
      closeLink(of: previous)
    } else {
      endLeading()
      returnToFormerHistory()
    }
    // Whatever this server has said or loaded last is for some database.
    let database = effects.selectedDatabaseIfAny ?? persistence.loadedStreamDatabase
    let applier = previous?.applier ?? makeApplier(database: database)
    let name = ByteText(Identity.make(&moment.random).utf8.prefix(16))
    let following = Following(
      leader, previous?.kinship ?? kinship, applier: applier, name: name,
      now: clock.monotonicNanoseconds())
    following.holdsConfirmed = previous?.holdsConfirmed ?? false
    if let previous {
      let now = clock.monotonicNanoseconds()
      following.downSince = previous.isOnline ? now : previous.downSince
    }
    self.following = following
    configuration.replicaOf = leader
    effects.isMuted = true
    log.role = "S"
    updateFollowerState()
    restartPromises()
    if previous == nil {
      log.notice(
        "Before turning into a replica, using my own master parameters to synthesize a cached"
          + " master: I may be able to synchronize with the new master with just a partial"
          + " transfer.")
    }
    connectToLeader(following)
  }

  private func endLeading() {
    endBlockingForNewRole()
    // Another leader decides what becomes of what followers have not confirmed.
    if promises.synchronous.state == .holding, holdsOutput { abandonHeldOutput() }
  }

  /// Leads from now on, with the data that are here. Who has followed the same leader can go on
  /// from here, as the old name of the history stays known.
  func beginLeading() {
    guard let following else { return }
    giveUpLoadingBeside()
    closeLink(of: following)
    log.notice("Discarding previously cached master state.")
    self.following = nil
    persistence.loadedStreamDatabase = following.applier.database
    followers.idleSince = clock.monotonicNanoseconds()
    configuration.replicaOf = nil
    effects.isMuted = false
    effects.forgetDatabase()
    effects.stream.continueHistory(as: Identity.make(&moment.random), isKnown: false)
    log.notice(
      "Setting secondary replication ID to \(effects.stream.secondID), valid up to offset:"
        + " \(effects.stream.secondOffset). New replication ID is \(effects.stream.replicationID)")
    disconnectFollowers()
    log.role = "M"
    updateFollowerState()
    restartPromises()
    resumeLogOfFollower()
  }

  /// Takes over what depends on whether this server follows, and on how well.
  func updateFollowerState() {
    let isReadOnly = following != nil && configuration.replicaReadOnly
    gate.set(.readOnly, isReadOnly)
    if following == nil {
      effects.localDeadlines = nil
    } else if !isReadOnly, effects.localDeadlines == nil {
      effects.localDeadlines = LocalDeadlines()
    }
    let isStale = following?.isOnline == false && !configuration.replicaServeStaleData
    gate.set(.staleData, isStale)
    gate.set(.freshness, following != nil && configuration.replicaMaxAge > 0)
    updateExpiryMode()
  }

  /// Keys that are due go by themselves only where nobody else says so.
  func updateExpiryMode() {
    moment.expiryMode = pause.isActive || following != nil ? .hide : .remove
  }

  // MARK: - The connection

  private func connectToLeader(_ following: Following) {
    let host = following.leader.host.logText
    let verb = following.downSince == nil ? "Connecting" : "Reconnecting"
    log.notice("\(verb) to MASTER \(host):\(following.leader.port)")
    if world.names.isAddress(host) { return connect(following, to: host) }
    following.stage = .resolving
    helpers.submit(
      NameJob(host, world.names) { [unowned self] result in
        guard self.following === following, case .resolving = following.stage else { return }
        switch result {
        case .success(let address): connect(following, to: address)
        case .failure(let error): noteUnreachable(following, error.text)
        }
      }, to: .names)
  }

  private func noteUnreachable(_ following: Following, _ reason: String) {
    log.warning("Unable to connect to MASTER: \(reason)")
    following.stage = .waiting(until: clock.monotonicNanoseconds() + Server.second)
  }

  private func connect(_ following: Following, to address: String) {
    do throws(SystemError) {
      following.connection = try connectToLeader(
        at: address, port: UInt16(following.leader.port))
      following.stage = .connecting
      following.heardAt = clock.monotonicNanoseconds()
      log.notice("MASTER <-> REPLICA sync started")
    } catch {
      noteUnreachable(following, error.text)
    }
  }

  /// Something has happened to the connection with the leader; false if it isn't that.
  func handleLink(_ event: Event) -> Bool {
    guard let following, let connection = following.connection, event.id == connection else {
      return false
    }
    // What clients have asked for before comes first.
    run(batch)
    switch event.kind {
    case .writable: continueSending(following)
    default:
      if case .connecting = following.stage { continueSending(following) }
      if following.connection == connection { receive(from: following, connection) }
    }
    return true
  }

  /// The socket takes bytes: the connection has been made, or goes on.
  private func continueSending(_ following: Following) {
    guard let connection = following.connection else { return }
    if case .connecting = following.stage {
      let error = transport.connectError(of: connection)
      guard error == 0 else {
        let failure = encryption?.failureText(of: connection) ?? ""
        let text = failure.isEmpty ? SystemError(error).text : failure
        return loseLink(following, "Error condition on socket for SYNC: \(text)")
      }
      log.notice("Non blocking connect for SYNC fired the event.")
      transport.setNoDelay(connection, !configuration.replDisableTCPNoDelay)
      transport.setKeepAlive(connection, seconds: configuration.replTimeoutSeconds)
      following.stage = .greeting(LeaderGreeting(introduction))
      tell(following, LeaderGreeting.beginning)
    }
    flushLink(following)
  }

  private var introduction: LeaderGreeting.Introduction {
    let port =
      configuration.replicaAnnouncePort != 0
      ? configuration.replicaAnnouncePort : announcedPort
    return LeaderGreeting.Introduction(
      user: configuration.masterUser, password: configuration.masterAuth, port: port,
      address: configuration.replicaAnnounceIP, version: ByteText(Version.redis))
  }

  private static let unsentByteCountMax = 1 << 20

  /// Says commands to the leader.
  private func tell(_ following: Following, _ commands: [[ByteText]]) {
    for words in commands {
      var writer = CommandWriter()
      writer.begin(argumentCount: words.count)
      for word in words { writer.append(word.rawSpan) }
      following.unsent += writer.bytes.copied
    }
    guard following.unsent.count <= Server.unsentByteCountMax else {
      return loseLink(following, "MASTER doesn't read what it is told")
    }
    flushLink(following)
  }

  private func flushLink(_ following: Following) {
    guard let connection = following.connection else { return }
    while !following.unsent.isEmpty {
      let unsent = following.unsent
      let result = transport.send(connection, unsent.rawSpan)
      switch result {
      case .bytes(let count): following.unsent.removeFirst(count)
      case .wouldBlock: return transport.watchWritable(connection, true)
      case .closed, .failed: return loseLink(following, because: result)
      }
    }
    transport.watchWritable(connection, false)
  }

  /// Gives the connection up: the next attempt follows soon.
  ///
  /// - Parameter reason: for the log; nil: the connection has ended.
  func loseLink(_ following: Following, _ reason: String? = nil) {
    if let reason {
      log.warning(reason)
    } else if !following.isOnline {
      log.warning("Connection with master lost.")
    }
    failover.noteLostLink()
    let now = clock.monotonicNanoseconds()
    let wasOnline = following.isOnline
    if wasOnline { following.downSince = now }
    closeLink(of: following)
    // What is being loaded is whole: the next attempt goes on behind it.
    if case .loading = following.stage { return }
    // What has been well may be so again; the same snapshot is likely to fail again.
    let isPromising = wasOnline && following.failuresInARow == 0
    let delay = isPromising ? 0 : Server.second << Int64(min(following.failuresInARow, 6))
    following.stage = .waiting(until: now + delay)
    updateFollowerState()
    // Meanwhile the leader may forget what this server lacks.
    if isPromising, !persistence.isLoading { connectToLeader(following) }
  }

  private func closeLink(of following: Following) {
    if following.isOnline {
      log.notice("Connection with master lost.")
      log.notice("Caching the disconnected master state.")
    }
    if let connection = following.connection { transport.close(connection) }
    following.connection = nil
    following.received = []
    following.unsent = []
    following.marks = []
    following.questions = []
    following.ageContinuesAt = .max
    following.applier.forgetIncomplete()
    if let receiver = following.receiver { abandon(receiver) }
  }

  // MARK: - What the leader says

  private static let receivedByteCount = 256 << 10

  private func receive(from following: Following, _ connection: ConnectionID) {
    if following.isOnline, following.received.isEmpty {
      // The stream is read where it is applied.
      let room = unsafe following.applier.room(atLeast: Server.receivedByteCount)
      let result = unsafe transport.receive(connection, into: room)
      guard let count = count(result, following) else { return }
      return apply(following) { applier throws(StreamFailure) in
        try applier.apply(received: count)
      }
    }
    var buffer: [UInt8] = []
    swap(&buffer, &following.buffer)
    if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Server.receivedByteCount) }
    defer { following.buffer = buffer }
    let result = unsafe buffer.withUnsafeMutableBytes {
      unsafe transport.receive(connection, into: $0)
    }
    guard let count = count(result, following) else { return }
    following.received += buffer[..<count]
    process(following)
  }

  /// How many bytes have come, if any; a link that has ended is lost.
  private func count(_ result: IOResult, _ following: Following) -> Int? {
    switch result {
    case .bytes(let count):
      following.heardAt = clock.monotonicNanoseconds()
      statistics.networkInputBytes &+= count
      if following.isOnline || following.isSyncing {
        statistics.replicationInputBytes &+= count
      }
      following.client?.lastInteraction = moment.milliseconds
      following.client?.inputBytes &+= count
      return count
    case .wouldBlock: return nil
    case .closed, .failed:
      loseLink(following, because: result)
      return nil
    }
  }

  /// Goes on with what has been received, as far as it can be understood.
  func process(_ following: Following) {
    while following.connection != nil, !following.received.isEmpty {
      switch following.stage {
      case .waiting, .resolving, .connecting, .loading: return
      case .greeting, .asking:
        guard let line = takeLine(of: following) else { return }
        if !line.isEmpty { hear(line, following) }
      case .receiving(let receiver):
        guard receive(following, receiver) else { return }
      case .online:
        let received = Array(following.received)
        following.received = []
        apply(following) { applier throws(StreamFailure) in try applier.apply(received.rawSpan) }
      }
    }
  }

  private static let lineByteCountMax = 4096

  /// The next line without its end; nil if it isn't there yet.
  func takeLine(of following: Following) -> ByteText? {
    let beginning = following.received.prefix(Server.lineByteCountMax)
    guard let end = beginning.firstIndex(of: 10) else {
      if beginning.count == Server.lineByteCountMax {
        loseLink(following, "MASTER doesn't speak the protocol of replication")
      }
      return nil
    }
    var line = beginning[..<end]
    if line.last == 13 { line.removeLast() }
    following.received = following.received[(end + 1)...]
    return ByteText(line)
  }

  private func hear(_ line: ByteText, _ following: Following) {
    guard case .greeting(var greeting) = following.stage else { return answer(line, following) }
    let outcome = greeting.receive(line)
    for remark in greeting.takeRemarks() { log.notice(remark.logText) }
    following.stage = .greeting(greeting)
    switch outcome {
    case .wait: return
    case .send(let commands):
      log.notice("Master replied to PING, replication can continue...")
      tell(following, commands)
    case .refusal(let refusal): hear(refusal, following)
    case .complete: ask(following)
    }
  }

  /// The leader doesn't want this server. One that was to take over has not been asked to: this
  /// server leads again, as it would wait in vain.
  private func hear(_ refusal: LeaderGreeting.Refusal, _ following: Following) {
    let actions = failover.hearRefusedGreeting()
    if actions.isEmpty {
      loseLink(following, refusal.reason.logText)
    } else {
      log.warning(refusal.reason.logText)
      carryOut(actions)
    }
    if let remedy = refusal.remedy { log.warning("Remedy: \(remedy)") }
  }

  /// Asks for what is missing here, or for everything.
  private func ask(_ following: Following) {
    following.stage = .asking
    let stream = effects.stream
    let offset = stream.offset + 1
    if failover.ask() {
      log.notice("Asking MASTER to take over (\(stream.replicationID):\(offset)).")
      return tell(following, [requestForMore + ["FAILOVER"]])
    }
    guard stream.isShared || stream.offset > 0 else {
      log.notice("Full resync from master is needed: there is no history here")
      return tell(following, [["PSYNC", "?", "-1"]])
    }
    log.notice("Trying a partial resynchronization (request \(stream.replicationID):\(offset)).")
    tell(following, [requestForMore])
  }

  /// PSYNC for what comes behind the data that are here.
  private var requestForMore: [ByteText] {
    let stream = effects.stream
    return ["PSYNC", ByteText(stream.replicationID), "\(stream.offset + 1)"]
  }

  /// The target of a failover leads already: what is left is to follow it.
  func askPlainly() {
    if let following { tell(following, [requestForMore]) }
  }

  /// The target of a failover can't answer yet.
  func loseLinkToTarget() {
    guard let following else { return }
    loseLink(following, "Failover target is currently unable to PSYNC but should be in the future")
  }

  private func answer(_ line: ByteText, _ following: Following) {
    let answer = PartialSyncAnswer(line)
    guard carryOut(failover.hear(answer.toFailover)) else { return }
    switch answer {
    case .full(let id, let offset):
      log.notice("Full resync from master: \(id.logText):\(offset)")
      log.notice("Discarding previously cached master state.")
      beginReceiving(following, id: id, offset: offset)
    case .resume(let id): goOn(following, as: id)
    case .later(let reason):
      loseLink(
        following,
        "Master is currently unable to PSYNC but should be in the future: \(reason.logText)")
    case .refused(let reason):
      loseLink(following, "Unexpected reply to PSYNC from master: \(reason.logText)")
    }
  }

  /// The stream goes on where this server stands.
  private func goOn(_ following: Following, as id: ByteText?) {
    let stream = effects.stream
    let id = id ?? ByteText(stream.replicationID)
    if !stream.replicationID.utf8.elementsEqual(id.bytes) {
      log.notice("Master replication ID changed to \(id.logText)")
      stream.continueHistory(as: id.logText, isKnown: true)
      disconnectFollowers()
    }
    log.notice("Successful partial resynchronization with master.")
    log.notice("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.")
    goOnline(following)
  }

  /// The stream follows.
  func goOnline(_ following: Following) {
    following.stage = .online
    following.kinship = .shared
    following.holdsConfirmed = true
    following.onlineSince = clock.monotonicNanoseconds()
    // While the snapshot was loaded nobody listened.
    following.heardAt = following.onlineSince
    following.downSince = nil
    following.failuresInARow = 0
    if let connection = following.connection {
      following.applier.come(
        from: Client(
          id: clients.nextID(), connection: connection,
          address: transport.peerAddress(of: connection),
          localAddress: transport.localAddress(of: connection), now: moment.milliseconds,
          database: keyspace.databases[0]))
    }
    updateFollowerState()
    resumeLogOfFollower()
    acknowledge(following)
  }

  // MARK: - The stream

  /// What executes the stream from here on.
  func makeApplier(database: Int) -> StreamApplier {
    var limits = RequestLimits()
    limits.maxBulkLength = Int(UInt32.max)
    let applier = StreamApplier(
      server: self, offset: effects.stream.offset, limits: limits, forwards: true
    ) { [unowned self] failure in
      noteRefusal(failure)
    }
    applier.database = min(max(0, database), keyspace.databases.count - 1)
    return applier
  }

  /// A command of the stream can't be executed here: this dataset is another one than the leader's.
  ///
  /// - Returns: whether to go on behind it. Behind a database that isn't there all would be wrong.
  private func noteRefusal(_ failure: StreamFailure) -> Bool {
    guard case .refused(let offset, let command, let error) = failure else { return false }
    statistics.unexpectedErrorReplies += 1
    let text = ByteText(DirectiveText.trimmed(error[...])).logText
    log.warning(
      "== CRITICAL == This replica is sending an error to its master: '\(text)' after processing"
        + " the command '\(ByteText(command).logText)' at offset \(offset)")
    return Keyword(folding: command.rawSpan) != Keyword("select")
  }

  /// Has the applier apply what has come.
  private func apply(
    _ following: Following, _ work: (StreamApplier) throws(StreamFailure) -> Void
  ) {
    do throws(StreamFailure) {
      try work(following.applier)
    } catch {
      // There is no telling where the next command begins, or what it is for: nobody can go on.
      following.leftHistory = effects.stream.replicationID
      effects.stream.rename(Identity.make(&moment.random))
      disconnectFollowers()
      following.applier = makeApplier(database: following.applier.database)
      following.failuresInARow += 1
      return loseLink(following, "The stream of MASTER can't be followed: \(error.text)")
    }
    if following.mustAcknowledge { acknowledge(following) }
  }

  /// Tells the leader how far this server is.
  func acknowledge(_ following: Following) {
    following.mustAcknowledge = false
    following.acknowledgedAt = clock.monotonicNanoseconds()
    var words: [ByteText] = ["REPLCONF", "ACK", "\(effects.stream.offset)"]
    if appendLog.state == .on { words += ["FACK", "\(appendLog.synced)"] }
    // Others read the offset and nothing behind it.
    for mark in following.marks { words += ["MEMD-MARK", mark] }
    following.marks.removeAll()
    words += takeVerificationReport(of: following)
    tell(following, [words])
  }

  // MARK: - Time

  /// Several times a second: attempts, reports and timeouts.
  func tendLink() {
    // Nothing more is taken from the leader when this server is about to end.
    guard let following, pendingShutdown == nil else { return }
    let now = clock.monotonicNanoseconds()
    if case .waiting(let until) = following.stage {
      if until <= now, !persistence.isLoading { connectToLeader(following) }
      return
    }
    // That takes as long as it takes.
    if case .resolving = following.stage { return }
    // A leader that has just sent a snapshot may not have been ready for the first one.
    let isFresh = following.isOnline && now - following.onlineSince < Server.second
    if isFresh || now - following.acknowledgedAt >= Server.second {
      if following.isOnline { acknowledge(following) } else { sendSignOfLife(following, now) }
    }
    if case .loading = following.stage { return }
    guard now - following.heardAt > Int64(configuration.replTimeoutSeconds) * Server.second else {
      return
    }
    loseSilentLink(following)
  }

  /// While a snapshot comes or is loaded, empty lines tell the leader that somebody is there.
  private func sendSignOfLife(_ following: Following, _ now: Int64) {
    guard following.isSyncing else { return }
    following.acknowledgedAt = now
    following.unsent += [10]
    flushLink(following)
  }
}
