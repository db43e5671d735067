// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

/// What `Failover` decides, state by state.
@Suite struct FailoverTests {
  private static let node1 = LeaderAddress(host: "node1", port: 6380)
  private static let node2 = LeaderAddress(host: "10.0.0.2", port: 6379)
  private static let leads = Failover.Answer.refusal(
    "-ERR PSYNC FAILOVER can't be sent to a master.")

  private func candidate(_ address: LeaderAddress, _ offset: Int) -> Failover.Candidate {
    Failover.Candidate(address: address, acknowledgedOffset: offset)
  }

  /// One that hands over to node1.
  private func handingOver(isForced: Bool = false) -> Failover {
    var failover = Failover()
    _ = failover.begin(Failover.Request(target: Self.node1, isForced: isForced, deadline: 500))
    _ = failover.look(at: [candidate(Self.node1, 100)], offset: 100, now: 10)
    return failover
  }

  @Test func `a target that doesn't let this server follow it has not been asked`() {
    var failover = handingOver()
    let actions = failover.hearRefusedGreeting()
    #expect(actions.contains(.lead) && actions.last == .holdWrites(false))
    #expect(failover.isIdle)
    let again = failover.hearRefusedGreeting()
    #expect(again == [])
    // One that may have taken over is asked again.
    failover = handingOver()
    _ = failover.ask()
    failover.noteLostLink()
    let late = failover.hearRefusedGreeting()
    #expect(late == [] && !failover.isIdle)
  }

  // MARK: - Waiting

  @Test func `nothing comes of nothing`() {
    var failover = Failover()
    #expect(failover.look(at: [candidate(Self.node1, 7)], offset: 7, now: 1) == [])
    #expect(failover.abort("?") == [])
    #expect(failover.ask() == false)
    failover.noteLostLink()
    #expect(failover.hear(.wholeDataset) == [.proceed])
    #expect(failover.isIdle && failover.stageName == "no-failover")
  }

