// SPDX-License-Identifier: Apache-2.0
import EventLoop
import Glibc
import Testing

@Suite struct EpollTransportTests {
  @Test(arguments: ["127.0.0.1", "::1"])
  func `bytes travel in both directions`(host: String) throws {
    let pair = try EpollPair(.init(bind: host, port: 0))
    let (accepted, client) = try pair.connect(host: host)
    #expect(pair.client.send(client, text: "PING\r\n") == .bytes(6))
    #expect(pair.server.waitFor(.readable, of: accepted.id))
    #expect(pair.server.receiveText(accepted.id) == "PING\r\n")
    #expect(pair.server.receiveResult(accepted.id) == .wouldBlock)
    #expect(pair.server.send(accepted.id, text: "+PONG\r\n") == .bytes(7))
    #expect(pair.client.waitFor(.readable, of: client))
    #expect(pair.client.receiveText(client) == "+PONG\r\n")
  }

  @Test func `an accepted connection tells its addresses as Redis prints them`() throws {
    let pair = try EpollPair(.init(bind: "*", port: 0))
    let (accepted, client) = try pair.connect()
    let port = pair.server.port(ofListener: pair.listener)
    #expect(accepted.localAddress == "127.0.0.1:\(port)")
    #expect(accepted.peerAddress == pair.client.localAddress(of: client))
    #expect(accepted.isLoopback && !accepted.isUnix)
    #expect(pair.server.peerAddress(of: accepted.id) == accepted.peerAddress)
    #expect(pair.server.localAddress(of: accepted.id) == accepted.localAddress)
  }

  @Test func `an IPv6 address is printed in brackets`() throws {
    let pair = try EpollPair(.init(bind: "::*", port: 0))
    let (accepted, _) = try pair.connect(host: "::1")
    #expect(accepted.peerAddress.hasPrefix("[::1]:"))
    #expect(accepted.isLoopback)
  }

