// SPDX-License-Identifier: Apache-2.0

/// The connections of a server: epoll or a simulation. It knows no protocol.
///
/// One turn of the loop is one `wait`, then `receive` and `send` for the connections it concerns.
/// Readiness is level triggered: an event comes back until its cause is gone. Every call with the
/// identity of a closed connection is harmless: it answers `.closed` or does nothing.
open class Transport {
  /// TLS for connections that are to be encrypted; nil as long as none are.
  public final var encryption: Encryption?

  /// For subclasses.
  public init() {}

  /// Waits until something happens and lists it; negative timeouts wait for ever, 0 only looks.
  open func wait(timeoutNanoseconds: Int64, into events: inout EventList) { events.removeAll() }

  // MARK: - Listening

  /// Opens a listener and returns its index; `backlog` is the length of the system's queue.
  open func listen(on address: ListenAddress, backlog: Int32) throws(ListenError) -> Int {
    throw ListenError(address: address, operation: "listen", code: 0)
  }

  /// Tells whether a listener could be opened, as far as that shows without anybody's being able to
  /// connect: the address is bound and let go. Of a unix socket only its name and its group are
  /// looked at.
  open func rehearseListening(on address: ListenAddress) throws(ListenError) {}

  /// Closes a listener; the index is not used again. A unix socket's file is removed.
  open func closeListener(_ listener: Int) {}

  /// The port that a listener got; tells which when 0 was asked for. 0 for unix sockets.
  open func port(ofListener listener: Int) -> UInt16 { 0 }

  /// The next connection that waits at a listener; nil when there are no more, or on `acceptError`.
  open func accept(from listener: Int) -> Accepted? { nil }

  /// The error number with which the last `accept` failed; 0 if there was just nobody waiting.
  open var acceptError: Int32 { 0 }

  /// Turns events `.acceptable` of all listeners on or off; on at first. Connections wait then.
  open func watchListeners(_ isWatched: Bool) {}

  /// Runs `body` with a descriptor more than there is, if one was kept for such a moment: a line of
  /// the log can be written although nothing can be opened.
  open func lendDescriptor(_ body: () -> Void) { body() }

  // MARK: - For encryption

  /// The next connection that waits at a listener, which then carries an encrypted one.
  internal func acceptCarrier(from listener: Int) -> Accepted? { nil }

  /// What happens to a connection from now on concerns the encrypted one that it carries.
  internal func markEncrypted(_ carrier: ConnectionID) {}

  /// Turns events of one listener on or off.
  internal func watchListener(_ listener: Int, _ isWatched: Bool) {}

  // MARK: - Connections

  /// Starts an outgoing connection; `.writable` tells the end, `connectError(of:)` how it went.
  open func connect(
    to host: String, port: UInt16, from source: String?
  ) throws(SystemError) -> ConnectionID {
    throw SystemError.unreachable
  }

  /// Opens a connection that the loop knows nothing of, for exchanges in which the caller waits.
  open func connectBlocking(
    to host: String, port: UInt16, timeoutMilliseconds: Int
  ) throws(SystemError) -> BlockingConnection {
    throw SystemError.unreachable
  }

  /// Takes the pending error of a connection; 0 if there is none (an outgoing one was made).
  open func connectError(of id: ConnectionID) -> Int32 { 0 }

  /// Moves received bytes into memory of the caller.
  open func receive(_ id: ConnectionID, into buffer: UnsafeMutableRawBufferPointer) -> IOResult {
    .closed
  }

  /// Hands bytes to the connection; fewer than given may be taken.
  open func send(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) -> IOResult { .closed }

  /// Hands three pieces to the connection, one behind the other; fewer bytes may be taken.
  open func send(_ id: ConnectionID, _ pieces: SendPieces) -> IOResult {
    var sent = 0
    for index in 0..<3 {
      let piece = unsafe pieces.piece(index)
      if unsafe piece.isEmpty { continue }
      let result = unsafe send(id, piece)
      guard case .bytes(let count) = result else { return sent > 0 ? .bytes(sent) : result }
      sent += count
      if count < piece.count { break }
    }
    return .bytes(sent)
  }

