// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

// A value that goes leaves traces elsewhere: in the wheels of deadlines, in what waits to be freed,
// in the follower. Every command that overwrites or removes a key meets a value of every form here,
// as the table declares them, and then time passes.

@Suite struct OverwritingTests {
  static let commands = CommandSyntax.all(CommandTable())
    .filter { !$0.targetSpecs.isEmpty && SpecialRequests.reasonForFailing($0.name) == nil }
    .map(\.name)

  @Test(arguments: commands) func `a value of any form goes without a trace`(_ name: String) throws
  {
    let meeting = try #require(Meeting(name))
    for target in meeting.command.targetSpecs.indices {
      for form in meeting.command.forms(ofTarget: target) {
        if let problem = meeting.meet(target, form) {
          Issue.record("\(name), target \(target), \(form.name): \(problem)")
          return
        }
      }
    }
  }

  @Test(arguments: commands) func `a value that is due goes first`(_ name: String) throws {
    let meeting = try #require(Meeting(name))
    let forms = ValueForm.all.filter {
      $0.hasDeadline && [.stringEmbedded, .setPacked, .hashTableDeadlines].contains($0.shape)
    }
    for target in meeting.command.targetSpecs.indices {
      for form in forms {
        if let problem = meeting.meetDue(target, form) {
          Issue.record("\(name), target \(target), \(form.name): \(problem)")
          return
        }
      }
    }
  }

  /// What removes keys without naming them.
  static let others = [
    "FLUSHALL", "FLUSHALL SYNC", "FLUSHDB ASYNC", "DEBUG RELOAD", "SWAPDB 0 1",
    "CONFIG SET maxmemory 1 maxmemory-policy allkeys-random", "PING",
  ]

  @Test(arguments: others) func `keys that nobody names go without a trace`(_ line: String) throws {
    let meeting = try #require(Meeting("del"))
    for form in ValueForm.all {
      if let problem = meeting.run(line, form) {
        Issue.record("\(line), \(form.name): \(problem)")
        return
      }
    }
  }
}

/// A server in which one command meets values.
private final class Meeting {
  let command: CommandSyntax
  private let world = ReachWorld(seed: 1)
  private var maker: RequestMaker
  private var outcome: ReachOutcome?
  private var bytesAtRest = 0

  /// Values for commands that read other keys besides: one of each type.
  private static let operands = [
    "SET k1 17", "SET k2 text", "RPUSH k3 a b 1", "SADD k4 a b 1", "ZADD k5 1 a 2 b",
    "HSET k6 f0 v f1 w", "PFADD k8 a b",
    "GEOADD k9 13.3 38.1 m1 15.1 37.5 m2 1 1 m3 2 2 m4 3 3 m5 4 4 m6 5 5 m7 6 6 m8 7 7 m9",
    "XADD k7 1-1 f v", "XGROUP CREATE k7 g1 0", "XREADGROUP GROUP g1 c1 STREAMS k7 >",
  ]

  init?(_ name: String) {
    let all = CommandSyntax.all(CommandTable())
    guard let command = all.first(where: { $0.name == name }) else { return nil }
    self.command = command
    let keys = (0...9).map { Array("k\($0)".utf8) }
    maker = RequestMaker(
      view: KeyspaceView(server: world.server), keys: keys, dice: Dice(seed: 7))
    maker.hostilePercent = 0
    maker.isLavish = false
    world.onReply = { [unowned self] connection, _, outcome in
      if connection.number == 0 { self.outcome = outcome }
    }
    world.onBytes = { [unowned self] bytes, range in
      if let payload = ReplyScanner.payload(bytes, in: range) { maker.payloads = [payload] }
    }
    // Everything that stays from its first use is there before memory is looked at.
    prepare(ValueForm(.hashPackedDeadlines, hasDeadline: true))
    run([["CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "allkeys-random"]])
    pass(1)
    bytesAtRest = emptied()
  }

  // MARK: - Steps

  private func run(_ lines: [[String]]) { send(bytes(lines)) }

  private func bytes(_ lines: [[String]]) -> [[[UInt8]]] {
    lines.map { $0.map { Array($0.utf8) } }
  }

  /// Sends requests in one go, and waits for their replies.
  private func send(_ requests: [[[UInt8]]]) {
    outcome = nil
    for words in requests {
      world.perform(ReachScript.Step(pause: nil, connection: 0, event: .request(words)))
    }
    world.finishTurn()
    // Large ones take several turns.
    for _ in 0..<20 where world.connection(0).isWaiting { world.turn() }
  }

  private func prepare(_ form: ValueForm) {
    let operands = Meeting.operands.map { TestClient.words($0) }
    send(bytes([["FLUSHALL"]] + operands + [["DUMP", "k6"]]) + form.recipe("k0"))
  }

  private func emptied() -> Int {
    run([["CONFIG", "SET", "maxmemory", "0"]])
    // An empty database keeps what its wheels stand on.
    run(["1", "0"].flatMap { [["SELECT", $0], ["SET", "k0", "1"]] } + [["FLUSHALL", "SYNC"]])
    // With the connection go its buffers.
    world.perform(ReachScript.Step(pause: 0, connection: 0, event: .close))
    while world.server.hasBackgroundWork { pass(1) }
    pass(200)
    return world.server.allocator.bytesInUse
  }

  private func pass(_ milliseconds: Int64) {
    world.clock.advance(milliseconds: milliseconds)
    world.turn()
  }

  /// Time passes beyond all deadlines; returns what is wrong then.
  private func problem() -> String? {
    world.check(isThorough: true)
    for milliseconds: Int64 in [900, 300, 1000, 500_000] {
      pass(milliseconds)
      world.checkInvariants()
    }
    world.check(isThorough: false)
    if let failure = world.failure { return failure }
    let bytes = emptied()
    return bytes == bytesAtRest ? nil : "\(bytes) bytes are in use, \(bytesAtRest) at the start"
  }

  // MARK: - Meetings

  /// The command meets a value of a form where one of its targets is; what is wrong then.
  func meet(_ target: Int, _ form: ValueForm) -> String? {
    let key = Array("k0".utf8)
    for _ in 0..<200 {
      prepare(form)
      guard let before = maker.view.place(of: key, in: 0), before.form == form else {
        return "the value can't be made"
      }
      maker.aim = (command.targetSpecs[target], key)
      let draft = maker.request(command, database: 0)
      guard draft.keys.contains(where: { draft.words[$0.word] == key }) else { continue }
      send([draft.words])
      guard outcome == .success else { continue }
      let after = maker.view.place(of: key, in: 0)
      if command.takesWhole(target: target), after?.address == before.address,
        after?.form.shape == before.form.shape
      {
        continue
      }
      return problem()
    }
    return "the command never did anything to it"
  }

  /// The command meets a value that is due and has not been removed yet; what is wrong then.
  func meetDue(_ target: Int, _ form: ValueForm) -> String? {
    let key = Array("k0".utf8)
    run([["DEBUG", "SET-ACTIVE-EXPIRE", "0"]])
    for _ in 0..<8 {
      prepare(form)
      pass(1500)
      maker.aim = (command.targetSpecs[target], key)
      send([maker.request(command, database: 0).words])
      world.check(isThorough: true)
      if let failure = world.failure { return failure }
    }
    return nil
  }

  /// A request that removes keys without naming them meets a value.
  func run(_ line: String, _ form: ValueForm) -> String? {
    prepare(form)
    run([line.split(separator: " ").map(String.init)])
    return problem()
  }
}
