// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// Connections of the operating system, watched by epoll.
///
/// Level triggered: a connection is registered once, when it is accepted, for reading; writability
/// is watched only while asked for. So a turn costs one wait, and one receive and one send per
/// active connection. The 64 bits that epoll carries are the connection's identity: an event of a
/// descriptor that was closed and reused meanwhile has an old generation and is dropped. Closing a
/// descriptor takes it out of epoll, no call is needed.
@safe
public final class EpollTransport: Transport {
  internal let poller: Int32
  private let wakeUpEvent: Int32
  /// Kept to be lent; -1 while it is, or if there was none to keep.
  private var spare: Int32
  private var signalPipe: (read: Int32, write: Int32) = (-1, -1)
  private var watchedSignals: [Int32] = []
  private let eventsPerWait: Int
  private let rawEvents: UnsafeMutableRawPointer
  private var hasNanosecondWait = true

  internal var sockets = SocketTable()
  internal var listeners: [EpollListener] = []
  internal var lastAcceptError: Int32 = 0

  /// Makes the poller and its wake-up counter; one wait fetches at most `eventsPerWait` events.
  public init(eventsPerWait: Int = 1024) throws(SystemError) {
    self.eventsPerWait = max(eventsPerWait, 1)
    poller = try Syscall.makePoller()
    wakeUpEvent = try Syscall.makeEvent()
    spare = (try? Syscall.makeEvent()) ?? -1
    unsafe rawEvents = .allocate(
      byteCount: self.eventsPerWait * memd_epoll_event_size(), alignment: 16)
    super.init()
    add(wakeUpEvent, data: ConnectionID(slot: 0, generation: ConnectionID.wakeUpGeneration))
  }

  /// Closes every descriptor that is still open.
  deinit {
    sockets.forEachOpen { descriptor in Syscall.close(descriptor) }
    for listener in listeners where listener.descriptor >= 0 { Syscall.close(listener.descriptor) }
    for number in watchedSignals { ProcessSignals.restore(number, from: signalPipe.write) }
    if signalPipe.read >= 0 {
      Syscall.close(signalPipe.read)
      Syscall.close(signalPipe.write)
    }
    if spare >= 0 { Syscall.close(spare) }
    Syscall.close(wakeUpEvent)
    Syscall.close(poller)
    unsafe rawEvents.deallocate()
  }

  /// Registers a descriptor for reading.
  internal func add(_ descriptor: Int32, data: ConnectionID) {
    Syscall.control(
      poller, EPOLL_CTL_ADD, descriptor, interest: UInt32(MEMD_EPOLL_READABLE), data: data.word)
  }

  internal static func identity(ofListener index: Int) -> ConnectionID {
    ConnectionID(slot: UInt32(index), generation: ConnectionID.listenerGeneration)
  }

  // MARK: - Waiting

  /// One system call; timeouts are exact to the nanosecond where the kernel has epoll_pwait2.
  public override func wait(timeoutNanoseconds: Int64, into events: inout EventList) {
    events.removeAll()
    guard let encryption else { return collect(waitForEvents(timeoutNanoseconds), into: &events) }
    collect(waitForEvents(encryption.timeout(within: timeoutNanoseconds)), into: &events)
    encryption.completeWait(into: &events)
  }

  /// Negative is EINTR: the caller looks at its timers and waits again.
  @inline(__always)
  private func collect(_ count: Int32, into events: inout EventList) {
    guard count > 0 else { return }
    for index in 0..<count {
      let bits = unsafe memd_epoll_event_bits(rawEvents, index)
      let id = ConnectionID(word: unsafe memd_epoll_event_data(rawEvents, index))
      if sockets.isCurrent(id) {
        report(id, bits: bits, into: &events)
      } else if id.generation > ConnectionID.lastGeneration {
        reportSpecial(id, bits: bits, into: &events)
      }
    }
  }

