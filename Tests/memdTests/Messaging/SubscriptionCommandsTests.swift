// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct SubscriptionCommandsTests {
  @Test func `SUBSCRIBE answers every channel with the number of subscriptions`() {
    let server = TestServer()
    server.client.post("SUBSCRIBE a b a")
    server.client.post("PSUBSCRIBE a*")
    server.client.post("SSUBSCRIBE s")
    server.turn()
    #expect(
      server.client.replies() == [
        ["subscribe", "a", 1], ["subscribe", "b", 2], ["subscribe", "a", 2],
        ["psubscribe", "a*", 3], ["ssubscribe", "s", 1],
      ])
  }

  @Test func `UNSUBSCRIBE without names leaves all, and answers even who leaves nothing`() {
    let server = TestServer()
    #expect(server.run("UNSUBSCRIBE") == ["unsubscribe", nil, 0])
    #expect(server.run("PUNSUBSCRIBE") == ["punsubscribe", nil, 0])
    #expect(server.run("SUNSUBSCRIBE") == ["sunsubscribe", nil, 0])
    #expect(server.run("UNSUBSCRIBE x") == ["unsubscribe", "x", 0])
    server.run("PSUBSCRIBE p*")
    server.client.post("SUBSCRIBE a b c")
    server.turn()
    _ = server.client.replies()
    server.client.post("UNSUBSCRIBE")
    server.turn()
    let replies = server.client.replies()
    #expect(replies.map { $0.elements[2] } == [3, 2, 1])
    #expect(Set(replies.map { $0.elements[1].text }) == ["a", "b", "c"])
    #expect(server.run("UNSUBSCRIBE") == ["unsubscribe", nil, 1])
    #expect(server.run("PUNSUBSCRIBE") == ["punsubscribe", "p*", 0])
    #expect(server.run("GET k") == nil)
  }

  @Test func `messages go to channels first, then to patterns in their order`() {
    let server = TestServer()
    let publisher = server.connect()
    server.client.post("PSUBSCRIBE n* *s ?ews")
    server.client.post("SUBSCRIBE news")
    server.turn()
    _ = server.client.replies()
    #expect(publisher.run("PUBLISH news hello") == 4)
    #expect(
      server.client.replies() == [
        ["message", "news", "hello"], ["pmessage", "n*", "news", "hello"],
        ["pmessage", "*s", "news", "hello"], ["pmessage", "?ews", "news", "hello"],
      ])
    #expect(publisher.run("PUBLISH other hello") == 0)
    #expect(publisher.run("SPUBLISH news hello") == 0)
    server.run("SSUBSCRIBE shard")
    #expect(publisher.run("SPUBLISH shard hi") == 1)
    #expect(publisher.run("PUBLISH shard hi") == 0)
    #expect(server.client.replies() == [["smessage", "shard", "hi"]])
  }

  @Test func `a subscriber of RESP2 may run only what goes with messages`() {
    let server = TestServer()
    let other = server.connect()
    server.run("SUBSCRIBE x")
    #expect(
      server.run("GET k").text == """
        ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
        allowed in this context
        """)
    #expect(server.run("CONFIG GET x").text.hasPrefix("ERR Can't execute 'config|get': only"))
    #expect(server.run("HELLO 3").text.hasPrefix("ERR Can't execute 'hello'"))
    #expect(server.run("NOSUCH").text.hasPrefix("ERR unknown command"))
    #expect(server.run("SUBSCRIBE").text.hasPrefix("ERR wrong number of arguments"))
    #expect(server.run("PING") == ["pong", ""])
    #expect(server.run("PING hi") == ["pong", "hi"])
    #expect(other.run("PUBLISH x 1") == 1)
    #expect(server.client.next() == ["message", "x", "1"])
    #expect(server.run("RESET") == .status("RESET"))
    #expect(server.run("GET k") == nil)
    #expect(other.run("PUBLISH x 1") == 0)
    server.run("SUBSCRIBE x")
    #expect(server.run("QUIT") == .ok)
    #expect(other.run("PUBSUB CHANNELS") == [])
  }

  @Test func `a subscriber of RESP3 gets pushes and runs everything, until HELLO 2`() {
    let server = TestServer()
    let other = server.connect()
    server.run("HELLO 3")
    #expect(server.run("SUBSCRIBE x") == .push(["subscribe", "x", 1]))
    #expect(server.run("SET k 1") == .ok)
    #expect(server.run("PING") == .status("PONG"))
    #expect(other.run("PUBLISH x m") == 1)
    #expect(server.client.next() == .push(["message", "x", "m"]))
    #expect(server.run("HELLO 2").elements.count == 14)
    #expect(server.run("GET k").text.hasPrefix("ERR Can't execute 'get'"))
    #expect(other.run("PUBLISH x m") == 1)
    #expect(server.client.next() == ["message", "x", "m"])
    #expect(server.run("UNSUBSCRIBE") == ["unsubscribe", "x", 0])
    #expect(server.run("GET k") == "1")
  }

  @Test func `SUBSCRIBE runs inside a transaction, SSUBSCRIBE doesn't`() {
    let server = TestServer()
    server.run("MULTI")
    server.run("SUBSCRIBE x")
    server.run("SET k 1")
    server.run("SSUBSCRIBE x")
    server.run("PSUBSCRIBE p*")
    #expect(
      server.run("EXEC") == [
        ["subscribe", "x", 1], .ok,
        .error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"),
        ["psubscribe", "p*", 2],
      ])
    #expect(server.run("GET k").text.hasPrefix("ERR Can't execute 'get'"))
  }

  @Test func `PUBSUB counts channels, patterns and subscribers`() {
    let server = TestServer()
    let other = server.connect()
    let third = server.connect()
    for client in [other, third] { client.run("SUBSCRIBE a") }
    other.run("SUBSCRIBE b")
    other.run("PSUBSCRIBE p*")
    third.run("PSUBSCRIBE p*")
    third.run("SSUBSCRIBE s")
    #expect(Set(server.run("PUBSUB CHANNELS").elements.map(\.text)) == ["a", "b"])
    #expect(server.run("PUBSUB CHANNELS [b]") == ["b"])
    #expect(server.run("PUBSUB CHANNELS none") == [])
    #expect(server.run("PUBSUB NUMSUB a b c") == ["a", 2, "b", 1, "c", 0])
    #expect(server.run("PUBSUB NUMSUB") == [])
    #expect(server.run("PUBSUB NUMPAT") == 1)
    #expect(server.run("PUBSUB SHARDCHANNELS") == ["s"])
    #expect(server.run("PUBSUB SHARDNUMSUB s a") == ["s", 1, "a", 0])
    #expect(
      server.run("PUBSUB CHANNELS a b").text
        == "ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.")
    #expect(server.run("PUBSUB HELP").elements.count == 13)
    let statistics = server.run("INFO stats").text
    #expect(statistics.contains("pubsub_channels:2\r\npubsub_patterns:1\r\n"))
    #expect(statistics.contains("pubsubshard_channels:1\r\n"))
    #expect(server.run("INFO clients").text.contains("pubsub_clients:2\r\n"))
    third.connection.close()
    server.turn()
    #expect(server.run("PUBSUB NUMSUB a") == ["a", 1])
    #expect(server.run("PUBSUB SHARDCHANNELS") == [])
  }

  @Test func `CLIENT LIST shows subscriptions, CLIENT KILL finds subscribers`() {
    let server = TestServer()
    let other = server.connect()
    other.post("SUBSCRIBE a b")
    other.post("PSUBSCRIBE p*")
    other.post("SSUBSCRIBE s t u")
    server.turn()
    let line = server.run("CLIENT LIST TYPE pubsub").text
    #expect(line.contains(" flags=P db=0 sub=2 psub=1 ssub=3 multi=-1 "))
    #expect(server.run("CLIENT KILL TYPE pubsub") == 1)
    #expect(server.run("PUBSUB NUMPAT") == 0)
    #expect(other.isClosed)
  }

  @Test func `who is subscribed to very much leaves it in slices, and gets nothing meanwhile`() {
    let server = TestServer(follows: false)
    let other = server.connect()
    let before = server.server.allocator.bytesInUse
    for start in 0..<20 {
      other.send(["SUBSCRIBE"] + (0..<500).map { "c\(start * 500 + $0)" })
      server.turn()
    }
    other.run("PSUBSCRIBE c1*")
    #expect(server.run("PUBLISH c17 x") == 2)
    other.connection.close()
    server.turn()
    #expect(!server.server.clients.leaving.isEmpty)
    #expect(server.run("PUBLISH c17 x") == 0)
    #expect(server.run("INFO clients").text.contains("pubsub_clients:0\r\n"))
    for _ in 0..<1000 where !server.server.clients.leaving.isEmpty { server.turn() }
    #expect(server.run("PUBSUB CHANNELS") == [])
    #expect(server.run("PUBSUB NUMPAT") == 0)
    #expect(server.server.allocator.bytesInUse - before < 1000)
  }

  @Test func `PUBLISH and SPUBLISH reach followers whoever listens here`() {
    let server = TestServer()
    let effects = server.server.effects.stream
    let before = effects.offset
    server.run("PUBLISH x hello")
    server.run("SPUBLISH y hello")
    let text = String(decoding: effects.copy(behind: before), as: UTF8.self)
    #expect(text.contains("*3\r\n$7\r\nPUBLISH\r\n$1\r\nx\r\n$5\r\nhello\r\n"))
    #expect(text.contains("*3\r\n$8\r\nSPUBLISH\r\n$1\r\ny\r\n$5\r\nhello\r\n"))
    #expect(server.run("INFO persistence").text.contains("rdb_changes_since_last_save:0\r\n"))
  }
}
