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

  /// A host on a network with others.
  public init(network: SimulatedNetwork, host: String = "127.0.0.1") {
    self.network = network
    self.host = host
    super.init()
  }

  /// A host alone with its clients.
  public convenience init(clock: SimulatedClock, seed: UInt64 = 0) {
    self.init(network: SimulatedNetwork(clock: clock, seed: seed))
  }

  private var now: Int64 { network.clock.monotonicNanoseconds() }

  // MARK: - For tests

  /// A client's connection to a listener; the server sees it at once or after the network's delay.
  public func connect(
    toListener listener: Int = 0, fromHost clientHost: String = "127.0.0.1"
  ) -> SimulatedClient {
    let (client, server) = SimulatedEndpoint.pair(
      on: network, clientHost: clientHost, serverHost: host,
      serverAddress: localAddress(ofListener: listener))
    enqueue(server, at: listener)
    return SimulatedClient(endpoint: client)
  }

  /// Delivers a signal as if the system had sent it; ignored if nobody watches it.
  public func deliver(signal number: Int32) {
    if watchedSignals.contains(number) { arrivedSignals.append(number) }
  }

  /// The next moment at which `wait` would report something; nil if nothing is under way.
  public var nextEventNanoseconds: Int64? {
    if !arrivedSignals.isEmpty { return now }
    var next = wakeUpTimes.first
    func consider(_ time: Int64?) {
      if let time { next = min(next ?? time, time) }
    }
    for listener in listeners where listener.isOpen && watchesListeners {
      consider(listener.nextArrival)
    }
    for slot in slots { consider(slot.nextEvent(now: now)) }
    return next.map { max($0, now) }
  }

  /// Ends as a killed process does: listeners vanish, connections are reset.
  public func kill() {
    for index in listeners.indices { closeListener(index) }
    for index in slots.indices {
      slots[index].endpoint?.cut()
      slots[index].endpoint = nil
    }
  }

  // MARK: - Waiting

  /// Lists signals, wake-ups, listeners and connections, in this order and by index (or shuffled).
  public override func wait(timeoutNanoseconds: Int64, into events: inout EventList) {
    collect(into: &events)
    guard events.isEmpty, advancesClockWhenIdle else { return }
    let (sum, overflows) = now.addingReportingOverflow(timeoutNanoseconds)
    let limit = timeoutNanoseconds < 0 || overflows ? nil : sum
    guard let target = [limit, nextEventNanoseconds].compactMap({ $0 }).min() else { return }
    network.clock.advance(toNanoseconds: target)
    collect(into: &events)
  }

  private func collect(into events: inout EventList) {
    events.removeAll()
    for number in arrivedSignals { events.append(Event(kind: .signal(number))) }
    arrivedSignals = []
    if let first = wakeUpTimes.first, first <= now {
      wakeUpTimes.removeAll { $0 <= now }
      events.append(Event(kind: .wakeup))
    }
    for index in listeners.indices where watchesListeners && listeners[index].isAcceptable(now) {
      events.append(Event(kind: .acceptable(Int32(index))))
    }
    var ready: [Event] = []
    for index in slots.indices {
      let id = ConnectionID(slot: UInt32(index), generation: slots[index].generation)
      for kind in slots[index].events(now: now) { ready.append(Event(id: id, kind: kind)) }
    }
    if network.faults.shufflesEvents { ready.shuffle(using: &network.generator) }
    for event in ready { events.append(event) }
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
    case .unix(let path, _):
      listeners.append(SimulatedListener(port: 0, path: path))
    }
    return index
  }

  /// Connections that wait are reset.
  public override func closeListener(_ listener: Int) {
    guard listeners.indices.contains(listener) else { return }
    listeners[listener].close()
    network.unregister(self, index: listener)
  }

  /// The port asked for or given.
  public override func port(ofListener listener: Int) -> UInt16 {
    listeners.indices.contains(listener) ? listeners[listener].port : 0
  }

  /// Connections in the order of their arrival.
  public override func accept(from listener: Int) -> Accepted? {
    lastAcceptError = 0
    guard listeners.indices.contains(listener), listeners[listener].isAcceptable(now) else {
      return nil
    }
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
  public override func watchListeners(_ isWatched: Bool) { watchesListeners = isWatched }

  /// What `acceptFailure` made the last accept fail with.
  public override var acceptError: Int32 { lastAcceptError }

  private func localAddress(ofListener listener: Int) -> String {
    "\(host):\(port(ofListener: listener))"
  }

  private func enqueue(_ endpoint: SimulatedEndpoint, at listener: Int) {
    guard listeners.indices.contains(listener), listeners[listener].isOpen else {
      return endpoint.cut()
    }
    listeners[listener].enqueue(endpoint, arrival: network.arrival())
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
    let (client, server) = SimulatedEndpoint.pair(
      on: network, clientHost: host, serverHost: remote, serverAddress: "\(remote):\(port)")
    var slot = SimulatedSlot(endpoint: client, path: nil)
    slot.isWritableWatched = true
    if network.isPartitioned(host, remote) {
      slot.connected = .max
    } else if let (transport, index) = network.listener(host: remote, port: port) {
      slot.connected = network.arrival()
      transport.enqueue(server, at: index)
    } else {
      slot.connected = network.arrival()
      slot.connectError = SystemError.refused.code
    }
    return open(slot)
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
    guard let index = index(of: id) else { return SystemError.badDescriptor.code }
    return slots[index].connectError
  }

  /// As many bytes as have arrived, or fewer as the faults want it.
  public override func receive(
    _ id: ConnectionID, into buffer: UnsafeMutableRawBufferPointer
  ) -> IOResult {
    guard let index = index(of: id), let endpoint = slots[index].endpoint else { return .closed }
    if slots[index].connectError != 0 { return .failed(slots[index].connectError) }
    let (result, bytes) = endpoint.incoming.read(limit: buffer.count)
    unsafe buffer.copyBytes(from: bytes)
    return result
  }

  /// As many bytes as the buffer of the direction takes, or fewer as the faults want it.
  public override func send(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) -> IOResult {
    guard let index = index(of: id), let endpoint = slots[index].endpoint else { return .closed }
    if slots[index].connectError != 0 { return .failed(slots[index].connectError) }
    if slots[index].connected > now { return .wouldBlock }
    return endpoint.write(unsafe Array(bytes))
  }

  /// Events `.writable` on or off.
  public override func watchWritable(_ id: ConnectionID, _ isWatched: Bool) {
    if let index = index(of: id) { slots[index].isWritableWatched = isWatched }
  }

  /// Events `.readable` on or off.
  public override func watchReadable(_ id: ConnectionID, _ isWatched: Bool) {
    if let index = index(of: id) { slots[index].isReadableWatched = isWatched }
  }

  /// The peer receives what was sent before, then the end.
  public override func close(_ id: ConnectionID) {
    guard let index = index(of: id) else { return }
    slots[index].endpoint?.close()
    slots[index].endpoint = nil
    freeSlots.append(index)
  }

  /// A number like that of a descriptor: the slot.
  public override func descriptor(of id: ConnectionID) -> Int32 {
    index(of: id) == nil ? -1 : Int32(id.slot)
  }

  /// "host:port", or the listener's path.
  public override func peerAddress(of id: ConnectionID) -> String {
    guard let index = index(of: id) else { return "" }
    return slots[index].path.map { $0 + ":0" } ?? slots[index].endpoint?.peerAddress ?? ""
  }

  /// "host:port", or the listener's path.
  public override func localAddress(of id: ConnectionID) -> String {
    guard let index = index(of: id) else { return "" }
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