  private func waitForEvents(_ nanoseconds: Int64) -> Int32 {
    let capacity = Int32(eventsPerWait)
    if nanoseconds <= 0 {
      return unsafe Syscall.wait(
        poller, rawEvents, capacity, milliseconds: nanoseconds < 0 ? -1 : 0)
    }
    if hasNanosecondWait {
      let count = unsafe Syscall.wait(poller, rawEvents, capacity, nanoseconds: nanoseconds)
      if count != -ENOSYS { return count }
      hasNanosecondWait = false
    }
    // Rounded up, lest a timer that is due in half a millisecond makes the loop spin.
    let milliseconds = min((nanoseconds - 1) / 1_000_000 + 1, Int64(Int32.max))
    return unsafe Syscall.wait(poller, rawEvents, capacity, milliseconds: Int32(milliseconds))
  }

  private func report(_ id: ConnectionID, bits: UInt32, into events: inout EventList) {
    let isReadable = bits & UInt32(MEMD_EPOLL_READABLE) != 0
    let isWritable = bits & UInt32(MEMD_EPOLL_WRITABLE) != 0
    if isReadable { events.append(Event(id: id, kind: .readable)) }
    if isWritable { events.append(Event(id: id, kind: .writable)) }
    // With one of the others the caller's receive or send meets the failure.
    if !isReadable && !isWritable { events.append(Event(id: id, kind: .hangup)) }
  }

  private func reportSpecial(_ id: ConnectionID, bits: UInt32, into events: inout EventList) {
    switch id.generation {
    case ConnectionID.listenerGeneration:
      guard isListening(Int(id.slot)) else { return }
      if let encryption, encryption.isListener(Int(id.slot)) {
        return encryption.acceptAll(from: Int(id.slot))
      }
      events.append(Event(kind: .acceptable(Int32(id.slot))))
    case ConnectionID.wakeUpGeneration:
      Syscall.clearEvent(wakeUpEvent)
      events.append(Event(kind: .wakeup))
    case ConnectionID.signalGeneration:
      while let number = Syscall.byte(from: signalPipe.read) {
        events.append(Event(kind: .signal(Int32(number))))
      }
    default:
      encryption?.handle(
        id, isReadable: bits & UInt32(MEMD_EPOLL_READABLE) != 0,
        isWritable: bits & UInt32(MEMD_EPOLL_WRITABLE) != 0, into: &events)
    }
  }

  // MARK: - Wake-ups and signals

  /// Adds to an eventfd.
  public override func wakeUp() { Syscall.signalEvent(wakeUpEvent) }

  /// A copy of the eventfd's number; it must not outlive the transport.
  public override var waker: Waker { Waker(descriptor: wakeUpEvent) }

  /// Signals arrive through a pipe that their handler writes into.
  ///
  /// A pipe and not a signalfd: a signalfd needs the signals blocked in every thread, also in those
  /// that the transport did not start, and children would inherit the mask.
  public override func watchSignals(_ numbers: [Int32]) {
    if signalPipe.read < 0 {
      guard let pipe = try? Syscall.makePipe() else { return }
      signalPipe = pipe
      add(pipe.read, data: ConnectionID(slot: 0, generation: ConnectionID.signalGeneration))
    }
    for number in numbers {
      ProcessSignals.route(number, into: signalPipe.write)
      watchedSignals.append(number)
    }
  }

  // MARK: - Listening

  /// Binds and listens; SO_REUSEADDR is on, IPv6 listeners take IPv6 only.
  public override func listen(
    on address: ListenAddress, backlog: Int32
  ) throws(ListenError) -> Int {
    guard listeners.count < Int(Int16.max) else {
      throw ListenError(address: address, operation: "listen", code: EMFILE)
    }
    let listener: EpollListener
    switch address {
    case .internet(let host, let port, _):
      listener = try openListener(host: host, port: port, address, backlog)
    case .unix(let path, let mode, let group):
      listener = try openListener(path: path, mode: mode, group: group, address, backlog)
    }
    let index = listeners.count
    listeners.append(listener)
    add(listener.descriptor, data: EpollTransport.identity(ofListener: index))
    return index
  }

  /// Binds to the address and lets go of it.
  public override func rehearseListening(on address: ListenAddress) throws(ListenError) {
    try rehearse(address)
  }

  /// Closes the socket and removes a unix socket's file.
  public override func closeListener(_ listener: Int) {
    guard isListening(listener) else { return }
    encryption?.forgetListener(listener)
    Syscall.close(listeners[listener].descriptor)
    listeners[listener].descriptor = -1
    if let path = listeners[listener].path { try? Syscall.remove(path) }
  }