  @Test func `an IPv6 listener leaves the port of IPv4 free`() throws {
    let transport = try EpollTransport()
    let first = try transport.listen(on: .init(bind: "::*", port: 0), backlog: 4)
    let port = transport.port(ofListener: first)
    #expect(throws: Never.self) {
      try transport.listen(on: .init(bind: "*", port: port), backlog: 4)
    }
  }

  @Test func `a level stays readable until the bytes are taken`() throws {
    let pair = try EpollPair()
    let (accepted, client) = try pair.connect()
    #expect(pair.client.send(client, text: "ab") == .bytes(2))
    #expect(pair.server.waitFor(.readable, of: accepted.id))
    #expect(pair.server.receiveText(accepted.id, limit: 1) == "a")
    #expect(pair.server.pending() == [Event(id: accepted.id, kind: .readable)])
    #expect(pair.server.receiveText(accepted.id, limit: 1) == "b")
    #expect(pair.server.pending() == [])
  }

  @Test func `the end of the stream is readable and then closed`() throws {
    let pair = try EpollPair()
    let (accepted, client) = try pair.connect()
    pair.client.close(client)
    #expect(pair.server.waitFor(.readable, of: accepted.id))
    #expect(pair.server.receiveResult(accepted.id) == .closed)
  }

  @Test func `writability is reported only while it is watched`() throws {
    let pair = try EpollPair()
    let (accepted, _) = try pair.connect()
    #expect(pair.server.pending() == [])
    pair.server.watchWritable(accepted.id, true)
    #expect(pair.server.pending() == [Event(id: accepted.id, kind: .writable)])
    pair.server.watchWritable(accepted.id, false)
    #expect(pair.server.pending() == [])
  }

  @Test func `readability is not reported while it is not watched`() throws {
    let pair = try EpollPair()
    let (accepted, client) = try pair.connect()
    #expect(pair.client.send(client, text: "x") == .bytes(1))
    #expect(pair.server.waitFor(.readable, of: accepted.id))
    pair.server.watchReadable(accepted.id, false)
    #expect(pair.server.pending() == [])
    pair.server.watchReadable(accepted.id, true)
    #expect(pair.server.pending() == [Event(id: accepted.id, kind: .readable)])
  }

  @Test func `connections wait while no listener is watched`() throws {
    let pair = try EpollPair()
    let port = pair.server.port(ofListener: pair.listener)
    pair.server.watchListeners(false)
    let id = try pair.client.connect(to: "127.0.0.1", port: port, from: nil)
    #expect(pair.client.waitFor(.writable, of: id))
    #expect(pair.server.pending() == [])
    pair.server.watchListeners(true)
    #expect(pair.server.waitFor(.acceptable(Int32(pair.listener)), of: .none))
    #expect(pair.server.accept(from: pair.listener) != nil)
  }

  @Test func `a full socket blocks and becomes writable when the peer reads`() throws {
    let pair = try EpollPair()
    let (accepted, client) = try pair.connect()
    let block = String(repeating: "x", count: 1 << 20)
    var sent = 0
    while case .bytes(let count) = pair.server.send(accepted.id, text: block) { sent += count }
    #expect(pair.server.send(accepted.id, text: block) == .wouldBlock)
    pair.server.watchWritable(accepted.id, true)
    var received = 0
    while received < sent {
      guard pair.client.waitFor(.readable, of: client) else { break }
      received += pair.client.receiveText(client, limit: 1 << 20)?.utf8.count ?? 0
    }
    #expect(received == sent)
    #expect(pair.server.waitFor(.writable, of: accepted.id))
  }

  @Test func `a reused descriptor has another identity and the old one is dead`() throws {
    let pair = try EpollPair()
    // Other tests of this process take descriptors too: try until one comes back at once.
    var (first, client) = try pair.connect()
    var second = first.id
    for _ in 0..<200 where second == first.id || second.slot != first.id.slot {
      if second != first.id { (first, client) = try pair.connect() }
      pair.client.close(client)
      pair.server.close(first.id)
      second = try pair.connect().server.id
    }
    #expect(second.slot == first.id.slot)
    #expect(second != first.id)
    #expect(pair.server.send(first.id, text: "x") == .closed)
    #expect(pair.server.receiveResult(first.id) == .closed)
    #expect(pair.server.descriptor(of: first.id) == -1)
    pair.server.close(first.id)
    #expect(pair.server.send(second, text: "x") == .bytes(1))
  }

  @Test func `a wake-up from another thread ends a wait`() throws {
    let transport = try EpollTransport()
    let waker = transport.waker
    let helpers = ThreadHelpers(waker: waker)
    helpers.submit(TestJob())
    #expect(transport.waitFor(.wakeup, of: .none))
    helpers.finishCompleted()
    transport.wakeUp()
    transport.wakeUp()
    #expect(transport.pending().filter { $0.kind == .wakeup }.count == 1)
    #expect(transport.pending() == [])
  }

  @Test func `a wait without events ends after its time and not before`() throws {
    let transport = try EpollTransport()
    let clock = SystemClock()
    var events = EventList()
    let start = clock.monotonicNanoseconds()
    transport.wait(timeoutNanoseconds: 300_000, into: &events)
    let passed = clock.monotonicNanoseconds() - start
    #expect(events.all == [])
    #expect(passed >= 300_000)
  }

  @Test func `signals arrive as events`() throws {
    let transport = try EpollTransport()
    transport.watchSignals([SIGHUP])
    kill(getpid(), SIGHUP)
    #expect(transport.waitFor(.signal(SIGHUP), of: .none))
  }
}

