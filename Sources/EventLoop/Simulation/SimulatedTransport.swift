// SPDX-License-Identifier: Apache-2.0

/// Connections inside the process: what happens, and in which order, is a function of the seed.
///
/// `wait` never blocks. When nothing has happened and `advancesClockWhenIdle` is set, it moves the
/// clock to the next delivery or to the timeout, whichever is first; otherwise a driver of several
/// servers moves the clock, for instance to the least `nextEventNanoseconds` of them.
public final class SimulatedTransport: Transport {
  /// The network that the connections belong to.
  public let network: SimulatedNetwork
  /// The name that other hosts connect to.
  public let host: String
  /// The clock of this host; the network's unless it has its own.
  public let clock: SimulatedClock
  /// Whether `wait` moves the clock when nothing has happened.
  public var advancesClockWhenIdle = false

  private var slots: [SimulatedSlot] = []
  private var freeSlots: [Int] = []
  private var listeners: [SimulatedListener] = []
  private var wakeUpTimes: [Int64] = []
  private var watchedSignals: [Int32] = []
  private var arrivedSignals: [Int32] = []
  /// Error number for the next accepts, to play a process without descriptors; 0 for none.
  public var acceptFailure: Int32 = 0
  private var lastAcceptError: Int32 = 0
  private var watchesListeners = true

  /// The receiving window of connections from now on; nil for the network's default.
  public var windowByteCount: Int?
  /// Whether the process has died and only does not know it: nothing comes in, nothing goes out.
  public private(set) var isFrozen = false

  /// How a server ends that isn't asked.
  public enum Death: Sendable, CaseIterable {
    /// The process is killed: the system ends its connections.
    case process
    /// The machine loses its power: connections fall silent until it is back.
    case power
  }

  /// A host on a network with others.
  public init(
    network: SimulatedNetwork, host: String = "127.0.0.1", clock: SimulatedClock? = nil
  ) {
    self.network = network
    self.host = host
    self.clock = clock ?? network.clock
    super.init()
    network.join(self)
  }

  /// A host alone with its clients.
  public convenience init(clock: SimulatedClock, seed: UInt64 = 0) {
    self.init(network: SimulatedNetwork(clock: clock, seed: seed))
  }

  private var now: Int64 { clock.monotonicNanoseconds() }

  private var place: SimulatedPlace { SimulatedPlace(host: host, clock: clock) }

  // MARK: - For tests

  /// A client's connection to a listener; the server sees it at once or after the network's delay.
  public func connect(
    toListener listener: Int = 0, fromHost clientHost: String = "127.0.0.1"
  ) -> SimulatedClient {
    let origin = SimulatedPlace(host: clientHost, clock: network.clock)
    let (client, server) = SimulatedEndpoint.pair(
      on: network, client: origin, server: place,
      serverAddress: localAddress(ofListener: listener))
    enqueue(
      server, at: listener, sent: network.clock.monotonicNanoseconds(), from: clientHost)
    return SimulatedClient(endpoint: client)
  }

  /// Delivers a signal as if the system had sent it; ignored if nobody watches it.
  public func deliver(signal number: Int32) {
    if watchedSignals.contains(number) { arrivedSignals.append(number) }
  }

  /// The next moment at which `wait` would report something; nil if nothing is under way.
  public var nextEventNanoseconds: Int64? {
    if isFrozen { return nil }
    if !arrivedSignals.isEmpty { return now }
    var next = wakeUpTimes.first
    func consider(_ time: Int64?) {
      if let time { next = min(next ?? time, time) }
    }
    for listener in listeners where listener.isOpen && listener.isWatched && watchesListeners {
      consider(listener.nextArrival)
    }
    // Slots are not copied: simulations ask for this most of their time.
    for index in slots.indices { consider(slots[index].nextEvent(now: now)) }
    return next.map { max($0, now) }
  }

  /// Lets nothing in and out any more, as if the process had ended here; `kill` tells the others.
  public func freeze() { isFrozen = true }

  /// Ends as a process or machine does that dies: listeners vanish, connections end or fall silent.
  public func kill(_ death: Death = .process) {
    isFrozen = true
    var silenced: [SimulatedEndpoint] = []
    for index in listeners.indices {
      if death == .power {
        for endpoint in listeners[index].takeAll() {
          if let peer = endpoint.vanish() { silenced.append(peer) }
        }
      }
      closeListener(index)
    }
    for index in slots.indices {
      switch death {
      case .process: slots[index].endpoint?.close()
      case .power: if let peer = slots[index].endpoint?.vanish() { silenced.append(peer) }
      }
      slots[index].endpoint = nil
    }
    if death == .power { network.leave(host, silenced) }
  }

