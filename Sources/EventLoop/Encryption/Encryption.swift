// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How many handshakes may be half done, and how long one may take.
public struct HandshakeLimits: Sendable {
  /// Connections that are accepted and whose handshake isn't over.
  public var count = 1000
  /// From the accept to the end of the handshake.
  public var nanoseconds: Int64 = 10_000_000_000
  /// A handshake this old makes room for others if there are too many.
  public var graceNanoseconds: Int64 = 1_000_000_000
  /// How much of a turn handshakes may take; one step is always taken.
  public var microsecondsPerTurn = 300.0

  /// Limits for a server in a data centre.
  public init() {}
}

/// An incoming connection that never became one.
public struct HandshakeRefusal: Equatable, Sendable {
  /// "127.0.0.1:50000".
  public let peerAddress: String
  /// The server's end, in the same form.
  public let localAddress: String
  /// OpenSSL's words, or ours.
  public let reason: String
}

/// TLS around a transport's connections: the loop sees no difference.
///
/// An encrypted connection has an identity that tells it from others (`ConnectionID.isEncrypted`).
/// The transport doesn't know such identities: what it is asked about them it asks this object,
/// which asks the transport about the connection that carries the encrypted bytes (`carrier`). So
/// connections without TLS pay nothing.
///
///     loop --send(encrypted)--> Transport --unknown--> Encryption --send(carrier)--> Transport
///
/// Incoming connections are handed out when their handshake is over. Handshakes cost hundreds of
/// microseconds each: they wait in a queue, of which a turn does a slice. What has been decrypted
/// and not been read is announced again and again as a socket does, which epoll couldn't know.
public final class Encryption {
  /// What incoming connections are made with.
  public var serverContext: TLSContext?
  /// What outgoing connections are made with.
  public var clientContext: TLSContext?
  /// What is asked of clients.
  public var verification = TLSVerification.required
  /// Of handshakes.
  public var limits = HandshakeLimits()
  /// Told of incoming connections that fail.
  public var onRefusal: ((HandshakeRefusal) -> Void)?
  /// Incoming handshakes that were completed, and that failed.
  public internal(set) var completedCount = 0
  /// See `completedCount`.
  public internal(set) var failedCount = 0

  internal unowned let transport: Transport
  internal let clock: Clock
  internal let output = TLSOutput()
  /// Where encrypted bytes are received.
  internal let input = ScratchBuffer(byteCount: 64 << 10)
  /// Where pieces are joined that leave together.
  internal let joint = ScratchBuffer(byteCount: 64 << 10)

  /// By slot; nil for connections without encryption.
  private var connections: [EncryptedConnection?] = []
  /// By listener; nil for those without encryption.
  private var listeners: [EncryptedListener?] = []
  private var watchesListeners = true
  /// Incoming connections in order of their arrival; those whose handshake is over are skipped.
  internal var arrivals = Queue<EncryptedConnection>()
  /// How many of them are half done.
  internal var halfDoneCount = 0
  /// Connections whose handshake can go on.
  private var steps = Queue<EncryptedConnection>()
  /// Connections with something to read that the transport knows nothing of.
  private var ready: [EncryptedConnection] = []
  internal var acceptError: Int32 = 0

  /// Encrypts connections of a transport, which must live longer; it hands over nothing until it
  /// has this object as its `encryption`.
  public init(_ transport: Transport, _ clock: Clock) {
    self.transport = transport
    self.clock = clock
  }

  /// Incoming connections whose handshake isn't over.
  public var halfDone: Int { halfDoneCount }

  // MARK: - Connections

  internal func find(_ id: ConnectionID) -> EncryptedConnection? {
    let slot = Int(id.slot)
    guard slot < connections.count, let connection = connections[slot], connection.id == id else {
      return nil
    }
    return connection
  }

  internal func add(_ connection: EncryptedConnection) {
    let slot = Int(connection.id.slot)
    while slot >= connections.count { connections.append(nil) }
    connections[slot] = connection
    transport.markEncrypted(connection.carrier)
  }

