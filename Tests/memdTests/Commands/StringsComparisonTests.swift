// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct StringsComparisonTests {
  @Test func `a digest is the XXH3 hash of the text, however it is stored`() {
    let server = TestServer()
    server.run(["SET", "k", "Hello world"])
    #expect(server.run("DIGEST k") == "b6acb9d84a38ff74")
    #expect(server.run("DIGEST missing") == nil)
    server.run("SET n 123")
    server.run("APPEND text 12")
    server.run("APPEND text 3")
    #expect(server.run("DIGEST n") == server.run("DIGEST text"))
  }

  @Test func `DELEX deletes under a condition, which a missing key never meets`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    #expect(server.run("DELEX k") == 0)
    #expect(server.run("DELEX k IFNE x") == 0)
    #expect(server.run("DELEX k IFEQ") == 0)
    server.run("SET k 12")
    #expect(server.run("DELEX k IFEQ 13") == 0)
    #expect(server.run("DELEX k IFNE 12") == 0)
    #expect(server.run("DELEX k IFEQ 12") == 1)
    server.run("SET k v")
    let digest = server.run("DIGEST k").text
    #expect(server.run("DELEX k IFDNE \(digest)") == 0)
    #expect(server.run("DELEX k IFDEQ 0123456789abcdef") == 0)
    #expect(server.run("DELEX k IFDEQ \(digest)") == 1)
    server.run("SET k v")
    #expect(server.run("DELEX k") == 1)
    #expect(
      witness.stream() == ["SET k 12", "DEL k", "SET k v", "DEL k", "SET k v", "DEL k"])
    #expect(witness.events() == ["set k", "del k", "set k", "del k", "set k", "del k"])
    server.run("SET k v")
    #expect(
      server.run("DELEX k IFEQ")
        == .error("ERR wrong number of arguments for 'delex' command"))
    #expect(
      server.run("DELEX k FOO v")
        == .error("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"))
  }

  @Test func `DELIFEQ deletes a key that holds the value`() {
    let server = TestServer()
    server.run("SET k 12")
    #expect(server.run("DELIFEQ k 13") == 0)
    #expect(server.run("DELIFEQ k 12") == 1)
    #expect(server.run("DELIFEQ k 12") == 0)
  }

  @Test func `LCS replies with the text, its length, or where its runs lie`() {
    let server = TestServer()
    server.run("MSET a ohmytext b mynewtext")
    #expect(server.run("LCS a b") == "mytext")
    #expect(server.run("LCS a b LEN") == 6)
    #expect(
      server.run("LCS a b IDX")
        == ["matches", [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], "len", 6])
    #expect(
      server.run("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN")
        == ["matches", [[[4, 7], [5, 8], 4]], "len", 6])
    #expect(server.run("LCS a missing") == "")
    #expect(server.run("LCS a b MINMATCHLEN") == .error("ERR syntax error"))
    #expect(
      server.run("LCS a b LEN IDX")
        == .error("ERR If you want both the length and indexes, please just use IDX."))
  }

  @Test func `LCS refuses strings whose table would be too large`() {
    let server = TestServer { $0.protoMaxBulkLength = 1 << 16 }
    server.run(["SET", "a", String(repeating: "a", count: 127)])
    server.run(["SET", "b", String(repeating: "a", count: 128)])
    #expect(server.run("LCS a a LEN") == 127)
    #expect(
      server.run("LCS a b LEN")
        == .error(
          "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"))
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `a common subsequence is common and as long as any`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    let left = (0..<random.next(below: 150)).map { _ in UInt8(random.next(below: 3)) }
    let right = (0..<random.next(below: 90)).map { _ in UInt8(random.next(below: 3)) }
    let common = CommonSubsequence(left.rawSpan, right.rawSpan)
    let bytes = common.bytes(left.rawSpan, right.rawSpan)
    #expect(bytes.count == common.length, "seed \(seed)")
    #expect(isSubsequence(bytes, of: left) && isSubsequence(bytes, of: right), "seed \(seed)")
    #expect(common.length == longest(left, right), "seed \(seed)")
  }

  private func isSubsequence(_ part: [UInt8], of whole: [UInt8]) -> Bool {
    var rest = whole[...]
    for byte in part {
      guard let index = rest.firstIndex(of: byte) else { return false }
      rest = rest[(index + 1)...]
    }
    return true
  }

  /// The length by the textbook's table.
  private func longest(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = [Int](repeating: 0, count: right.count + 1)
    for byte in left {
      var next = row
      for (index, other) in right.enumerated() {
        next[index + 1] = byte == other ? row[index] + 1 : max(row[index + 1], next[index])
      }
      row = next
    }
    return row[right.count]
  }
}
