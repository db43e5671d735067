// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// `key-load-delay`.
@Suite struct KeyPaceTests {
  private let loading = Reply.error("LOADING Redis is loading the dataset in memory")

  /// A server that loads three keys, a second for each.
  private func slowServer() -> TestServer {
    let first = TestServer()
    first.run("MSET a 1 b 2 c 3")
    first.run("SAVE")
    let server = TestServer(follows: false) { $0.keyLoadDelay = 1_000_000 }
    server.disk.setContent(first.disk.content(of: "dump.rdb") ?? [], of: "dump.rdb")
    return server
  }

  @Test func `loading waits behind each key, and clients are answered meanwhile`() {
    let server = slowServer()
    var isReady = false
    server.server.loadAtStart { isReady = true }
    // The helper reads the file.
    server.turn()
    server.advance(milliseconds: 5)
    for count in 1...3 {
      #expect(server.run("GET a") == loading)
      #expect(server.server.persistence.loading?.keyCount == count)
      // The loop sleeps instead of asking all the time.
      #expect(server.server.sleepNanoseconds() > 0)
      server.advance(milliseconds: 990)
      #expect(server.server.persistence.loading?.keyCount == count)
      #expect(!isReady)
      server.advance(milliseconds: 11)
    }
    #expect(isReady)
    #expect(server.run("MGET a b c") == ["1", "2", "3"])
    #expect(server.server.sleepNanoseconds() > 0)
  }

  @Test func `CONFIG SET key-load-delay 0 ends the waiting`() {
    let server = slowServer()
    var isReady = false
    server.server.loadAtStart { isReady = true }
    server.turn()
    server.advance(milliseconds: 5)
    #expect(server.run("CONFIG SET key-load-delay 0") == .ok)
    server.turn()
    #expect(isReady)
    #expect(server.run("CONFIG SET key-load-delay 2147483648").isError)
    #expect(server.run("CONFIG SET key-load-delay -2147483648") == .ok)
    server.server.configuration.enableDebugCommand = .yes
    server.run("CONFIG SET key-load-delay 1000000")
    // Who reloads at once doesn't keep everybody waiting.
    #expect(server.run("DEBUG RELOAD") == .ok)
    #expect(server.run("DBSIZE") == 3)
  }

  @Test(arguments: [(100, 100_000), (-25, 40), (-1, 1000), (-2_147_483_648, 0), (1, 1000)])
  func `a delay is in microseconds, a negative one is a part of one`(delay: Int, each: Int64) {
    var pace = KeyPace(continuesAt: 5, keyCount: 7, delay: delay)
    pace.note(keyCount: 7, at: 5)
    #expect(pace.continuesAt == 5)
    pace.note(keyCount: 17, at: 5)
    #expect(pace.continuesAt == 5 + 10 * each)
  }

  @Test func `what was overslept is made up for, what lasted longer is not`() {
    var pace = KeyPace(continuesAt: 0, keyCount: 0, delay: 1000)
    pace.note(keyCount: 1, at: 3_000_000)
    #expect(pace.continuesAt == 1_000_000)
    pace.note(keyCount: 2, at: 1_000_000_000)
    #expect(pace.continuesAt == 991_000_000)
  }
}
