// SPDX-License-Identifier: Apache-2.0

import EventLoop

@testable import memd

/// A machine of a simulated cluster: its disk and clock last, its server comes and goes.
final class SimulatedHost {
  /// For looking into a failure.
  private static let showsLog = ProcessFacts.environment("MEMD_LOG") != nil

  let name: String
  let number: Int
  /// Counts from the same start as the network's clock; its wall time may differ.
  let clock: SimulatedClock
  let disk: SimulatedDisk
  private let network: SimulatedNetwork
  private let configure: (Configuration) -> Void

  private(set) var transport: SimulatedTransport?
  private(set) var server: Server?
  /// How often a server was started here before.
  private(set) var life = -1
  /// Whether the server has loaded its data.
  private(set) var isReady = false
  /// What the last server that ended by itself left with; nil if none did.
  private(set) var exitCode: Int32?
  /// The server that the next one here follows from its start.
  var replicaOf: LeaderAddress?
  /// What clients asked for, if they note it.
  var history = History()

  /// When the server has something to do by itself.
  private var timer: Int64 = 0
  private var terminationStart: Int64?

  init(
    name: String, number: Int, network: SimulatedNetwork, seed: UInt64,
    configure: @escaping (Configuration) -> Void
  ) {
    self.name = name
    self.number = number
    self.network = network
    self.configure = configure
    clock = SimulatedClock()
    disk = SimulatedDisk(seed: seed, clock: clock)
  }

  /// Starts a server on what the disk has.
  func start(seed: UInt64) {
    precondition(server == nil, "\(name) is running")
    life += 1
    isReady = false
    exitCode = nil
    timer = 0
    clock.advance(toNanoseconds: network.clock.monotonicNanoseconds())
    let transport = SimulatedTransport(network: network, host: name, clock: clock)
    let configuration = Configuration()
    configuration.bind = ["*"]
    configuration.protectedMode = false
    configure(configuration)
    configuration.replicaOf = replicaOf
    let server = Server(
      configuration: configuration,
      world: World(
        clock: clock, transport: transport, disk: disk,
        helpers: SimulatedHelpers(transport: transport, seed: seed), seed: seed),
      log: Log(
        clock: clock, destination: SimulatedHost.showsLog ? .standardOutput : .nowhere,
        processID: Int32(1000 + life)))
    self.transport = transport
    self.server = server
    disk.deathObserver = { [weak transport] in transport?.freeze() }
    transport.watchSignals(ProcessSignals.ending)
    do throws(ListenError) { try server.updateListeners() } catch {
      preconditionFailure("\(name) can't listen: \(error)")
    }
    server.removeLeftovers()
    server.loadAtStart { [unowned self, unowned server] in
      isReady = true
      if let replicaOf { server.follow(replicaOf) }
    }
  }

  /// When the server's loop has something to do; nil if there is no server.
  var nextTurn: Int64? {
    guard let transport, server != nil else { return nil }
    let next = min(timer, transport.nextEventNanoseconds ?? .max)
    return max(clock.monotonicNanoseconds(), next)
  }

  /// One turn of the loop, which takes as long as its work is charged, and `cost`.
  func turn(cost: Int64) {
    guard let server else { return }
    clock.advance(toNanoseconds: network.clock.monotonicNanoseconds())
    if !server.isStopped { server.turn() }
    clock.advance(nanoseconds: cost)
    timer = clock.monotonicNanoseconds() + server.sleepNanoseconds()
    if server.isStopped, !disk.isDead { end() }
  }

  /// Asks the server to end, by SIGTERM.
  func terminate() {
    terminationStart = clock.monotonicNanoseconds()
    transport?.deliver(signal: 15)
  }

  /// The server has ended by itself.
  private func end() {
    guard let server else { return }
    exitCode = server.exitCode
    if let start = terminationStart, server.exitCode == 0 {
      history.add(
        History.Operation(
          client: -1, action: .save, start: start, end: clock.monotonicNanoseconds(),
          outcome: .done([]), life: life))
    }
    server.closeListeners()
    drop(.process)
    disk.endProcess()
  }

  /// Ends the server as it stands. Its process alone leaves everything on the disk, a machine
  /// without power only what `crash` says.
  func kill(_ death: SimulatedTransport.Death, _ crash: SimulatedCrash = .drawn) {
    drop(death)
    switch death {
    case .process: disk.endProcess()
    case .power: disk.crash(crash)
    }
  }

  private func drop(_ death: SimulatedTransport.Death) {
    guard server != nil else { return }
    transport?.kill(death)
    history.addDeath(at: clock.monotonicNanoseconds())
    terminationStart = nil
    disk.deathObserver = nil
    server = nil
    transport = nil
    isReady = false
  }
}
