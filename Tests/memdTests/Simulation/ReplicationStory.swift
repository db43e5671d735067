// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

@testable import memd

/// One cluster from its first start until all faults have ended and it is whole again:
///
/// - servers at the same offset of the same history hold the same data, and have the same bytes
///   of it,
/// - what was acknowledged under a promise is there after every failover,
/// - reads with a token or an age find what was promised,
/// - whoever can go on where it was gets no full copy,
/// - what waits for others stays bounded,
/// - and in the end everybody follows the one leader and has all that it has.
final class ReplicationStory {
  let plan: StoryPlan
  let cluster: SimulatedCluster
  let directory: LeaderDirectory
  let sentinel: SimulatedSentinel
  private let hellos: HelloPublisher
  var report = StoryReport()
  private var noise: [NoiseClient] = []
  private var readers: [FreshReader] = []
  /// The data of each point of each history that was seen.
  private var states: [String: (data: [String], host: String)] = [:]
  /// The life of each host whose stream was compared.
  private var comparedLives: [Int: Int] = [:]
  /// Full and partial syncs of servers that have ended.
  private var pastFullSyncs = 0
  private var pastPartialSyncs = 0
  var isCalm = false
  /// Hosts that start when another one leads.
  var waitingForFailover: Set<Int> = []

  /// - Parameter configure: changes the settings that the plan wants.
  init(seed: UInt64, configure: @escaping (Configuration) -> Void = { _ in }) {
    var generator = SeededGenerator(seed: seed)
    let plan = StoryPlan(&generator)
    self.plan = plan
    cluster = SimulatedCluster(
      hostCount: plan.hostCount, seed: generator.next()
    ) {
      plan.configure($0)
      configure($0)
    }
    cluster.network.faults.delayNanoseconds = plan.delay
    directory = LeaderDirectory(cluster.hosts)
    hellos = HelloPublisher(cluster)
    sentinel = SimulatedSentinel(cluster, directory, downAfter: plan.downAfter)
  }

  /// Plays the story and tells what it has met.
  static func play(
    seed: UInt64, configure: @escaping (Configuration) -> Void = { _ in },
    prepare: (ReplicationStory) -> Void = { _ in }
  ) -> StoryReport {
    let story = ReplicationStory(seed: seed, configure: configure)
    story.begin()
    prepare(story)
    story.scheduleFaults()
    story.cluster.run(milliseconds: story.plan.milliseconds)
    story.end()
    story.checkHistory()
    if !story.report.violations.isEmpty { story.report.violate(story.plan.description) }
    return story.report
  }

  // MARK: - Beginning

  private func begin() {
    cluster.run { cluster.hosts.allSatisfy(\.isReady) }
    for host in cluster.hosts.dropFirst() {
      let leader = plan.isChained ? cluster.hosts[host.number - 1] : cluster.hosts[0]
      host.replicaOf = LeaderAddress(host: ByteText(leader.name), port: 6379)
      host.replicaOf.map { host.server?.follow($0) }
    }
    if !isWhole(within: 20_000_000_000) { report.violate("it never became whole") }
    cluster.network.faults.takenByteCountMax = plan.takenByteCountMax
    if !plan.isChained {
      cluster.add(sentinel)
      cluster.add(hellos)
    }
    for _ in 0..<plan.clientCount {
      cluster.addClient(of: directory, thinkNanoseconds: 1_000_000...20_000_000) {
        [unowned cluster] random in
        let key = Int(random.number(in: 0...1))
        switch random.number(in: 0...9) {
        case 0...3: return .write(key: key, value: cluster.nextValue())
        case 4...5: return .read(key: key)
        case 6...8: return .append(key: key, value: cluster.nextValue())
        default: return .readList(key: key)
        }
      }
    }
    let client = NoiseClient(
      cluster, directory, seed: cluster.generator.next(), pace: 2_000_000...25_000_000)
    noise.append(client)
    cluster.add(client)
    let reader = FreshReader(
      cluster, directory, seed: cluster.generator.next(),
      checksAges: plan.trouble == .links || plan.trouble == .followers)
    readers.append(reader)
    cluster.add(reader)
    observe()
  }

  // MARK: - Observation

  /// Looks at everybody now, and again and again.
  private func observe() {
    for host in cluster.hosts {
      if let server = host.server, host.isReady { look(at: server, of: host) }
    }
    cluster.schedule(at: cluster.now + cluster.generator.number(in: 20_000_000...60_000_000)) {
      [weak self] in self?.observe()
    }
  }

  private func look(at server: Server, of host: SimulatedHost) {
    if let following = server.following { report.count("state \(following.stage.word)") }
    for client in server.followers.all {
      if let stage = client.follower?.stage { report.count("state follower \(stage.word)") }
    }
    switch server.promises.synchronous.state {
    case .holding: report.count("state promise holding")
    case .lapsed: report.count("state promise lapsed")
    case .off: break
    }
    if server.gate.contains(.unconfirmed) { report.count("state writes refused") }
    if !server.freshness.waiting.isEmpty { report.count("state reads waiting") }
    if !server.output.held.isEmpty { report.count("state output held") }
    if server.backpressure.isActive { report.count("state writes held") }
    checkBounds(server, of: host)
    guard !server.persistence.isLoading, server.effects.stream.offset > 0 else { return }
    if comparedLives[host.number] != host.life || isCalm {
      comparedLives[host.number] = host.life
      compareStream(of: server, host)
    }
    let point = "\(server.effects.stream.replicationID):\(server.effects.stream.offset)"
    let data = DatasetText.of(server.keyspace)
    guard let known = states[point] else {
      states[point] = (data, host.name)
      return
    }
    report.count("compared states")
    guard known.data != data else { return }
    let difference = Set(known.data).symmetricDifference(data).sorted().prefix(4)
    report.violate(
      "\(host.name) and \(known.host) differ at \(point): \(difference.map { $0.prefix(500) })")
  }

