// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct ConnectionTests {
  @Test func `PING and ECHO`() {
    let server = TestServer()
    #expect(server.run("PING") == .status("PONG"))
    #expect(server.run("PING hello") == "hello")
    #expect(server.run("PING a b").text == "ERR wrong number of arguments for 'ping' command")
    #expect(server.run("ECHO hello") == "hello")
  }

  @Test func `HELLO answers the same map in both protocols and switches between them`() {
    let server = TestServer()
    let id = server.server.clients.all[0].id
    let greeting: [(Reply, Reply)] = [
      ("server", "redis"), ("version", "7.4.0"), ("proto", 3), ("id", .integer(id)),
      ("mode", "standalone"), ("role", "master"), ("modules", []),
    ]
    #expect(
      server.run("HELLO 3") == .map(greeting.map { Reply.Pair(key: $0.0, value: $0.1) }))
    #expect(server.run("HELLO 2").elements.count == 14)
    #expect(server.run("HELLO 4") == .error("NOPROTO unsupported protocol version"))
    #expect(
      server.run("HELLO x")
        == .error("ERR Protocol version is not an integer or out of range"))
    #expect(server.run("HELLO 2 SETNAME") == .error("ERR Syntax error in HELLO option 'SETNAME'"))
    server.run("HELLO 2 SETNAME me")
    #expect(server.run("CLIENT GETNAME") == "me")
  }

  @Test func `with a password nothing but AUTH, HELLO, QUIT and RESET runs before it`() {
    let server = TestServer(configure: { $0.requirePass = "secret" })
    #expect(server.run("GET k") == .error("NOAUTH Authentication required."))
    #expect(server.run("HELLO 3").text.hasPrefix("NOAUTH HELLO must be called"))
    let wrong = Reply.error("WRONGPASS invalid username-password pair or user is disabled.")
    #expect(server.run("AUTH wrong") == wrong)
    #expect(server.run("AUTH secre") == wrong)
    #expect(server.run("AUTH somebody secret") == wrong)
    #expect(server.run("HELLO 2 AUTH default wrong") == wrong)
    #expect(server.run("AUTH secret") == .ok)
    #expect(server.run("GET k") == nil)
    #expect(server.run("RESET") == .status("RESET"))
    #expect(server.run("GET k") == .error("NOAUTH Authentication required."))
    #expect(server.run("HELLO 2 AUTH default secret").elements.count == 14)
    #expect(server.run("GET k") == nil)
  }

  @Test func `without a password AUTH with one word is an error, with a name it is welcome`() {
    let server = TestServer()
    #expect(server.run("AUTH x").text.hasPrefix("ERR AUTH <password> called without any password"))
    #expect(server.run("AUTH default x") == .ok)
    #expect(server.run("AUTH a b c") == .error("ERR syntax error"))
  }

  @Test func `a request behind AUTH in the same packet is read under the new limits`() {
    let server = TestServer(configure: { $0.requirePass = "secret" })
    server.client.post("AUTH secret")
    server.client.send(["ECHO", String(repeating: "x", count: 20_000)])
    server.client.send(["DEL"] + (0..<100).map { "k\($0)" })
    server.settle()
    let replies = server.client.replies()
    #expect(replies.count == 3)
    #expect(replies.first == .ok)
    #expect(replies.last == 0)
  }

  @Test func `before AUTH long requests are refused`() {
    let server = TestServer(configure: { $0.requirePass = "secret" })
    let text = server.client.exchange("*11\r\n")
    #expect(text == "-ERR Protocol error: unauthenticated multibulk length\r\n")
    server.turn()
    #expect(server.client.isClosed)
  }

  @Test func `QUIT answers and closes; what follows it does not run`() {
    let server = TestServer()
    let other = server.connect()
    for line in ["SET k 1", "QUIT", "SET k 2"] { other.post(line) }
    server.turn()
    #expect(other.replies() == [.ok, .ok])
    #expect(other.isClosed)
    #expect(server.run("GET k") == "1")
  }

  @Test func `RESET undoes everything that a client has set`() {
    let server = TestServer()
    for line in [
      "HELLO 3", "SELECT 2", "CLIENT SETNAME me", "CLIENT NO-EVICT ON", "CLIENT NO-TOUCH ON",
      "WATCH k", "MULTI",
    ] { server.run(line) }
    #expect(server.run("RESET") == .status("RESET"))
    #expect(server.run("EXEC") == .error("ERR EXEC without MULTI"))
    #expect(server.run("CLIENT GETNAME") == nil)
    let line = server.run("CLIENT INFO").text
    for part in [" flags=N ", " db=0 ", " watch=0 ", " resp=2 "] { #expect(line.contains(part)) }
  }
}
