// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct ClosingTests {
  @Test func `a client that is killed by an earlier request of the same batch runs nothing`() {
    let server = TestServer()
    let victim = server.connect()
    let id = server.server.clients.all[1].id
    server.client.post("CLIENT KILL ID \(id)")
    server.client.post("CLIENT LIST")
    victim.post("SET k 1")
    victim.post("SET k 2")
    server.turn()
    let replies = server.client.replies()
    #expect(replies.first == 1)
    #expect(replies.last?.text.split(separator: "\n").count == 1)
    #expect(victim.isClosed)
    #expect(server.run("EXISTS k") == 0)
  }

  @Test func `a client with output that nobody reads can be killed`() {
    let server = TestServer()
    let victim = server.connect()
    for _ in 0..<100 { victim.post("PING 0123456789012345678901234567890123456789") }
    server.transport.network.faults.socketBufferByteCount = 1000
    server.settle(limit: 10)
    #expect(server.server.clients.all[1].pendingOutput > 0)
    #expect(server.server.clientMemory.total > 0)
    server.run("CLIENT KILL ID \(server.server.clients.all[1].id)")
    #expect(server.server.clients.count == 1)
    #expect(server.server.clientMemory.total == 0)
  }

  @Test func `a slot that is used again has nothing of the connection before`() {
    let server = TestServer()
    let first = server.connect()
    for line in ["SELECT 3", "CLIENT SETNAME old", "MULTI"] { first.run(line) }
    first.connection.send("*2\r\n$4\r\nEC")
    server.turn()
    let slot = server.server.clients.all[1].connection.slot
    server.run("CLIENT KILL ID \(server.server.clients.all[1].id)")
    let second = server.connect()
    #expect(server.server.clients.all[1].connection.slot == slot)
    #expect(second.run("CLIENT GETNAME") == nil)
    #expect(second.run("EXEC") == .error("ERR EXEC without MULTI"))
  }

  @Test func `a protocol error is answered behind the replies before it, and logged`() {
    let server = TestServer()
    server.keepLog()
    #expect(
      server.client.exchange("PING\r\nGET k\r\n*1\r\n$x\r\nSET k 1\r\n")
        == "+PONG\r\n$-1\r\n-ERR Protocol error: invalid bulk length\r\n")
    server.turn()
    #expect(server.client.isClosed)
    #expect(server.server.keyspace.keyCount == 0)
    #expect(server.logText.contains("Protocol error (invalid bulk length) from client: id=1 addr="))
    #expect(server.logText.contains("Query buffer during protocol error: '*1..$x..SET k 1..'"))
  }

  @Test func `what a client sends while it is being closed is thrown away`() {
    let server = TestServer()
    server.transport.network.faults.socketBufferByteCount = 200
    let other = server.connect()
    other.post("ECHO \(String(repeating: "x", count: 100))")
    other.post("ECHO \(String(repeating: "y", count: 20))")
    server.turn()
    other.post("ECHO \(String(repeating: "z", count: 100))")
    other.post("QUIT")
    server.settle(limit: 5)
    #expect(server.server.clients.count == 2)
    other.post("SET k 1")
    server.settle(limit: 5)
    for _ in 0..<10 where !other.isClosed {
      _ = other.replies()
      server.turn()
    }
    #expect(other.isClosed)
    #expect(server.server.keyspace.keyCount == 0)
  }

  @Test(arguments: ["POST / HTTP/1.1\r\n", "Host: localhost\r\n"])
  func `a browser that was talked into sending commands is cut off`(line: String) {
    let server = TestServer()
    server.keepLog()
    #expect(server.client.exchange(line + "SET k 1\r\n") == "")
    server.turn()
    #expect(server.client.isClosed)
    #expect(server.server.keyspace.keyCount == 0)
    #expect(server.logText.contains("Possible SECURITY ATTACK detected"))
  }

  @Test func `idle clients are closed after the timeout, busy ones are not`() {
    let server = TestServer { $0.timeoutSeconds = 10 }
    let idle = server.connect()
    for _ in 0..<25 {
      server.advance(milliseconds: 500)
      server.run("PING")
    }
    #expect(idle.isClosed)
    #expect(!server.client.isClosed)
  }

  @Test func `closing many at once keeps the others findable`() {
    let server = TestServer()
    let others = (0..<60).map { _ in server.connect() }
    for (index, other) in others.enumerated() where index % 2 == 0 { other.connection.close() }
    server.turn()
    others[1].connection.close()
    server.turn()
    #expect(server.server.clients.count == 30)
    for client in server.server.clients.all {
      #expect(server.server.clients.find(id: client.id) === client)
      let found = unsafe server.server.clients.find(client.connection)
      #expect(unsafe found?.takeUnretainedValue() === client)
    }
    #expect(others[3].run("PING") == .status("PONG"))
  }
}