  /// Turns events `.writable` on or off; off at first.
  open func watchWritable(_ id: ConnectionID, _ isWatched: Bool) {}

  /// Turns events `.readable` on or off; on at first.
  open func watchReadable(_ id: ConnectionID, _ isWatched: Bool) {}

  /// Closes a connection and forgets its events.
  open func close(_ id: ConnectionID) {}

  /// The descriptor, for CLIENT LIST; -1 if the connection is gone.
  open func descriptor(of id: ConnectionID) -> Int32 { -1 }

  /// "ip:port" of the other end, or "path:0"; empty if the connection is gone.
  open func peerAddress(of id: ConnectionID) -> String { "" }

  /// "ip:port" of our end, or "path:0"; empty if the connection is gone.
  open func localAddress(of id: ConnectionID) -> String { "" }

  /// Whether small writes leave at once (TCP_NODELAY).
  open func setNoDelay(_ id: ConnectionID, _ isOn: Bool) {}

  /// Probes a silent peer after so many seconds; 0 turns probing off.
  open func setKeepAlive(_ id: ConnectionID, seconds: Int) {}

  // MARK: - Wake-ups and signals

  /// Makes `wait` return with `.wakeup`; may be called from any thread.
  open func wakeUp() {}

  /// What helper threads hold to wake the loop.
  open var waker: Waker { Waker(descriptor: -1) }

  /// Delivers signals as events from now on; only one transport of a process can watch.
  open func watchSignals(_ numbers: [Int32]) {}
}

extension Transport {
  /// What is received from a connection that the transport doesn't know.
  @inline(never)
  internal final func receiveEncrypted(
    _ id: ConnectionID, into buffer: UnsafeMutableRawBufferPointer
  ) -> IOResult {
    unsafe encryption?.receive(id, into: buffer) ?? .closed
  }

  /// Sends through a connection that the transport doesn't know.
  @inline(never)
  internal final func sendEncrypted(
    _ id: ConnectionID, _ bytes: UnsafeRawBufferPointer
  ) -> IOResult {
    unsafe encryption?.send(id, bytes) ?? .closed
  }

  /// Sends pieces through a connection that the transport doesn't know.
  @inline(never)
  internal final func sendEncrypted(_ id: ConnectionID, _ pieces: SendPieces) -> IOResult {
    encryption?.send(id, pieces) ?? .closed
  }

  /// Closes a connection that the transport doesn't know.
  @inline(never)
  internal final func closeEncrypted(_ id: ConnectionID) { encryption?.close(id) }

  /// Hands the bytes of a span to the connection.
  public final func send(_ id: ConnectionID, _ bytes: RawSpan) -> IOResult {
    unsafe bytes.withUnsafeBytes { pointer in unsafe send(id, pointer) }
  }
}

/// Bytes that lie in different places and leave together; borrowed during the call.
@safe
public struct SendPieces {
  let first: UnsafeRawBufferPointer
  let second: UnsafeRawBufferPointer
  let third: UnsafeRawBufferPointer

  func piece(_ index: Int) -> UnsafeRawBufferPointer {
    unsafe index == 0 ? first : index == 1 ? second : third
  }

  /// Hands the pieces of three spans, any of which may be empty, to `body`.
  public static func with<Result>(
    _ first: RawSpan, _ second: RawSpan, _ third: RawSpan, _ body: (SendPieces) -> Result
  ) -> Result {
    unsafe first.withUnsafeBytes { one in
      unsafe second.withUnsafeBytes { two in
        unsafe third.withUnsafeBytes { three in
          unsafe body(SendPieces(first: one, second: two, third: three))
        }
      }
    }
  }
}

/// Wakes a loop from another thread; trivially copyable.
public struct Waker: Sendable {
  /// An eventfd, or -1 where nobody has to be woken.
  private let descriptor: Int32

  /// Wraps an eventfd, which stays owned by the transport.
  internal init(descriptor: Int32) { self.descriptor = descriptor }

  /// Makes the loop's `wait` return with `.wakeup`.
  public func wakeUp() {
    if descriptor >= 0 { Syscall.signalEvent(descriptor) }
  }
}
