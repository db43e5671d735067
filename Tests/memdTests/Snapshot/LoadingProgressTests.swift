// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct LoadingProgressTests {
  @Test func `progress is told every five seconds`() {
    let second: Int64 = 1_000_000_000
    var progress = LoadingProgress(byteCount: 100 << 20, at: 7 * second)
    #expect(progress.line(offset: 1 << 20, keyCount: 1, at: 12 * second - 1) == nil)
    #expect(
      progress.line(offset: 25 << 20, keyCount: 1000, at: 12 * second)
        == "Loading: 25.0% of 100.0 MB, 1000 keys, 5.0 MB/s, 15 seconds left")
    #expect(progress.line(offset: 25 << 20, keyCount: 1000, at: 12 * second) == nil)
    #expect(
      progress.line(offset: 25 << 20, keyCount: 1001, at: 17 * second)
        == "Loading: 25.0% of 100.0 MB, 1001 keys, 0.0 MB/s")
    // What is loaded may grow meanwhile.
    #expect(
      progress.line(offset: 125 << 20, keyCount: 2000, at: 27 * second)
        == "Loading: 125.0% of 100.0 MB, 2000 keys, 10.0 MB/s, 0 seconds left")
  }

  @Test func `a slow load tells how far it is`() {
    let first = TestServer()
    for number in 0..<9 { first.run("SET key:\(number) value") }
    first.run("SAVE")
    let server = TestServer(follows: false) { $0.keyLoadDelay = 1_000_000 }
    server.keepLog()
    server.disk.setContent(first.disk.content(of: "dump.rdb") ?? [], of: "dump.rdb")
    server.server.loadAtStart {}
    for _ in 0..<60 { server.advance(milliseconds: 100) }
    #expect(server.logText.contains("MB, 6 keys, 0.0 MB/s, "), "\(server.logText)")
    #expect(server.run("GET a").isError)
  }
}
