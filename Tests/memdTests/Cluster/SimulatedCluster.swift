// SPDX-License-Identifier: Apache-2.0

import EventLoop

@testable import memd

/// Servers on one network, each with its disk and its clock, and clients: whose turn it is, and
/// what goes wrong, is a function of the seed.
///
/// Time is that of the next one who has something to do. A server's turn takes time of its own: it
/// runs ahead on its clock, and what it sends leaves when it does, while the others go on.
final class SimulatedCluster {
  /// What work costs.
  struct Prices {
    /// A turn of a loop.
    var turn: ClosedRange<Int64> = 1_000...20_000
    /// A reading of the clock: one per command and per step of background work.
    var reading: Int64 = 1_000
    /// An operation of the disk, and a sync beyond that.
    var diskOperation: Int64 = 10_000
    var sync: ClosedRange<Int64> = 100_000...5_000_000
  }

  let clock = SimulatedClock()
  let network: SimulatedNetwork
  let hosts: [SimulatedHost]
  let prices: Prices
  private(set) var clients: [ClusterClient] = []
  /// Others who do something.
  private(set) var actors: [any ClusterActor] = []
  /// A number for everything that has happened: the same seed, the same number.
  private(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325
  private(set) var turnCount = 0
  var generator: SeededGenerator
  private var events: [(time: Int64, action: () -> Void)] = []
  private var lastValue = 0

  /// Servers "node0", "node1"... that all run.
  init(
    hostCount: Int = 1, seed: UInt64, prices: Prices = Prices(),
    configure: @escaping (Configuration) -> Void = { _ in }
  ) {
    var generator = SeededGenerator(seed: seed)
    let network = SimulatedNetwork(clock: clock, seed: generator.next())
    network.faults.delayNanoseconds = 20_000...500_000
    network.faults.shufflesEvents = true
    hosts = (0..<hostCount).map { number in
      SimulatedHost(
        name: "node\(number)", number: number, network: network, seed: generator.next(),
        configure: configure)
    }
    self.network = network
    self.prices = prices
    self.generator = generator
    network.observer = { [unowned self] source, target, byteCount, arrival in
      note(source)
      note(target)
      note(UInt64(byteCount))
      note(UInt64(arrival))
    }
    for (number, host) in hosts.enumerated() {
      host.clock.nanosecondsPerReading = prices.reading
      host.disk.faults.delayNanoseconds = prices.diskOperation
      host.disk.faults.syncDelayNanoseconds = prices.sync
      host.disk.observer = { [unowned self] operation, path in
        note(UInt64(number))
        note(operation)
        note(path)
      }
      start(number)
    }
  }

  // MARK: - The trace

  private func note(_ number: UInt64) {
    trace = (trace ^ number) &* 0x0000_0100_0000_01B3
    trace ^= trace >> 29
  }

  private func note(_ text: String) {
    for byte in text.utf8 { note(UInt64(byte)) }
  }

  // MARK: - What happens

  var now: Int64 { clock.monotonicNanoseconds() }

  /// A value that no other operation has.
  func nextValue() -> Int {
    lastValue += 1
    return lastValue
  }

  /// Starts the server of a host that has none.
  func start(_ number: Int) { hosts[number].start(seed: generator.next()) }

  /// Ends a server as it stands.
  func kill(
    _ number: Int, _ death: SimulatedTransport.Death = .power, _ crash: SimulatedCrash = .drawn
  ) {
    hosts[number].clock.advance(toNanoseconds: now)
    hosts[number].kill(death, crash)
  }

  /// Lets something happen at a moment.
  func schedule(at time: Int64, _ action: @escaping () -> Void) {
    let position = events.firstIndex { $0.time > time } ?? events.count
    events.insert((time, action), at: position)
  }

  /// Another client of whoever a service says.
  @discardableResult
  func addClient(
    of service: any ClusterService, thinkNanoseconds: ClosedRange<Int64> = 0...2_000_000,
    workload: @escaping (inout SeededGenerator) -> History.Action?
  ) -> ClusterClient {
    let client = ClusterClient(
      number: clients.count, service: service, clock: clock, seed: generator.next(),
      thinkNanoseconds: thinkNanoseconds, workload: workload)
    clients.append(client)
    return client
  }

  /// Another client of a server.
  @discardableResult
  func addClient(
    of host: Int, thinkNanoseconds: ClosedRange<Int64> = 0...2_000_000,
    workload: @escaping (inout SeededGenerator) -> History.Action?
  ) -> ClusterClient {
    addClient(of: hosts[host], thinkNanoseconds: thinkNanoseconds, workload: workload)
  }

  /// Somebody else takes part.
  func add(_ actor: any ClusterActor) { actors.append(actor) }

  /// Ends what all clients do: only now the histories are complete.
  func stopClients() { for client in clients { client.stop() } }

  // MARK: - The scheduler

  private enum Actor {
    case event
    case host(Int)
    case client(Int)
    case other(Int)
  }

  /// Lets the next one do what it has to do; false if there is nothing before `limit`.
  private func step(until limit: Int64) -> Bool {
    var earliest = limit
    var actors: [Actor] = []
    func consider(_ time: Int64?, _ actor: Actor) {
      guard let time, time <= earliest else { return }
      if time < earliest { actors.removeAll(keepingCapacity: true) }
      earliest = time
      actors.append(actor)
    }
    consider(events.first?.time, .event)
    for index in hosts.indices { consider(hosts[index].nextTurn, .host(index)) }
    for index in clients.indices { consider(clients[index].nextAction, .client(index)) }
    for index in self.actors.indices { consider(self.actors[index].nextAction, .other(index)) }
    if actors.isEmpty { return false }
    clock.advance(toNanoseconds: earliest)
    // Whoever is due in the same instant comes in any order.
    let chosen = actors.count == 1 ? 0 : Int(generator.number(in: 0...Int64(actors.count - 1)))
    switch actors[chosen] {
    case .event: events.removeFirst().action()
    case .host(let index):
      turnCount += 1
      note(UInt64(index))
      note(UInt64(now))
      hosts[index].turn(cost: generator.number(in: prices.turn))
    case .client(let index): clients[index].act()
    case .other(let index): self.actors[index].act()
    }
    return true
  }

  /// Lets time pass.
  func run(milliseconds: Int64) {
    let limit = now + milliseconds * 1_000_000
    while step(until: limit) {}
    clock.advance(toNanoseconds: limit)
  }

  /// Lets time pass until something is so; false if it isn't within a minute.
  @discardableResult
  func run(until isSo: () -> Bool) -> Bool {
    let limit = now + 60_000_000_000
    while !isSo() {
      if !step(until: limit) { return false }
    }
    return true
  }
}