  private func checkBounds(_ server: Server, of host: SimulatedHost) {
    let stream = server.effects.stream
    // A follower that reads nothing is dropped long before; blocks are whole.
    let limit = stream.capacity + (8 << 20)
    if stream.historyCount > limit {
      report.violate("\(host.name) keeps \(stream.historyCount) bytes of its stream")
    }
    for client in server.followers.all where client.limitedOutput > 64 << 20 {
      report.violate("\(host.name) keeps \(client.limitedOutput) bytes for a follower")
    }
  }

  /// A server is about to end: what it has counted is kept.
  func noteEnd(of host: SimulatedHost) {
    pastFullSyncs += host.server?.statistics.fullSyncs ?? 0
    pastPartialSyncs += host.server?.statistics.partialSyncs ?? 0
  }

  private func total(_ past: Int, _ property: (Statistics) -> Int) -> Int {
    cluster.hosts.reduce(past) { $0 + ($1.server.map { property($0.statistics) } ?? 0) }
  }

  // MARK: - The end

  /// Whether everybody follows the leader and has what it has; looks for at most so long.
  private func isWhole(within nanoseconds: Int64) -> Bool {
    let limit = cluster.now + nanoseconds
    while cluster.now < limit {
      cluster.run(milliseconds: 20)
      if isWhole { return true }
    }
    return false
  }

  var isWhole: Bool {
    guard let leader = directory.leader.server, leader.following == nil else { return false }
    return cluster.hosts.allSatisfy { host in
      guard let server = host.server, host.isReady else { return false }
      if server === leader { return true }
      return server.following?.isOnline == true
        && server.effects.stream.offset == leader.effects.stream.offset
        && server.effects.stream.replicationID == leader.effects.stream.replicationID
    }
  }

  private func end() {
    isCalm = true
    cluster.network.heal()
    cluster.network.faults.takenByteCountMax = .max
    for host in cluster.hosts {
      (host.server?.helpers as? SimulatedHelpers)?.durationNanoseconds = 0...1_000_000
      if host.server == nil, waitingForFailover.isEmpty { restart(host) }
    }
    for client in noise { client.isStopped = true }
    // Somebody may still be about to lead.
    cluster.run { waitingForFailover.isEmpty }
    cluster.run(milliseconds: 1500)
    for reader in readers { reader.isStopped = true }
    hellos.isStopped = true
    cluster.stopClients()
    if !isWhole(within: 60_000_000_000) {
      report.violate("it does not become whole: \(cluster.hosts.map(stateText))")
    }
    observe()
    let data = directory.leader.server.map { DatasetText.of($0.keyspace) }
    for host in cluster.hosts where host.server.map({ DatasetText.of($0.keyspace) }) != data {
      report.violate("\(host.name) has other data than the leader in the end")
    }
    conclude()
  }

  private func stateText(_ host: SimulatedHost) -> String {
    guard let server = host.server else { return "\(host.name) is down" }
    let stream = server.effects.stream
    let stage = server.following.map { $0.stage.word } ?? "leads"
    return "\(host.name) \(stage) \(stream.replicationID.prefix(6)):\(stream.offset)"
  }

  private func conclude() {
    let fullSyncs = total(pastFullSyncs) { $0.fullSyncs }
    report.count("full sync", fullSyncs)
    report.count("partial sync", total(pastPartialSyncs) { $0.partialSyncs })
    if plan.trouble == .links, fullSyncs > plan.hostCount - 1 {
      report.violate("\(fullSyncs) full copies for \(plan.hostCount - 1) followers")
    }
    report.count("failover", sentinel.failoverCount)
    for reader in readers {
      report.count("token read", reader.tokenReads)
      report.count("age read", reader.ageReads)
      report.count("refused read", reader.refusals)
      if let fault = reader.fault { report.violate(fault) }
    }
  }

  private func checkHistory() {
    directory.assignStragglers()
    for operation in directory.history.operations {
      switch (operation.action, operation.outcome) {
      case (.write, .done), (.append, .done): report.count("write done")
      case (.write, .failed), (.append, .failed): report.count("write refused")
      case (.write, .unknown), (.append, .unknown): report.count("write unknown")
      default: break
      }
    }
    let hasFailedOver = sentinel.failoverCount > 0
    guard let promise = plan.historyPromise(hasFailedOver: hasFailedOver) else { return }
    if let fault = HistoryChecker.fault(in: directory.history, promise: promise) {
      report.violate("\(fault)")
    }
  }
}

extension Following.Stage {
  /// A word for reports.
  var word: String {
    switch self {
    case .waiting: "waiting"
    case .resolving: "resolving"
    case .connecting: "connecting"
    case .greeting: "greeting"
    case .asking: "asking"
    case .receiving: "receiving"
    case .loading: "loading"
    case .online: "online"
    }
  }
}

extension Follower.Stage {
  /// A word for reports.
  var word: String {
    switch self {
    case .introduced: "introduced"
    case .waiting: "waiting"
    case .sharing: "sharing"
    case .receiving: "receiving"
    case .loading: "loading"
    case .online: "online"
    }
  }
}