  /// Resets all connections to and from a host.
  internal func cutConnections(to host: String) {
    for slot in slots where slot.endpoint?.peerHost == host { slot.endpoint?.cut() }
  }

  // MARK: - Waiting

  /// Lists signals, wake-ups, listeners and connections, in this order and by index (or shuffled).
  public override func wait(timeoutNanoseconds: Int64, into events: inout EventList) {
    collect(into: &events)
    guard events.isEmpty, advancesClockWhenIdle else { return }
    let allowed = encryption?.timeout(within: timeoutNanoseconds) ?? timeoutNanoseconds
    let (sum, overflows) = now.addingReportingOverflow(allowed)
    let limit = allowed < 0 || overflows ? nil : sum
    guard let target = [limit, nextEventNanoseconds].compactMap({ $0 }).min() else { return }
    clock.advance(toNanoseconds: target)
    collect(into: &events)
  }

  private func collect(into events: inout EventList) {
    events.removeAll()
    if isFrozen { return }
    for number in arrivedSignals { events.append(Event(kind: .signal(number))) }
    arrivedSignals = []
    if let first = wakeUpTimes.first, first <= now {
      wakeUpTimes.removeAll { $0 <= now }
      events.append(Event(kind: .wakeup))
    }
    for index in listeners.indices where watchesListeners && listeners[index].isAcceptable(now) {
      if !listeners[index].isWatched { continue }
      if let encryption, encryption.isListener(index) {
        encryption.acceptAll(from: index)
      } else {
        events.append(Event(kind: .acceptable(Int32(index))))
      }
    }
    var ready: [Event] = []
    for index in slots.indices {
      if let attempt = slots[index].attempt, attempt.next <= now { tryAgain(index) }
      let id = ConnectionID(slot: UInt32(index), generation: slots[index].generation)
      let (isReadable, isWritable) = slots[index].events(now: now)
      if isReadable { ready.append(Event(id: id, kind: .readable)) }
      if isWritable { ready.append(Event(id: id, kind: .writable)) }
    }
    if network.faults.shufflesEvents { ready.shuffle(using: &network.generator) }
    for event in ready { report(event, into: &events) }
    encryption?.completeWait(into: &events)
  }

  private func report(_ event: Event, into events: inout EventList) {
    guard slots[Int(event.id.slot)].isCarrier else { return events.append(event) }
    encryption?.handle(
      event.id.encrypted, isReadable: event.kind == .readable, isWritable: event.kind == .writable,
      into: &events)
  }

  // MARK: - Listening

  /// Port 0 gets a number of its own; a taken port is refused as the system does.
  public override func listen(
    on address: ListenAddress, backlog: Int32
  ) throws(ListenError) -> Int {
    let index = listeners.count
    switch address {
    case .internet(_, let port, _):
      let given = port == 0 ? UInt16(truncatingIfNeeded: 40000 + index) : port
      guard network.register(self, host: host, port: given, index: index) else {
        throw ListenError(
          address: address, operation: "bind", code: SystemError.addressInUse.code)
      }
      listeners.append(SimulatedListener(port: given, path: nil))
    case .unix(let path, _, _):
      listeners.append(SimulatedListener(port: 0, path: path))
    }
    return index
  }

  /// A taken port is refused.
  public override func rehearseListening(on address: ListenAddress) throws(ListenError) {
    let index = try listen(on: address, backlog: 0)
    closeListener(index)
  }

  /// Connections that wait are reset.
  public override func closeListener(_ listener: Int) {
    guard listeners.indices.contains(listener) else { return }
    encryption?.forgetListener(listener)
    listeners[listener].close()
    network.unregister(self, index: listener)
  }

  /// The port asked for or given.
  public override func port(ofListener listener: Int) -> UInt16 {
    listeners.indices.contains(listener) ? listeners[listener].port : 0
  }

