// SPDX-License-Identifier: Apache-2.0

import EventLoop

@testable import memd

/// A client that asks for one thing after the other and notes what it hears in the server's
/// history. When its connection ends, or the answer is long in coming, it connects anew.
final class ClusterClient {
  private let number: Int
  private let service: any ClusterService
  /// The host that it is connected to.
  private var host: SimulatedHost?
  private let clock: SimulatedClock
  private var generator: SeededGenerator
  private let thinkNanoseconds: ClosedRange<Int64>
  private let workload: (inout SeededGenerator) -> History.Action?
  /// How long it waits for an answer.
  var timeoutNanoseconds: Int64 = 1_000_000_000

  private var connection: SimulatedClient?
  private var received: [UInt8] = []
  private var pending: (action: History.Action, start: Int64, life: Int)?
  private var wakeUp: Int64?
  /// Requests that were answered.
  private(set) var answerCount = 0
  /// The last answer.
  private(set) var lastReply: Reply?

  init(
    number: Int, service: any ClusterService, clock: SimulatedClock, seed: UInt64,
    thinkNanoseconds: ClosedRange<Int64>,
    workload: @escaping (inout SeededGenerator) -> History.Action?
  ) {
    self.number = number
    self.service = service
    self.clock = clock
    self.thinkNanoseconds = thinkNanoseconds
    self.workload = workload
    generator = SeededGenerator(seed: seed)
    wakeUp = clock.monotonicNanoseconds()
  }

  /// Whether it has nothing more to ask for and waits for no answer.
  var isDone: Bool { pending == nil && wakeUp == nil }

  private var now: Int64 { clock.monotonicNanoseconds() }

  /// When it has something to do; nil if never.
  var nextAction: Int64? {
    guard let pending else { return wakeUp.map { max($0, now) } }
    let end = pending.start + timeoutNanoseconds
    guard let connection else { return now }
    return max(now, min(end, connection.nextArrivalNanoseconds ?? end))
  }

  /// Does what it has to do now.
  func act() {
    guard let pending else { return send() }
    guard let connection else { return finish(.unknown) }
    received += connection.receive()
    var parser = ReplyParser(received)
    if !parser.isAtEnd, let reply = parser.next() {
      received.removeFirst(parser.position)
      lastReply = reply
      answerCount += 1
      let counts = host.map { service.counts($0, sentIn: pending.life) } ?? false
      finish(counts ? Self.outcome(of: reply, to: pending.action) : .unknown)
    } else if connection.isClosed {
      finish(.unknown)
    } else if now >= pending.start + timeoutNanoseconds {
      connection.cut()
      finish(.unknown)
    }
  }

  /// Asks for nothing more; the outcome of what it waits for stays unknown.
  func stop() {
    finish(.unknown)
    wakeUp = nil
  }

  private func finish(_ outcome: History.Outcome) {
    guard let pending else { return }
    service.history.add(
      History.Operation(
        client: number, action: pending.action, start: pending.start, end: now,
        outcome: outcome, life: pending.life))
    self.pending = nil
    if outcome == .unknown { connection = nil }
    wakeUp = now + generator.number(in: thinkNanoseconds)
  }

  private func send() {
    if connection?.isClosed ?? true || host.map({ service.life(of: $0) == nil }) ?? true {
      connection?.cut()
      connection = nil
      host = service.host
      guard let transport = host?.transport, !transport.isFrozen else {
        wakeUp = now + 1_000_000
        return
      }
      connection = transport.connect(fromHost: "client\(number)")
      received = []
    }
    guard let host, let life = service.life(of: host) else {
      wakeUp = now + 1_000_000
      return
    }
    wakeUp = nil
    guard let action = workload(&generator) else { return }
    var bytes = Array("*\(Self.words(of: action).count)\r\n".utf8)
    for word in Self.words(of: action) {
      bytes += Array("$\(word.utf8.count)\r\n\(word)\r\n".utf8)
    }
    pending = (action, now, life)
    connection?.sendAll(bytes)
  }

  private static func words(of action: History.Action) -> [String] {
    switch action {
    case .write(let key, let value): ["SET", "string:\(key)", "\(value)"]
    case .read(let key): ["GET", "string:\(key)"]
    case .append(let key, let value): ["RPUSH", "list:\(key)", "\(value)"]
    case .readList(let key): ["LRANGE", "list:\(key)", "0", "-1"]
    case .save: ["SAVE"]
    case .rewrite: ["BGREWRITEAOF"]
    }
  }

  private static func outcome(of reply: Reply, to action: History.Action) -> History.Outcome {
    if reply.isError { return .failed }
    switch action {
    case .write, .append, .save, .rewrite: return .done([])
    case .read: return .done(Int(reply.text).map { [$0] } ?? [])
    case .readList: return .done(reply.elements.compactMap { Int($0.text) })
    }
  }
}
