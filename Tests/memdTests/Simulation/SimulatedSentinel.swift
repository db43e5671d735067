// SPDX-License-Identifier: Apache-2.0

import EventLoop
import RESP

@testable import memd

/// Somebody who looks after a cluster as redis-sentinel does: asks everybody how they are, has
/// another one lead when the leader doesn't answer, and tells the rest whom to follow.
///
/// It lives on a host of its own, "sentinel", and knows what it hears and nothing else. Unlike a
/// real one it waits until all others have answered, as a promise to fewer than all followers is
/// kept only by whoever has most.
final class SimulatedSentinel: ClusterActor {
  /// What is known about a server.
  private final class Ward {
    let host: SimulatedHost
    var connection: SimulatedClient?
    var received: [UInt8] = []
    /// When what it has not answered was asked.
    var askedAt: Int64?
    /// When what it has answered last was asked.
    var heardOf = Int64.min
    /// When it was asked last that has said that it leads.
    var ledAt = Int64.min
    var role = ""
    var leader = ""
    var offset = -1
    /// Whether it may lead by its own word.
    var isEligible = true

    init(_ host: SimulatedHost) { self.host = host }

    func disconnect() {
      connection?.cut()
      connection = nil
      received = []
      askedAt = nil
    }
  }

  private let clock: SimulatedClock
  private let directory: LeaderDirectory
  private let wards: [Ward]
  private let interval: Int64 = 50_000_000
  private let downAfter: Int64
  private var nextTick: Int64 = 0
  /// Since when the leader has been down, and who is to lead instead.
  private var downSince: Int64?
  private var candidate: Int?
  /// The server that was told last to lead, and has not said that it does.
  private var asked: Int?
  /// When it was told so.
  private var askedAt = Int64.max
  private(set) var failoverCount = 0

  init(_ cluster: SimulatedCluster, _ directory: LeaderDirectory, downAfter: Int64) {
    clock = cluster.clock
    self.directory = directory
    wards = cluster.hosts.map { Ward($0) }
    self.downAfter = downAfter
  }

  private var now: Int64 { clock.monotonicNanoseconds() }

  var nextAction: Int64? { max(now, nextTick) }

  func act() {
    nextTick = now + interval
    for ward in wards {
      listen(to: ward)
      ask(ward)
    }
    if let candidate { return finishFailover(wards[candidate]) }
    let leader = wards[directory.leader.number]
    // One that follows, whoever has told it to, is no leader.
    guard now - max(leader.ledAt, 0) > downAfter else {
      downSince = nil
      return tellFollowers()
    }
    let since = downSince ?? now
    downSince = since
    let others = wards.filter { $0 !== leader }
    guard others.allSatisfy({ $0.heardOf > since }),
      // The one that was asked last may have heard of it late.
      let best = others.first(where: { $0.role == "master" && $0.host.number == asked })
        ?? others.filter({ $0.role == "slave" && $0.isEligible })
        .max(by: { $0.offset < $1.offset })
        // One that has led and was never told that another one does.
        ?? others.first(where: { $0.role == "master" })
    else { return }
    candidate = best.host.number
    asked = candidate
    askedAt = now
    say("MULTI\r\nREPLICAOF NO ONE\r\nCLIENT KILL TYPE normal\r\nEXEC\r\n", to: best)
  }

  /// The candidate leads as soon as it says so.
  private func finishFailover(_ ward: Ward) {
    guard let since = downSince else { return }
    if ward.role == "master", ward.heardOf > since {
      failoverCount += 1
      directory.lead(by: ward.host, at: now)
      candidate = nil
      asked = nil
      downSince = nil
    } else if ward.connection == nil || (ward.heardOf > askedAt && ward.role == "slave") {
      // It is dead, or another one by now that has not been told: all are asked again who has most.
      candidate = nil
      downSince = now
    }
  }

  private func tellFollowers() {
    let leader = directory.leader
    for ward in wards where ward.host !== leader && ward.heardOf > now - 2 * interval {
      guard ward.role == "master" || ward.leader != leader.name else { continue }
      say(
        "MULTI\r\nREPLICAOF \(leader.name) 6379\r\nCLIENT KILL TYPE normal\r\nEXEC\r\n", to: ward)
      ward.leader = leader.name
      ward.role = "slave"
    }
  }

  // MARK: - Talking

  private func say(_ text: String, to ward: Ward) { ward.connection?.sendAll(text) }

  private func ask(_ ward: Ward) {
    if let askedAt = ward.askedAt {
      if now - askedAt > downAfter { ward.disconnect() }
      return
    }
    if ward.connection?.isClosed ?? true {
      ward.disconnect()
      guard let transport = ward.host.transport, !transport.isFrozen else { return }
      ward.connection = transport.connect(fromHost: "sentinel")
    }
    say("INFO replication\r\n", to: ward)
    ward.askedAt = now
  }

  private func listen(to ward: Ward) {
    guard let connection = ward.connection else { return }
    ward.received += connection.receive()
    while true {
      var parser = ReplyParser(ward.received)
      guard !parser.isAtEnd, let reply = parser.next() else { break }
      ward.received.removeFirst(parser.position)
      if reply.text.hasPrefix("# Replication") { note(reply.text, about: ward) }
    }
    if connection.isClosed { ward.disconnect() }
  }

  private func note(_ text: String, about ward: Ward) {
    guard let askedAt = ward.askedAt else { return }
    ward.askedAt = nil
    ward.heardOf = askedAt
    ward.leader = ""
    for line in text.split(separator: "\r\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      switch parts[0] {
      case "role": ward.role = String(parts[1])
      case "master_host": ward.leader = String(parts[1])
      case "slave_repl_offset": ward.offset = Int(parts[1]) ?? -1
      case "slave_priority": ward.isEligible = parts[1] != "0"
      default: break
      }
    }
    if ward.role == "master" { ward.ledAt = askedAt }
  }
}
