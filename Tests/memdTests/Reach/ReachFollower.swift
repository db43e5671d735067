// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

@testable import memd

/// Applies the stream of effects of a server in a second one, which must hold the same data.
final class ReachFollower {
  private let leader: Server
  let server: Server
  private let applier: StreamApplier
  private let cursor: StreamCursor
  /// What leader and follower would tell each other.
  private var walk = VerificationWalk()
  private var findings = VerificationFindings()

  init(clock: SimulatedClock, leader: Server, configuration: Configuration) {
    self.leader = leader
    let transport = SimulatedTransport(clock: clock, seed: 2)
    let world = World(
      clock: clock, transport: transport, disk: SimulatedDisk(seed: 2, clock: clock),
      helpers: SimulatedHelpers(transport: transport, seed: 2), seed: 99, secretWord: { 4 })
    server = Server(configuration: configuration, world: world, log: Log())
    applier = StreamApplier(server: server)
    cursor = leader.effects.stream.makeCursor()
  }

  /// Applies what is new; a sentence if that is impossible.
  func catchUp() -> String? {
    let bytes = leader.effects.stream.copy(behind: cursor.position)
    guard !bytes.isEmpty else { return nil }
    cursor.advance(bytes.count)
    server.renewMoment(ticks: 0)
    // What a range by alphabet means among unequal scores depends on the form.
    server.keyspace.limits.update(from: leader.configuration)
    do throws(StreamFailure) {
      try applier.apply(bytes.rawSpan)
    } catch {
      return "stream \(ReachFollower.text(error))"
    }
    return applier.offset == cursor.position ? nil : "stream ends inside of a unit"
  }

  private static func text(_ failure: StreamFailure) -> String {
    switch failure {
    case .protocolError(let offset): return "is no stream of commands at \(offset)"
    case .refused(_, let command, let error):
      let command = String(decoding: command, as: UTF8.self)
      return "\(ReachScript.shortened(command)): \(String(decoding: error, as: UTF8.self))"
    }
  }

  /// What the two don't agree about; nil if nothing.
  func difference(isThorough: Bool) -> String? {
    dataDifference(isThorough: isThorough) ?? falseAlarm()
  }

  /// What comparing themselves would have them say although they agree.
  private func falseAlarm() -> String? {
    while true {
      let text = walk.next(in: leader.keyspace).text
      guard let message = VerificationMessage(text.rawSpan) else { return "a message is none" }
      let found = findings.compare(message, with: server.keyspace, at: 0)
      if let (name, difference) = found.first {
        return "verification: \(name.key.logText) of \(name.database) \(difference.text)"
      }
      if message.endsRound { return nil }
    }
  }

  private func dataDifference(isThorough: Bool) -> String? {
    if !isThorough {
      let isEqual =
        DatasetDigest(server.keyspace).text == DatasetDigest(leader.keyspace).text
      if isEqual { return nil }
    }
    let ours = DatasetText.of(server.keyspace)
    let theirs = DatasetText.of(leader.keyspace)
    if ours == theirs { return nil }
    let onlyTheirs = theirs.first { !ours.contains($0) }
    let onlyOurs = ours.first { !theirs.contains($0) }
    return """
      \(kind(of: onlyTheirs ?? onlyOurs ?? "", isMissing: onlyTheirs == nil)) differs
        leader    \(ReachScript.shortened(onlyTheirs ?? "-"))
        follower  \(ReachScript.shortened(onlyOurs ?? "-"))
      """
  }

  /// The type of the value in a line of the dataset, as a word.
  private func kind(of line: String, isMissing: Bool) -> String {
    let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
    guard words.count == 4, let database = Int(words[0]) else { return "something" }
    let view = KeyspaceView(server: isMissing ? server : leader)
    let type = view.type(of: Array(words[1].utf8), in: database)
    return (isMissing ? "gone-" : "") + (type?.name.description ?? "something")
  }
}