  /// Connections in the order of their arrival.
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
    guard !isFrozen, listeners.indices.contains(listener), listeners[listener].isAcceptable(now)
    else { return nil }
    guard acceptFailure == 0 else {
      lastAcceptError = acceptFailure
      return nil
    }
    let endpoint = listeners[listener].takeFirst()
    let id = open(SimulatedSlot(endpoint: endpoint, path: listeners[listener].path))
    let path = listeners[listener].path.map { $0 + ":0" }
    return Accepted(
      id: id, listener: listener, peerAddress: path ?? endpoint.peerAddress,
      localAddress: path ?? endpoint.localAddress, isUnix: path != nil,
      isLoopback: path == nil && endpoint.peerAddress.hasPrefix("127."))
  }

  /// Those that wait go on waiting.
  public override func watchListeners(_ isWatched: Bool) {
    watchesListeners = isWatched
    for index in listeners.indices { listeners[index].isWatched = true }
    encryption?.noteWatching(isWatched)
  }

  internal override func watchListener(_ listener: Int, _ isWatched: Bool) {
    listeners[listener].isWatched = isWatched
  }

  internal override func markEncrypted(_ carrier: ConnectionID) {
    if let index = index(of: carrier) { slots[index].isCarrier = true }
  }

  /// What `acceptFailure` made the last accept fail with.
  public override var acceptError: Int32 { lastAcceptError }

  private func localAddress(ofListener listener: Int) -> String {
    "\(host):\(port(ofListener: listener))"
  }

  private func enqueue(
    _ endpoint: SimulatedEndpoint, at listener: Int, sent moment: Int64, from source: String
  ) {
    guard listeners.indices.contains(listener), listeners[listener].isOpen else {
      return endpoint.cut()
    }
    endpoint.windowByteCount = windowByteCount
    listeners[listener].enqueue(
      endpoint, arrival: network.arrival(of: moment, from: source, to: host))
  }

  // MARK: - Connections

  /// Who answers at a host and port to a caller that waits; nil if nobody does.
  public var blockingPeer: ((String, UInt16) -> BlockingConnection?)?

  /// Asks `blockingPeer`.
  public override func connectBlocking(
    to host: String, port: UInt16, timeoutMilliseconds: Int
  ) throws(SystemError) -> BlockingConnection {
    guard let connection = blockingPeer?(host, port) else { throw .refused }
    return connection
  }

  /// Reaches another transport of the network; refused if nobody listens, silent across a
  /// partition.
  public override func connect(
    to remote: String, port: UInt16, from source: String?
  ) throws(SystemError) -> ConnectionID {
    let listener = network.listener(host: remote, port: port)
    let server = SimulatedPlace(host: remote, clock: listener?.transport.clock ?? network.clock)
    let (client, peer) = SimulatedEndpoint.pair(
      on: network, client: place, server: server, serverAddress: "\(remote):\(port)")
    client.windowByteCount = windowByteCount
    var slot = SimulatedSlot(endpoint: client, path: nil)
    slot.isWritableWatched = true
    if isFrozen || !network.answers(remote, to: host) {
      slot.connected = .max
      slot.attempt = SimulatedAttempt(host: remote, port: port, now: now)
    } else {
      slot.connected = answer(of: listener, peer, remote)
      if listener == nil { slot.connectError = SystemError.refused.code }
    }
    return open(slot)
  }

  /// Leaves our peer's end at a listener, if there is one; the moment at which we hear of it.
  private func answer(
    of listener: (transport: SimulatedTransport, index: Int)?, _ peer: SimulatedEndpoint,
    _ remote: String
  ) -> Int64 {
    let arrival = network.arrival(of: now, from: host, to: remote)
    listener?.transport.enqueue(peer, at: listener?.index ?? 0, sent: now, from: host)
    return network.arrival(of: arrival, from: remote, to: host)
  }

  /// Another attempt to reach a host that did not answer.
  private func tryAgain(_ index: Int) {
    guard var attempt = slots[index].attempt, let old = slots[index].endpoint else { return }
    slots[index].attempt = nil
    if network.answers(attempt.host, to: host) {
      let listener = network.listener(host: attempt.host, port: attempt.port)
      let clock = listener?.transport.clock ?? network.clock
      let (client, peer) = SimulatedEndpoint.pair(
        on: network, client: place, server: SimulatedPlace(host: attempt.host, clock: clock),
        serverAddress: old.peerAddress)
      client.windowByteCount = windowByteCount
      slots[index].endpoint = client
      slots[index].connected = answer(of: listener, peer, attempt.host)
      if listener == nil { slots[index].connectError = SystemError.refused.code }
    } else if attempt.goOn() {
      slots[index].attempt = attempt
    } else {
      slots[index].connected = now
      slots[index].connectError = SystemError.timedOut.code
    }
  }

  private func open(_ slot: SimulatedSlot) -> ConnectionID {
    var slot = slot
    // The last freed slot comes back first, as the kernel reuses the lowest descriptor: old
    // identities meet a new generation as often as possible.
    let index = freeSlots.popLast() ?? slots.count
    if index == slots.count {
      slots.append(slot)
    }
    slot.generation = ConnectionID.generation(after: slots[index].generation)
    slots[index] = slot
    return ConnectionID(slot: UInt32(index), generation: slot.generation)
  }

  private func index(of id: ConnectionID) -> Int? {
    let index = Int(id.slot)
    guard slots.indices.contains(index), slots[index].generation == id.generation,
      slots[index].endpoint != nil
    else { return nil }
    return index
  }

  /// 0 once the connection is made.
  public override func connectError(of id: ConnectionID) -> Int32 {
    if id.isEncrypted, let encryption { return encryption.connectError(of: id) }
    guard let index = index(of: id) else { return SystemError.badDescriptor.code }
    return slots[index].connectError
  }

  /// As many bytes as have arrived, or fewer as the faults want it.
  public override func receive(
    _ id: ConnectionID, into buffer: UnsafeMutableRawBufferPointer
  ) -> IOResult {
    guard let index = index(of: id), let endpoint = slots[index].endpoint else {
      return unsafe receiveEncrypted(id, into: buffer)
    }
    if slots[index].connectError != 0 { return .failed(slots[index].connectError) }
    if isFrozen { return .wouldBlock }
    let (result, bytes) = endpoint.read(limit: buffer.count)
    unsafe buffer.copyBytes(from: bytes)
    return result
  }

  /// As many bytes as the buffer of the direction takes, or fewer as the faults want it.
  public override func send(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) -> IOResult {
    guard let index = index(of: id), let endpoint = slots[index].endpoint else {
      return unsafe sendEncrypted(id, bytes)
    }
    if slots[index].connectError != 0 { return .failed(slots[index].connectError) }
    if slots[index].connected > now { return .wouldBlock }
    if isFrozen { return .bytes(bytes.count) }
    return endpoint.write(unsafe Array(bytes))
  }

  /// Events `.writable` on or off.
  public override func watchWritable(_ id: ConnectionID, _ isWatched: Bool) {
    if id.isEncrypted { encryption?.watchWritable(id, isWatched) }
    if let index = index(of: id) { slots[index].isWritableWatched = isWatched }
  }

  /// Events `.readable` on or off.
  public override func watchReadable(_ id: ConnectionID, _ isWatched: Bool) {
    if id.isEncrypted { encryption?.watchReadable(id, isWatched) }
    if let index = index(of: id) { slots[index].isReadableWatched = isWatched }
  }

  /// The peer receives what was sent before, then the end.
  public override func close(_ id: ConnectionID) {
    if id.isEncrypted { return closeEncrypted(id) }
    // A process that has died closes nothing; the system does it for it.
    guard !isFrozen, let index = index(of: id) else { return }
    slots[index].endpoint?.close()
    slots[index].endpoint = nil
    slots[index].attempt = nil
    freeSlots.append(index)
  }

  /// A number like that of a descriptor: the slot.
  public override func descriptor(of id: ConnectionID) -> Int32 {
    index(of: id.carrier) == nil ? -1 : Int32(id.slot)
  }

  /// "host:port", or the listener's path.
  public override func peerAddress(of id: ConnectionID) -> String {
    guard let index = index(of: id.carrier) else { return "" }
    return slots[index].path.map { $0 + ":0" } ?? slots[index].endpoint?.peerAddress ?? ""
  }

  /// "host:port", or the listener's path.
  public override func localAddress(of id: ConnectionID) -> String {
    guard let index = index(of: id.carrier) else { return "" }
    return slots[index].path.map { $0 + ":0" } ?? slots[index].endpoint?.localAddress ?? ""
  }

  // MARK: - Wake-ups and signals

  /// Reported by the next wait. Unlike the system's transport: only from the loop's own thread.
  public override func wakeUp() { scheduleWakeUp(atNanoseconds: now) }

  /// Reported by the first wait at or after a moment of the monotonic clock.
  public func scheduleWakeUp(atNanoseconds time: Int64) {
    let position = wakeUpTimes.firstIndex { $0 > time } ?? wakeUpTimes.count
    wakeUpTimes.insert(time, at: position)
  }

  /// Signals come from `deliver(signal:)`.
  public override func watchSignals(_ numbers: [Int32]) { watchedSignals += numbers }
}