  @Test func `it holds writes until the target has everything`() {
    var failover = Failover()
    #expect(
      failover.begin(Failover.Request(target: LeaderAddress(host: "NODE1", port: 6380))) == [
        .log("FAILOVER requested to NODE1:6380."), .holdWrites(true), .askFollowers,
      ])
    #expect(failover.stageName == "waiting-for-sync")
    #expect(!failover.needsSilence)
    // Others don't matter, nor those that are behind, or ahead.
    for offset in [0, 99, 101] {
      let candidates = [candidate(Self.node2, 100), candidate(Self.node1, offset)]
      #expect(failover.look(at: candidates, offset: 100, now: .max) == [])
    }
    #expect(
      failover.look(at: [candidate(Self.node1, 100)], offset: 100, now: 1) == [
        .log("Failover target NODE1:6380 is synced, failing over."),
        .follow(LeaderAddress(host: "NODE1", port: 6380)),
      ])
    #expect(failover.stageName == "failover-in-progress")
    #expect(failover.look(at: [candidate(Self.node1, 100)], offset: 100, now: 1) == [])
  }

  @Test func `without a target it is the first that has everything`() {
    var failover = Failover()
    #expect(failover.begin(Failover.Request())[0] == .log("FAILOVER requested to any replica."))
    let candidates = [candidate(Self.node1, 5), candidate(Self.node2, 6)]
    #expect(failover.look(at: candidates, offset: 6, now: 0).last == .follow(Self.node2))
  }

  @Test func `when the time is over it is given up, or forced`() {
    for isForced in [false, true] {
      var failover = Failover()
      _ = failover.begin(
        Failover.Request(target: Self.node1, isForced: isForced, deadline: 500))
      #expect(failover.needsSilence)
      #expect(failover.look(at: [candidate(Self.node1, 1)], offset: 2, now: 499) == [])
      let actions = failover.look(at: [candidate(Self.node1, 1)], offset: 2, now: 500)
      if isForced {
        #expect(
          actions == [
            .log("FAILOVER to node1:6380 time out exceeded, failing over."), .follow(Self.node1),
          ])
        #expect(!failover.needsSilence)
      } else {
        #expect(
          actions == [
            .log("FAILOVER to node1:6380 aborted: Replica never caught up before timeout"),
            .holdWrites(false),
          ])
        #expect(failover.isIdle)
      }
    }
  }

  @Test func `it can be aborted while it waits`() {
    var failover = Failover()
    _ = failover.begin(Failover.Request())
    #expect(
      failover.abort("so") == [
        .log("FAILOVER to any replica aborted: so"), .holdWrites(false),
      ])
    #expect(failover.isIdle)
  }

  // MARK: - Handing over

  @Test(arguments: [Failover.Answer.resumption, .wholeDataset])
  func `who agrees is followed`(answer: Failover.Answer) {
    var failover = handingOver()
    #expect(failover.ask() == true)
    #expect(failover.hear(answer) == [.holdWrites(false), .proceed])
    #expect(failover.isIdle)
  }

  private static let refusals: [Failover.Answer] = [
    .later, .refusal("-NOPERM"), .refusal("-ERR PSYNC FAILOVER replid must match my replid."),
    leads,
  ]

  @Test(arguments: refusals)
  func `who refuses at once is not followed`(answer: Failover.Answer) {
    var failover = handingOver()
    #expect(failover.ask() == true)
    #expect(
      failover.hear(answer) == [
        .log("FAILOVER to node1:6380 aborted: Failover target rejected psync request"), .lead,
        .holdWrites(false),
      ])
    #expect(failover.isIdle)
  }

  @Test func `it can be aborted while it hands over`() {
    for hasAsked in [false, true] {
      var failover = handingOver(isForced: true)
      if hasAsked { #expect(failover.ask() == true) }
      #expect(
        failover.abort("so") == [
          .log("FAILOVER to node1:6380 aborted: so"), .lead, .holdWrites(false),
        ])
      #expect(failover.isIdle)
    }
  }

  @Test func `a link that is lost before it is asked changes nothing`() {
    var failover = handingOver()
    failover.noteLostLink()
    #expect(failover.ask() == true)
    #expect(failover.hear(Self.leads).contains(.lead))
  }

  /// One that has asked on a link that is lost, and then again.
  private func askingAgain() -> Failover {
    var failover = handingOver()
    #expect(failover.ask() == true)
    failover.noteLostLink()
    #expect(failover.stageName == "failover-in-progress")
    #expect(failover.ask() == true)
    return failover
  }

  @Test func `one that may have taken over unheard is followed if it has what is here`() {
    var failover = askingAgain()
    #expect(failover.hear(Self.leads) == [.askPlainly])
    #expect(failover.stageName == "failover-in-progress")
    #expect(failover.hear(.resumption) == [.holdWrites(false), .proceed])
  }

  @Test func `one that leads without what is here is not followed`() {
    for answer in [Failover.Answer.wholeDataset, .refusal("-NOPERM"), Self.leads] {
      var failover = askingAgain()
      #expect(failover.hear(Self.leads) == [.askPlainly])
      #expect(failover.hear(answer).contains(.lead))
      #expect(failover.isIdle)
    }
  }

  @Test func `one that may have taken over is asked until it answers`() {
    var failover = askingAgain()
    #expect(failover.hear(.later) == [.loseLink])
    failover.noteLostLink()
    #expect(failover.ask() == true)
    #expect(failover.hear(Self.leads) == [.askPlainly])
    #expect(failover.hear(.later) == [.loseLink])
    failover.noteLostLink()
    #expect(failover.ask() == true)
    #expect(failover.hear(.wholeDataset) == [.holdWrites(false), .proceed])
  }

  @Test func `one that was asked again and refuses otherwise has not taken over`() {
    var failover = askingAgain()
    #expect(failover.hear(.refusal("-NOPERM")).contains(.lead))
  }
}