  /// A system call per listener.
  public override func watchListeners(_ isWatched: Bool) {
    for index in listeners.indices { watchListener(index, isWatched) }
    encryption?.noteWatching(isWatched)
  }

  internal override func watchListener(_ listener: Int, _ isWatched: Bool) {
    guard isListening(listener) else { return }
    Syscall.control(
      poller, EPOLL_CTL_MOD, listeners[listener].descriptor,
      interest: isWatched ? UInt32(MEMD_EPOLL_READABLE) : 0,
      data: EpollTransport.identity(ofListener: listener).word)
  }

  /// Gives back one that was never used.
  public override func lendDescriptor(_ body: () -> Void) {
    if spare >= 0 { Syscall.close(spare) }
    body()
    spare = (try? Syscall.makeEvent()) ?? -1
  }

  /// Asks the kernel.
  public override func port(ofListener listener: Int) -> UInt16 {
    guard isListening(listener) else { return 0 }
    return SocketAddress(localOf: listeners[listener].descriptor).port
  }

  /// One accept4; the connection is non-blocking and watched for reading.
  public override func accept(from listener: Int) -> Accepted? {
    guard let encryption, encryption.isListener(listener) else {
      return acceptCarrier(from: listener)
    }
    let accepted = encryption.accept(from: listener)
    lastAcceptError = accepted == nil ? encryption.takeAcceptError() : 0
    return accepted
  }

  internal override func acceptCarrier(from listener: Int) -> Accepted? {
    lastAcceptError = 0
    guard isListening(listener) else { return nil }
    var peer = SocketAddress()
    let result = Syscall.accept(listeners[listener].descriptor, &peer.raw)
    guard result >= 0 else {
      lastAcceptError = result == -Int(EAGAIN) ? 0 : Int32(-result)
      return nil
    }
    let descriptor = Int32(result)
    let id = sockets.open(descriptor, listener: listener)
    add(descriptor, data: id)
    let path = listeners[listener].path
    return Accepted(
      id: id, listener: listener,
      peerAddress: path.map { $0 + ":0" } ?? peer.text,
      localAddress: listeners[listener].localAddress ?? SocketAddress(localOf: descriptor).text,
      isUnix: path != nil, isLoopback: peer.isLoopback)
  }

  /// EMFILE and the like; 0 when the queue was empty.
  public override var acceptError: Int32 { lastAcceptError }

  // MARK: - Connections

  /// One recv.
  public override func receive(
    _ id: ConnectionID, into buffer: UnsafeMutableRawBufferPointer
  ) -> IOResult {
    guard sockets.isCurrent(id) else { return unsafe receiveEncrypted(id, into: buffer) }
    return unsafe Syscall.receive(Int32(id.slot), buffer.baseAddress, buffer.count)
  }

  /// One send.
  public override func send(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) -> IOResult {
    guard sockets.isCurrent(id) else { return unsafe sendEncrypted(id, bytes) }
    return unsafe Syscall.send(Int32(id.slot), bytes.baseAddress, bytes.count)
  }

  /// One system call for all pieces.
  public override func send(_ id: ConnectionID, _ pieces: SendPieces) -> IOResult {
    guard sockets.isCurrent(id) else { return sendEncrypted(id, pieces) }
    return Syscall.send(Int32(id.slot), pieces)
  }

  /// A system call only if the interest changes.
  public override func watchWritable(_ id: ConnectionID, _ isWatched: Bool) {
    if id.isEncrypted { encryption?.watchWritable(id, isWatched) }
    change(id, UInt8(truncatingIfNeeded: MEMD_EPOLL_WRITABLE), isWatched)
  }

  /// A system call only if the interest changes.
  public override func watchReadable(_ id: ConnectionID, _ isWatched: Bool) {
    if id.isEncrypted { encryption?.watchReadable(id, isWatched) }
    change(id, UInt8(truncatingIfNeeded: MEMD_EPOLL_READABLE), isWatched)
  }

  private func change(_ id: ConnectionID, _ bit: UInt8, _ isWatched: Bool) {
    guard sockets.isCurrent(id) else { return }
    let old = sockets[id].interest
    let new = isWatched ? old | bit : old & ~bit
    guard new != old else { return }
    sockets[id].interest = new
    updateRegistration(id)
  }

