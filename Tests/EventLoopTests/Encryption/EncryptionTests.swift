// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import EventLoop

/// Two hosts of a simulated network, one of which listens with encryption.
private final class Hosts {
  let clock = SimulatedClock()
  let network: SimulatedNetwork
  let server: SimulatedTransport
  let client: SimulatedTransport
  let serverEncryption: Encryption
  let clientEncryption: Encryption
  let listener: Int
  var refusals: [HandshakeRefusal] = []

  init(seed: UInt64 = 1) throws {
    let certificates = try TestCertificates.shared.get()
    network = SimulatedNetwork(clock: clock, seed: seed)
    server = SimulatedTransport(network: network, host: "server")
    client = SimulatedTransport(network: network, host: "client")
    serverEncryption = Encryption(server, clock)
    clientEncryption = Encryption(client, clock)
    server.encryption = serverEncryption
    client.encryption = clientEncryption
    serverEncryption.serverContext = try certificates.context("server")
    clientEncryption.clientContext = try certificates.context("client")
    listener = try serverEncryption.listen(on: .init(bind: "*", port: 6379), backlog: 8)
    serverEncryption.onRefusal = { [unowned self] in refusals.append($0) }
  }

  /// The events of both, after time for what is under way.
  func turn() -> (server: [Event], client: [Event]) {
    clock.advance(milliseconds: 1)
    return (server.pending(), client.pending())
  }

  /// Makes a connection; both its ends.
  func connect() throws -> (server: ConnectionID, client: ConnectionID) {
    let id = try clientEncryption.connect(to: "server", port: 6379, from: nil)
    var accepted: Accepted?
    var isConnected = false
    for _ in 0..<20_000 where accepted == nil || !isConnected {
      let events = turn()
      if events.server.contains(Event(kind: .acceptable(Int32(listener)))) {
        accepted = server.accept(from: listener)
      }
      if events.client.contains(Event(id: id, kind: .writable)) {
        isConnected = true
        #expect(client.connectError(of: id) == 0)
      }
    }
    client.watchWritable(id, false)
    return (try #require(accepted).id, id)
  }
}

@Suite struct EncryptionTests {
  @Test func `an encrypted connection looks like any other`() throws {
    let hosts = try Hosts()
    let (server, client) = try hosts.connect()
    #expect(server.isEncrypted && client.isEncrypted)
    #expect(hosts.server.peerAddress(of: server).hasPrefix("client:"))
    #expect(hosts.server.descriptor(of: server) == Int32(server.slot))
    #expect(hosts.serverEncryption.peerNames(of: server, .commonName) == [Array("client".utf8)])
    #expect(hosts.client.send(client, text: "PING\r\n") == .bytes(6))
    #expect(hosts.turn().server == [Event(id: server, kind: .readable)])
    #expect(hosts.server.receiveText(server) == "PING\r\n")
    #expect(hosts.server.receiveResult(server) == .wouldBlock)
    #expect(hosts.turn().server == [])
    #expect(hosts.server.send(server, text: "+PONG\r\n") == .bytes(7))
    hosts.server.close(server)
    #expect(hosts.turn().client.contains(Event(id: client, kind: .readable)))
    #expect(hosts.client.receiveText(client) == "+PONG\r\n")
    _ = hosts.turn()
    #expect(hosts.client.receiveResult(client) == .closed)
    #expect(hosts.server.receiveResult(server) == .closed)
    #expect(hosts.server.send(server, text: "x") == .closed)
    #expect(hosts.server.descriptor(of: server) == -1)
  }

  @Test(arguments: 1...8)
  func `everything arrives, however the network cuts it`(seed: UInt64) throws {
    let hosts = try Hosts(seed: seed)
    var generator = SeededGenerator(seed: seed)
    hosts.network.faults.deliveredByteCountMax = Int(generator.number(in: 1...3000))
    hosts.network.faults.takenByteCountMax = Int(generator.number(in: 1...3000))
    hosts.network.faults.socketBufferByteCount = Int(generator.number(in: 100...60_000))
    let (server, client) = try hosts.connect()
    let ends = [(hosts.client, client), (hosts.server, server)]
    let sent = (0..<2).map { way in
      (0..<120_000).map { UInt8(truncatingIfNeeded: $0 &* (way == 0 ? 31 : 17)) }
    }
    var progress = [0, 0]
    var received: [[UInt8]] = [[], []]
    for (transport, id) in ends { transport.watchWritable(id, true) }
    for _ in 0..<200_000 where received[0].count < 120_000 || received[1].count < 120_000 {
      let events = hosts.turn()
      for (way, list) in [events.client, events.server].enumerated() {
        let (transport, id) = ends[way]
        for event in list where event.id == id {
          if event.kind == .writable, progress[way] < 120_000 {
            let limit = min(120_000, progress[way] + Int(generator.number(in: 1...50_000)))
            let part = Array(sent[way][progress[way]..<limit])
            if case .bytes(let count) = transport.send(id, bytes: part) {
              progress[way] += count
            }
          } else if event.kind == .readable {
            var room = [UInt8](repeating: 0, count: Int(generator.number(in: 1...40_000)))
            let result = unsafe room.withUnsafeMutableBytes {
              unsafe transport.receive(id, into: $0)
            }
            if case .bytes(let count) = result { received[1 - way] += room[..<count] }
          }
        }
      }
    }
    #expect(received == sent)
  }

