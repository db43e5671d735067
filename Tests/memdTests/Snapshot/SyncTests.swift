// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP
import Testing

@testable import memd

@Suite struct SyncTests {
  /// Everything that has arrived as text.
  private func received(_ client: TestClient) -> String { client.connection.receiveText() }

  private func start(_ server: TestServer) -> (TestClient, String) {
    let follower = server.connect()
    follower.post("SYNC")
    server.settle(limit: 20)
    return (follower, received(follower))
  }

  @Test func `SYNC answers an RDB and then the stream`() {
    let server = SnapshotTests.filled()
    server.run("SELECT 5")
    server.run("SET before 1")
    let (follower, text) = start(server)
    let header = text.prefix { $0 != "\r\n" }
    #expect(header.first == "$")
    #expect(Int(header.dropFirst()) != nil)
    #expect(text.dropFirst(header.count).hasPrefix("\r\nREDIS0010"))
    // Whoever joins is told the database, even if it is the last one's.
    server.run("SET after 1")
    server.run("EXPIRE after 100")
    server.settle(limit: 20)
    let stream = received(follower)
    #expect(stream.hasPrefix("*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n*3\r\n$3\r\nSET\r\n$5\r\nafter"))
    #expect(stream.contains("PEXPIREAT"))
  }

  @Test func `a follower is one in CLIENT LIST, INFO and ROLE, and REPLCONF tells about it`() {
    let server = SnapshotTests.filled()
    let follower = server.connect()
    #expect(follower.run("REPLCONF listening-port 7777 ip-address example.org") == .ok)
    #expect(follower.run("REPLCONF capa psync2 version 7.4.0 rdb-only 0") == .ok)
    #expect(follower.run("REPLCONF x") == .error("ERR syntax error"))
    #expect(follower.run("REPLCONF x y") == .error("ERR Unrecognized REPLCONF option: x"))
    follower.post("SYNC")
    server.settle(limit: 20)
    _ = received(follower)
    #expect(server.run("CLIENT LIST TYPE replica").text.contains(" flags=S "))
    let info = server.run("INFO replication").text
    #expect(info.contains("connected_slaves:1\r\n"))
    #expect(info.contains("slave0:ip=example.org,port=7777,state=online,offset=0,lag=0\r\n"))
    follower.post("REPLCONF ACK 42")
    server.settle(limit: 20)
    #expect(received(follower) == "")
    #expect(server.run("ROLE").elements.last == [["example.org", "7777", "42"]])
    follower.connection.close()
    server.settle(limit: 20)
    #expect(server.run("INFO replication").text.contains("connected_slaves:0\r\n"))
    // Nothing of the stream is kept for it any more.
    #expect(server.server.effects.stream.byteCountForReaders == 0)
  }

  @Test func `followers are pinged`() {
    let server = SnapshotTests.filled { $0.replPingReplicaPeriodSeconds = 3 }
    let (follower, _) = start(server)
    for _ in 0..<40 { server.advance(milliseconds: 100) }
    #expect(received(follower) == "*1\r\n$4\r\nPING\r\n")
  }

  @Test func `what happens while a snapshot is on its way follows it`() {
    let server = TestServer()
    for index in 0..<100 {
      var random = RandomGenerator(seed: UInt64(index))
      let value = (0..<5000).map { _ in Character(Unicode.Scalar(UInt8(random.next() & 63) + 48)) }
      server.run(["SET", "key:\(index)", String(value)])
    }
    let follower = server.connect()
    follower.post("SYNC")
    server.turn()
    let side = server.server.followers.all.first?.follower
    #expect(side?.stateName.description == "wait_bgsave")
    server.run("SET late 1")
    for _ in 0..<100 where side?.stateName.description != "send_bulk" {
      server.settle(limit: 1)
    }
    #expect(side?.stateName.description == "send_bulk")
    var bytes: [UInt8] = []
    for _ in 0..<200 {
      bytes += follower.connection.receive()
      server.settle(limit: 3)
    }
    let select = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
    let end = Array((select + "*3\r\n$3\r\nSET\r\n$4\r\nlate\r\n$1\r\n1\r\n").utf8)
    #expect(Array(bytes.suffix(end.count)) == end)
    let digits = bytes.dropFirst().prefix { $0 != 13 }
    let count = Int(String(decoding: digits, as: UTF8.self)) ?? 0
    #expect(bytes.count == 1 + digits.count + 2 + count + end.count)
    #expect((try? server.disk.names(inDirectory: ".")) == [], "the temporary file is left")
  }

  @Test func `a snapshot that can't be written ends the connection, and nothing else`() {
    let server = SnapshotTests.filled()
    server.disk.faults.failsWrite = true
    let client = server.connect()
    client.post("SYNC")
    server.settle(limit: 20)
    #expect(client.isClosed)
    #expect(client.connection.receive() == [])
    #expect(server.server.followers.all.isEmpty)
    #expect(server.run("SET k v") == .ok)
    #expect(server.run("INFO persistence").text.contains("rdb_last_bgsave_status:ok\r\n"))
  }

  @Test(arguments: [
    "MONITOR", "SUBSCRIBE channel", "CLIENT TRACKING ON BCAST", "CLIENT REPLY OFF", "WATCH k",
  ]) func `a client that becomes a follower leaves everything else`(_ line: String) {
    let server = TestServer()
    let follower = server.connect()
    follower.run("HELLO 3")
    follower.post(line)
    server.settle(limit: 20)
    _ = received(follower)
    follower.post("SYNC")
    server.settle(limit: 20)
    #expect(received(follower).hasPrefix("$"), "the length of the snapshot")
    server.run("GET k")
    server.run("PUBLISH channel hello")
    server.run("SET k v")
    server.settle(limit: 20)
    let stream = received(follower)
    #expect(stream.hasPrefix("*2\r\n$6\r\nSELECT"), "\(stream)")
    #expect(!stream.contains("+") && !stream.contains(">"), "\(stream)")
  }
}