  private func updateRegistration(_ id: ConnectionID) {
    let slot = sockets[id]
    Syscall.control(
      poller, EPOLL_CTL_MOD, Int32(id.slot), interest: UInt32(slot.interest),
      data: (slot.isCarrier ? id.encrypted : id).word)
  }

  /// Events carry the encrypted connection's identity from now on.
  internal override func markEncrypted(_ carrier: ConnectionID) {
    guard sockets.isCurrent(carrier) else { return }
    sockets[carrier].isCarrier = true
    updateRegistration(carrier)
  }

  /// close(2); the kernel drops the registration.
  public override func close(_ id: ConnectionID) {
    guard sockets.isCurrent(id) else { return closeEncrypted(id) }
    sockets.close(id)
    Syscall.close(Int32(id.slot))
  }

  /// A connection in progress is watched for `.writable`; a host name is looked up blocking, and a
  /// host that starts with '/' is the path of a unix socket.
  public override func connect(
    to host: String, port: UInt16, from source: String?
  ) throws(SystemError) -> ConnectionID {
    let isPath = host.utf8.first == UInt8(ascii: "/")
    let found = isPath ? SocketAddress(path: host) : SocketAddress(host: host, port: port)
    guard let address = found else { throw .unreachable }
    let descriptor = try Syscall.streamSocket(address.family)
    do throws(SystemError) {
      if let source, let local = SocketAddress(host: source, port: 0) {
        try Syscall.bind(descriptor, local.raw)
      }
      try Syscall.connect(descriptor, address.raw)
    } catch {
      Syscall.close(descriptor)
      throw error
    }
    let id = sockets.open(descriptor, listener: -1)
    add(descriptor, data: id)
    watchWritable(id, true)
    return id
  }

  /// The look-up of a host name may take the timeout, too.
  public override func connectBlocking(
    to host: String, port: UInt16, timeoutMilliseconds: Int
  ) throws(SystemError) -> BlockingConnection {
    let address = try BoundedLookUp.address(
      of: host, port: port, timeoutMilliseconds: timeoutMilliseconds)
    return try SocketConnection(to: address, timeoutMilliseconds: timeoutMilliseconds)
  }

  /// SO_ERROR.
  public override func connectError(of id: ConnectionID) -> Int32 {
    if id.isEncrypted { return encryption?.connectError(of: id) ?? EBADF }
    guard sockets.isCurrent(id) else { return EBADF }
    return memd_socket_error(Int32(id.slot))
  }

  /// The slot is the descriptor.
  public override func descriptor(of id: ConnectionID) -> Int32 {
    sockets.isCurrent(id.carrier) ? Int32(id.slot) : -1
  }

  /// Asks the kernel; for a unix socket the path is the listener's.
  public override func peerAddress(of id: ConnectionID) -> String {
    let id = id.carrier
    guard sockets.isCurrent(id) else { return "" }
    return unixAddress(of: id) ?? SocketAddress(peerOf: Int32(id.slot)).text
  }

  /// Asks the kernel; for a unix socket the path is the listener's.
  public override func localAddress(of id: ConnectionID) -> String {
    let id = id.carrier
    guard sockets.isCurrent(id) else { return "" }
    return unixAddress(of: id) ?? SocketAddress(localOf: Int32(id.slot)).text
  }

  private func unixAddress(of id: ConnectionID) -> String? {
    let listener = Int(sockets[id].listener)
    guard listener >= 0, let path = listeners[listener].path else { return nil }
    return path + ":0"
  }

  /// TCP_NODELAY; nothing for unix sockets.
  public override func setNoDelay(_ id: ConnectionID, _ isOn: Bool) {
    let id = id.carrier
    guard sockets.isCurrent(id), unixAddress(of: id) == nil else { return }
    _ = memd_set_option(Int32(id.slot), Int32(IPPROTO_TCP), TCP_NODELAY, isOn ? 1 : 0)
  }

  /// SO_KEEPALIVE with TCP_KEEPIDLE, a third of it as TCP_KEEPINTVL, and three probes.
  public override func setKeepAlive(_ id: ConnectionID, seconds: Int) {
    let id = id.carrier
    guard sockets.isCurrent(id), unixAddress(of: id) == nil else { return }
    _ = memd_set_keep_alive(Int32(id.slot), Int32(clamping: seconds))
  }
}