  @Test func `what was decrypted and not read is announced again`() throws {
    let hosts = try Hosts()
    let (server, client) = try hosts.connect()
    #expect(hosts.client.send(client, text: "abcdef") == .bytes(6))
    #expect(hosts.turn().server == [Event(id: server, kind: .readable)])
    #expect(hosts.server.receiveText(server, limit: 2) == "ab")
    // The carrier has nothing any more.
    #expect(hosts.turn().server == [Event(id: server, kind: .readable)])
    hosts.server.watchReadable(server, false)
    #expect(hosts.turn().server == [])
    hosts.server.watchReadable(server, true)
    #expect(hosts.turn().server == [Event(id: server, kind: .readable)])
    #expect(hosts.server.receiveText(server) == "cdef")
    #expect(hosts.turn().server == [])
  }

  @Test func `what is reported as sent has left, and the rest is brought again`() throws {
    let hosts = try Hosts()
    let (server, client) = try hosts.connect()
    hosts.network.faults.socketBufferByteCount = 30_000
    let text = [UInt8](repeating: 7, count: 100_000)
    let first = hosts.server.send(server, bytes: text)
    #expect(first == .wouldBlock)
    #expect(hosts.server.send(server, bytes: text) == .wouldBlock)
    hosts.server.watchWritable(server, true)
    var taken = 0
    var received = 0
    for _ in 0..<1000 where received < text.count {
      let events = hosts.turn()
      if events.client.contains(Event(id: client, kind: .readable)) {
        received += hosts.client.receiveText(client, limit: 200_000)?.utf8.count ?? 0
      }
      if events.server.contains(Event(id: server, kind: .writable)), taken < text.count,
        case .bytes(let count) = hosts.server.send(server, bytes: Array(text[taken...]))
      {
        taken += count
        if taken == text.count { hosts.server.close(server) }
      }
    }
    #expect(received == text.count)
  }

  @Test func `a handshake that takes too long is given up`() throws {
    let hosts = try Hosts()
    let idle = hosts.server.connect(toListener: hosts.listener)
    #expect(hosts.turn().server == [])
    #expect(hosts.serverEncryption.halfDone == 1)
    hosts.clock.advance(milliseconds: 9_000)
    #expect(hosts.turn().server == [])
    #expect(hosts.refusals.isEmpty)
    hosts.clock.advance(milliseconds: 1_000)
    #expect(hosts.turn().server == [])
    #expect(hosts.refusals.map(\.reason) == ["handshake timed out"])
    #expect(hosts.serverEncryption.halfDone == 0)
    _ = idle.receive()
    #expect(idle.isClosed)
  }

  @Test func `the loop wakes for a handshake that takes too long`() throws {
    let hosts = try Hosts()
    _ = hosts.server.connect(toListener: hosts.listener)
    _ = hosts.turn()
    #expect(hosts.serverEncryption.timeout(within: -1) == 9_999_000_000 + 1_000_000)
    #expect(hosts.serverEncryption.timeout(within: 5) == 5)
  }

  @Test func `too many handshakes wait outside, and the oldest makes room in the end`() throws {
    let hosts = try Hosts()
    hosts.serverEncryption.limits.count = 3
    let idle = (0..<4).map { _ in hosts.server.connect(toListener: hosts.listener) }
    _ = hosts.turn()
    #expect(hosts.serverEncryption.halfDone == 3)
    // The fourth waits in the system's queue, and the loop doesn't spin for it.
    #expect(hosts.turn().server == [])
    #expect(hosts.serverEncryption.timeout(within: -1) > 900_000_000)
    hosts.clock.advance(milliseconds: 1_100)
    _ = hosts.turn()
    _ = hosts.turn()
    #expect(hosts.refusals.map(\.reason) == ["too many handshakes at once"])
    #expect(hosts.serverEncryption.halfDone == 3)
    _ = idle[0].receive()
    #expect(idle[0].isClosed)
    // Those who hurry get in.
    _ = try hosts.connect()
  }

  @Test func `a turn does a slice of the handshakes that wait`() throws {
    let hosts = try Hosts()
    // Each look at the clock takes as long as a turn may: one step per turn.
    hosts.clock.nanosecondsPerReading = 400_000
    let hellos = (0..<5).map { _ in hosts.server.connect(toListener: hosts.listener) }
    for hello in hellos { hello.send("no hello at all, but long enough for one") }
    var counts: [Int] = []
    for _ in 0..<7 {
      _ = hosts.server.pending()
      counts.append(hosts.refusals.count)
    }
    #expect(counts == [1, 2, 3, 4, 5, 5, 5])
  }

