// SPDX-License-Identifier: Apache-2.0

import EventLoop
import RESP

@testable import memd

/// Writes ever higher versions where the leader is, and asks any server for one that is new enough:
/// at least the last that was acknowledged, by its token, or one that is no older than some age.
final class FreshReader: ClusterActor {
  private enum Step {
    case idle
    case writing(version: Int)
    /// With what must be read at least.
    case reading(version: Int, number: Int)
  }

  private let clock: SimulatedClock
  private let cluster: SimulatedCluster
  private let directory: LeaderDirectory
  private var generator: SeededGenerator
  /// Whether the same one leads all the time, so that ages can be checked: one that was deposed and
  /// has not heard of it takes itself for the latest.
  private var checksAges: Bool
  private let firstLeader: SimulatedHost
  private var writer: (connection: SimulatedClient, host: SimulatedHost)?
  private var reader: SimulatedClient?
  private var received: [UInt8] = []
  private var step = Step.idle
  private var startedAt: Int64 = 0
  private var wakeUp: Int64 = 0
  private var lastVersion = 0
  /// Versions that were acknowledged, and when.
  private var acknowledged: [(version: Int, time: Int64)] = []
  var isStopped = false
  private(set) var fault: String?
  private(set) var tokenReads = 0
  private(set) var ageReads = 0
  private(set) var refusals = 0

  init(
    _ cluster: SimulatedCluster, _ directory: LeaderDirectory, seed: UInt64, checksAges: Bool
  ) {
    clock = cluster.clock
    self.cluster = cluster
    self.directory = directory
    self.checksAges = checksAges
    firstLeader = directory.leader
    generator = SeededGenerator(seed: seed)
  }

  private var now: Int64 { clock.monotonicNanoseconds() }

  var nextAction: Int64? { isStopped ? nil : max(now, wakeUp) }

  func act() {
    wakeUp = now + generator.number(in: 500_000...8_000_000)
    if directory.leader !== firstLeader { checksAges = false }
    if now - startedAt > 2_000_000_000 { giveUp() }
    switch step {
    case .idle: write()
    case .writing(let version): hearOfWrite(version)
    case .reading(let version, let number): hearOfRead(version, number)
    }
  }

  private func giveUp() {
    writer?.connection.cut()
    writer = nil
    reader?.cut()
    reader = nil
    received = []
    step = .idle
    startedAt = now
  }

  private func write() {
    if writer?.connection.isClosed ?? true || writer?.host !== directory.leader {
      writer?.connection.cut()
      writer = nil
      guard let transport = directory.leader.transport, !transport.isFrozen else { return }
      writer = (transport.connect(fromHost: "writer"), directory.leader)
    }
    lastVersion += 1
    received = []
    writer?.connection.sendAll("SET version \(lastVersion)\r\nMEMD.TOKEN\r\n")
    step = .writing(version: lastVersion)
    startedAt = now
  }

  private func takeReplies(_ count: Int, from connection: SimulatedClient?) -> [Reply]? {
    received += connection?.receive() ?? []
    if connection?.isClosed ?? true {
      giveUp()
      return nil
    }
    var parser = ReplyParser(received)
    var replies: [Reply] = []
    while replies.count < count {
      guard !parser.isAtEnd, let reply = parser.next() else { return nil }
      replies.append(reply)
    }
    received = []
    return replies
  }

  private func hearOfWrite(_ version: Int) {
    guard let replies = takeReplies(2, from: writer?.connection) else { return }
    step = .idle
    guard replies[0] == .ok else { return }
    acknowledged.append((version, now))
    let number = Int(generator.number(in: 0...Int64(cluster.hosts.count - 1)))
    guard let transport = cluster.hosts[number].transport, !transport.isFrozen else { return }
    reader = transport.connect(fromHost: "reader")
    let timeout = generator.number(in: 0...600)
    if checksAges, generator.happens(perMillion: 500_000) {
      let age = generator.number(in: 20...400)
      let threshold = now - age * 1_000_000
      let wanted = acknowledged.last { $0.time <= threshold }?.version ?? 0
      reader?.sendAll("MEMD.FRESHNESS MAXAGE \(age) TIMEOUT \(timeout) ONCE\r\nGET version\r\n")
      step = .reading(version: wanted, number: -1 - number)
    } else {
      reader?.sendAll(
        "MEMD.FRESHNESS AFTER \(replies[1].text) TIMEOUT \(timeout) ONCE\r\nGET version\r\n")
      step = .reading(version: version, number: number)
    }
    startedAt = now
  }

  /// Whether nobody was made the leader in place of the first one: what that one had acknowledged
  /// may be gone then, and the other's data are as new as data can be.
  private var isLedAsEver: Bool {
    directory.leader === cluster.hosts[0]
      && cluster.hosts.dropFirst().allSatisfy { $0.server.map { $0.following != nil } ?? true }
  }

  private func hearOfRead(_ version: Int, _ number: Int) {
    guard let replies = takeReplies(2, from: reader) else { return }
    reader?.close()
    step = .idle
    guard replies[0] == .ok, !replies[1].isError else { return refusals += 1 }
    if number < 0 { ageReads += 1 } else { tokenReads += 1 }
    let found = Int(replies[1].text) ?? 0
    guard found < version, number >= 0 || (checksAges && isLedAsEver) else { return }
    let kind = number < 0 ? "age" : "token"
    fault =
      "a read with a \(kind) from node\(max(number, -1 - number)) found version \(found),"
      + " and \(version) was promised, at \(now)"
  }
}
