// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Answers requests for pages on connections of its own. It knows nothing of the server, and runs
/// on a thread of its own: whoever asks slowly, much or wrongly costs the loop nothing.
///
/// There are few connections, each with little time: one that isn't worth it is closed for one that
/// has just come. A request is answered at once, or again and again asked for until there is an
/// answer or its time is over.
final class HTTPService {
  /// How much is given to clients.
  struct Limits {
    var connectionCount = 64
    /// Nanoseconds for the head of a request, for an answer to be found, for it to be taken, and
    /// until the next request.
    var headTime: Int64 = 5_000_000_000
    var answerTime: Int64 = 2_000_000_000
    var sendTime: Int64 = 10_000_000_000
    var idleTime: Int64 = 60_000_000_000
  }

  /// A request with what the answer depends on.
  struct Question {
    let request: HTTPRequest
    /// Monotonic nanoseconds at which it was complete.
    let askedAt: Int64
    /// Whether it came to an address of this machine alone.
    let isLocal: Bool
  }

  private final class Connection {
    let id: ConnectionID
    let isLocal: Bool
    var received: [UInt8] = []
    var output: ArraySlice<UInt8> = []
    var question: Question?
    var endsAfterOutput = false
    /// Whether the client sends nothing any more; it may still read.
    var hasEnded = false
    var deadline: Int64

    init(_ id: ConnectionID, isLocal: Bool, deadline: Int64) {
      self.id = id
      self.isLocal = isLocal
      self.deadline = deadline
    }

    /// Whether nobody would miss it: no request is complete.
    var isIdle: Bool { question == nil && output.isEmpty }
  }

  private let transport: Transport
  private let clock: Clock
  private let limits: Limits
  /// Answers a question; nil: not yet.
  private let answer: (Question) -> HTTPResponse?
  private var connections: [Connection] = []
  private var events = EventList(capacity: 64)
  private var buffer = [UInt8](repeating: 0, count: 16 << 10)

  init(
    _ transport: Transport, _ clock: Clock, limits: Limits = Limits(),
    answer: @escaping (Question) -> HTTPResponse?
  ) {
    self.transport = transport
    self.clock = clock
    self.limits = limits
    self.answer = answer
  }

  /// Connections that are open.
  var connectionCount: Int { connections.count }

  /// Waits until something happens or is due, and deals with it.
  func turn() {
    let now = clock.monotonicNanoseconds()
    let next = connections.map(\.deadline).min()
    transport.wait(timeoutNanoseconds: next.map { max(0, $0 - now) } ?? -1, into: &events)
    var index = 0
    while index < events.count {
      handle(events[index])
      index += 1
    }
    for connection in connections { proceed(connection) }
    endOverdue()
  }

  /// Closes all connections.
  func close() {
    for connection in connections { transport.close(connection.id) }
    connections = []
  }

  // MARK: - Connections

  private func handle(_ event: Event) {
    switch event.kind {
    case .acceptable(let listener): acceptAll(from: Int(listener))
    case .readable, .hangup: if let connection = find(event.id) { receive(connection) }
    case .writable: if let connection = find(event.id) { send(connection) }
    case .wakeup, .signal: break
    }
  }

  private func find(_ id: ConnectionID) -> Connection? { connections.first { $0.id == id } }

  private func acceptAll(from listener: Int) {
    // Not more at once than there are: those who wait are not in a hurry.
    for _ in 0..<limits.connectionCount {
      guard let accepted = transport.accept(from: listener) else { return }
      if connections.count >= limits.connectionCount { makeRoom() }
      connections.append(
        Connection(
          accepted.id, isLocal: accepted.isLoopback,
          deadline: clock.monotonicNanoseconds() + limits.headTime))
    }
  }

  /// Closes the connection that would be missed least.
  private func makeRoom() {
    let idle = connections.filter(\.isIdle)
    guard let victim = (idle.isEmpty ? connections : idle).min(by: { $0.deadline < $1.deadline })
    else { return }
    end(victim)
  }

