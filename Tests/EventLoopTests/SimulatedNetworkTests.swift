// SPDX-License-Identifier: Apache-2.0
import EventLoop
import Testing

@Suite struct SimulatedNetworkTests {
  private let clock = SimulatedClock()
  private let network: SimulatedNetwork
  private let primary: SimulatedTransport
  private let follower: SimulatedTransport

  init() throws {
    network = SimulatedNetwork(clock: clock, seed: 3)
    primary = SimulatedTransport(network: network, host: "primary")
    follower = SimulatedTransport(network: network, host: "follower")
    _ = try primary.listen(on: .init(bind: "*", port: 6379), backlog: 8)
  }

  @Test func `two servers reach each other by name`() throws {
    let out = try follower.connect(to: "primary", port: 6379, from: nil)
    #expect(follower.pending() == [Event(id: out, kind: .writable)])
    #expect(follower.connectError(of: out) == 0)
    follower.watchWritable(out, false)
    let accepted = try #require(primary.accept(from: 0))
    #expect(!accepted.isLoopback && accepted.peerAddress.hasPrefix("follower:"))
    #expect(follower.send(out, text: "PING") == .bytes(4))
    #expect(primary.receiveText(accepted.id) == "PING")
    #expect(primary.send(accepted.id, text: "PONG") == .bytes(4))
    #expect(follower.pending() == [Event(id: out, kind: .readable)])
    #expect(follower.receiveText(out) == "PONG")
  }

  @Test func `nobody listening is a refusal`() throws {
    let out = try follower.connect(to: "primary", port: 1, from: nil)
    #expect(follower.pending() == [Event(id: out, kind: .writable)])
    #expect(follower.connectError(of: out) == SystemError.refused.code)
  }

  @Test func `a partition holds bytes back until it heals`() throws {
    let out = try follower.connect(to: "primary", port: 6379, from: nil)
    follower.watchWritable(out, false)
    let accepted = try #require(primary.accept(from: 0))
    network.partition("primary", "follower")
    #expect(follower.send(out, text: "x") == .bytes(1))
    #expect(primary.pending() == [])
    #expect(primary.nextEventNanoseconds == nil)
    let lost = try follower.connect(to: "primary", port: 6379, from: nil)
    network.heal()
    #expect(primary.receiveText(accepted.id) == "x")
    #expect(!follower.pending().contains { $0.id == lost })
  }

