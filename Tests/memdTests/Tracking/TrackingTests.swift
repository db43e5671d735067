// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct TrackingTests {
  @Test func `a key that was read is announced once when it changes`() {
    let caching = CachingClient()
    #expect(caching.reader.run("GET k") == nil)
    caching.server.run("SET k 1")
    caching.server.run("SET k 2")
    #expect(caching.reader.replies() == [CachingClient.stale("k")])
    #expect(caching.reader.run("GET k") == "2")
    caching.server.run("APPEND k 3")
    #expect(caching.reader.replies() == [CachingClient.stale("k")])
  }

  @Test func `keys that were not read, or only written, are not announced`() {
    let caching = CachingClient()
    caching.reader.run("SET k 1")
    caching.reader.run("GET other")
    caching.server.run("SET k 2")
    #expect(caching.reader.replies() == [])
  }

  @Test(arguments: [
    "MGET a k b", "EXISTS k", "STRLEN k", "TYPE k", "OBJECT ENCODING k", "LCS k x",
    "ZUNION 2 x k", "SINTERCARD 2 k x", "XREAD COUNT 1 STREAMS k 0", "GETRANGE k 0 1",
    "SORT_RO k", "DUMP k", "PTTL k", "LRANGE k 0 -1", "BITFIELD_RO k GET u8 0",
  ])
  func `every reading command leaves its keys behind`(_ command: String) {
    let caching = CachingClient()
    caching.reader.run(command)
    caching.server.run("SET k 1")
    #expect(caching.reader.replies() == [CachingClient.stale("k")], "\(command)")
    let others = TestClient.words(command).filter { ["a", "b", "x"].contains($0) }
    #expect(caching.server.server.effects.tracking?.itemCount == others.count)
  }

  @Test func `the reply comes first, what the command has made stale behind it`() {
    let caching = CachingClient()
    caching.reader.run("HSET h f 1")
    caching.reader.run("HGET h f")
    caching.reader.post("HDEL h f")
    caching.reader.post("PING")
    #expect(caching.reader.run("GET x") == 1)
    #expect(caching.reader.replies() == [CachingClient.stale("h"), .status("PONG"), nil])
  }

  @Test func `nothing comes between the replies of a transaction`() {
    let caching = CachingClient()
    caching.reader.run("MSET a 1 b 1")
    caching.reader.run("GET a")
    caching.reader.run("MULTI")
    caching.reader.run("INCR a")
    caching.reader.run("GET b")
    caching.reader.run("GET a")
    caching.reader.run("INCR b")
    #expect(caching.reader.run("EXEC") == [2, "1", "2", 2])
    #expect(caching.reader.replies() == [CachingClient.stale("a"), CachingClient.stale("b")])
    // What was read inside is remembered.
    caching.reader.run("INCR a")
    #expect(caching.reader.replies() == [CachingClient.stale("a")])
  }

  @Test func `what is stale comes before what was published, whichever happened first`() {
    let caching = CachingClient()
    caching.reader.run("SUBSCRIBE channel __keyspace@0__:k")
    _ = caching.reader.replies()
    caching.server.run("CONFIG SET notify-keyspace-events KA")
    caching.reader.run("GET k")
    caching.reader.run("MULTI")
    caching.reader.run("PUBLISH channel text")
    caching.reader.run("SET k 1")
    #expect(caching.reader.run("EXEC") == [1, .ok])
    let text = Reply.push(["message", "channel", "text"])
    let event = Reply.push(["message", "__keyspace@0__:k", "set"])
    #expect(caching.reader.replies() == [CachingClient.stale("k"), text, event])
    // The same for changes by others.
    caching.reader.run("GET k")
    caching.server.run("SET k 2")
    #expect(caching.reader.replies() == [CachingClient.stale("k"), event])
  }

  @Test func `a key that expires is announced when its time has come`() {
    let caching = CachingClient()
    caching.server.run("SET k 1 PX 100")
    caching.reader.run("GET k")
    caching.server.advance(milliseconds: 100)
    #expect(caching.reader.replies() == [])
    caching.server.advance(milliseconds: 1)
    #expect(caching.reader.replies() == [CachingClient.stale("k")])
  }

  @Test func `a due key that is met in a transaction is announced behind it`() {
    let caching = CachingClient()
    caching.server.run("MSET x 1 y 2")
    caching.server.server.configuration.activeExpireEnabled = false
    caching.server.run("PEXPIRE y 10")
    caching.reader.run("GET y")
    caching.server.advance(milliseconds: 20)
    #expect(caching.reader.run("MGET x y") == ["1", nil])
    #expect(caching.reader.replies() == [CachingClient.stale("y")])
  }

  @Test func `fields that expire make their hash stale`() {
    let caching = CachingClient()
    caching.server.run("HSET h f 1 g 1")
    caching.server.run("HPEXPIRE h 50 FIELDS 1 f")
    caching.reader.run("HGETALL h")
    caching.server.advance(milliseconds: 51)
    #expect(caching.reader.replies() == [CachingClient.stale("h")])
  }

  @Test func `an evicted key is announced before the reply of the command that needed the room`() {
    let caching = CachingClient()
    caching.reader.run("SETEX volatile 10000 x")
    caching.reader.run("GET volatile")
    caching.reader.run("CONFIG SET maxmemory-policy volatile-random")
    let used = caching.server.server.evictableMemory
    caching.reader.run("CONFIG SET maxmemory \(used + 100 * 1024)")
    caching.reader.run("SETBIT big 1600000 0")
    #expect(caching.reader.run("GETBIT big 0") == CachingClient.stale("volatile"))
    #expect(caching.reader.replies() == [0])
  }

  @Test(arguments: ["FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC", "FLUSHDB SYNC"])
  func `flushing says that everything is stale, and forgets it`(_ command: String) {
    let caching = CachingClient()
    for key in 0..<500 { caching.reader.run("GET \(key)") }
    #expect(caching.server.server.effects.tracking?.keyCount == 500)
    caching.server.run(command)
    #expect(caching.reader.replies() == [.push(["invalidate", nil])])
    #expect(caching.server.server.effects.tracking?.keyCount == 0)
    #expect(caching.server.server.effects.tracking?.itemCount == 0)
    caching.reader.run("MULTI")
    caching.reader.run(command)
    #expect(caching.reader.run("EXEC") == [.ok])
    #expect(caching.reader.replies() == [.push(["invalidate", nil])])
  }

  @Test func `keys have no database: a change in any makes them stale`() {
    let caching = CachingClient()
    caching.reader.run("GET k")
    caching.server.run("SELECT 3")
    caching.server.run("SET k 1")
    #expect(caching.reader.replies() == [CachingClient.stale("k")])
  }

  @Test func `NOLOOP leaves out a client's own changes, which nevertheless end the remembering`() {
    let caching = CachingClient("NOLOOP")
    caching.reader.run("MGET a b")
    caching.reader.run("SET a 1")
    caching.server.run("SET a 2")
    caching.server.run("SET b 2")
    #expect(caching.reader.replies() == [CachingClient.stale("b")])
  }

  @Test func `OPTIN remembers what follows CLIENT CACHING YES: one command or one transaction`() {
    let caching = CachingClient("OPTIN")
    func remembered() -> Int { caching.server.server.effects.tracking?.keyCount ?? -1 }
    caching.reader.run("GET a")
    #expect(remembered() == 0)
    caching.reader.run("CLIENT CACHING YES")
    caching.reader.run("CLIENT ID")
    caching.reader.run("GET a")
    #expect(remembered() == 1)
    caching.reader.run("GET b")
    #expect(remembered() == 1)
    caching.reader.run("CLIENT CACHING YES")
    caching.reader.run("NOSUCH")
    caching.reader.run("GET b")
    #expect(remembered() == 1)
    caching.reader.run("CLIENT CACHING YES")
    caching.reader.run("MULTI")
    caching.reader.run("GET c")
    caching.reader.run("GET d")
    #expect(caching.reader.run("EXEC") == [nil, nil])
    #expect(remembered() == 3)
    caching.reader.run("GET e")
    #expect(remembered() == 3)
  }

  @Test func `OPTOUT forgets about what follows CLIENT CACHING NO`() {
    let caching = CachingClient("OPTOUT")
    caching.reader.run("CLIENT CACHING NO")
    caching.reader.run("GET a")
    #expect(caching.server.server.effects.tracking?.keyCount == 0)
    caching.reader.run("GET a")
    #expect(caching.server.server.effects.tracking?.keyCount == 1)
  }

  @Test func `a client without replies still hears what is stale`() {
    let caching = CachingClient()
    caching.reader.run("GET k")
    caching.reader.post("CLIENT REPLY OFF")
    caching.reader.post("SET own 1")
    caching.server.run("SET k 1")
    #expect(caching.reader.replies() == [CachingClient.stale("k")])
    caching.reader.post("GET own")
    caching.reader.post("SET own 2")
    caching.server.run("PING")
    #expect(caching.reader.replies() == [CachingClient.stale("own")])
    #expect(caching.reader.run("CLIENT REPLY ON") == .ok)
  }

  @Test func `a client that blocks on what others write is told behind its reply`() {
    let caching = CachingClient()
    caching.server.run("RPUSH target a")
    caching.reader.run("LRANGE target 0 -1")
    caching.reader.post("BLMOVE source target LEFT LEFT 0")
    caching.server.run("PING")
    caching.server.run("RPUSH source x")
    #expect(caching.reader.replies() == ["x", CachingClient.stale("target")])
  }

  @Test func `more keys than may be remembered are forgotten, and announced`() {
    let caching = CachingClient { $0.trackingTableMaxKeys = 10 }
    for key in 0..<30 { caching.reader.run("SET \(key) v") }
    for key in 0..<30 { caching.reader.post("GET \(key)") }
    caching.server.turn()
    let pushes = caching.reader.replies().filter { if case .push = $0 { true } else { false } }
    #expect(pushes.count == 20)
    #expect(caching.server.server.effects.tracking?.keyCount == 10)
    caching.server.run("CONFIG SET tracking-table-max-keys 4")
    #expect(caching.reader.replies().count == 6)
    caching.server.run("CONFIG SET tracking-table-max-keys 0")
    for key in 0..<30 { caching.reader.run("GET \(key)") }
    #expect(caching.server.server.effects.tracking?.keyCount == 30)
  }

  @Test func `a limit that is lowered by much is reached in slices, without sleeping between`() {
    let caching = CachingClient()
    for key in 0..<450 { caching.reader.run("GET \(key)") }
    caching.server.run("CONFIG SET tracking-table-max-keys 1")
    #expect(caching.server.server.effects.tracking?.keyCount == 350)
    #expect(caching.server.server.hasBackgroundWork)
    for _ in 0..<4 { caching.server.turn() }
    #expect(caching.server.server.effects.tracking?.keyCount == 1)
    #expect(caching.reader.replies().count == 449)
  }

  @Test func `in RESP2 a client without redirection hears nothing`() {
    let server = TestServer()
    let reader = server.connect()
    reader.run("CLIENT TRACKING ON")
    reader.run("GET k")
    server.run("SET k 1")
    #expect(reader.replies() == [])
  }

  @Test func `another client may get the messages, in RESP3 without subscribing`() {
    let server = TestServer()
    let receiver = server.connect()
    receiver.run("HELLO 3")
    let id = receiver.run("CLIENT ID").number ?? 0
    let reader = server.connect()
    #expect(reader.run("CLIENT TRACKING ON REDIRECT \(id)") == .ok)
    #expect(reader.run("CLIENT GETREDIR") == .integer(id))
    reader.run("GET k")
    #expect(receiver.run("SET k 1") == .ok)
    #expect(receiver.replies() == [CachingClient.stale("k")])
    reader.run("GET k")
    #expect(reader.run("SET k 2") == .ok)
    #expect(receiver.replies() == [CachingClient.stale("k")])
    #expect(reader.replies() == [])
  }

  @Test func `who redirects to a client that has gone is told so in RESP3`() {
    let server = TestServer()
    let receiver = server.connect()
    let id = receiver.run("CLIENT ID").number ?? 0
    let reader = server.connect()
    reader.run("HELLO 3")
    reader.run("CLIENT TRACKING ON REDIRECT \(id)")
    reader.run("GET k")
    receiver.run("QUIT")
    server.settle()
    server.run("SET k 1")
    #expect(reader.replies() == [.push(["tracking-redir-broken", .integer(id)])])
    #expect(server.run("CLIENT LIST").text.contains("flags=tR "))
    reader.run("CLIENT TRACKING ON")
    #expect(!server.run("CLIENT LIST").text.contains("flags=tR "))
  }

  @Test func `INFO and CLIENT LIST show who tracks what`() {
    let caching = CachingClient("BCAST PREFIX a PREFIX b")
    let other = caching.server.connect()
    other.run("CLIENT TRACKING ON")
    other.run("MGET x y")
    let info = caching.server.run("INFO everything").text
    for line in [
      "tracking_clients:2", "tracking_total_keys:2", "tracking_total_items:2",
      "tracking_total_prefixes:2",
    ] {
      #expect(info.contains("\r\n\(line)\r\n"), "\(line)")
    }
    #expect(caching.reader.run("CLIENT INFO").text.contains(" flags=tB "))
    #expect(other.run("CLIENT INFO").text.contains(" redir=0 "))
    #expect(caching.server.run("CLIENT INFO").text.contains(" redir=-1 "))
  }

  @Test(arguments: ["CLIENT TRACKING OFF", "RESET", "QUIT"])
  func `who stops tracking leaves nothing behind`(_ command: String) {
    let caching = CachingClient()
    let listener = caching.server.connect()
    listener.run("CLIENT TRACKING ON BCAST PREFIX p")
    for key in 0..<200 { caching.reader.run("GET \(key)") }
    caching.reader.run(command)
    listener.run(command)
    caching.server.settle()
    #expect(caching.server.server.effects.tracking == nil)
    #expect(!caching.server.server.effects.attention.kinds.contains(.trackers))
    #expect(caching.server.server.keyspace.unlinked.isEmpty)
    caching.server.run("SET 1 v")
    #expect(caching.reader.replies() == [] || command == "QUIT")
  }

  @Test func `who reads again after a pause in tracking is told of what it read before`() {
    let caching = CachingClient()
    caching.server.connect().run("CLIENT TRACKING ON")
    caching.reader.run("GET k")
    caching.reader.run("CLIENT TRACKING OFF")
    caching.reader.run("CLIENT TRACKING ON")
    caching.server.run("SET k 1")
    #expect(caching.reader.replies() == [CachingClient.stale("k")])
  }
}
