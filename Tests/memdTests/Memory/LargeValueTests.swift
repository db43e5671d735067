// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Values that take their way around the copy: received in place, freed by a helper.
@Suite struct LargeValueTests {
  private static func request(_ words: [String]) -> [UInt8] {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.utf8.count)\r\n\(word)\r\n".utf8) }
    return bytes
  }

  /// Sends bytes in pieces, a turn after each.
  private static func send(_ bytes: [UInt8], from client: TestClient, of server: TestServer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      if case .bytes(let count) = client.connection.send(Array(rest.prefix(40_000))) {
        rest = rest.dropFirst(count)
      }
      server.turn()
    }
    server.settle(limit: 100)
  }

  private static func text(_ count: Int) -> String {
    let bytes = (0..<count).map { index in
      let letter: Int = (index * 7 + index / 251) % 26
      return UInt8(97 + letter)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test(arguments: [65_535, 65_536, 200_000, 1_000_000])
  func `a large value arrives complete, whatever memory it came in`(_ count: Int) throws {
    let server = TestServer()
    let value = LargeValueTests.text(count)
    let bytes = LargeValueTests.request(["SET", "key", value])
    LargeValueTests.send(bytes, from: server.client, of: server)
    #expect(server.client.replies() == [.ok])
    #expect(server.run("STRLEN key").number == count)
    #expect(server.run("GET key").text == value)
    #expect(server.run("APPEND key xyz").number == count + 3)
    #expect(server.run("SETRANGE key 1 QQ").number == count + 3)
    let edited = String(value.prefix(1)) + "QQ" + String(value.dropFirst(3)) + "xyz"
    #expect(server.run("GET key").text == edited)
    #expect(server.run("DEL key") == 1)
  }

  @Test func `a value received in place costs hardly more than its bytes, and counts once`() {
    let server = TestServer(follows: false)
    let count = 3_000_000
    let before = server.server.allocator.bytesInUse
    let bytes = LargeValueTests.request(["SET", "key", LargeValueTests.text(count)])
    LargeValueTests.send(bytes, from: server.client, of: server)
    #expect(server.client.replies() == [.ok])
    let used = server.server.allocator.bytesInUse - before
    #expect(used >= count && used < count + 20_000)
    #expect(server.server.clientMemory.total < 70_000)
    #expect(server.server.keyspace.databases[0].contents.table.count == 1)
    server.run("DEL key")
    #expect(server.server.allocator.bytesInUse - before < 1000)
  }

  @Test func `requests before and behind a large one run in order and keep their arguments`() {
    let server = TestServer()
    let value = LargeValueTests.text(300_000)
    var bytes: [UInt8] = []
    for round in 0..<3 {
      bytes += LargeValueTests.request(["SET", "small\(round)", "v\(round)"])
      bytes += LargeValueTests.request(["SET", "large\(round)", value])
      bytes += LargeValueTests.request(["STRLEN", "large\(round)"])
      bytes += LargeValueTests.request(["GETDEL", "small\(round)"])
    }
    LargeValueTests.send(bytes, from: server.client, of: server)
    var expected: [Reply] = []
    for round in 0..<3 { expected += [.ok, .ok, 300_000, .bulk("v\(round)")] }
    #expect(server.client.replies() == expected)
    for round in 0..<3 { #expect(server.run("GET large\(round)").text == value) }
  }

  @Test func `a large value in a transaction, as a second argument, or refused, is copied or gone`()
  {
    let server = TestServer()
    let value = LargeValueTests.text(100_000)
    for words in [
      ["MULTI"], ["SET", "a", value], ["EXEC"], ["MSET", "b", value, "c", value],
      ["SET", "a", value, "NX"], ["SET", "d", value, "EX", "100"],
      ["SET", "e", value, "PXAT", "1"],
    ] {
      LargeValueTests.send(LargeValueTests.request(words), from: server.client, of: server)
    }
    _ = server.client.replies()
    for key in ["a", "b", "c", "d"] { #expect(server.run("GET \(key)").text == value) }
    #expect(server.run("EXISTS e") == 0)
  }

  @Test func `an announced size takes no memory before the bytes come`() {
    let server = TestServer()
    server.client.connection.send(Array("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\nabc".utf8))
    server.turn()
    #expect(server.server.clientMemory.total < 10_000)
  }

  @Test func `large blocks are out of the books at once and freed by a helper`() {
    let server = TestServer(follows: false)
    let bytes = LargeValueTests.request(["SET", "key", LargeValueTests.text(1_000_000)])
    LargeValueTests.send(bytes, from: server.client, of: server)
    let before = server.server.allocator.bytesInUse
    server.run("DEL key")
    #expect(server.server.allocator.bytesInUse < before - 1_000_000)
    #expect(server.server.helpers.pendingCount(in: .background) == 1)
    #expect(!server.server.allocator.hasDeferred)
    server.settle(limit: 100)
    #expect(server.server.helpers.pendingCount(in: .background) == 0)
  }

  @Test func `the time over the memory limit is measured`() {
    let server = TestServer(follows: false) {
      $0.maxMemory = 1 << 20
      $0.replBacklogSize = 1 << 20
      $0.maxMemoryPolicy = .noEviction
    }
    #expect(server.run("SET k v").isError)
    server.advance(milliseconds: 250)
    #expect(server.run("INFO stats").text.contains("current_eviction_exceeded_time:250\r\n"))
    server.run("CONFIG SET maxmemory 100mb")
    server.run("SET k v")
    let info = server.run("INFO stats").text
    #expect(info.contains("total_eviction_exceeded_time:250\r\n"))
    #expect(info.contains("current_eviction_exceeded_time:0\r\n"))
  }

  @Test func `clients, the slow log and watched keys count as used memory`() {
    let server = TestServer(follows: false) { $0.slowlogLogSlowerThan = 0 }
    let before = server.server.objectMemory
    let other = server.connect()
    #expect(server.server.objectMemory >= before + Client.objectByteCount)
    other.run("WATCH a b c")
    #expect(server.server.effects.watched.byteCount > 300)
    other.run("UNWATCH")
    #expect(server.server.effects.watched.byteCount == 0)
    server.run("ECHO \(String(repeating: "x", count: 100))")
    #expect(server.server.metrics.slowLog.byteCount > 200)
    server.run("CONFIG SET slowlog-log-slower-than -1")
    server.run("SLOWLOG RESET")
    #expect(server.server.metrics.slowLog.byteCount == 0)
  }
}