  /// A connection from the follower to the primary, both ends.
  private func connect() throws -> (follower: ConnectionID, primary: ConnectionID) {
    let out = try follower.connect(to: "primary", port: 6379, from: nil)
    follower.watchWritable(out, false)
    return (out, try #require(primary.accept(from: 0)).id)
  }

  @Test func `a killed process ends its connections and frees its port`() throws {
    let (first, firstAccepted) = try connect()
    let (second, _) = try connect()
    #expect(primary.send(firstAccepted, text: "bye") == .bytes(3))
    #expect(follower.send(second, text: "not read") == .bytes(8))
    primary.freeze()
    #expect(primary.send(firstAccepted, text: "never sent") == .bytes(10))
    primary.close(firstAccepted)
    primary.kill()
    #expect(follower.receiveText(first) == "bye")
    #expect(follower.receiveResult(first) == .closed)
    #expect(follower.receiveResult(second) == .failed(SystemError.reset.code))
    let again = SimulatedTransport(network: network, host: "primary")
    #expect(throws: Never.self) {
      try again.listen(on: .init(bind: "*", port: 6379), backlog: 8)
    }
    #expect(throws: ListenError.self) {
      try again.listen(on: .init(bind: "*", port: 6379), backlog: 8)
    }
  }

  @Test func `closing with unread bytes is a reset behind what was sent`() throws {
    let (out, accepted) = try connect()
    #expect(primary.send(accepted, text: "not read") == .bytes(8))
    #expect(follower.send(out, text: "bye") == .bytes(3))
    follower.close(out)
    #expect(primary.send(accepted, text: "more") == .failed(SystemError.reset.code))
    #expect(primary.receiveText(accepted) == "bye")
    #expect(primary.receiveResult(accepted) == .failed(SystemError.reset.code))
  }

  @Test func `a machine without power is silent until it is back`() throws {
    let (quiet, _) = try connect()
    let (sender, accepted) = try connect()
    #expect(primary.send(accepted, text: "last words") == .bytes(10))
    primary.kill(.power)
    #expect(follower.pending() == [Event(id: sender, kind: .readable)])
    #expect(follower.receiveText(sender) == "last words")
    #expect(follower.send(sender, text: "are you there?") == .bytes(14))
    let tried = try follower.connect(to: "primary", port: 6379, from: nil)
    #expect(follower.pending() == [])
    let again = SimulatedTransport(network: network, host: "primary")
    _ = try again.listen(on: .init(bind: "*", port: 6379), backlog: 8)
    // Who has sent something is told; who waits only learns it when it sends.
    #expect(follower.receiveResult(sender) == .failed(SystemError.reset.code))
    #expect(follower.receiveResult(quiet) == .wouldBlock)
    #expect(follower.send(quiet, text: "x") == .bytes(1))
    #expect(follower.receiveResult(quiet) == .failed(SystemError.reset.code))
    // TCP tries again after a second.
    #expect(follower.nextEventNanoseconds == 0)
    follower.close(sender)
    follower.close(quiet)
    #expect(follower.nextEventNanoseconds == 1_000_000_000)
    clock.advance(milliseconds: 1000)
    #expect(follower.pending() == [Event(id: tried, kind: .writable)])
    #expect(follower.connectError(of: tried) == 0)
    #expect(again.accept(from: 0) != nil)
  }

  @Test func `nobody answering for two minutes is a timeout`() throws {
    network.isolate("primary")
    let out = try follower.connect(to: "primary", port: 6379, from: nil)
    var attempts = 0
    while follower.pending().isEmpty, let next = follower.nextEventNanoseconds {
      attempts += 1
      clock.advance(toNanoseconds: next)
    }
    #expect(attempts == 7)
    #expect(clock.monotonicNanoseconds() == 127_000_000_000)
    #expect(follower.connectError(of: out) == SystemError.timedOut.code)
  }

  @Test func `one direction alone can be blocked`() throws {
    let (out, accepted) = try connect()
    network.block(from: "primary", to: "follower")
    #expect(follower.send(out, text: "x") == .bytes(1))
    #expect(primary.receiveText(accepted) == "x")
    #expect(primary.send(accepted, text: "y") == .bytes(1))
    #expect(follower.pending() == [])
    network.resetConnections(between: "primary", "follower")
    // Both cut; what the primary does is not heard.
    #expect(follower.receiveResult(out) == .wouldBlock)
    network.heal("follower", "primary")
    #expect(follower.receiveResult(out) == .failed(SystemError.reset.code))
  }

  @Test func `a reset takes its time and hides behind a partition`() throws {
    let (out, accepted) = try connect()
    network.setDelay(between: "primary", "follower", 5_000_000...5_000_000)
    primary.close(accepted)
    #expect(follower.send(out, text: "x") == .bytes(1))
    #expect(follower.receiveResult(out) == .wouldBlock)
    #expect(follower.nextEventNanoseconds == 5_000_000)
    clock.advance(milliseconds: 5)
    #expect(follower.receiveResult(out) == .closed)
    clock.advance(milliseconds: 5)
    #expect(follower.send(out, text: "x") == .failed(SystemError.reset.code))
  }

  @Test func `a slow reader with a small window holds its sender up`() throws {
    follower.windowByteCount = 4
    let (out, accepted) = try connect()
    #expect(primary.send(accepted, text: "123456") == .bytes(4))
    #expect(primary.send(accepted, text: "56") == .wouldBlock)
    #expect(follower.receiveText(out) == "1234")
    #expect(primary.send(accepted, text: "56") == .bytes(2))
    // The other direction has its own.
    #expect(follower.send(out, text: "123456") == .bytes(6))
  }

  @Test func `bytes take their time one behind the other`() throws {
    let (out, accepted) = try connect()
    network.faults.nanosecondsPerByte = 10
    #expect(follower.send(out, text: "0123456789") == .bytes(10))
    #expect(follower.send(out, text: "01234") == .bytes(5))
    clock.advance(nanoseconds: 100)
    #expect(primary.receiveText(accepted) == "0123456789")
    #expect(primary.receiveResult(accepted) == .wouldBlock)
    clock.advance(nanoseconds: 50)
    #expect(primary.receiveText(accepted) == "01234")
  }

  @Test func `a host with a clock of its own sends from its own time`() throws {
    let ahead = SimulatedClock()
    let busy = SimulatedTransport(network: network, host: "busy", clock: ahead)
    ahead.advance(milliseconds: 3)
    let out = try busy.connect(to: "primary", port: 6379, from: nil)
    #expect(primary.accept(from: 0) == nil)
    clock.advance(milliseconds: 3)
    let accepted = try #require(primary.accept(from: 0)).id
    ahead.advance(milliseconds: 2)
    #expect(busy.send(out, text: "x") == .bytes(1))
    #expect(primary.receiveResult(accepted) == .wouldBlock)
    #expect(primary.nextEventNanoseconds == 5_000_000)
    clock.advance(milliseconds: 2)
    #expect(primary.receiveText(accepted) == "x")
  }
}