  private func end(_ connection: Connection) {
    transport.close(connection.id)
    connections.removeAll { $0 === connection }
  }

  private func endOverdue() {
    let now = clock.monotonicNanoseconds()
    for connection in connections where connection.deadline <= now {
      if connection.question == nil {
        end(connection)
      } else {
        say(HTTPResponse(.unavailable, "The server has not answered in time."), to: connection)
      }
    }
  }

  // MARK: - Requests

  private func receive(_ connection: Connection) {
    while true {
      let result = unsafe buffer.withUnsafeMutableBytes {
        unsafe transport.receive(connection.id, into: $0)
      }
      switch result {
      case .bytes(let count):
        // Who sends more than a request before it is answered has to wait.
        connection.received += buffer.prefix(count)
        if connection.received.count > 2 * HTTPRequest.byteCountMax {
          return transport.watchReadable(connection.id, false)
        }
      case .wouldBlock: return
      case .closed:
        connection.hasEnded = true
        return transport.watchReadable(connection.id, false)
      case .failed: return end(connection)
      }
    }
  }

  /// Reads the next request of a connection, and answers it.
  private func proceed(_ connection: Connection) {
    while connection.output.isEmpty, !connection.endsAfterOutput {
      if connection.question == nil, !readRequest(of: connection) {
        if connection.hasEnded, connection.output.isEmpty { end(connection) }
        return
      }
      guard let question = connection.question, let response = answer(question) else { return }
      say(response, to: connection)
    }
  }

  /// Reads the next request; false if there is none, or if it was refused.
  private func readRequest(of connection: Connection) -> Bool {
    do throws(HTTPRequest.Failure) {
      guard let (request, byteCount) = try HTTPRequest.first(in: connection.received) else {
        return false
      }
      connection.received.removeFirst(byteCount)
      transport.watchReadable(connection.id, !connection.hasEnded)
      let now = clock.monotonicNanoseconds()
      connection.question = Question(
        request: request, askedAt: now, isLocal: connection.isLocal)
      connection.deadline = now + limits.answerTime
      if request.hasBody {
        refuse(connection, HTTPResponse(.tooLarge, "Requests have no body here."))
      } else if request.method == .other {
        refuse(connection, HTTPResponse(.methodNotAllowed, "GET and HEAD only."))
      } else {
        return true
      }
    } catch {
      let response =
        switch error {
        case .malformed: HTTPResponse(.badRequest, "That is no request.")
        case .tooLong: HTTPResponse(.headTooLarge, "The request is too long.")
        case .version: HTTPResponse(.version, "HTTP/1.1 only.")
        }
      refuse(connection, response)
    }
    return false
  }

  /// Answers what can't be right, or must not be read on, and ends the connection.
  private func refuse(_ connection: Connection, _ response: HTTPResponse) {
    connection.endsAfterOutput = true
    say(response, to: connection)
  }

  private func say(_ response: HTTPResponse, to connection: Connection) {
    let request = connection.question?.request
    connection.question = nil
    if request?.keepsAlive != true { connection.endsAfterOutput = true }
    connection.output =
      response.bytes(
        hasBody: request?.method != .head, keepsAlive: !connection.endsAfterOutput)[...]
    connection.deadline = clock.monotonicNanoseconds() + limits.sendTime
    send(connection)
  }

  private func send(_ connection: Connection) {
    while !connection.output.isEmpty {
      let result = unsafe connection.output.withUnsafeBytes {
        unsafe transport.send(connection.id, $0)
      }
      switch result {
      case .bytes(let count): connection.output.removeFirst(count)
      case .wouldBlock: return transport.watchWritable(connection.id, true)
      case .closed, .failed: return end(connection)
      }
    }
    transport.watchWritable(connection.id, false)
    if connection.endsAfterOutput { return end(connection) }
    connection.deadline = clock.monotonicNanoseconds() + limits.idleTime
  }
}
