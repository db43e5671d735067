// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct StreamApplierTests {
  @Test func `a stream that arrives byte by byte is applied as if it came at once`() throws {
    let leader = TestServer(follows: false)
    let cursor = leader.server.effects.stream.makeCursor()
    for line in ["SET before 1", "MULTI", "INCR a", "RPUSH l x y", "SELECT 3", "INCR b", "EXEC"] {
      leader.run(line)
    }
    leader.run("INCR behind")
    let follower = TestServer(follows: false)
    let applier = StreamApplier(server: follower.server)
    let bytes = leader.server.effects.stream.copy(behind: cursor.position)
    for byte in bytes { try applier.apply([byte].rawSpan) }
    #expect(applier.offset == bytes.count)
    #expect(DatasetText.of(follower.server.keyspace) == DatasetText.of(leader.server.keyspace))
  }

  @Test func `nothing of a transaction is applied before its EXEC is there`() throws {
    let follower = TestServer(follows: false)
    let applier = StreamApplier(server: follower.server)
    let head = StreamApplierTests.bytes(["SELECT 0", "SET k 1"])
    try applier.apply((head + StreamApplierTests.bytes(["MULTI", "SET k 2", "SET l 2"])).rawSpan)
    #expect(applier.offset == head.count)
    #expect(follower.run("MGET k l") == ["1", .null])
    try applier.apply(StreamApplierTests.bytes(["SET l 3", "EXEC"]).rawSpan)
    #expect(follower.run("MGET k l") == ["2", "3"])
  }

  @Test func `a command that is refused inside of a long transaction is found at its offset`() {
    let follower = TestServer(follows: false)
    let applier = StreamApplier(server: follower.server)
    let sets = (0..<150).map { "SET k\($0) text" }
    let before = StreamApplierTests.bytes(["SELECT 0", "MULTI"] + sets)
    let failure = StreamFailure.refused(
      offset: before.count, command: Array("INCR".utf8),
      error: Array("-ERR value is not an integer or out of range\r\n".utf8))
    #expect(throws: failure) {
      try applier.apply((before + StreamApplierTests.bytes(["INCR k7", "EXEC"])).rawSpan)
    }
  }

  /// Commands as the stream has them.
  private static func bytes(_ lines: [String]) -> [UInt8] {
    lines.flatMap { line in
      let words = TestClient.words(line)
      return words.reduce(into: Array("*\(words.count)\r\n".utf8)) {
        $0 += Array("$\($1.utf8.count)\r\n\($1)\r\n".utf8)
      }
    }
  }
}
