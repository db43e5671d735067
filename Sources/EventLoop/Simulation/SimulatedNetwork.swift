// SPDX-License-Identifier: Apache-2.0

/// What a simulated network does to its connections; all off at first.
public struct SimulatedFaults: Sendable {
  /// How long sent bytes are under way; the order within a connection is kept.
  public var delayNanoseconds: ClosedRange<Int64> = 0...0
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
/// happens by itself: each transport looks at the network when its loop waits.
public final class SimulatedNetwork {
  /// The clock that deliveries are timed with.
  public let clock: SimulatedClock
  /// What goes wrong from now on.
  public var faults = SimulatedFaults()

  internal var generator: SeededGenerator
  private var listeners: [Listener] = []
  private var partitions: [(String, String)] = []
  private var nextClientPort: UInt16 = 50000

  private struct Listener {
    weak var transport: SimulatedTransport?
    let host: String
    let port: UInt16
    let index: Int
  }

  /// A network without hosts.
  public init(clock: SimulatedClock, seed: UInt64) {
    self.clock = clock
    generator = SeededGenerator(seed: seed)
  }

  /// Holds back everything between two hosts until `heal`; connections stay open.
  public func partition(_ first: String, _ second: String) {
    partitions.append((first, second))
  }

  /// Ends all partitions; what was held back is delivered.
  public func heal() { partitions = [] }

  /// Whether two hosts can't reach each other.
  public func isPartitioned(_ first: String, _ second: String) -> Bool {
    partitions.contains { $0 == (first, second) || $0 == (second, first) }
  }

  // MARK: - For transports

  /// When something that is sent now arrives.
  internal func arrival() -> Int64 {
    clock.monotonicNanoseconds() &+ generator.number(in: faults.delayNanoseconds)
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
