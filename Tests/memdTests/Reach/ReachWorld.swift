// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

@testable import memd

/// A server with simulated clock, sockets and disk, its follower, and clients that come and go.
final class ReachWorld {
  static let databaseCount = 4
  static let connectionCount = 10

  let clock = SimulatedClock()
  let transport: SimulatedTransport
  let disk: SimulatedDisk
  let server: Server
  let follower: ReachFollower
  private(set) var connections: [ReachConnection] = []
  /// Called with every reply that belongs to a request.
  var onReply: (ReachConnection, ReachRequest, ReachOutcome) -> Void = { _, _, _ in }
  /// Called with the bytes of every successful reply.
  var onBytes: ([UInt8], Range<Int>) -> Void = { _, _ in }
  /// What went wrong first.
  private(set) var failure: String?
  private var hasSent = false

  init(seed: UInt64) {
    transport = SimulatedTransport(clock: clock, seed: seed)
    // Requests are sent whole.
    transport.network.faults.socketBufferByteCount = 64 << 20
    disk = SimulatedDisk(seed: seed, clock: clock)
    disk.setContent(Array("user default on nopass ~* &* +@all\n".utf8), of: "users.acl")
    var secret = seed
    let world = World(
      clock: clock, transport: transport, disk: disk,
      helpers: SimulatedHelpers(transport: transport, seed: seed), seed: seed,
      secretWord: {
        secret = secret &* 6_364_136_223_846_793_005 &+ 1
        return secret
      })
    let configuration = ReachWorld.configuration()
    server = Server(configuration: configuration, world: world, log: Log())
    follower = ReachFollower(
      clock: clock, leader: server, configuration: ReachWorld.configuration())
    _ = try? transport.listen(
      on: .internet(host: "127.0.0.1", port: 6379, isOptional: false), backlog: 16)
    for number in 0..<ReachWorld.connectionCount { connections.append(connect(number)) }
  }

  private static func configuration() -> Configuration {
    let configuration = Configuration()
    configuration.databases = databaseCount
    // Offsets and lengths that are too large are refused before they take the machine's memory.
    configuration.protoMaxBulkLength = 1 << 20
    configuration.enableDebugCommand = .yes
    configuration.enableProtectedConfigs = .yes
    configuration.replBacklogSize = 16 << 20
    configuration.aclFile = "users.acl"
    // Followers have limits of their own, and the form of a sketch is part of its value: this one
    // doesn't change.
    configuration.hllSparseMaxBytes = 300
    return configuration
  }

  private func connect(_ number: Int) -> ReachConnection {
    let simulated = transport.connect()
    server.turn()
    return ReachConnection(number: number, simulated, clientID: server.clients.all.last?.id ?? 0)
  }

  /// The connection with this number, made anew if it has ended.
  func connection(_ number: Int) -> ReachConnection {
    let number = number % connections.count
    if connections[number].simulated.isClosed { connections[number] = connect(number) }
    return connections[number]
  }

  /// The database that a connection has selected.
  func database(of connection: ReachConnection) -> Int {
    server.clients.find(id: connection.clientID)?.database.number ?? 0
  }

  // MARK: - Steps

  /// Does what a step says; `request` is what is known about it, if it is one.
  func perform(_ step: ReachScript.Step, _ request: ReachRequest? = nil) {
    if let pause = step.pause {
      if hasSent { turn() }
      clock.advance(nanoseconds: pause)
    }
    let connection = connection(step.connection)
    hasSent = true
    switch step.event {
    case .request(let words):
      connection.pending.append(request ?? ReachRequest(syntax: nil))
      connection.send(words)
    case .close, .cut:
      if step.event == .close { connection.simulated.close() } else { connection.simulated.cut() }
      connections[connection.number] = connect(connection.number)
    case .pass: break
    }
  }

  /// A turn of the server; replies are matched with requests, and the follower catches up.
  func turn() {
    hasSent = false
    server.turn()
    for number in connections.indices { receive(connections[number]) }
    if failure == nil { failure = follower.catchUp() }
  }

  /// Lets the last step's turn happen.
  func finishTurn() { if hasSent { turn() } }

