// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct HTTPServiceTests {
  /// A service and whoever asks it.
  private final class Stage {
    let clock = SimulatedClock()
    let transport: SimulatedTransport
    private(set) var service: HTTPService!
    /// What is answered; nil: not yet.
    var response: HTTPResponse? = HTTPResponse(.ok, "hello")
    private(set) var paths: [String] = []

    init(limits: HTTPService.Limits = HTTPService.Limits(), windowByteCount: Int? = nil) throws {
      transport = SimulatedTransport(clock: clock)
      transport.windowByteCount = windowByteCount
      _ = try transport.listen(
        on: .internet(host: "127.0.0.1", port: 80, isOptional: false), backlog: 16)
      service = HTTPService(transport, clock, limits: limits) { [unowned self] question in
        if response != nil { paths.append(question.request.path) }
        return response
      }
    }

    func connect() -> SimulatedClient { transport.connect() }

    func turn(milliseconds: Int64 = 0) {
      clock.advance(milliseconds: milliseconds)
      for _ in 0..<4 { service.turn() }
    }

    func ask(_ client: SimulatedClient, _ text: String) -> String {
      client.send(text)
      turn()
      return client.receiveText()
    }
  }

  private static let request = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"

  @Test func `requests are answered one behind the other on one connection`() throws {
    let stage = try Stage()
    let client = stage.connect()
    let text = stage.ask(client, Self.request + "HEAD /b HTTP/1.1\r\n\r\n" + Self.request)
    #expect(stage.paths == ["/a", "/b", "/a"])
    #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(text.contains("\r\nContent-Length: 6\r\n") && text.hasSuffix("\r\n\r\nhello\n"))
    #expect(text.split(separator: "hello\n", omittingEmptySubsequences: false).count == 3)
    #expect(!client.isClosed)
    #expect(stage.ask(client, Self.request).contains("hello"))
  }

  @Test func `bytes may come one by one`() throws {
    let stage = try Stage()
    let client = stage.connect()
    var text = ""
    for byte in Self.request.utf8 {
      #expect(text.isEmpty)
      client.send([byte])
      stage.turn()
      text += client.receiveText()
    }
    #expect(text.contains("hello"))
  }

  @Test(arguments: [
    ("PUT / HTTP/1.1\r\n\r\n", "405 Method Not Allowed"), ("nonsense\r\n\r\n", "400 Bad Request"),
    ("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde", "413 Content Too Large"),
    ("GET / HTTP/3.0\r\n\r\n", "505 HTTP Version Not Supported"),
    (String(repeating: "a", count: 9000), "431 Request Header Fields Too Large"),
    ("GET / HTTP/1.0\r\n\r\n", "200 OK"),
  ])
  func `what ends a connection is answered before`(text: String, status: String) throws {
    let stage = try Stage()
    let client = stage.connect()
    let answer = stage.ask(client, text)
    #expect(answer.hasPrefix("HTTP/1.1 \(status)\r\n"))
    #expect(answer.contains("\r\nConnection: close\r\n"))
    #expect(client.isClosed)
    #expect(stage.service.connectionCount == 0)
  }

  @Test func `a client that has ended may still read its answer`() throws {
    let stage = try Stage()
    stage.response = nil
    let client = stage.connect()
    client.send(Self.request)
    client.finishSending()
    stage.turn()
    #expect(client.receiveText().isEmpty)
    stage.response = HTTPResponse(.ok, "late")
    stage.turn()
    #expect(client.receiveText().contains("late"))
    stage.turn()
    #expect(stage.service.connectionCount == 0)
  }

  @Test func `what isn't answered in time is unavailable`() throws {
    let stage = try Stage()
    stage.response = nil
    let client = stage.connect()
    #expect(stage.ask(client, Self.request).isEmpty)
    stage.turn(milliseconds: 1999)
    #expect(client.receiveText().isEmpty)
    stage.turn(milliseconds: 2)
    #expect(client.receiveText().hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
    stage.response = HTTPResponse(.ok, "again")
    #expect(stage.ask(client, Self.request).contains("again"))
  }

  @Test func `who says nothing, or never ends saying it, is closed`() throws {
    let stage = try Stage()
    let silent = stage.connect()
    let slow = stage.connect()
    slow.send("GET / HT")
    for _ in 0..<7 {
      stage.turn(milliseconds: 900)
      slow.send("T")
    }
    _ = silent.receive()
    _ = slow.receive()
    #expect(silent.isClosed && slow.isClosed)
    let idle = stage.connect()
    _ = stage.ask(idle, Self.request)
    stage.turn(milliseconds: 59_000)
    _ = idle.receive()
    #expect(!idle.isClosed)
    stage.turn(milliseconds: 2_000)
    _ = idle.receive()
    #expect(idle.isClosed)
  }

  @Test func `who doesn't read is closed, and gets all if it does`() throws {
    let stage = try Stage(windowByteCount: 1000)
    stage.response = HTTPResponse(.ok, String(repeating: "x", count: 50_000))
    let client = stage.connect()
    client.windowByteCount = 1000
    client.send(Self.request)
    var count = 0
    for _ in 0..<200 {
      stage.turn()
      count += client.receive().count
    }
    #expect(count > 50_000)
    client.send(Self.request)
    stage.turn()
    stage.turn(milliseconds: 10_001)
    for _ in 0..<200 where !client.isClosed {
      _ = client.receive()
      stage.turn()
    }
    #expect(client.isClosed)
  }

  @Test func `a full house closes whoever would be missed least`() throws {
    var limits = HTTPService.Limits()
    limits.connectionCount = 3
    let stage = try Stage(limits: limits)
    stage.response = nil
    let asking = stage.connect()
    _ = stage.ask(asking, Self.request)
    let idlers = (0..<5).map { _ in
      let client = stage.connect()
      stage.turn(milliseconds: 10)
      return client
    }
    #expect(stage.service.connectionCount == 3)
    stage.response = HTTPResponse(.ok, "hello")
    stage.turn()
    #expect(asking.receiveText().contains("hello"), "one that waits for an answer stays")
    for client in idlers { _ = client.receive() }
    #expect(idlers.map(\.isClosed) == [true, true, true, false, false])
  }

  @Test func `whoever sends on and on isn't read on and on`() throws {
    let stage = try Stage()
    stage.response = nil
    let client = stage.connect()
    client.send(Self.request)
    var count = 0
    for _ in 0..<100 {
      if case .bytes(let taken) = client.send([UInt8](repeating: 65, count: 10_000)) {
        count += taken
      }
      stage.turn()
    }
    #expect(count < 1 << 20)
  }
}