  /// Starts an outgoing connection; `.writable` tells the end of the handshake.
  public func connect(
    to host: String, port: UInt16, from source: String?
  ) throws(SystemError) -> ConnectionID {
    guard let clientContext else { throw SystemError(EPROTONOSUPPORT) }
    let carrier = try transport.connect(to: host, port: port, from: source)
    let connection = EncryptedConnection(carrier, self, .connecting(host, clientContext))
    connection.wantsWritable = true
    add(connection)
    return connection.id
  }

  /// Opens a connection that the loop knows nothing of, for exchanges in which the caller waits.
  public func connectBlocking(
    to host: String, port: UInt16, timeoutMilliseconds: Int
  ) throws(SystemError) -> BlockingConnection {
    guard let clientContext else { throw SystemError(EPROTONOSUPPORT) }
    let carrier = try transport.connectBlocking(
      to: host, port: port, timeoutMilliseconds: timeoutMilliseconds)
    return try EncryptedBlockingConnection(
      carrier, clientContext, name: host, timeoutMilliseconds: timeoutMilliseconds)
  }

  /// Why an outgoing connection could not be made, or a connection failed; empty if OpenSSL has
  /// nothing to do with it.
  public func failureText(of id: ConnectionID) -> String { find(id)?.failure ?? "" }

  /// The names in the certificate that the peer has shown and that was verified.
  public func peerNames(of id: ConnectionID, _ kind: TLSNameKind) -> [[UInt8]] {
    find(id)?.session?.peerNames(kind) ?? []
  }

  // MARK: - What the transport asks

  internal func receive(
    _ id: ConnectionID, into room: UnsafeMutableRawBufferPointer
  ) -> IOResult {
    guard let connection = find(id) else { return .closed }
    let result = unsafe connection.receive(into: room)
    noteReady(connection)
    return result
  }

  internal func send(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) -> IOResult {
    guard let connection = find(id) else { return .closed }
    return unsafe connection.send(bytes)
  }

  /// Joins small pieces, so that they become few records.
  internal func send(_ id: ConnectionID, _ pieces: SendPieces) -> IOResult {
    guard let connection = find(id) else { return .closed }
    var sent = 0
    while true {
      let part = unsafe joint.join(pieces, from: sent)
      guard unsafe !part.isEmpty else { return .bytes(sent) }
      let result = unsafe connection.send(part)
      guard case .bytes(let count) = result else { return sent > 0 ? .bytes(sent) : result }
      sent += count
      if count < part.count { return .bytes(sent) }
    }
  }

  internal func watchWritable(_ id: ConnectionID, _ isWatched: Bool) {
    guard let connection = find(id) else { return }
    connection.wantsWritable = isWatched
    connection.updateInterest()
  }

  internal func watchReadable(_ id: ConnectionID, _ isWatched: Bool) {
    guard let connection = find(id) else { return }
    connection.wantsReadable = isWatched
    connection.updateInterest()
    noteReady(connection)
  }

  internal func connectError(of id: ConnectionID) -> Int32 {
    find(id)?.connectError ?? EBADF
  }

  internal func close(_ id: ConnectionID) {
    guard let connection = find(id) else { return }
    connection.sayGoodbye()
    forget(connection)
  }

  private func forget(_ connection: EncryptedConnection) {
    if connection.isHalfDone {
      connection.isHalfDone = false
      halfDoneCount -= 1
      resumeAccepting()
    }
    connection.isForgotten = true
    connections[Int(connection.id.slot)] = nil
    transport.close(connection.carrier)
  }

  // MARK: - Waiting

  /// How long the transport may wait if the loop allows so much; negative for ever.
  internal func timeout(within nanoseconds: Int64) -> Int64 {
    if !steps.isEmpty || ready.contains(where: \.isReady) || hasUndelivered { return 0 }
    skipEndedArrivals()
    guard let oldest = arrivals.first else { return nanoseconds }
    let isFull = listeners.contains { $0?.isSuspended ?? false }
    let allowed = isFull ? limits.graceNanoseconds : limits.nanoseconds
    let rest = max(0, oldest.startedAt + allowed - clock.monotonicNanoseconds())
    return nanoseconds < 0 ? rest : min(nanoseconds, rest)
  }

