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
  /// When everything that was sent has arrived.
  private(set) var lastArrival: Int64 = 0
  private var byteCount = 0
  private var endArrival: Int64?
  /// The receiver's window; nil for the network's default.
  var windowByteCount: Int?
  /// What is sent goes nowhere: the receiving end is closed, or gone without a word.
  private(set) var isAbandoned = false

  init(network: SimulatedNetwork, source: String, target: String) {
    self.network = network
    self.source = source
    self.target = target
  }

  // MARK: - Sending side

  /// How many bytes fit now.
  var room: Int {
    max(0, (windowByteCount ?? network.faults.socketBufferByteCount) - byteCount)
  }

  /// Whether the sender has ended the stream.
  var isFinished: Bool { endArrival != nil }

  /// Puts bytes on their way at a moment; the result is that of a send.
  func write(_ bytes: [UInt8], now: Int64) -> IOResult {
    if bytes.isEmpty { return .bytes(0) }
    guard room > 0 else { return .wouldBlock }
    let count = network.drawn(min(bytes.count, room), limit: network.faults.takenByteCountMax)
    byteCount += count
    if isAbandoned { return .bytes(count) }
    lastArrival = max(lastArrival, network.arrival(of: now, from: source, to: target))
    lastArrival &+= network.faults.nanosecondsPerByte &* Int64(count)
    pieces.append(Piece(arrival: lastArrival, bytes: bytes[..<count]))
    network.observer?(source, target, count, lastArrival)
    return .bytes(count)
  }

  /// Ends the stream behind the bytes that are under way.
  func finish(now: Int64) {
    guard endArrival == nil else { return }
    endArrival = max(lastArrival, network.arrival(of: now, from: source, to: target))
  }

  /// What has not arrived at a moment never will.
  func lose(after now: Int64) {
    pieces.removeAll { $0.arrival > now }
    endArrival = nil
  }

  // MARK: - Receiving side

  /// The receiver is gone; bytes under way are lost, what is sent from now on fills the window.
  func abandon() {
    isAbandoned = true
    pieces = []
    byteCount = 0
  }

  /// Whether there are bytes that the receiver has not read.
  var hasUnread: Bool { !pieces.isEmpty }

  /// Whether bytes wait for an acknowledgement.
  var hasUnacknowledged: Bool { byteCount > 0 }

  /// The next moment at which a receive may bring something; nil if nothing is under way.
  var nextArrival: Int64? {
    if isAbandoned || network.isBlocked(from: source, to: target) { return nil }
    return pieces.first?.arrival ?? endArrival
  }

  /// Takes bytes that have arrived.
  func read(limit: Int, now: Int64) -> (result: IOResult, bytes: [UInt8]) {
    guard let nextArrival, nextArrival <= now else { return (.wouldBlock, []) }
    if pieces.isEmpty { return (.closed, []) }
    let wanted = network.drawn(limit, limit: network.faults.deliveredByteCountMax)
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
