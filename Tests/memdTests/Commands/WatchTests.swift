// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct WatchTests {
  /// Seconds that something takes.
  private func seconds(_ body: () -> Void) -> Double {
    let clock = SystemClock()
    let start = clock.monotonicNanoseconds()
    body()
    return Double(clock.monotonicNanoseconds() - start) / 1e9
  }

  @Test func `watching many keys costs the same for each`() {
    let server = TestServer(follows: false)
    server.transport.network.faults.socketBufferByteCount = 1 << 30
    let keys = (0..<40_000).map { "key:\($0)" }
    let time = seconds {
      #expect(server.ask(["WATCH"] + keys) == .ok)
      #expect(server.ask(["WATCH"] + keys) == .ok)
    }
    #expect(time < 5, "\(time) seconds")
    #expect(server.server.effects.watched.keyCount == 40_000)
    #expect(server.run("CLIENT LIST").text.contains(" watch=40000 "))
    #expect(seconds { server.run("UNWATCH") } < 2)
    #expect(server.server.effects.watched.isEmpty)
  }

  @Test func `many clients that watch one key come, go and are told in no time`() {
    let server = TestServer(follows: false) { $0.maxClients = 20_000 }
    var clients: [TestClient] = []
    for _ in 0..<4000 { clients.append(server.connect()) }
    let time = seconds {
      for client in clients { client.post("WATCH k") }
      for client in clients { client.post("UNWATCH") }
      for client in clients { client.post("WATCH k other") }
      server.settle()
      for client in clients.prefix(2000) { client.connection.close() }
      server.settle()
      server.run("SET k 1")
    }
    #expect(time < 20, "\(time) seconds")
    #expect(server.server.effects.watched.isEmpty)
    let last = clients[3999]
    _ = last.replies()
    #expect(last.run("MULTI") == .ok)
    #expect(last.run("EXEC") == .nullArray)
  }

  /// What the naive way says: lists that are searched from the front.
  private struct Model {
    var watched: [[String]]
    var isDirty: [Bool]

    mutating func touch(_ key: String) {
      for client in watched.indices where watched[client].contains(key) {
        isDirty[client] = true
        watched[client] = []
      }
    }
  }

  @Test(arguments: 0..<8) func `whatever is watched and changed, EXEC says what a list would say`(
    _ seed: UInt64
  ) {
    var random = RandomGenerator(seed: seed)
    let server = TestServer()
    var clients = (0..<5).map { _ in server.connect() }
    var model = Model(
      watched: Array(repeating: [], count: 5), isDirty: Array(repeating: false, count: 5))
    for _ in 0..<600 {
      let client = random.next(below: 5)
      let key = "k\(random.next(below: 6))"
      switch random.next(below: 8) {
      case 0...2:
        clients[client].run("WATCH \(key) other \(key)")
        // Once EXEC is going to fail, more is not watched.
        for word in [key, "other"]
        where !model.isDirty[client] && !model.watched[client].contains(word) {
          model.watched[client].append(word)
        }
      case 3:
        server.run("INCR \(key)")
        model.touch(key)
      case 4:
        clients[client].run("UNWATCH")
        model.watched[client] = []
        model.isDirty[client] = false
      case 5, 6:
        clients[client].run("MULTI")
        let reply = clients[client].run("EXEC")
        #expect(reply == (model.isDirty[client] ? .nullArray : .array([])))
        model.watched[client] = []
        model.isDirty[client] = false
      default:
        guard random.next(below: 4) == 0 else { continue }
        clients[client].connection.close()
        clients[client] = server.connect()
        server.turn()
        model.watched[client] = []
        model.isDirty[client] = false
      }
      let all = Set(model.watched.flatMap { $0 })
      #expect(server.server.effects.watched.keyCount == all.count)
      let watching = model.watched.count { !$0.isEmpty }
      #expect(server.run("INFO clients").text.contains("watching_clients:\(watching)\r\n"))
    }
    for client in clients { client.connection.close() }
    server.settle(limit: 10)
    #expect(server.server.effects.watched.isEmpty && server.server.effects.watched.byteCount == 0)
  }

  // MARK: - CLIENT REPLY

  @Test(arguments: ["ON", "OFF", "SKIP"])
  func `CLIENT REPLY is refused within MULTI, and the transaction with it`(_ mode: String) {
    let server = TestServer()
    server.run("MULTI")
    #expect(
      server.run("CLIENT REPLY \(mode)") == .error("ERR Command not allowed inside a transaction"))
    #expect(server.run("SET k 1") == .status("QUEUED"))
    #expect(
      server.run("EXEC")
        == .error("EXECABORT Transaction discarded because of previous errors."))
    #expect(server.run("PING") == .status("PONG"))
    #expect(server.run("EXISTS k") == 0)
  }
}
