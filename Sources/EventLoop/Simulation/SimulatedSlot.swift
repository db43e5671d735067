// SPDX-License-Identifier: Apache-2.0

/// What a simulated transport remembers of one connection.
internal struct SimulatedSlot {
  /// Our end; nil when the slot is free.
  var endpoint: SimulatedEndpoint?
  /// The listener's path, for connections through a unix socket.
  let path: String?
  /// Distinguishes the connections that had this slot.
  var generation: UInt32 = 0
  /// When an outgoing connection is made or refused; `.max` while the peer doesn't answer.
  var connected: Int64 = 0
  /// Whom an outgoing connection that nobody has answered is for, and when it is tried again.
  var attempt: SimulatedAttempt?
  /// Why an outgoing connection failed; 0 for success.
  var connectError: Int32 = 0
  /// Whether `.writable` is reported.
  var isWritableWatched = false
  /// Whether it carries an encrypted connection.
  var isCarrier = false
  /// Whether `.readable` is reported.
  var isReadableWatched = true

  init(endpoint: SimulatedEndpoint, path: String?) {
    self.endpoint = endpoint
    self.path = path
  }

  /// What `wait` reports now.
  func events(now: Int64) -> (isReadable: Bool, isWritable: Bool) {
    guard let endpoint, connected <= now else { return (false, false) }
    return (
      isReadableWatched && connectError == 0 && endpoint.isReadable,
      isWritableWatched && (connectError != 0 || endpoint.isWritable)
    )
  }

  /// When `events` may have something to say; nil if nothing is under way.
  func nextEvent(now: Int64) -> Int64? {
    if let attempt { return attempt.next }
    guard let endpoint, connected < .max else { return nil }
    if isWritableWatched && (connected > now || connectError != 0 || endpoint.isWritable) {
      return connected
    }
    guard isReadableWatched, let arrival = endpoint.nextArrival else { return nil }
    return max(arrival, connected)
  }
}

/// An outgoing connection that nobody answers: tried again after 1, 3, 7... seconds, as TCP does.
internal struct SimulatedAttempt {
  let host: String
  let port: UInt16
  /// When the next attempt is made.
  private(set) var next: Int64
  private var pause: Int64 = 1_000_000_000
  private var remaining = 6

  init(host: String, port: UInt16, now: Int64) {
    self.host = host
    self.port = port
    next = now &+ pause
  }

  /// Prepares the attempt after the one that is due now; false if that was the last.
  mutating func goOn() -> Bool {
    pause *= 2
    next &+= pause
    remaining -= 1
    return remaining >= 0
  }
}

/// A listener of a simulated transport with the connections that wait at it.
internal struct SimulatedListener {
  /// The port that it has; 0 for unix sockets.
  let port: UInt16
  /// The path of a unix socket.
  let path: String?
  /// Whether it takes connections.
  private(set) var isOpen = true
  /// Whether those that wait are reported.
  var isWatched = true
  private var waiting: [(arrival: Int64, endpoint: SimulatedEndpoint)] = []

  init(port: UInt16, path: String?) {
    self.port = port
    self.path = path
  }

  /// When the next connection arrives.
  var nextArrival: Int64? { waiting.first?.arrival }

  /// Whether a connection can be accepted.
  func isAcceptable(_ now: Int64) -> Bool {
    isOpen && (waiting.first.map { $0.arrival <= now } ?? false)
  }

  /// Adds a connection; the order is that of the arrivals.
  mutating func enqueue(_ endpoint: SimulatedEndpoint, arrival: Int64) {
    let position = waiting.firstIndex { $0.arrival > arrival } ?? waiting.count
    waiting.insert((arrival, endpoint), at: position)
  }

  /// The connection that arrived first; the caller has looked whether there is one.
  mutating func takeFirst() -> SimulatedEndpoint { waiting.removeFirst().endpoint }

  /// The connections that wait, which are nobody's then.
  mutating func takeAll() -> [SimulatedEndpoint] {
    defer { waiting = [] }
    return waiting.map(\.endpoint)
  }

  /// Resets what waits.
  mutating func close() {
    isOpen = false
    for entry in waiting { entry.endpoint.cut() }
    waiting = []
  }
}