  private func receive(_ connection: ReachConnection) {
    connection.takeReplies { bytes, range in
      let first = bytes[range.lowerBound]
      if first == UInt8(ascii: ">"), !connection.isLoose { return }
      let isError = first == UInt8(ascii: "-")
      if isError { examine(bytes, range, connection) }
      guard !connection.pending.isEmpty else { return }
      let request = connection.pending.removeFirst()
      let isQueued = bytes[range].elementsEqual("+QUEUED\r\n".utf8)
      if !isError { onBytes(bytes, range) }
      onReply(connection, request, isError ? .failure : isQueued ? .queued : .success)
    }
    if connection.isLoose || connection.simulated.isClosed { connection.pending = [] }
  }

  /// Some errors mean that the run itself, or the server, is wrong; some that a client is stuck.
  private func examine(_ bytes: [UInt8], _ range: Range<Int>, _ connection: ReachConnection) {
    let text = String(decoding: bytes[range].prefix(100), as: UTF8.self)
    let isStuck = ["-ERR Can't execute", "-NOAUTH", "-NOPERM", "-ERR only (P|S)SUBSCRIBE"]
      .contains { text.hasPrefix($0) }
    if isStuck { connection.isStuck = true }
    let mustNotBe = ["-ERR Protocol error", "-ERR unknown command", "-LOADING", "-BUSY "]
    if failure == nil, mustNotBe.contains(where: { text.hasPrefix($0) }) { failure = text }
  }

  /// Compares with the follower and looks at all structures.
  func check(isThorough: Bool) {
    checkInvariants()
    if failure == nil { failure = follower.difference(isThorough: isThorough) }
  }

  /// Looks at all structures.
  func checkInvariants() {
    if failure == nil { failure = KeyspaceInvariants.violation(in: server) }
    if failure == nil { failure = KeyspaceInvariants.violation(in: follower.server) }
  }

  // MARK: - The end

  /// What makes tables that stay once they are there.
  private static let warmUp = [
    "HELLO 3", "SUBSCRIBE c1", "PSUBSCRIBE * m* k? [a-m]* *1* k* c* nothing k1", "SSUBSCRIBE c1",
    "CLIENT TRACKING on", "GET k1",
    "CLIENT TRACKING off", "CLIENT TRACKING on BCAST PREFIX k", "SET k1 1", "PEXPIRE k1 100",
    "HSET k2 f v", "HPEXPIRE k2 100 FIELDS 1 f", "WATCH k1", "BLPOP k3 0.001",
  ]

  /// The bytes in use when nothing is there but what stays from the first use of everything.
  func firstRest() -> Int {
    for line in ReachWorld.warmUp {
      let words = line.split(separator: " ").map { Array($0.utf8) }
      perform(ReachScript.Step(pause: 1_000_000, connection: 0, event: .request(words)))
    }
    connections[0].isLoose = true
    finishTurn()
    return rest()
  }

  /// Everybody leaves and everything is emptied; returns the bytes in use.
  func rest() -> Int {
    for number in connections.indices {
      connections[number].simulated.close()
      server.turn()
      connections[number] = connect(number)
    }
    for line in [
      "CLIENT UNPAUSE", "DEBUG SET-ACTIVE-EXPIRE 1", "DEBUG PAUSE-CRON 0", "DEBUG DICT-RESIZING 1",
      "CONFIG SET maxmemory 0 maxmemory-policy noeviction maxmemory-clients 0",
      "CONFIG SET notify-keyspace-events \"\" hz 10 latency-tracking yes",
      "DEBUG QUICKLIST-PACKED-THRESHOLD 0", "ACL DELUSER u1 u2 u3",
      // An empty database keeps what its wheels stand on.
      "SELECT 3", "SET k 1", "SELECT 2", "SET k 1", "SELECT 1", "SET k 1", "SELECT 0", "SET k 1",
      "FLUSHALL SYNC", "SLOWLOG RESET", "LATENCY RESET", "ACL LOG RESET", "CONFIG RESETSTAT",
      "MEMORY PURGE",
    ] {
      let words = line.split(separator: " ").map { word in
        word == "\"\"" ? [] : Array(word.utf8)
      }
      perform(ReachScript.Step(pause: 1_000_000, connection: 0, event: .request(words)))
    }
    finishTurn()
    for _ in 0..<20_000 {
      clock.advance(milliseconds: 20)
      turn()
      if !server.hasBackgroundWork { break }
    }
    for _ in 0..<50 {
      clock.advance(milliseconds: 100)
      turn()
    }
    return server.allocator.bytesInUse
  }
}
