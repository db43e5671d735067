// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// An encrypted connection: its session, and what lies between it and its carrier.
///
/// Encrypted bytes that the carrier doesn't take wait in `unsent`. The plaintext in them was not
/// reported as sent: the caller will bring it again, as after every short send, and then `credit`
/// says how many of its bytes are on their way already. So a caller knows that all has left when
/// it has, and may close.
internal final class EncryptedConnection {
  enum Phase {
    case connecting(host: String, TLSContext)
    case handshaking
    case open
    /// Nothing more can be read or written.
    case ended

    static func connecting(_ host: String, _ context: TLSContext) -> Phase {
      .connecting(host: host, context)
    }
  }

  /// How far a handshake is.
  enum Progress {
    case waits
    case isDone
    case hasFailed
  }

  /// As the loop knows it.
  let id: ConnectionID
  /// As the transport knows it.
  let carrier: ConnectionID
  /// How it came in; nil for outgoing connections.
  let accepted: Accepted?
  private(set) var phase: Phase
  private(set) var session: TLSSession?
  /// OpenSSL's reason for the end.
  private(set) var failure = ""
  /// The error number of an outgoing connection.
  private(set) var connectError: Int32 = 0

  // What the layer remembers of it.
  var startedAt: Int64 = 0
  var isHalfDone = false
  var isQueued = false
  var isListedReady = false
  /// The loop knows of it.
  var isHandedOut = false
  var isForgotten = false
  var wantsReadable = true
  var wantsWritable = false

  private unowned let layer: Encryption
  private let serverContext: TLSContext?
  /// Encrypted bytes for the peer that its socket has not taken.
  private var unsent: [UInt8] = []
  /// Plaintext bytes in `unsent` that have not been reported as sent.
  private var credit = 0
  /// Encrypted bytes of the peer that have not been used.
  private var unused: [UInt8] = []

  init(
    _ carrier: ConnectionID, _ layer: Encryption, _ phase: Phase, accepted: Accepted? = nil,
    context: TLSContext? = nil
  ) {
    self.carrier = carrier
    id = carrier.encrypted
    self.layer = layer
    self.phase = phase
    serverContext = context
    self.accepted = accepted.map {
      Accepted(
        id: carrier.encrypted, listener: $0.listener, peerAddress: $0.peerAddress,
        localAddress: $0.localAddress, isUnix: $0.isUnix, isLoopback: $0.isLoopback)
    }
  }

  private var transport: Transport { layer.transport }

  /// Whether there is something to read that the carrier doesn't announce.
  var isReady: Bool {
    guard isHandedOut, wantsReadable, !isForgotten else { return false }
    if case .ended = phase { return true }
    return !unused.isEmpty || (session?.readableByteCount ?? 0) > 0
  }

  /// Has the carrier watched for what matters in this phase.
  func updateInterest() {
    var awaitsReadable = true
    var awaitsWritable = !unsent.isEmpty
    switch phase {
    case .connecting: awaitsWritable = true
    case .handshaking: break
    case .open, .ended:
      awaitsReadable = isHandedOut && wantsReadable
      if isHandedOut && wantsWritable { awaitsWritable = true }
    }
    transport.watchReadable(carrier, awaitsReadable)
    transport.watchWritable(carrier, awaitsWritable)
  }

  // MARK: - The handshake

  /// Goes on with the handshake as far as the peer's bytes reach.
  func advance() -> Progress {
    if case .connecting(let host, let context) = phase {
      connectError = transport.connectError(of: carrier)
      if connectError != 0 { return fail("") }
      let isName = SocketAddress(numeric: host) == nil
      session = TLSSession(
        context, accepts: false, .required, name: isName ? host : "", output: layer.output)
      phase = .handshaking
    } else if session == nil, let serverContext {
      // Made only now: whoever connects and says nothing costs little.
      session = TLSSession(
        serverContext, accepts: true, layer.verification, output: layer.output)
    }
    guard let session else { return fail("out of memory") }
    return advance(session)
  }

  private func advance(_ session: TLSSession) -> Progress {
    var received = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    var hasEnded = false
    while true {
      let step = unsafe session.continueHandshake(received)
      let rest = unsafe received.suffix(session.unusedByteCount)
      unsafe received = UnsafeRawBufferPointer(rebasing: rest)
      deliverOutput()
      switch step {
      case .done:
        unsafe unused = Array(received)
        phase = .open
        return .isDone
      case .wantsRoom: continue
      case .closed: return fail("closed by the peer")
      case .failed: return fail(session.failure)
      case .wantsInput:
        if hasEnded { return fail("closed by the peer") }
        switch unsafe transport.receive(carrier, into: layer.input.bytes) {
        case .bytes(let count):
          unsafe received = UnsafeRawBufferPointer(rebasing: layer.input.bytes[..<count])
        case .wouldBlock: return .waits
        case .closed:
          session.noteEnd()
          hasEnded = true
        case .failed(let code): return fail(SystemError(code).text)
        }
      }
    }
  }