@Suite struct ListenTests {
  @Test func `words of the bind directive become addresses`() {
    #expect(
      ListenAddress(bind: "-::1", port: 1)
        == .internet(host: "::1", port: 1, isOptional: true))
    #expect(
      ListenAddress(bind: "*", port: 1) == .internet(host: "0.0.0.0", port: 1, isOptional: false))
    #expect(
      ListenAddress(bind: "-::*", port: 1) == .internet(host: "::", port: 1, isOptional: true))
  }

  @Test func `a port that is taken is refused with the text of Redis`() throws {
    let transport = try EpollTransport()
    let listener = try transport.listen(on: .init(bind: "127.0.0.1", port: 0), backlog: 4)
    let port = transport.port(ofListener: listener)
    let error = #expect(throws: ListenError.self) {
      try transport.listen(on: .init(bind: "127.0.0.1", port: port), backlog: 4)
    }
    #expect(
      error?.message == "Could not create server TCP listening socket 127.0.0.1:\(port): "
        + "bind: Address already in use")
    #expect(error?.isTolerated == false)
  }

  @Test(arguments: [
    (word: "192.0.2.1", isTolerated: false), (word: "-192.0.2.1", isTolerated: true),
  ])
  func `an address that is not ours is tolerated if it is optional`(
    word: String, isTolerated: Bool
  ) throws {
    let transport = try EpollTransport()
    let error = #expect(throws: ListenError.self) {
      try transport.listen(on: .init(bind: word, port: 0), backlog: 4)
    }
    #expect(error?.description == "bind: Cannot assign requested address")
    #expect(error?.isTolerated == isTolerated)
  }

  @Test func `a closed listener frees its port and its index stays dead`() throws {
    let transport = try EpollTransport()
    let first = try transport.listen(on: .init(bind: "127.0.0.1", port: 0), backlog: 4)
    let port = transport.port(ofListener: first)
    transport.closeListener(first)
    let second = try transport.listen(on: .init(bind: "127.0.0.1", port: port), backlog: 4)
    #expect(second != first)
    #expect(transport.accept(from: first) == nil)
    #expect(transport.acceptError == 0)
  }

  @Test func `a unix socket has its mode, replaces a stale file and removes its own`() throws {
    let path = "/tmp/memd-loop-\(getpid()).sock"
    let disk = SystemDisk()
    try disk.append(to: path, Array("stale".utf8))
    let transport = try EpollTransport()
    let listener = try transport.listen(on: .unix(path: path, mode: 0o700), backlog: 4)
    var status = stat()
    #expect(unsafe stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o700)
    #expect(status.st_mode & S_IFMT == S_IFSOCK)
    let client = try EpollTransport()
    let id = try client.connect(to: path, port: 0, from: nil)
    #expect(transport.waitFor(.acceptable(Int32(listener)), of: .none))
    let accepted = try #require(transport.accept(from: listener))
    #expect(accepted.isUnix && !accepted.isLoopback)
    #expect(accepted.peerAddress == path + ":0" && accepted.localAddress == path + ":0")
    #expect(transport.peerAddress(of: accepted.id) == path + ":0")
    #expect(client.send(id, text: "x") == .bytes(1))
    #expect(transport.waitFor(.readable, of: accepted.id))
    transport.closeListener(listener)
    #expect(!disk.exists(path))
  }

  @Test func `a unix socket belongs to the group that is named`() throws {
    let path = "/tmp/memd-group-\(getpid()).sock"
    // Only root may give away what it owns.
    let entry = unsafe geteuid() == 0 ? getgrnam("daemon") : getgrgid(getgid())
    let group = try unsafe #require(entry)
    let name = unsafe String(cString: group.pointee.gr_name)
    let transport = try EpollTransport()
    let listener = try transport.listen(
      on: .unix(path: path, mode: 0o744, group: name), backlog: 4)
    var status = stat()
    #expect(unsafe stat(path, &status) == 0)
    #expect(unsafe status.st_gid == group.pointee.gr_gid)
    #expect(status.st_uid == geteuid())
    #expect(status.st_mode & 0o777 == 0o744)
    transport.closeListener(listener)
  }

  @Test func `a unix socket of an unknown group is not opened, and no file stays`() throws {
    let path = "/tmp/memd-nogroup-\(getpid()).sock"
    let transport = try EpollTransport()
    let error = try #require(throws: ListenError.self) {
      try transport.listen(on: .unix(path: path, mode: nil, group: "no such group"), backlog: 4)
    }
    #expect(
      error.message
        == "Failed opening Unix socket: getgrnam error for group 'no such group': "
        + "No such file or directory")
    #expect(!error.isTolerated)
    #expect(!SystemDisk().exists(path))
  }

  @Test func `a refused connection tells its error`() throws {
    let client = try EpollTransport()
    let listener = try client.listen(on: .init(bind: "127.0.0.1", port: 0), backlog: 1)
    let port = client.port(ofListener: listener)
    client.closeListener(listener)
    let id = try client.connect(to: "127.0.0.1", port: port, from: "127.0.0.1")
    #expect(client.waitFor(.writable, of: id))
    #expect(client.connectError(of: id) == ECONNREFUSED)
  }
}
