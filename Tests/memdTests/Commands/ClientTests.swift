// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct ClientTests {
  @Test func `a client has a number, a name and a library`() {
    let server = TestServer()
    let other = server.connect()
    let first = server.run("CLIENT ID").number ?? 0
    #expect(other.run("CLIENT ID").number ?? 0 > first)
    #expect(server.run("CLIENT GETNAME") == nil)
    #expect(server.run("CLIENT SETNAME me") == .ok)
    #expect(server.run("CLIENT GETNAME") == "me")
    #expect(
      server.run("CLIENT SETNAME \"a b\"")
        == .error("ERR Client names cannot contain spaces, newlines or special characters."))
    #expect(server.run("CLIENT SETNAME \"\"") == .ok)
    #expect(server.run("CLIENT GETNAME") == nil)
    #expect(server.run("CLIENT SETINFO lib-name redis-py") == .ok)
    #expect(server.run("CLIENT SETINFO LIB-VER 5.0.1") == .ok)
    #expect(
      server.run("CLIENT SETINFO lib-name \"a b\"")
        == .error("ERR lib-name cannot contain spaces, newlines or special characters."))
    #expect(server.run("CLIENT SETINFO x y") == .error("ERR Unrecognized option 'x'"))
    #expect(server.run("CLIENT INFO").text.contains(" lib-name=redis-py lib-ver=5.0.1 "))
  }

  @Test func `CLIENT LIST shows all fields in Redis's order`() {
    let server = TestServer()
    let line = server.run("CLIENT LIST").text
    let names = line.split(separator: " ").map { $0.prefix { $0 != "=" } }.joined(separator: " ")
    #expect(
      names
        == "id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free"
        + " argv-mem multi-mem rbs rbp obl oll omem tot-mem events cmd user redir resp lib-name"
        + " lib-ver tot-net-in tot-net-out tot-cmds")
    #expect(line.hasSuffix("\n"))
    for part in [" qbuf=0 ", " argv-mem=10 ", " multi=-1 ", " cmd=client|list ", " flags=N "] {
      #expect(line.contains(part), "\(part) in \(line)")
    }
  }

  @Test func `CLIENT LIST shows transactions and age, and filters by type and number`() {
    let server = TestServer()
    let other = server.connect()
    other.run("WATCH a b")
    other.run("MULTI")
    other.run("SET k 1")
    server.advance(milliseconds: 3000)
    let id = server.server.clients.all[1].id
    let line = server.run("CLIENT LIST ID \(id)").text
    for part in [" age=3 ", " idle=3 ", " flags=x ", " multi=1 ", " watch=2 ", " cmd=set "] {
      #expect(line.contains(part), "\(part) in \(line)")
    }
    #expect(server.run("CLIENT LIST ID 1000 \(id) \(id)").text.split(separator: "\n").count == 2)
    #expect(server.run("CLIENT LIST TYPE normal").text.split(separator: "\n").count == 2)
    #expect(server.run("CLIENT LIST TYPE pubsub") == "")
    #expect(server.run("CLIENT LIST TYPE x") == .error("ERR Unknown client type 'x'"))
    #expect(server.run("CLIENT LIST ID x") == .error("ERR Invalid client ID"))
    #expect(server.run("CLIENT LIST x") == .error("ERR syntax error"))
  }

  @Test func `CLIENT KILL by address, the old way, may end the caller`() {
    let server = TestServer()
    let other = server.connect()
    #expect(server.run("CLIENT KILL \(other.connection.address)") == .ok)
    #expect(other.isClosed)
    #expect(server.run("CLIENT KILL 1.2.3.4:5") == .error("ERR No such client"))
    #expect(server.run("CLIENT KILL \(server.client.connection.address)") == .ok)
    #expect(server.client.isClosed)
  }

  @Test func `CLIENT KILL with filters answers how many it ended`() {
    let server = TestServer()
    let others = (0..<4).map { _ in server.connect() }
    let ids = server.server.clients.all.map(\.id)
    #expect(server.run("CLIENT KILL ID \(ids[1])") == 1)
    #expect(others[0].isClosed)
    #expect(server.run("CLIENT KILL ID \(ids[1])") == 0)
    #expect(server.run("CLIENT KILL MAXAGE 5") == 0)
    server.advance(milliseconds: 6000)
    let late = server.connect()
    #expect(server.run("CLIENT KILL MAXAGE 5 ADDR \(others[1].connection.address)") == 1)
    #expect(server.run("CLIENT KILL TYPE normal USER default MAXAGE 5") == 2)
    #expect(!late.isClosed)
    #expect(server.run("CLIENT KILL TYPE pubsub") == 0)
    #expect(server.run("CLIENT KILL SKIPME no") == 2)
    #expect(late.isClosed)
    #expect(server.client.isClosed)
    #expect(server.server.clients.count == 0)
  }

  @Test(
    arguments: [
      ("ID x", "ERR client-id should be greater than 0"),
      ("ID 0", "ERR client-id should be greater than 0"),
      ("MAXAGE x", "ERR maxage is not an integer or out of range"),
      ("MAXAGE 0", "ERR maxage should be greater than 0"),
      ("TYPE x", "ERR Unknown client type 'x'"),
      ("USER x", "ERR No such user 'x'"), ("SKIPME x", "ERR syntax error"),
      ("X y", "ERR syntax error"), ("ID 1 TYPE", "ERR syntax error"),
    ])
  func `CLIENT KILL refuses what it doesn't understand`(filter: String, error: String) {
    #expect(TestServer().run("CLIENT KILL \(filter)") == .error(error))
  }

  @Test func `CLIENT REPLY turns replies off, on, and skips one`() {
    let server = TestServer()
    for line in [
      "CLIENT REPLY OFF", "PING 1", "CLIENT REPLY SKIP", "NOSUCH", "CLIENT REPLY ON", "PING 2",
      "CLIENT REPLY SKIP", "PING 3", "PING 4", "CLIENT REPLY SKIP", "CLIENT REPLY SKIP", "PING 5",
      "PING 6", "CLIENT REPLY SKIP", "NOSUCH", "PING 7",
    ] { server.client.post(line) }
    server.turn()
    #expect(server.client.replies() == [.ok, "2", "4", "6", "7"])
    #expect(server.run("CLIENT REPLY x") == .error("ERR syntax error"))
  }

  @Test func `the reply to a command that was skipped changes data all the same`() {
    let server = TestServer()
    for line in ["CLIENT REPLY SKIP", "SET k 1", "GET k"] { server.client.post(line) }
    server.turn()
    #expect(server.client.replies() == ["1"])
  }

  @Test func `NO-TOUCH leaves access times alone`() {
    let server = TestServer()
    server.run("SET k 1")
    server.advance(milliseconds: 10_000)
    #expect(server.run("CLIENT NO-TOUCH on") == .ok)
    server.run("GET k")
    #expect(server.run("OBJECT IDLETIME k").number ?? 0 >= 9)
    let other = server.connect()
    other.run("GET k")
    #expect(server.run("OBJECT IDLETIME k") == 0)
    #expect(server.run("CLIENT NO-TOUCH x") == .error("ERR syntax error"))
  }

  @Test func `CLIENT HELP names every subcommand, and unknown ones are refused`() {
    let server = TestServer()
    let help = server.run("CLIENT HELP").elements.map(\.text)
    for command in ClientCommands.commands[0].subcommands {
      let name = command.name.description.uppercased()
      #expect(help.contains { $0.split(separator: " ").first.map(String.init) == name }, "\(name)")
    }
    #expect(
      server.run("CLIENT BOGUS ON")
        == .error("ERR unknown subcommand 'BOGUS'. Try CLIENT HELP."))
  }

  @Test func `UNBLOCK finds nobody waiting`() {
    let server = TestServer()
    #expect(server.run("CLIENT UNBLOCK 1") == 0)
    #expect(
      server.run("CLIENT UNBLOCK 1 x")
        == .error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"))
  }
}