  private func fail(_ reason: String) -> Progress {
    failure = reason
    phase = .ended
    if connectError == 0 { connectError = EPROTO }
    return .hasFailed
  }

  // MARK: - Bytes for the peer

  /// Puts what the session has produced behind what the carrier hasn't taken yet.
  private func deliverOutput() {
    let output = layer.output
    guard output.count > 0 else { return }
    defer { output.clear() }
    var rest = unsafe output.bytes
    if unsent.isEmpty, case .bytes(let count) = unsafe transport.send(carrier, rest) {
      unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    if unsafe !rest.isEmpty { unsafe unsent.append(contentsOf: rest) }
  }

  /// Sends what waits; false if some of it still does.
  func flush() -> Bool {
    while !unsent.isEmpty {
      let result = unsafe unsent.withUnsafeBytes { unsafe transport.send(carrier, $0) }
      guard case .bytes(let count) = result else { return false }
      if count == unsent.count { unsent = [] } else { unsent.removeFirst(count) }
    }
    return true
  }

  /// Encrypts and sends; what is not reported as taken has to be brought again.
  func send(_ bytes: UnsafeRawBufferPointer) -> IOResult {
    guard case .open = phase, let session else { return .failed(EPIPE) }
    guard flush() else { return stalled }
    var taken = min(credit, bytes.count)
    credit -= taken
    while taken < bytes.count {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[taken...])
      let (count, step) = unsafe session.write(rest)
      deliverOutput()
      guard count > 0 else { return taken > 0 ? .bytes(taken) : ended(session, step) }
      if !unsent.isEmpty {
        credit = count
        return taken > 0 ? .bytes(taken) : stalled
      }
      taken += count
    }
    return .bytes(taken)
  }

  /// What it means that the carrier doesn't take anything: it may have failed.
  private var stalled: IOResult {
    let result = unsafe unsent.withUnsafeBytes { unsafe transport.send(carrier, $0) }
    switch result {
    case .closed, .failed: return result
    case .bytes(let count): unsent.removeFirst(count)
    case .wouldBlock: break
    }
    return .wouldBlock
  }

  /// The session can't go on. Who takes leave is answered.
  private func ended(_ session: TLSSession, _ step: TLSSession.Step) -> IOResult {
    if step == .closed { sayGoodbye() }
    phase = .ended
    if step == .failed { failure = session.failure }
    return step == .closed ? .closed : .failed(EPROTO)
  }

  /// Tells the peer that nothing follows, if that can be done at once.
  func sayGoodbye() {
    guard case .open = phase, flush() else { return }
    session?.sayGoodbye()
    deliverOutput()
  }

  // MARK: - Bytes of the peer

  /// Answers that a peer who doesn't read may make us keep: it could ask for new keys for ever.
  private static let unsentByteCountMax = 1 << 20
  /// Less is not worth a system call if more is there.
  private static let receivedByteCountMin = 16 << 10

  /// Receives and decrypts until the room is full or the carrier has no more.
  func receive(into room: UnsafeMutableRawBufferPointer) -> IOResult {
    guard let session else { return .closed }
    guard case .open = phase else { return failure.isEmpty ? .closed : .failed(EPROTO) }
    guard flush() || unsent.count <= EncryptedConnection.unsentByteCountMax else {
      return .failed(ENOBUFS)
    }
    var step = TLSSession.Step.wantsInput
    var filled = 0
    if !unused.isEmpty || session.readableByteCount > 0 {
      let earlier = unused
      unused = []
      (filled, step) = unsafe earlier.withUnsafeBytes { unsafe decrypt(session, $0, into: room) }
    }
    while step == .wantsInput, filled == 0 || room.count - filled >= Self.receivedByteCountMin {
      let asked = unsafe min(
        layer.input.bytes.count, max(room.count - filled, Self.receivedByteCountMin))
      let buffer = unsafe UnsafeMutableRawBufferPointer(rebasing: layer.input.bytes[..<asked])
      let result = unsafe transport.receive(carrier, into: buffer)
      guard case .bytes(let count) = result else {
        if filled > 0 { break }
        return result
      }
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: room[filled...])
      let (added, next) = unsafe decrypt(
        session, UnsafeRawBufferPointer(rebasing: buffer[..<count]), into: rest)
      filled += added
      step = next
      if count < asked { break }
    }
    if step == .closed || step == .failed {
      let result = ended(session, step)
      return filled > 0 ? .bytes(filled) : result
    }
    return filled > 0 ? .bytes(filled) : .wouldBlock
  }

  private func decrypt(
    _ session: TLSSession, _ bytes: UnsafeRawBufferPointer,
    into room: UnsafeMutableRawBufferPointer
  ) -> (count: Int, step: TLSSession.Step) {
    let result = unsafe session.read(bytes, into: room)
    // An answer to a request for new keys.
    deliverOutput()
    let rest = session.unusedByteCount
    if rest > 0 { unsafe unused = Array(bytes.suffix(rest)) }
    return result
  }
}
