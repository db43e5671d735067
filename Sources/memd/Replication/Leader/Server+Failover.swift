// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// What `Failover` decides is done here.

extension Server {
  /// Does what comes first, and returns whether the link's answer is to be dealt with as any other.
  @discardableResult
  func carryOut(_ actions: [Failover.Action]) -> Bool {
    var proceeds = false
    for action in actions {
      switch action {
      case .log(let line): log.notice(line)
      case .holdWrites(let isHeld): holdWrites(isHeld, for: .failover)
      case .askFollowers: followers.asksForAcknowledgements = true
      case .follow(let leader): follow(leader, .shared)
      case .lead: beginLeading()
      case .askPlainly: askPlainly()
      case .loseLink: loseLinkToTarget()
      case .proceed: proceeds = true
      }
    }
    return proceeds
  }

  /// Begins the handover if it is time; called at the end of turns while one waits.
  func considerFailover() {
    guard !failover.isIdle else { return }
    let candidates = followers.all.compactMap { client -> Failover.Candidate? in
      // Nobody can follow one that has not told its port.
      guard let follower = client.liveFollower, follower.listeningPort > 0 else { return nil }
      return Failover.Candidate(
        address: follower.placeAsLeader(of: client),
        acknowledgedOffset: follower.acknowledgedOffset)
    }
    carryOut(
      failover.look(
        at: candidates, offset: effects.stream.offset, now: clock.monotonicNanoseconds()))
  }

  /// The follower that can be reached at an address; nil if there is none.
  func follower(at address: LeaderAddress) -> Follower? {
    for client in followers.all where !client.isClosing {
      guard let follower = client.follower else { continue }
      if follower.placeAsLeader(of: client).isSame(as: address) { return follower }
    }
    return nil
  }
}

extension Follower {
  /// Where it could be followed itself.
  fileprivate func placeAsLeader(of client: Client) -> LeaderAddress {
    LeaderAddress(host: ByteText(address(of: client)), port: listeningPort)
  }
}
