// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP
import Testing

@testable import memd

@Suite struct ManyArgumentsTests {
  private func request(_ name: String, count: Int) -> [UInt8] {
    var bytes = Array("*\(count + 1)\r\n$\(name.utf8.count)\r\n\(name)\r\n".utf8)
    let word = Array("$1\r\nk\r\n".utf8)
    bytes.reserveCapacity(bytes.count + count * word.count)
    for _ in 0..<count { bytes += word }
    return bytes
  }

  @Test func `a request of two million arguments is taken, whole or piece by piece`() {
    let server = TestServer(follows: false)
    server.transport.network.faults.socketBufferByteCount = 1 << 30
    server.run("SET k 1")
    let bytes = request("EXISTS", count: 2_000_000)
    for piece in [Int.max, 100_000] {
      server.transport.network.faults.deliveredByteCountMax = piece
      let client = server.connect()
      client.connection.send(bytes + Array("PING\r\n".utf8))
      server.settle()
      #expect(client.connection.receiveText() == ":2000000\r\n+PONG\r\n")
      client.connection.close()
    }
    // The memory for so many arguments goes with them.
    server.settle(limit: 10)
    #expect(server.server.batch.slices.capacity < 100_000)
  }

  @Test func `the first line may announce as many arguments as 31 bits count, once it is allowed`()
  {
    let server = TestServer(follows: false) { $0.requirePass = "secret" }
    for (count, isTaken) in [(2_147_483_647, true), (2_147_483_648, false)] {
      let client = server.connect()
      #expect(
        client.exchange("*11\r\n").hasPrefix("-ERR Protocol error: unauthenticated multibulk"))
      let other = server.connect()
      #expect(other.run("AUTH secret") == .ok)
      let text = other.exchange("*\(count)\r\n$4\r\nPING\r\n")
      #expect(text == (isTaken ? "" : "-ERR Protocol error: invalid multibulk length\r\n"))
      // What is only announced takes no memory.
      #expect(server.server.clientMemory.total < 1 << 20)
    }
  }

  @Test func `every command with a list of arguments takes many thousands of them in no time`() {
    let server = TestServer(follows: false)
    server.transport.network.faults.socketBufferByteCount = 1 << 30
    let numbers = (0..<20_000).map { "\($0)" }
    let pairs = numbers.flatMap { [$0, "1"] }
    let scored = numbers.flatMap { ["1", $0] }
    let clock = SystemClock()
    let values: [[String]] = [
      ["MSET"] + pairs, ["MSETNX"] + pairs, ["DEL"] + numbers, ["UNLINK"] + numbers,
      ["TOUCH"] + numbers, ["MGET"] + numbers, ["SADD", "s"] + numbers, ["SREM", "s"] + numbers,
      ["SMISMEMBER", "s"] + numbers, ["ZADD", "z"] + scored, ["ZREM", "z"] + numbers,
      ["ZMSCORE", "z"] + numbers, ["HSET", "h"] + pairs, ["HDEL", "h"] + numbers,
      ["HSET", "h"] + pairs, ["HPEXPIRE", "h", "100000", "FIELDS", "20000"] + numbers,
      ["HTTL", "h", "FIELDS", "20000"] + numbers, ["HPERSIST", "h", "FIELDS", "20000"] + numbers,
      ["HGETDEL", "h", "FIELDS", "20000"] + numbers,
    ]
    let others: [[String]] = [
      ["RPUSH", "l"] + numbers,
      ["PFADD", "p"] + numbers, ["WATCH"] + numbers, ["UNWATCH"], ["SUBSCRIBE"] + numbers,
      ["UNSUBSCRIBE"],
      ["PUBSUB", "NUMSUB"] + numbers, ["SUNION"] + numbers,
      ["ZUNION", "20000"] + numbers, ["COMMAND", "GETKEYS", "MSET"] + pairs,
      ["COMMAND", "GETKEYSANDFLAGS", "MSET"] + pairs, ["XADD", "x", "*"] + pairs,
      ["DEL", "x"], ["XADD", "x", "1-30000", "f", "v"], ["XDEL", "x"] + numbers.map { "1-\($0)" },
      ["GEOHASH", "z"] + numbers,
      ["CLIENT", "KILL", "ID", "123456"] + numbers.flatMap { ["ID", $0 + "00000"] },
      ["ACL", "DRYRUN", "default", "MSET"] + pairs, ["BLPOP"] + numbers.dropLast(19_000) + ["0.01"],
    ]
    for words in values + others {
      let client = server.connect()
      let start = clock.monotonicNanoseconds()
      client.send(words)
      server.settle(limit: 1000)
      let seconds = Double(clock.monotonicNanoseconds() - start) / 1e9
      #expect(seconds < 20, "\(words.prefix(2)): \(seconds) seconds")
      client.connection.close()
    }
  }
}
