// SPDX-License-Identifier: Apache-2.0

/// One direction of a simulated connection: bytes under way, each piece with its time of arrival.
internal final class SimulatedPipe {
  private struct Piece {
    let arrival: Int64
    var bytes: ArraySlice<UInt8>
  }

  private let network: SimulatedNetwork
  private let source: String
  private let target: String
  private var pieces: [Piece] = []
  private var lastArrival: Int64 = 0
  private var byteCount = 0
  private var endArrival: Int64?
  /// Whether the connection was reset; bytes under way are lost.
  private(set) var isCut = false
  /// Whether the receiving side is closed; what is sent goes nowhere.
  private(set) var isAbandoned = false

  init(network: SimulatedNetwork, source: String, target: String) {
    self.network = network
    self.source = source
    self.target = target
  }

  // MARK: - Sending side

  /// How many bytes fit now.
  var room: Int { max(0, network.faults.socketBufferByteCount - byteCount) }

  /// Puts bytes on their way; the result is that of a send.
  func write(_ bytes: [UInt8]) -> IOResult {
    if isCut { return .failed(SystemError.reset.code) }
    if isAbandoned || endArrival != nil { return .closed }
    if bytes.isEmpty { return .bytes(0) }
    guard room > 0 else { return .wouldBlock }
    let count = network.drawn(min(bytes.count, room), limit: network.faults.takenByteCountMax)
    lastArrival = max(lastArrival, network.arrival())
    pieces.append(Piece(arrival: lastArrival, bytes: bytes[..<count]))
    byteCount += count
    return .bytes(count)
  }

  /// Ends the stream behind the bytes that are under way.
  func finish() {
    if endArrival == nil { endArrival = max(lastArrival, network.arrival()) }
  }

  /// Resets: bytes under way are lost.
  func cut() {
    isCut = true
    pieces = []
    byteCount = 0
  }

  // MARK: - Receiving side

  /// The receiver is gone.
  func abandon() {
    isAbandoned = true
    pieces = []
    byteCount = 0
  }

  /// The next moment at which a receive may bring something; nil if nothing is under way.
  var nextArrival: Int64? {
    if isCut { return 0 }
    if network.isPartitioned(source, target) { return nil }
    return pieces.first?.arrival ?? endArrival
  }

  /// Whether a receive brings bytes, the end, or an error.
  var isReadable: Bool {
    guard let nextArrival else { return false }
    return nextArrival <= network.clock.monotonicNanoseconds()
  }

  /// Takes bytes that have arrived.
  func read(limit: Int) -> (result: IOResult, bytes: [UInt8]) {
    if isCut { return (.failed(SystemError.reset.code), []) }
    guard isReadable else { return (.wouldBlock, []) }
    if pieces.isEmpty { return (.closed, []) }
    let wanted = network.drawn(limit, limit: network.faults.deliveredByteCountMax)
    let now = network.clock.monotonicNanoseconds()
    var taken: [UInt8] = []
    var emptied = 0
    while emptied < pieces.count, pieces[emptied].arrival <= now, taken.count < wanted {
      let part = pieces[emptied].bytes.prefix(wanted - taken.count)
      taken += part
      pieces[emptied].bytes.removeFirst(part.count)
      if pieces[emptied].bytes.isEmpty { emptied += 1 }
    }
    pieces.removeFirst(emptied)
    byteCount -= taken.count
    return (.bytes(taken.count), taken)
  }
}

/// One end of a simulated connection.
internal final class SimulatedEndpoint {
  let incoming: SimulatedPipe
  let outgoing: SimulatedPipe
  let localAddress: String
  let peerAddress: String
  private let network: SimulatedNetwork

  private init(
    _ network: SimulatedNetwork, incoming: SimulatedPipe, outgoing: SimulatedPipe,
    localAddress: String, peerAddress: String
  ) {
    self.network = network
    self.incoming = incoming
    self.outgoing = outgoing
    self.localAddress = localAddress
    self.peerAddress = peerAddress
  }

  /// Both ends of a new connection.
  static func pair(
    on network: SimulatedNetwork, clientHost: String, serverHost: String, serverAddress: String
  ) -> (client: SimulatedEndpoint, server: SimulatedEndpoint) {
    let request = SimulatedPipe(network: network, source: clientHost, target: serverHost)
    let reply = SimulatedPipe(network: network, source: serverHost, target: clientHost)
    let clientAddress = network.clientAddress(host: clientHost)
    return (
      SimulatedEndpoint(
        network, incoming: reply, outgoing: request, localAddress: clientAddress,
        peerAddress: serverAddress),
      SimulatedEndpoint(
        network, incoming: request, outgoing: reply, localAddress: serverAddress,
        peerAddress: clientAddress)
    )
  }

  /// A send, which the network may turn into a cut.
  func write(_ bytes: [UInt8]) -> IOResult {
    if network.generator.happens(perMillion: network.faults.cutsPerMillion) { cut() }
    return outgoing.write(bytes)
  }

  /// Whether a send would not be refused for lack of room.
  var isWritable: Bool { outgoing.room > 0 || outgoing.isCut || outgoing.isAbandoned }

  /// Closes this end as close(2) does.
  func close() {
    outgoing.finish()
    incoming.abandon()
  }

  /// Resets the connection for both ends.
  func cut() {
    incoming.cut()
    outgoing.cut()
  }
}
