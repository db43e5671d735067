// SPDX-License-Identifier: Apache-2.0

/// What a simulated network does to its connections; all off at first.
public struct SimulatedFaults: Sendable {
  /// How long sent bytes are under way; the order within a connection is kept, and only that.
  public var delayNanoseconds: ClosedRange<Int64> = 0...0
  /// How much longer each byte takes, behind those that were sent before it.
  public var nanosecondsPerByte: Int64 = 0
  /// The most bytes that one receive delivers; the number is drawn from 1 to this.
  public var deliveredByteCountMax = Int.max
  /// The most bytes that one send takes; the number is drawn from 1 to this.
  public var takenByteCountMax = Int.max
  /// How many bytes a direction holds before the sender is refused.
  public var socketBufferByteCount = 1 << 20
  /// How many of a million sends cut their connection instead.
  public var cutsPerMillion = 0
  /// Whether the events of one wait come in an order drawn from the seed.
  public var shufflesEvents = false

  /// No faults.
  public init() {}
}

/// Hosts, listeners and connections inside one process: everything is drawn from one seed.
///
/// Several `SimulatedTransport`s on one network reach each other by host name and port. Nothing
/// happens by itself: each transport looks at the network when its loop waits. Every host may have
/// a clock of its own; all of them count from the same start, and the network's is the one of tests
/// and their clients.
public final class SimulatedNetwork {
  /// The clock of the clients.
  public let clock: SimulatedClock
  /// What goes wrong from now on.
  public var faults = SimulatedFaults()
  /// Told of everything that is sent: hosts, bytes, and the moment of their arrival.
  public var observer: ((_ source: String, _ target: String, Int, Int64) -> Void)?

  internal var generator: SeededGenerator
  private var listeners: [Listener] = []
  private var transports: [Member] = []
  private var blocks: [Way] = []
  private var delays: [(way: Way, range: ClosedRange<Int64>)] = []
  private var silentEndpoints: [(host: String, endpoint: SimulatedEndpoint)] = []
  private var downHosts: [String] = []
  private var nextClientPort: UInt16 = 50000

  private struct Listener {
    weak var transport: SimulatedTransport?
    let host: String
    let port: UInt16
    let index: Int
  }

  private struct Member {
    weak var transport: SimulatedTransport?
  }

  /// From one host to another; nil stands for all.
  private struct Way: Equatable {
    let source: String?
    let target: String?

    func includes(_ source: String, _ target: String) -> Bool {
      (self.source == nil || self.source == source) && (self.target == nil || self.target == target)
    }
  }

  /// A network without hosts.
  public init(clock: SimulatedClock, seed: UInt64) {
    self.clock = clock
    generator = SeededGenerator(seed: seed)
  }

  // MARK: - Partitions

  /// Holds back everything between two hosts until `heal`; connections stay open.
  public func partition(_ first: String, _ second: String) {
    block(from: first, to: second)
    block(from: second, to: first)
  }

  /// Holds back what one host sends to another; the other way stays open.
  public func block(from source: String, to target: String) {
    blocks.append(Way(source: source, target: target))
  }

  /// Holds back everything from and to a host.
  public func isolate(_ host: String) {
    blocks += [Way(source: host, target: nil), Way(source: nil, target: host)]
  }

  /// Ends all partitions; what was held back is delivered.
  public func heal() { blocks = [] }

  /// Ends the partition between two hosts, in both directions.
  public func heal(_ first: String, _ second: String) {
    blocks.removeAll {
      $0 == Way(source: first, target: second) || $0 == Way(source: second, target: first)
    }
  }

  /// Whether what one host sends doesn't reach another.
  public func isBlocked(from source: String, to target: String) -> Bool {
    !blocks.isEmpty && source != target && blocks.contains { $0.includes(source, target) }
  }

  /// Whether two hosts can't make a connection.
  public func isPartitioned(_ first: String, _ second: String) -> Bool {
    isBlocked(from: first, to: second) || isBlocked(from: second, to: first)
  }

  /// Gives the way from one host to another, and back, a delay of its own.
  public func setDelay(between first: String, _ second: String, _ range: ClosedRange<Int64>) {
    delays.removeAll { $0.way.includes(first, second) || $0.way.includes(second, first) }
    delays.append((Way(source: first, target: second), range))
    delays.append((Way(source: second, target: first), range))
  }

  /// Resets all connections between two hosts.
  public func resetConnections(between first: String, _ second: String) {
    for transport in living where transport.host == first || transport.host == second {
      transport.cutConnections(to: transport.host == first ? second : first)
    }
  }

  // MARK: - For transports

  private var living: [SimulatedTransport] { transports.compactMap(\.transport) }

  /// A host has (re)started.
  internal func join(_ transport: SimulatedTransport) {
    transports.removeAll { $0.transport == nil }
    transports.append(Member(transport: transport))
    guard !downHosts.isEmpty else { return }
    downHosts.removeAll { $0 == transport.host }
    // What was sent to it meanwhile is sent again, and it knows of no such connection.
    let silent = silentEndpoints
    silentEndpoints.removeAll { $0.host == transport.host }
    for (host, endpoint) in silent where host == transport.host { endpoint.wakeFromSilence() }
  }

  /// A host lost its power: whoever is connected hears nothing of it.
  internal func leave(_ host: String, _ endpoints: [SimulatedEndpoint]) {
    downHosts.append(host)
    for endpoint in endpoints { silentEndpoints.append((host, endpoint)) }
  }

  /// Whether a host answers at all, if only to refuse.
  internal func answers(_ host: String, to other: String) -> Bool {
    !downHosts.contains(host) && !isPartitioned(host, other)
  }

  /// When something that is sent at a moment arrives.
  internal func arrival(of moment: Int64, from source: String, to target: String) -> Int64 {
    var range = faults.delayNanoseconds
    if let own = delays.first(where: { $0.way.includes(source, target) }) { range = own.range }
    return moment &+ generator.number(in: range)
  }

  /// A number of bytes from 1 to `count`, not above the limit.
  internal func drawn(_ count: Int, limit: Int) -> Int {
    guard limit < Int.max else { return count }
    return min(count, Int(generator.number(in: 1...Int64(max(1, limit)))))
  }

  /// "host:50000" with a port that was not used before.
  internal func clientAddress(host: String) -> String {
    defer { nextClientPort = nextClientPort == .max ? 50000 : nextClientPort + 1 }
    return "\(host):\(nextClientPort)"
  }

  /// Makes a listener known; false if the port is taken.
  internal func register(
    _ transport: SimulatedTransport, host: String, port: UInt16, index: Int
  ) -> Bool {
    listeners.removeAll { $0.transport == nil }
    if listeners.contains(where: { $0.host == host && $0.port == port }) { return false }
    listeners.append(Listener(transport: transport, host: host, port: port, index: index))
    return true
  }

  /// Forgets a listener.
  internal func unregister(_ transport: SimulatedTransport, index: Int) {
    listeners.removeAll { $0.transport === transport && $0.index == index }
  }

  /// The listener at an address.
  internal func listener(
    host: String, port: UInt16
  ) -> (transport: SimulatedTransport, index: Int)? {
    guard let found = listeners.first(where: { $0.host == host && $0.port == port }),
      let transport = found.transport
    else { return nil }
    return (transport, found.index)
  }
}
