// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP
import Testing

@testable import memd

/// A whole server inside the test: simulated clock, sockets, disk and helpers, and a follower that
/// applies the stream of effects after every command and must hold the same data.
final class TestServer {
  let clock: SimulatedClock
  let transport: SimulatedTransport
  let disk: SimulatedDisk
  let server: Server
  /// The connection that `run` uses.
  private(set) var client: TestClient!
  private let follower: TestFollower?

  init(
    seed: UInt64 = 1, follows: Bool = true,
    families: [any CommandFamily.Type] = unsafe CommandTable.families,
    configure: (Configuration) -> Void = { _ in },
    world change: (inout World) -> Void = { _ in }
  ) {
    clock = SimulatedClock()
    transport = SimulatedTransport(clock: clock, seed: seed)
    disk = SimulatedDisk(seed: seed, clock: clock)
    let configuration = Configuration()
    configure(configuration)
    var world = World(
      clock: clock, transport: transport, disk: disk,
      helpers: SimulatedHelpers(transport: transport, seed: seed), seed: seed)
    change(&world)
    server = Server(
      configuration: configuration, world: world, log: TestServer.silentLog(clock),
      families: families)
    _ = try? transport.listen(
      on: .internet(host: "127.0.0.1", port: 6379, isOptional: false), backlog: 16)
    follower = follows ? TestFollower(clock: clock, leader: server) : nil
    client = connect()
  }

  static func silentLog(_ clock: Clock) -> Log { Log() }

  /// Another client.
  func connect() -> TestClient { TestClient(self) }

  /// Runs a command line, words separated by blanks (quotes as in redis-cli), on the first client.
  @discardableResult
  func run(_ line: String) -> Reply { client.run(line) }

  /// Runs a command given as words.
  @discardableResult
  func run(_ words: [String]) -> Reply { client.run(words) }

  /// Lets simulated time pass; timers run.
  func advance(milliseconds: Int64) {
    clock.advance(milliseconds: milliseconds)
    turn()
  }

  /// One turn of the loop, then the follower catches up.
  func turn() {
    server.turn()
    follower?.catchUp()
  }
}

/// A connection to a `TestServer`.
final class TestClient {
  private unowned let owner: TestServer
  var server: TestServer { owner }
  let connection: SimulatedClient
  private var received: [UInt8] = []

  fileprivate init(_ owner: TestServer) {
    self.owner = owner
    connection = owner.transport.connect()
    owner.turn()
  }

  /// Sends a command and returns its reply; `.null` if there was none.
  @discardableResult
  func run(_ line: String) -> Reply { run(TestClient.words(line)) }

  /// Sends a command and returns its reply.
  @discardableResult
  func run(_ words: [String]) -> Reply {
    send(words)
    owner.turn()
    return next() ?? .error("no reply")
  }

  /// Sends a command without waiting.
  func send(_ words: [String]) {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.utf8.count)\r\n\(word)\r\n".utf8) }
    // What the connection doesn't take at once goes when the server has read some of it.
    var rest = bytes[...]
    var refusals = 0
    while !rest.isEmpty, refusals < 10_000 {
      if case .bytes(let count) = connection.send(Array(rest)) {
        rest = rest.dropFirst(count)
      } else {
        refusals += 1
        owner.turn()
      }
    }
  }

  /// Sends raw bytes and returns what came back.
  func exchange(_ text: String) -> String {
    _ = connection.send(text)
    owner.turn()
    return connection.receiveText()
  }

  /// The next reply that has arrived, if any.
  func next() -> Reply? {
    received += connection.receive()
    var parser = ReplyParser(received)
    guard !parser.isAtEnd, let reply = parser.next() else { return nil }
    received.removeFirst(parser.position)
    return reply
  }

  /// Splits at blanks; double quotes hold a word together.
  static func words(_ line: String) -> [String] {
    var words: [String] = []
    var word = ""
    var isQuoted = false
    var hasWord = false
    for character in line {
      if character == "\"" {
        isQuoted.toggle()
        hasWord = true
      } else if character == " ", !isQuoted {
        if hasWord { words.append(word) }
        word = ""
        hasWord = false
      } else {
        word.append(character)
        hasWord = true
      }
    }
    if hasWord { words.append(word) }
    return words
  }
}

/// Applies a leader's stream inside the test and compares.
private final class TestFollower {
  private let leader: Server
  private let server: Server
  private let applier: StreamApplier
  private let cursor: StreamCursor

  init(clock: SimulatedClock, leader: Server) {
    self.leader = leader
    let configuration = Configuration()
    configuration.databases = leader.configuration.databases
    let transport = SimulatedTransport(clock: clock, seed: 2)
    let world = World(
      clock: clock, transport: transport, disk: SimulatedDisk(seed: 2, clock: clock),
      helpers: SimulatedHelpers(transport: transport, seed: 2), seed: 99)
    server = Server(configuration: configuration, world: world, log: TestServer.silentLog(clock))
    applier = StreamApplier(server: server)
    cursor = leader.effects.stream.makeCursor()
  }

  /// Reads what is new in the leader's stream, applies it, and compares the data.
  func catchUp() {
    let bytes = leader.effects.stream.copy(behind: cursor.position)
    guard !bytes.isEmpty else { return }
    cursor.advance(bytes.count)
    server.renewMoment(ticks: 0)
    do throws(StreamFailure) {
      try applier.apply(bytes.rawSpan)
    } catch {
      Issue.record("the stream can't be applied: \(error)")
    }
    #expect(applier.offset == cursor.position, "the turn ended inside of a unit")
    let ours = DatasetText.of(server.keyspace)
    let theirs = DatasetText.of(leader.keyspace)
    #expect(ours == theirs, "the follower has other data than its leader")
    #expect(
      server.scripting.libraries.libraries.map(\.code)
        == leader.scripting.libraries.libraries.map(\.code),
      "the follower has other functions than its leader")
  }
}