  /// Something has happened to a connection; `false` for both stands for its failure.
  internal func handle(
    _ id: ConnectionID, isReadable: Bool, isWritable: Bool, into events: inout EventList
  ) {
    guard let connection = find(id) else { return }
    switch connection.phase {
    case .connecting:
      if isWritable || !isReadable { enqueueStep(connection) }
    case .handshaking:
      if isWritable { _ = connection.flush() }
      enqueueStep(connection)
    case .open, .ended:
      guard connection.isHandedOut else { return }
      if isReadable, connection.wantsReadable { events.append(Event(id: id, kind: .readable)) }
      if isWritable { report(writable: connection, into: &events) }
      if !isReadable, !isWritable { events.append(Event(id: id, kind: .hangup)) }
    }
  }

  private func report(writable connection: EncryptedConnection, into events: inout EventList) {
    guard connection.flush() else { return }
    connection.updateInterest()
    if connection.wantsWritable { events.append(Event(id: connection.id, kind: .writable)) }
  }

  /// Does what is due besides, and reports what the transport couldn't know.
  internal func completeWait(into events: inout EventList) {
    runSteps(into: &events)
    refuseOverdue()
    for index in listeners.indices where watchesListeners {
      guard let listener = listeners[index], listener.hasNews(acceptError) else { continue }
      events.append(Event(kind: .acceptable(Int32(index))))
    }
    if !ready.isEmpty { reportReady(into: &events) }
  }

  private var hasUndelivered: Bool {
    watchesListeners && listeners.contains { $0?.hasNews(acceptError) ?? false }
  }

  // MARK: - What can be read

  private func noteReady(_ connection: EncryptedConnection) {
    guard connection.isReady, !connection.isListedReady else { return }
    connection.isListedReady = true
    ready.append(connection)
  }

  private func reportReady(into events: inout EventList) {
    let listed = ready
    ready.removeAll(keepingCapacity: true)
    for connection in listed {
      connection.isListedReady = false
      guard connection.isReady else { continue }
      events.append(Event(id: connection.id, kind: .readable))
      noteReady(connection)
    }
  }

  // MARK: - Listening

  /// Opens a listener whose connections are encrypted.
  public func listen(on address: ListenAddress, backlog: Int32) throws(ListenError) -> Int {
    let index = try transport.listen(on: address, backlog: backlog)
    while index >= listeners.count { listeners.append(nil) }
    listeners[index] = EncryptedListener()
    return index
  }

  internal func isListener(_ index: Int) -> Bool {
    listeners.indices.contains(index) && listeners[index] != nil
  }

  /// A listener was closed: those who wait at it are turned away.
  internal func forgetListener(_ index: Int) {
    guard isListener(index) else { return }
    listeners[index] = nil
    for case let connection? in connections
    where connection.accepted?.listener == index && !connection.isHandedOut {
      forget(connection)
    }
  }

  internal func noteWatching(_ isWatched: Bool) {
    watchesListeners = isWatched
    guard isWatched else { return }
    for index in listeners.indices { listeners[index]?.isSuspended = false }
  }

  /// A connection with its handshake behind it.
  internal func accept(from listener: Int) -> Accepted? {
    guard isListener(listener) else { return nil }
    while let connection = listeners[listener]?.completed.popFirst() {
      guard !connection.isForgotten, let accepted = connection.accepted else { continue }
      connection.isHandedOut = true
      connection.updateInterest()
      noteReady(connection)
      return accepted
    }
    return nil
  }

  /// Why nothing more was accepted; 0 if there was just nobody.
  internal func takeAcceptError() -> Int32 {
    defer { acceptError = 0 }
    return acceptError
  }

  /// Connections accepted per turn and listener.
  private static let acceptsPerTurn = 100

  /// Takes in what waits at a listener.
  internal func acceptAll(from listener: Int) {
    for _ in 0..<Encryption.acceptsPerTurn {
      let isFull = halfDoneCount >= limits.count
      if isFull, !isOldestOverGrace { return suspend(listener) }
      guard let accepted = transport.acceptCarrier(from: listener) else {
        acceptError = transport.acceptError
        return
      }
      if isFull, let oldest = arrivals.first { refuse(oldest, "too many handshakes at once") }
      admit(accepted)
    }
  }

