// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct BroadcastTests {
  @Test func `keys of a prefix are announced once per turn, sorted, read or not`() {
    let caching = CachingClient("BCAST PREFIX a: PREFIX b:")
    for key in ["b:2", "a:2", "a:1", "c:1", "a:2", "b:1"] {
      caching.server.client.post("INCR \(key)")
    }
    caching.server.turn()
    #expect(
      caching.reader.replies() == [
        CachingClient.stale("a:1", "a:2"), CachingClient.stale("b:1", "b:2"),
      ])
    #expect(caching.server.server.effects.tracking?.keyCount == 0)
  }

  @Test func `without a prefix all keys are announced`() {
    let caching = CachingClient("BCAST")
    caching.server.run("MSET x 1 y 2")
    #expect(caching.reader.replies() == [CachingClient.stale("x", "y")])
  }

  @Test func `one's own changes come behind the reply; with NOLOOP they don't come`() {
    let caching = CachingClient("BCAST")
    #expect(caching.reader.run("SET k 1") == .ok)
    #expect(caching.reader.replies() == [CachingClient.stale("k")])
    #expect(caching.reader.run("CLIENT TRACKING ON BCAST NOLOOP") == .ok)
    #expect(caching.reader.run("SET k 1") == .ok)
    #expect(caching.reader.replies() == [])
    // Whoever has changed it last in the turn counts.
    let later = caching.server.connect()
    caching.reader.post("SET k 2")
    caching.reader.post("SET own 2")
    later.run("SET k 3")
    #expect(caching.reader.replies() == [.ok, .ok, CachingClient.stale("k")])
  }

  @Test func `a key that expires is nobody's own change`() {
    let caching = CachingClient("BCAST NOLOOP")
    caching.reader.run("SET k v PX 10")
    #expect(caching.reader.replies() == [])
    caching.server.advance(milliseconds: 11)
    #expect(caching.reader.replies() == [CachingClient.stale("k")])
  }

  @Test func `prefixes can be added, and lie in order`() {
    let caching = CachingClient("BCAST PREFIX b")
    #expect(caching.reader.run("CLIENT TRACKING ON BCAST PREFIX c PREFIX a") == .ok)
    #expect(
      caching.reader.run("CLIENT TRACKINGINFO")
        == .map([
          .init(key: "flags", value: .set(["on", "bcast"])), .init(key: "redirect", value: 0),
          .init(key: "prefixes", value: ["a", "b", "c"]),
        ]))
    caching.server.run("MSET a1 1 b1 1 c1 1 d1 1")
    #expect(
      caching.reader.replies() == [
        CachingClient.stale("a1"), CachingClient.stale("b1"), CachingClient.stale("c1"),
      ])
  }

  @Test func `who read keys before broadcasting is not told of these twice`() {
    let caching = CachingClient()
    caching.reader.run("GET k")
    caching.reader.run("CLIENT TRACKING OFF")
    caching.reader.run("CLIENT TRACKING ON BCAST")
    caching.server.run("SET k 1")
    #expect(caching.reader.replies() == [CachingClient.stale("k")])
  }

  @Test func `messages for somebody who leaves in the same turn are dropped`() {
    let caching = CachingClient("BCAST PREFIX k")
    caching.server.client.post("SET k 1")
    caching.reader.post("CLIENT TRACKING OFF")
    caching.server.turn()
    #expect(caching.reader.replies() == [.ok])
    #expect(caching.server.server.effects.tracking == nil)
  }
}
