// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A planned change of roles (FAILOVER): a leader lets one of its followers get everything, then
/// follows it. A pure state machine, from what happens to what is to be done.
///
///     idle --begin--> waiting --a follower has everything--> handing over --it agrees--> idle
///                        |     (FORCE: or the time is over)      |
///                        |                                       +--it refuses, or abort--> idle:
///                        +--the time is over, or abort--> idle        the server leads again
///
/// While it isn't idle nobody may write: the offset stays where the follower has to come.
struct Failover {
  /// What was asked for.
  struct Request: Equatable {
    /// Nil: whichever follower is the first to have everything.
    var target: LeaderAddress?
    /// Whether the target takes over when the time is over, whatever it has.
    var isForced = false
    /// When it waits no longer, in monotonic nanoseconds; nil: it waits for ever.
    var deadline: Int64?
  }

  /// A follower that gets the stream.
  struct Candidate: Equatable {
    let address: LeaderAddress
    let acknowledgedOffset: Int
  }

  /// What the target has heard of the handover.
  enum Asking: Equatable {
    case nothing
    /// PSYNC FAILOVER is sent, and not answered.
    case toTakeOver
    /// It was sent on a link that is lost: the target may have taken over.
    case unsure
    /// As before, and sent again.
    case toTakeOverAgain
    /// PSYNC alone is sent to one that seems to have taken over.
    case toBeFollowed
  }

  enum Stage: Equatable {
    case idle
    case waiting(Request)
    case handingOver(to: LeaderAddress, Asking)
  }

  /// What the target says to PSYNC.
  enum Answer {
    /// It goes on, with what is missing or with everything.
    case resumption, wholeDataset
    case later
    case refusal(ByteText)
  }

  enum Action: Equatable {
    case log(String)
    /// Nobody may write, or everybody again.
    case holdWrites(Bool)
    case askFollowers
    case follow(LeaderAddress)
    /// The server leads again.
    case lead
    /// The answer is to be dealt with as any other.
    case proceed
    /// PSYNC alone is sent on the same link.
    case askPlainly
    /// The link is given up, and made again soon.
    case loseLink
  }

  private(set) var stage = Stage.idle

  var isIdle: Bool { stage == .idle }

  /// Whether PINGs would move the offset away from a target that has little time to come there.
  var needsSilence: Bool {
    if case .waiting(let request) = stage { request.deadline != nil } else { false }
  }

  /// INFO's word.
  var stageName: String {
    switch stage {
    case .idle: "no-failover"
    case .waiting: "waiting-for-sync"
    case .handingOver: "failover-in-progress"
    }
  }

  // MARK: - Waiting

  /// It is asked for; none may be under way.
  mutating func begin(_ request: Request) -> [Action] {
    precondition(isIdle, "two failovers at once")
    stage = .waiting(request)
    let target = request.target.map { "\($0.host.logText):\($0.port)" } ?? "any replica"
    return [.log("FAILOVER requested to \(target)."), .holdWrites(true), .askFollowers]
  }

  /// Looks whether the handover may begin.
  ///
  /// - Parameters:
  ///   - now: monotonic nanoseconds.
  ///   - offset: the end of the stream.
  mutating func look(at candidates: [Candidate], offset: Int, now: Int64) -> [Action] {
    guard case .waiting(let request) = stage else { return [] }
    if let deadline = request.deadline, deadline <= now {
      guard request.isForced, let target = request.target else {
        return abort("Replica never caught up before timeout")
      }
      return handOver(
        to: target,
        "FAILOVER to \(target.host.logText):\(target.port) time out exceeded, failing over.")
    }
    let synced = candidates.first { candidate in
      candidate.acknowledgedOffset == offset
        && (request.target.map { candidate.address.isSame(as: $0) } ?? true)
    }
    guard let target = synced.map({ request.target ?? $0.address }) else { return [] }
    return handOver(
      to: target,
      "Failover target \(target.host.logText):\(target.port) is synced, failing over.")
  }

  private mutating func handOver(to target: LeaderAddress, _ line: String) -> [Action] {
    stage = .handingOver(to: target, .nothing)
    return [.log(line), .follow(target)]
  }

  // MARK: - Handing over

  /// PSYNC is about to be sent to the leader, who is the target if there is a handover.
  ///
  /// - Returns: whether it is to ask to take over.
  mutating func ask() -> Bool {
    guard case .handingOver(let target, let asking) = stage else { return false }
    stage = .handingOver(to: target, asking == .nothing ? .toTakeOver : .toTakeOverAgain)
    return true
  }

  /// The link to the target is lost, or could not be made.
  mutating func noteLostLink() {
    guard case .handingOver(let target, let asking) = stage, asking != .nothing else { return }
    stage = .handingOver(to: target, .unsure)
  }

  /// The target has answered.
  ///
  /// One that was asked before may have taken over without having been heard. It refuses to do so
  /// twice, and agrees to be followed by whoever has no more than it. One that has lost its data,
  /// too, and leads is not followed: this server has them.
  mutating func hear(_ answer: Answer) -> [Action] {
    guard case .handingOver(let target, let asking) = stage else { return [.proceed] }
    switch (answer, asking) {
    case (.resumption, _), (.wholeDataset, .toTakeOver), (.wholeDataset, .toTakeOverAgain):
      stage = .idle
      return [.holdWrites(false), .proceed]
    case (.refusal(let text), .toTakeOverAgain) where Failover.leads(text):
      stage = .handingOver(to: target, .toBeFollowed)
      return [.askPlainly]
    case (.later, .toTakeOverAgain), (.later, .toBeFollowed):
      return [.loseLink]
    default:
      return abort("Failover target rejected psync request")
    }
  }

  /// Whether a target refuses because it leads already.
  private static func leads(_ refusal: ByteText) -> Bool {
    refusal == "-ERR PSYNC FAILOVER can't be sent to a master."
  }

  /// The target has refused to be followed before it was asked to take over.
  ///
  /// - Returns: nothing if it may have been asked before: then it may lead, and is asked again.
  mutating func hearRefusedGreeting() -> [Action] {
    guard case .handingOver(_, .nothing) = stage else { return [] }
    return abort("Failover target doesn't let this server follow it")
  }

  // MARK: - The end

  /// Gives it up; nothing happens if there is none.
  mutating func abort(_ reason: String) -> [Action] {
    let target: LeaderAddress?
    var actions: [Action] = []
    switch stage {
    case .idle: return []
    case .waiting(let request): target = request.target
    case .handingOver(let address, _):
      target = address
      actions.append(.lead)
    }
    stage = .idle
    let name = target.map { "\($0.host.logText):\($0.port)" } ?? "any replica"
    return [.log("FAILOVER to \(name) aborted: \(reason)")] + actions + [.holdWrites(false)]
  }
}

extension LeaderAddress {
  /// Whether both name the same place, in whatever case.
  func isSame(as other: LeaderAddress) -> Bool {
    port == other.port && host.rawSpan.spells(other.host)
  }
}