  private func admit(_ accepted: Accepted) {
    guard let serverContext else { return transport.close(accepted.id) }
    let connection = EncryptedConnection(
      accepted.id, self, .handshaking, accepted: accepted, context: serverContext)
    connection.startedAt = clock.monotonicNanoseconds()
    connection.isHalfDone = true
    halfDoneCount += 1
    // A flight of the handshake is several small writes.
    if !accepted.isUnix { transport.setNoDelay(accepted.id, true) }
    add(connection)
    arrivals.append(connection)
  }

  /// Nobody is accepted until a handshake ends: the others wait in the system's queue.
  private func suspend(_ listener: Int) {
    listeners[listener]?.isSuspended = true
    transport.watchListener(listener, false)
  }

  internal func resumeAccepting() {
    for index in listeners.indices where listeners[index]?.isSuspended ?? false {
      listeners[index]?.isSuspended = false
      if watchesListeners { transport.watchListener(index, true) }
    }
  }

  // MARK: - Handshakes

  private func enqueueStep(_ connection: EncryptedConnection) {
    guard !connection.isQueued else { return }
    connection.isQueued = true
    steps.append(connection)
  }

  private func runSteps(into events: inout EventList) {
    guard !steps.isEmpty else { return }
    let start = clock.ticks()
    let budget = clock.ticks(microseconds: limits.microsecondsPerTurn)
    var remaining = steps.count
    repeat {
      guard let connection = steps.popFirst() else { return }
      connection.isQueued = false
      remaining -= 1
      if !connection.isForgotten { step(connection, into: &events) }
    } while remaining > 0 && clock.ticks() &- start < budget
  }

  private func step(_ connection: EncryptedConnection, into events: inout EventList) {
    let progress = connection.advance()
    guard progress != .waits else { return connection.updateInterest() }
    if let accepted = connection.accepted {
      connection.isHalfDone = false
      halfDoneCount -= 1
      if progress == .isDone {
        completedCount += 1
        connection.updateInterest()
        listeners[accepted.listener]?.completed.append(connection)
      } else {
        refuse(connection, connection.failure)
      }
      resumeAccepting()
    } else {
      connection.isHandedOut = true
      connection.updateInterest()
      if connection.wantsWritable { events.append(Event(id: connection.id, kind: .writable)) }
      noteReady(connection)
    }
  }

  private func refuse(_ connection: EncryptedConnection, _ reason: String) {
    failedCount += 1
    forget(connection)
    guard let accepted = connection.accepted else { return }
    onRefusal?(
      HandshakeRefusal(
        peerAddress: accepted.peerAddress, localAddress: accepted.localAddress, reason: reason))
  }

  private func skipEndedArrivals() {
    while let first = arrivals.first, !first.isHalfDone { _ = arrivals.popFirst() }
  }

  private func refuseOverdue() {
    skipEndedArrivals()
    guard let first = arrivals.first else { return }
    let now = clock.monotonicNanoseconds()
    if now - first.startedAt >= limits.graceNanoseconds { resumeAccepting() }
    while let first = arrivals.first, now - first.startedAt >= limits.nanoseconds {
      refuse(first, "handshake timed out")
      skipEndedArrivals()
    }
  }

  /// Whether the handshake that takes longest has to make room if somebody comes.
  private var isOldestOverGrace: Bool {
    skipEndedArrivals()
    guard let first = arrivals.first else { return false }
    return clock.monotonicNanoseconds() - first.startedAt >= limits.graceNanoseconds
  }
}

/// A listener whose connections are encrypted.
internal struct EncryptedListener {
  /// Connections that can be handed out.
  var completed = Queue<EncryptedConnection>()
  /// There are too many handshakes.
  var isSuspended = false

  /// Whether somebody should ask for connections.
  func hasNews(_ acceptError: Int32) -> Bool { !completed.isEmpty || acceptError != 0 }
}
