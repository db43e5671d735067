// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

@testable import memd

// What goes wrong in a story. Every fault ends by itself after a while.

extension ReplicationStory {
  private enum Fault: String, CaseIterable {
    case partition, oneWay = "one way", isolation, reset, slowLink = "slow link", pause
    case killFollower = "kill follower", killLeader = "kill leader"
    case restartFollower = "restart follower", restartLeader = "restart leader"
    case clockJump = "clock jump", slowDisk = "slow disk"
  }

  private var faults: [Fault] {
    switch plan.trouble {
    case .links: [.partition, .oneWay, .reset, .slowLink]
    case .followers:
      [
        .partition, .oneWay, .isolation, .reset, .slowLink, .pause, .killFollower,
        .restartFollower, .slowDisk,
      ]
    case .leaders: [.killLeader]
    case .everything: Fault.allCases
    }
  }

  /// Draws when what goes wrong.
  func scheduleFaults() {
    let kinds = faults
    for _ in 0..<plan.faultCount {
      let kind = kinds[number(below: kinds.count)]
      let time = cluster.now + cluster.generator.number(in: 0...plan.milliseconds) * 1_000_000
      cluster.schedule(at: time) { [weak self] in
        guard let self, !isCalm else { return }
        inject(kind)
      }
    }
  }

  private func number(below count: Int) -> Int {
    Int(cluster.generator.number(in: 0...Int64(count - 1)))
  }

  private func later(_ range: ClosedRange<Int64>, _ action: @escaping () -> Void) {
    cluster.schedule(at: cluster.now + cluster.generator.number(in: range), action)
  }

  private func inject(_ kind: Fault) {
    let leader = directory.leader
    let others = cluster.hosts.filter { $0 !== leader }
    let follower = others[number(below: others.count)]
    // Sometimes the way between two followers, or to whoever looks after them.
    let isAnywhere = plan.trouble == .everything
    let names = cluster.hosts.map(\.name) + ["sentinel"]
    let first = isAnywhere ? names[number(below: names.count)] : leader.name
    let second = isAnywhere ? names[number(below: names.count)] : follower.name
    switch kind {
    case .partition:
      cluster.network.partition(first, second)
      healLater()
    case .oneWay:
      cluster.network.block(from: second, to: first)
      healLater()
    case .isolation:
      cluster.network.isolate(isAnywhere ? first : follower.name)
      healLater()
    case .reset: cluster.network.resetConnections(between: first, second)
    case .slowLink:
      cluster.network.setDelay(between: first, second, 20_000_000...300_000_000)
      later(100_000_000...1_000_000_000) { [unowned self] in
        cluster.network.setDelay(between: first, second, plan.delay)
      }
    case .pause:
      let host = isAnywhere ? cluster.hosts[number(below: cluster.hosts.count)] : follower
      host.clock.advance(
        nanoseconds: cluster.generator.number(in: 50_000_000...2_500_000_000))
    case .clockJump:
      let clock = cluster.hosts[number(below: cluster.hosts.count)].clock
      let distance = cluster.generator.number(in: -3000...3000)
      clock.setWall(milliseconds: clock.wallMicroseconds() / 1000 + distance)
    case .slowDisk:
      let host = cluster.hosts[number(below: cluster.hosts.count)]
      guard let helpers = host.server?.helpers as? SimulatedHelpers else { return }
      helpers.durationNanoseconds = 1_000_000...400_000_000
      later(100_000_000...1_500_000_000) { helpers.durationNanoseconds = 0...1_000_000 }
    case .killFollower: guard kill(follower) else { return }
    case .restartFollower: guard terminate(follower) else { return }
    case .killLeader: guard killLeader() else { return }
    case .restartLeader: guard terminate(leader) else { return }
    }
    report.count("fault \(kind.rawValue)")
  }

  private func healLater() {
    later(50_000_000...2_500_000_000) { [unowned self] in cluster.network.heal() }
  }

  // MARK: - Deaths

  /// Whether one may die, or end: what followers promise holds as long as no second one does before
  /// all is well again.
  private var mayDie: Bool {
    isWhole || (plan.trouble != .leaders && plan.promise == .none)
  }

  private func kill(_ host: SimulatedHost) -> Bool {
    guard host.server != nil, mayDie else { return false }
    noteEnd(of: host)
    let isPower = cluster.generator.happens(perMillion: 400_000)
    cluster.kill(host.number, isPower ? .power : .process)
    later(20_000_000...1_500_000_000) { [weak self] in self?.restart(host) }
    return true
  }

  /// The leader dies if all is well, and starts again when another one leads: one that comes back
  /// with less than its followers have would take it from them, as with Redis.
  @discardableResult
  func killLeader(evenIfBehind: Bool = false) -> Bool {
    let host = directory.leader
    guard evenIfBehind || mayDie, host.server != nil else { return false }
    let count = sentinel.failoverCount
    noteEnd(of: host)
    let isPower = cluster.generator.happens(perMillion: 400_000)
    cluster.kill(host.number, isPower ? .power : .process)
    waitingForFailover.insert(host.number)
    restartBehindFailover(host, count)
    return true
  }

  private func restartBehindFailover(_ host: SimulatedHost, _ count: Int) {
    later(50_000_000...400_000_000) { [weak self] in
      guard let self else { return }
      guard sentinel.failoverCount > count else { return restartBehindFailover(host, count) }
      waitingForFailover.remove(host.number)
      restart(host)
    }
  }

  /// Has a server end by itself, with its data saved, and start again; false if it doesn't run.
  private func terminate(_ host: SimulatedHost) -> Bool {
    guard mayDie, let server = host.server, host.isReady, !server.persistence.isLoading else {
      return false
    }
    noteEnd(of: host)
    server.configuration.saveRules = [SaveRule(seconds: 3600, changes: 1)]
    host.terminate()
    restartWhenEnded(host)
    return true
  }

  private func restartWhenEnded(_ host: SimulatedHost) {
    later(5_000_000...50_000_000) { [weak self] in
      // One that was killed before it had ended may not have saved its data.
      guard let self, !waitingForFailover.contains(host.number) else { return }
      if host.server == nil { restart(host) } else { restartWhenEnded(host) }
    }
  }

  /// Starts a server that is down: it follows whoever it is known to follow, or the leader.
  func restart(_ host: SimulatedHost) {
    guard host.server == nil else { return }
    if host === directory.leader {
      host.replicaOf = nil
    } else if !plan.isChained {
      host.replicaOf = LeaderAddress(host: ByteText(directory.leader.name), port: 6379)
    }
    cluster.start(host.number)
  }
}