  @Test func `who speaks without encryption is refused`() throws {
    let hosts = try Hosts()
    let plain = hosts.server.connect(toListener: hosts.listener)
    plain.send("PING\r\n")
    _ = hosts.turn()
    _ = hosts.turn()
    #expect(hosts.refusals.count == 1)
    #expect(hosts.refusals.first?.reason.contains("wrong version number") == true)
    #expect(hosts.refusals.first?.peerAddress == plain.address)
    #expect(hosts.serverEncryption.failedCount == 1)
  }

  @Test func `who says goodbye without closing is reported`() throws {
    let hosts = try Hosts()
    let (server, client) = try hosts.connect()
    #expect(hosts.client.send(client, text: "bye") == .bytes(3))
    hosts.clientEncryption.find(client)?.sayGoodbye()
    #expect(hosts.turn().server == [Event(id: server, kind: .readable)])
    #expect(hosts.server.receiveText(server) == "bye")
    #expect(hosts.turn().server == [Event(id: server, kind: .readable)])
    #expect(hosts.server.receiveResult(server) == .closed)
  }

  @Test func `an outgoing connection that is refused says so`() throws {
    let hosts = try Hosts()
    let id = try hosts.clientEncryption.connect(to: "server", port: 1, from: nil)
    var events: [Event] = []
    for _ in 0..<5 where events.isEmpty { events = hosts.turn().client }
    #expect(events.contains(Event(id: id, kind: .writable)))
    #expect(hosts.client.connectError(of: id) == SystemError.refused.code)
    hosts.client.close(id)
    #expect(hosts.turn().client == [])
  }

  @Test func `an outgoing connection to a stranger fails with OpenSSL's reason`() throws {
    let hosts = try Hosts()
    hosts.serverEncryption.serverContext = try TestCertificates.shared.get().context("strange")
    let id = try hosts.clientEncryption.connect(to: "server", port: 6379, from: nil)
    var events: [Event] = []
    for _ in 0..<9 where events.isEmpty { events = hosts.turn().client }
    #expect(events.contains(Event(id: id, kind: .writable)))
    #expect(hosts.client.connectError(of: id) != 0)
    #expect(hosts.clientEncryption.failureText(of: id).contains("certificate verify failed"))
    hosts.client.close(id)
    _ = hosts.turn()
    _ = hosts.turn()
    #expect(hosts.refusals.count == 1)
  }

  @Test func `closing the listener turns away those who wait at it`() throws {
    let hosts = try Hosts()
    let idle = hosts.server.connect(toListener: hosts.listener)
    let (server, client) = try hosts.connect()
    hosts.server.closeListener(hosts.listener)
    #expect(hosts.serverEncryption.halfDone == 0)
    _ = idle.receive()
    #expect(idle.isClosed)
    // Who is in stays.
    #expect(hosts.client.send(client, text: "x") == .bytes(1))
    _ = hosts.turn()
    #expect(hosts.server.receiveText(server) == "x")
  }

  @Test func `real sockets carry encryption, too`() throws {
    let certificates = try TestCertificates.shared.get()
    let pair = try EpollPair()
    for transport in [pair.server, pair.client] {
      let encryption = Encryption(transport, SystemClock())
      encryption.serverContext = try certificates.context("server")
      encryption.clientContext = try certificates.context("client")
      transport.encryption = encryption
    }
    let listener = try #require(pair.server.encryption).listen(
      on: .init(bind: "127.0.0.1", port: 0), backlog: 8)
    let id = try #require(pair.client.encryption).connect(
      to: "127.0.0.1", port: pair.server.port(ofListener: listener), from: nil)
    var accepted: Accepted?
    var isConnected = false
    for _ in 0..<100_000 where accepted == nil || !isConnected {
      if pair.client.pending().contains(Event(id: id, kind: .writable)) { isConnected = true }
      if pair.server.pending().contains(Event(kind: .acceptable(Int32(listener)))) {
        accepted = pair.server.accept(from: listener)
      }
    }
    let server = try #require(accepted).id
    #expect(pair.client.connectError(of: id) == 0)
    #expect(pair.client.send(id, text: "hello") == .bytes(5))
    #expect(pair.server.waitFor(.readable, of: server))
    #expect(pair.server.receiveText(server) == "hello")
    // A socket that is closed with something unread resets the connection.
    #expect(pair.client.receiveResult(id) == .wouldBlock)
    pair.client.close(id)
    #expect(pair.server.waitFor(.readable, of: server))
    #expect(pair.server.receiveResult(server) == .closed)
    pair.server.close(server)
  }
}
