// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// What is done for many keys at once must not show.
@Suite struct KeyBatchTests {
  /// A server that has loaded a file of an old version, which has no checksum, or refused it.
  private func loaded(_ body: [UInt8]) -> (server: TestServer, isLoaded: Bool) {
    let server = TestServer(follows: false)
    server.keepLog()
    server.disk.setContent(Array("REDIS0003".utf8) + body, of: "dump.rdb")
    var isLoaded = false
    server.server.startLoading(RDBLoader.Options()) { isLoaded = $0 }
    server.server.finishLoading()
    return (server, isLoaded)
  }

  private func key(_ name: String) -> [UInt8] {
    [0, UInt8(name.utf8.count)] + Array(name.utf8) + [1, 0x76]
  }

  @Test func `of two errors the one that stands in front is told`() {
    let bytes = key("twice") + key("a") + key("twice") + key("b")
    for end: [UInt8] in [[255], [0xF0], key("c") + [0xF0]] {
      let (server, isLoaded) = loaded(bytes + end)
      #expect(!isLoaded)
      #expect(
        server.logText.contains(
          "The key is in the RDB twice, at offset 32, key 'twice', type 0 (string)"))
    }
    #expect(loaded(key("a") + [0xF0]).server.logText.contains("at offset 15"))
  }

  @Test func `keys go to the database that they were read for`() {
    let (server, isLoaded) = loaded([254, 1] + key("a") + [254, 2] + key("a") + key("b") + [255])
    #expect(isLoaded)
    #expect(server.server.keyspace.databases.prefix(4).map(\.count) == [0, 1, 2, 0])
  }

  @Test func `buckets for announced keys are made at once, but not for what can't be there`() {
    func bucketCount(announced: [UInt8], keyCount: Int) -> Int {
      var bytes: [UInt8] = [251] + announced + [0]
      for number in 0..<keyCount { bytes += key("a key of 14 bytes \(number)") }
      let (server, isLoaded) = loaded(bytes + [255])
      #expect(isLoaded)
      #expect(server.server.keyspace.databases[0].count == keyCount)
      return server.server.keyspace.databases[0].contentsHome.bucketCount
    }
    #expect(bucketCount(announced: [60], keyCount: 100) == 15)
    #expect(bucketCount(announced: [60], keyCount: 45) == 9)
    let many: [UInt8] = [0x81, 0, 0, 0, 0xFF, 0, 0, 0, 0]
    #expect(bucketCount(announced: many, keyCount: 0) == 0)
    #expect(bucketCount(announced: many, keyCount: 10) == 3)
  }
}
