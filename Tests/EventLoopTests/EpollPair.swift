// SPDX-License-Identifier: Apache-2.0
import EventLoop
import Testing

/// A transport that listens, another that connects to it, and waits with a limit for both.
final class EpollPair {
  let server: EpollTransport
  let client: EpollTransport
  let listener: Int

  init(_ address: ListenAddress = .init(bind: "127.0.0.1", port: 0)) throws {
    server = try EpollTransport()
    client = try EpollTransport()
    listener = try server.listen(on: address, backlog: 16)
  }

  /// Makes a connection; both its ends.
  func connect(host: String = "127.0.0.1") throws -> (server: Accepted, client: ConnectionID) {
    let port = server.port(ofListener: listener)
    let id = try client.connect(to: host, port: port, from: nil)
    #expect(client.waitFor(.writable, of: id))
    #expect(client.connectError(of: id) == 0)
    client.watchWritable(id, false)
    #expect(server.waitFor(.acceptable(Int32(listener)), of: .none))
    return (try #require(server.accept(from: listener)), id)
  }
}

extension Transport {
  /// Waits until the event comes, two seconds at most.
  func waitFor(_ kind: Event.Kind, of id: ConnectionID) -> Bool {
    var events = EventList()
    for _ in 0..<20 {
      wait(timeoutNanoseconds: 100_000_000, into: &events)
      if events.contains(kind, of: id) { return true }
    }
    return false
  }

  /// The events that are there right now.
  func pending() -> [Event] {
    var events = EventList()
    wait(timeoutNanoseconds: 0, into: &events)
    return events.all
  }

  /// Sends the bytes of a text.
  func send(_ id: ConnectionID, text: String) -> IOResult { send(id, bytes: Array(text.utf8)) }

  /// Sends bytes.
  func send(_ id: ConnectionID, bytes: [UInt8]) -> IOResult {
    unsafe bytes.withUnsafeBytes { unsafe send(id, $0) }
  }

  /// Receives at most `limit` bytes as a text; nil if there are none.
  func receiveText(_ id: ConnectionID, limit: Int = 4096) -> String? {
    var buffer = [UInt8](repeating: 0, count: limit)
    let result = unsafe buffer.withUnsafeMutableBytes { unsafe receive(id, into: $0) }
    guard case .bytes(let count) = result else { return nil }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  /// What a receive says when the bytes don't matter.
  func receiveResult(_ id: ConnectionID) -> IOResult {
    var buffer = [UInt8](repeating: 0, count: 64)
    return unsafe buffer.withUnsafeMutableBytes { unsafe receive(id, into: $0) }
  }
}

extension EventList {
  /// The events as an array.
  var all: [Event] {
    var list: [Event] = []
    for index in 0..<count { list.append(self[index]) }
    return list
  }

  /// Whether an event is in the list.
  func contains(_ kind: Event.Kind, of id: ConnectionID) -> Bool {
    all.contains(Event(id: id, kind: kind))
  }
}
