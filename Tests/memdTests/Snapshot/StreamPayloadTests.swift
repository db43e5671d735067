// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

/// Streams whose parts contradict each other, as payloads.
@Suite struct StreamPayloadTests {
  private let server = TestServer(follows: false)

  private func restore(
    _ numbers: [UInt8], groups: [UInt8] = [0], kind: UInt8 = 27, producers: [UInt8]? = nil,
    block: PackedBytes = PackedForm.streamBlock
  ) -> Reply {
    let bytes = block.bytes
    var body: [UInt8] = [kind, 1, 16] + StreamPayload.firstID + [0x40, UInt8(bytes.count)] + bytes
    body += numbers + groups
    if kind >= 26 { body += producers ?? [0x40, 100, 0x40, 100, 0, 0, 0] }
    return server.restore("k", "0", RestoreTests.sealed(body, version: 14), "REPLACE")
  }

  private let numbers: [UInt8] = [2, 1, 3, 1, 1, 1, 2, 3]
  private let bad = Reply.error("ERR Bad data format")

  @Test func `counts and ids of a stream must fit its entries`() {
    #expect(restore(numbers) == .ok)
    for (index, values) in [(0, [0, 1, 3, 4]), (2, [0, 2]), (6, [4, 63])] as [(Int, [UInt8])] {
      for value in values {
        var wrong = numbers
        wrong[index] = value
        #expect(restore(wrong) == bad, "number \(index) is \(value)")
      }
    }
    // What Redis believes, too, is mended: the first id, and the number of added entries.
    #expect(restore([2, 1, 3, 9, 9, 1, 2, 1]) == .ok)
    let info = server.run("XINFO STREAM k").elements
    #expect(info[11] == 2)
    #expect(info[13] == "1-1")
  }

  @Test func `entries must be in order, and deleted ones as many as the block says`() {
    func block(_ flags: [Int], _ sequences: [Int]) -> PackedBytes {
      .listpack(
        [.number(2), .number(1), .number(1), .text("f"), .number(0)]
          + (0..<3).flatMap { index -> [PackedBytes.Item] in
            [.number(flags[index]), .number(0), .number(sequences[index]), .text("v"), .number(4)]
          })
    }
    #expect(restore(numbers, block: block([2, 3, 2], [0, 1, 2])) == .ok)
    #expect(restore(numbers, block: block([2, 2, 2], [0, 1, 2])) == bad)
    #expect(restore(numbers, block: block([3, 3, 2], [0, 1, 2])) == bad)
    #expect(restore(numbers, block: block([2, 3, 2], [0, 0, 2])) == bad)
    #expect(restore(numbers, block: block([2, 3, 2], [1, 0, 2])) == bad)
  }

  @Test func `groups, consumers and what they have pending must agree`() {
    let id: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    let time: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0]
    let pending = id + time + [1]
    let consumer = { (name: UInt8, ids: [UInt8]) -> [UInt8] in
      [1, name] + time + time + [UInt8(ids.count / 16)] + ids
    }
    let group: [UInt8] = [1, 103, 1, 1, 1]
    let right = group + [1] + pending + [1] + consumer(99, id) + [0]
    #expect(restore(numbers, groups: [1] + right) == .ok)
    #expect(restore(numbers, groups: [1] + group + [1] + pending + [0] + [1] + id) == .ok)
    #expect(server.run("XPENDING k g - + 10").elements.first?.elements[1] == "")
    for (wrong, what) in [
      ([2] + right + right, "a group twice"),
      ([1] + group + [2] + pending + pending + [1] + consumer(99, id) + [0], "pending twice"),
      ([1] + group + [1] + pending + [0, 0], "pending without a consumer"),
      ([1] + group + [0] + [1] + consumer(99, id) + [0], "a consumer's entry is not pending"),
      ([1] + group + [1] + pending + [2] + consumer(99, id) + consumer(98, id) + [0], "two owners"),
      ([1] + group + [1] + pending + [2] + consumer(99, id) + consumer(99, []) + [0], "consumer"),
      ([1] + group + [1] + pending + [1] + consumer(99, id) + [1] + id, "given back and owned"),
      ([1] + group + [1] + pending + [0] + [2] + id + id, "given back twice"),
      ([1] + group + [0] + [0] + [1] + id, "given back and not pending"),
    ] {
      #expect(restore(numbers, groups: wrong) == bad, "\(what)")
    }
  }

  @Test func `producers and their ids must agree with the stream`() {
    let head: [UInt8] = [0x40, 100, 2]
    let right = head + [1] + [1, 112, 2] + [1, 97, 1, 1] + [1, 98, 1, 3] + [2, 0]
    #expect(restore(numbers, producers: right) == .ok)
    #expect(restore(numbers, kind: 26, producers: right) == .ok)
    for (wrong, what) in [
      ([0x40, 100, 0, 0, 0, 0], "no ids allowed"), ([0, 2, 0, 0, 0], "no time"),
      (head + [1] + [1, 112, 0] + [0, 0], "a producer without ids"),
      (
        head + [2] + [1, 112, 1, 1, 97, 1, 1] + [1, 112, 1, 1, 98, 1, 3] + [2, 0], "producer twice"
      ),
      (head + [1] + [1, 112, 2] + [1, 97, 1, 1] + [1, 97, 1, 3] + [2, 0], "an id twice"),
      (head + [1] + [1, 112, 2] + [1, 97, 1, 3] + [1, 98, 1, 1] + [2, 0], "wrong order"),
      (head + [1] + [1, 112, 1] + [1, 97, 1, 4] + [2, 0], "an entry of the future"),
      (
        head + [2] + [1, 112, 1, 1, 97, 1, 1] + [1, 113, 1, 1, 98, 1, 1] + [2, 0], "shared entry"
      ),
      ([0x40, 100, 1, 1] + [1, 112, 2] + [1, 97, 1, 1] + [1, 98, 1, 3] + [2, 0], "too many"),
    ] as [([UInt8], String)] {
      #expect(restore(numbers, producers: wrong) == bad, "\(what)")
    }
  }

  @Test func `types of Redis are unknown in payloads of Valkey`() {
    for kind in [23, 24, 25, 26, 27] as [UInt8] {
      let payload = RestoreTests.sealed([kind, 0, 0, 0], version: 80)
      #expect(server.restore("k", "0", payload) == bad)
    }
  }
}
