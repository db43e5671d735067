// SPDX-License-Identifier: Apache-2.0
import EventLoop
import Testing

@Suite struct SimulatedTransportTests {
  private func makeServer(seed: UInt64 = 0) throws -> (SimulatedTransport, SimulatedClock) {
    let clock = SimulatedClock()
    let transport = SimulatedTransport(clock: clock, seed: seed)
    _ = try transport.listen(on: .init(bind: "127.0.0.1", port: 6379), backlog: 8)
    return (transport, clock)
  }

  /// Connects, and accepts on the other side.
  private func connect(_ transport: SimulatedTransport) throws -> (SimulatedClient, ConnectionID) {
    let client = transport.connect()
    return (client, try #require(transport.accept(from: 0)).id)
  }

  @Test func `a client's bytes and close arrive in order`() throws {
    let (transport, _) = try makeServer()
    let client = transport.connect()
    #expect(transport.pending() == [Event(kind: .acceptable(0))])
    let accepted = try #require(transport.accept(from: 0))
    #expect(transport.accept(from: 0) == nil)
    #expect(accepted.peerAddress == client.address)
    #expect(accepted.localAddress == "127.0.0.1:6379")
    #expect(accepted.isLoopback && !accepted.isUnix)
    #expect(transport.pending() == [])
    client.send("PING\r\n")
    client.close()
    #expect(transport.pending() == [Event(id: accepted.id, kind: .readable)])
    #expect(transport.receiveText(accepted.id) == "PING\r\n")
    #expect(transport.receiveResult(accepted.id) == .closed)
  }

  @Test func `replies reach the client, then the end`() throws {
    let (transport, _) = try makeServer()
    let (client, id) = try connect(transport)
    #expect(transport.send(id, text: "+PONG\r\n") == .bytes(7))
    #expect(client.receiveText() == "+PONG\r\n")
    #expect(!client.isClosed)
    #expect(transport.send(id, text: "bye") == .bytes(3))
    transport.close(id)
    #expect(client.receiveText() == "bye")
    #expect(client.isClosed)
  }

  @Test func `a closed slot is reused under another identity`() throws {
    let (transport, _) = try makeServer()
    let (_, first) = try connect(transport)
    transport.close(first)
    let (client, second) = try connect(transport)
    #expect(second.slot == first.slot && second != first)
    client.send("x")
    #expect(transport.receiveResult(first) == .closed)
    #expect(transport.send(first, text: "x") == .closed)
    transport.close(first)
    #expect(transport.receiveText(second) == "x")
  }

  @Test func `a reader that does not read holds the sender up`() throws {
    let (transport, _) = try makeServer()
    transport.network.faults.socketBufferByteCount = 10
    let (client, id) = try connect(transport)
    #expect(transport.send(id, text: "0123456789ab") == .bytes(10))
    #expect(transport.send(id, text: "ab") == .wouldBlock)
    transport.watchWritable(id, true)
    #expect(transport.pending() == [])
    #expect(client.receive(limit: 4) == Array("0123".utf8))
    #expect(transport.pending() == [Event(id: id, kind: .writable)])
    #expect(transport.send(id, text: "ab") == .bytes(2))
    #expect(client.receiveText() == "456789ab")
  }

  @Test func `a cut loses what is under way and fails both ends`() throws {
    let (transport, _) = try makeServer()
    let (client, id) = try connect(transport)
    client.send("lost")
    client.cut()
    #expect(transport.pending() == [Event(id: id, kind: .readable)])
    guard case .failed = transport.receiveResult(id) else {
      Issue.record("the cut is not seen")
      return
    }
    #expect(client.receive().isEmpty)
    #expect(client.isClosed)
  }

  @Test func `an idle wait moves the clock to its timeout and no further`() throws {
    let (transport, clock) = try makeServer()
    var events = EventList()
    transport.wait(timeoutNanoseconds: 5_000_000, into: &events)
    #expect(clock.monotonicNanoseconds() == 0)
    transport.advancesClockWhenIdle = true
    transport.wait(timeoutNanoseconds: 5_000_000, into: &events)
    #expect(events.all == [])
    #expect(clock.monotonicNanoseconds() == 5_000_000)
    transport.wait(timeoutNanoseconds: 0, into: &events)
    transport.wait(timeoutNanoseconds: -1, into: &events)
    #expect(clock.monotonicNanoseconds() == 5_000_000)
  }

  @Test func `an idle wait moves the clock to the next delivery`() throws {
    let (transport, clock) = try makeServer()
    let (client, id) = try connect(transport)
    transport.network.faults.delayNanoseconds = 3_000_000...3_000_000
    client.send("x")
    #expect(transport.pending() == [])
    #expect(transport.nextEventNanoseconds == 3_000_000)
    transport.advancesClockWhenIdle = true
    var events = EventList()
    transport.wait(timeoutNanoseconds: 1_000_000_000, into: &events)
    #expect(events.all == [Event(id: id, kind: .readable)])
    #expect(clock.monotonicNanoseconds() == 3_000_000)
  }

  @Test func `signals, wake-ups and scheduled wake-ups are events`() throws {
    let (transport, clock) = try makeServer()
    transport.deliver(signal: 15)
    #expect(transport.pending() == [])
    transport.watchSignals([15])
    transport.deliver(signal: 15)
    transport.wakeUp()
    transport.scheduleWakeUp(atNanoseconds: 10)
    #expect(transport.pending() == [Event(kind: .signal(15)), Event(kind: .wakeup)])
    #expect(transport.pending() == [])
    clock.advance(nanoseconds: 10)
    #expect(transport.pending() == [Event(kind: .wakeup)])
  }

  /// Several clients send through a network with delays and partial deliveries; what the server
  /// sees.
  private func trace(seed: UInt64) throws -> [String] {
    let (transport, clock) = try makeServer(seed: seed)
    transport.advancesClockWhenIdle = true
    transport.network.faults.delayNanoseconds = 0...1_000_000
    transport.network.faults.deliveredByteCountMax = 7
    transport.network.faults.shufflesEvents = true
    let clients = (0..<5).map { _ in transport.connect() }
    for (number, client) in clients.enumerated() {
      for part in 0..<10 { client.send("<\(number).\(part)>") }
      client.close()
    }
    var lines: [String] = []
    var events = EventList()
    var open = clients.count
    while open > 0 {
      transport.wait(timeoutNanoseconds: -1, into: &events)
      if events.isEmpty { break }
      for event in events.all {
        if case .acceptable = event.kind {
          while let accepted = transport.accept(from: 0) { lines.append(accepted.peerAddress) }
        } else if let text = transport.receiveText(event.id) {
          lines.append("\(clock.monotonicNanoseconds()) \(event.id.word) \(text)")
        } else {
          transport.close(event.id)
          open -= 1
        }
      }
    }
    #expect(open == 0)
    return lines
  }

  @Test func `the same seed gives the same run, another seed another`() throws {
    #expect(try trace(seed: 7) == trace(seed: 7))
    #expect(try trace(seed: 7) != trace(seed: 8))
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `delays and partial deliveries keep each stream's order`(seed: UInt64) throws {
    var streams: [UInt64: String] = [:]
    for line in try trace(seed: seed) {
      let fields = line.split(separator: " ")
      if fields.count == 3, let word = UInt64(fields[1]) {
        streams[word, default: ""] += fields[2]
      }
    }
    let expected = (0..<5).map { number in (0..<10).map { "<\(number).\($0)>" }.joined() }
    #expect(streams.values.sorted() == expected, "seed \(seed)")
  }
}
