// SPDX-License-Identifier: Apache-2.0

/// Where an end of a connection stands: a host and the clock there.
internal struct SimulatedPlace {
  let host: String
  let clock: SimulatedClock
}

/// Both ends of a connection, as far as they are in use. It keeps neither of them: that is simpler
/// than weak references to each other, and simulations count references most of their time.
private final class SimulatedEnds {
  unowned var client: SimulatedEndpoint?
  unowned var server: SimulatedEndpoint?
}

/// One end of a simulated connection.
internal final class SimulatedEndpoint {
  private let incoming: SimulatedPipe
  private let outgoing: SimulatedPipe
  let localAddress: String
  let peerAddress: String
  /// The host at the other end.
  let peerHost: String
  private let place: SimulatedPlace
  private let network: SimulatedNetwork
  private let ends: SimulatedEnds
  private let isClient: Bool
  /// When this end learns that the connection was reset.
  private var resetArrival: Int64?

  private init(
    _ network: SimulatedNetwork, _ ends: SimulatedEnds, isClient: Bool,
    incoming: SimulatedPipe, outgoing: SimulatedPipe, localAddress: String, peerAddress: String,
    at place: SimulatedPlace, peerHost: String
  ) {
    self.ends = ends
    self.isClient = isClient
    self.network = network
    self.incoming = incoming
    self.outgoing = outgoing
    self.localAddress = localAddress
    self.peerAddress = peerAddress
    self.place = place
    self.peerHost = peerHost
    if isClient { ends.client = self } else { ends.server = self }
  }

  deinit {
    if isClient { ends.client = nil } else { ends.server = nil }
  }

  /// Both ends of a new connection.
  static func pair(
    on network: SimulatedNetwork, client: SimulatedPlace, server: SimulatedPlace,
    serverAddress: String
  ) -> (client: SimulatedEndpoint, server: SimulatedEndpoint) {
    let request = SimulatedPipe(network: network, source: client.host, target: server.host)
    let reply = SimulatedPipe(network: network, source: server.host, target: client.host)
    let clientAddress = network.clientAddress(host: client.host)
    let ends = SimulatedEnds()
    return (
      SimulatedEndpoint(
        network, ends, isClient: true, incoming: reply, outgoing: request,
        localAddress: clientAddress, peerAddress: serverAddress, at: client, peerHost: server.host),
      SimulatedEndpoint(
        network, ends, isClient: false, incoming: request, outgoing: reply,
        localAddress: serverAddress, peerAddress: clientAddress, at: server, peerHost: client.host)
    )
  }

  /// The other end; nil when nobody has it any more.
  private var peer: SimulatedEndpoint? { isClient ? ends.server : ends.client }

  private var now: Int64 { place.clock.monotonicNanoseconds() }

  /// The receiving window of this end; nil for the network's default.
  var windowByteCount: Int? {
    get { incoming.windowByteCount }
    set { incoming.windowByteCount = newValue }
  }

  // MARK: - Bytes

  /// A send, which the network may turn into a cut.
  func write(_ bytes: [UInt8]) -> IOResult {
    if network.generator.happens(perMillion: network.faults.cutsPerMillion) { cut() }
    if isReset { return .failed(SystemError.reset.code) }
    if outgoing.isFinished { return .closed }
    let result = outgoing.write(bytes, now: now)
    if outgoing.isAbandoned, case .bytes = result { answerFromNowhere() }
    return result
  }

  /// Takes bytes that have arrived.
  func read(limit: Int) -> (result: IOResult, bytes: [UInt8]) {
    let (result, bytes) = incoming.read(limit: limit, now: now)
    // What had arrived before the reset can still be read, as on Linux.
    if result == .wouldBlock, isReset { return (.failed(SystemError.reset.code), []) }
    return (result, bytes)
  }

  /// Whether a send would not be refused for lack of room.
  var isWritable: Bool { isReset || outgoing.room > 0 }

  /// Whether a receive brings bytes, the end, or an error.
  var isReadable: Bool { nextArrival.map { $0 <= now } ?? false }

  /// The next moment at which a receive may bring something; nil if nothing is under way.
  var nextArrival: Int64? {
    let bytes = incoming.nextArrival
    guard let resetArrival, !network.isBlocked(from: peerHost, to: place.host) else { return bytes }
    return min(bytes ?? resetArrival, resetArrival)
  }

  private var isReset: Bool {
    guard let resetArrival, resetArrival <= now else { return false }
    return !network.isBlocked(from: peerHost, to: place.host)
  }

  // MARK: - Ends

  /// Ends the sending direction.
  func finishSending() { outgoing.finish(now: now) }

  /// Closes this end as close(2) does, or the end of the process: what was sent before arrives,
  /// then the end, or a reset if bytes were not read.
  func close() {
    let hasUnread = incoming.hasUnread
    incoming.abandon()
    guard hasUnread else { return outgoing.finish(now: now) }
    resetArrival = now
    peer?.learnReset(sent: max(now, outgoing.lastArrival))
  }

  /// Resets the connection: this end knows at once, the other one when it is told.
  func cut() {
    if resetArrival == nil { resetArrival = now }
    incoming.abandon()
    outgoing.abandon()
    peer?.learnReset(sent: now)
  }

  private func learnReset(sent moment: Int64) {
    let arrival = network.arrival(of: moment, from: peerHost, to: place.host)
    resetArrival = min(resetArrival ?? arrival, arrival)
  }

  /// This end lost its power: what is not there yet won't come, and nobody answers.
  ///
  /// - Returns: the other end, which has to be told when the host is back.
  func vanish() -> SimulatedEndpoint? {
    outgoing.lose(after: now)
    incoming.abandon()
    return peer
  }

  /// The other host is back and knows nothing of this connection: what was sent into silence is
  /// answered with a reset.
  func wakeFromSilence() { if outgoing.hasUnacknowledged { answerFromNowhere() } }

  /// A host that has no such connection (any more) answers with a reset.
  private func answerFromNowhere() {
    guard network.answers(peerHost, to: place.host) else { return }
    learnReset(sent: network.arrival(of: now, from: place.host, to: peerHost))
  }
}
