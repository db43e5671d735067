// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DataStructures

struct StreamTests {
  @Test(arguments: [
    ("0-1", StreamID(0, 1)), ("5", StreamID(5, 7)), ("007-001", StreamID(7, 1)),
    (" +5-+1", StreamID(5, 1)), ("18446744073709551615-18446744073709551615", .maximum),
    ("12345678901234567890", StreamID(12_345_678_901_234_567_890, 7)),
  ])
  func `Ids are read as Redis reads them`(text: String, id: StreamID) {
    let bytes = Array(text.utf8)
    let parsed = StreamID.parse(bytes.rawSpan, missing: 7)
    #expect(parsed == id)
  }

  @Test(arguments: [
    "", "-", "+", "x", "5-", "-5", "5-x", "5-1-1", "5-*", "18446744073709551616", "1.5", "5 -1",
    String(repeating: "0", count: 128),
  ])
  func `What is no id is refused`(text: String) {
    let bytes = Array(text.utf8)
    let parsed = StreamID.parse(bytes.rawSpan, missing: 0)
    #expect(parsed == nil)
  }

  @Test func `An id of a new entry may leave its number to the stream`() {
    let star = Array("5-*".utf8)
    let numbered = StreamID.parseForm(star.rawSpan)
    #expect(numbered == .numbered(milliseconds: 5))
    let whole = Array("5".utf8)
    let complete = StreamID.parseForm(whole.rawSpan)
    #expect(complete == .complete(StreamID(5, 0)))
  }

  @Test func `Ids have neighbours except at the ends`() {
    #expect(StreamID(1, .max).successor == StreamID(2, 0))
    #expect(StreamID.maximum.successor == nil)
    #expect(StreamID(2, 0).predecessor == StreamID(1, .max))
    #expect(StreamID.zero.predecessor == nil)
    var scratch = StreamIDScratch()
    let maximum = scratch.write(.maximum).text
    #expect(maximum == "18446744073709551615-18446744073709551615")
    let zero = scratch.write(.zero).text
    #expect(zero == "0-0")
  }

  @Test func `A copy of a block shows its entries, without those that are deleted`() {
    let allocator = Allocator.create()
    let stream = WritableStream.make(allocator)
    defer { StreamTests.free(stream, allocator) }
    for number in 1...5 as ClosedRange<UInt64> {
      let fields = number == 4 ? TextList("a", "x", "b", "y") : TextList("a", "x")
      #expect(stream.add(StreamID(5, number), fields, limits: StreamLimits()))
    }
    #expect(stream.remove(StreamID(5, 1)) && stream.remove(StreamID(5, 3)))
    guard let node = stream.reading.firstNode else { return }
    let bytes = node.listpack.allBytes.copied
    var texts: [String] = []
    StreamNodeView(id: node.id, copy: bytes.rawSpan).forEach {
      texts.append("\($0.id.sequence): \($0.fieldCount)")
    }
    #expect(texts == ["2: 1", "4: 2", "5: 1"])
  }

  @Test func `A block has the bytes that Redis gives it`() {
    let allocator = Allocator.create()
    let stream = WritableStream.make(allocator)
    defer { StreamTests.free(stream, allocator) }
    let limits = StreamLimits()
    #expect(stream.add(StreamID(5, 1), TextList("a", "x"), limits: limits))
    #expect(stream.add(StreamID(6, 0), TextList("a", "12"), limits: limits))
    #expect(stream.add(StreamID(6, 3), TextList("b", "y"), limits: limits))
    #expect(stream.remove(StreamID(6, 0)))
    let bytes = stream.reading.firstNode?.listpack.allBytes.copied
    // Payload of DUMP of redis-server 7.0.15 after the same commands.
    #expect(
      bytes == [
        0x38, 0, 0, 0, 0x16, 0,
        2, 1, 1, 1, 1, 1, 0x81, 0x61, 2, 0, 1,
        2, 1, 0, 1, 0, 1, 0x81, 0x78, 2, 4, 1,
        3, 1, 1, 1, 0xDF, 0xFF, 2, 12, 1, 4, 1,
        0, 1, 1, 1, 2, 1, 1, 1, 0x81, 0x62, 2, 0x81, 0x79, 2, 6, 1,
        0xFF,
      ])
  }

  @Test func `Damaged blocks are refused`() {
    let allocator = Allocator.create()
    let stream = WritableStream.make(allocator)
    defer { StreamTests.free(stream, allocator) }
    for index in 1...4 {
      _ = stream.add(StreamID(UInt64(index), 0), TextList("a", "value"), limits: StreamLimits())
    }
    let bytes = stream.reading.firstNode?.listpack.allBytes.copied ?? []
    var accepted = 0
    for index in bytes.indices {
      for change in [1, 2, 128, 255] as [UInt8] {
        var damaged = bytes
        damaged[index] ^= change
        let loaded = WritableStream.make(allocator)
        if loaded.appendNode(StreamID(1, 0), damaged.rawSpan) {
          accepted += 1
          loaded.reading.checkInvariants()
        }
        var budget = Int.max
        _ = loaded.free(budget: &budget)
      }
    }
    // Other values, and other ids in the same order, are no damage.
    #expect(accepted > 0 && accepted < bytes.count * 2)
    let isRepeated = stream.appendNode(StreamID(4, 0), bytes.rawSpan)
    #expect(!isRepeated, "ids that are there already")
  }

  @Test func `An entry of sixteen bytes costs twenty-seven`() {
    let allocator = Allocator.create()
    let stream = WritableStream.make(allocator)
    defer { StreamTests.free(stream, allocator) }
    let count = 20_000
    for index in 0..<count {
      let id = StreamID(1_700_000_000_000 + UInt64(index / 50), UInt64(index % 50))
      _ = stream.add(id, TextList("field", "0123456789abcdef"), limits: StreamLimits())
    }
    let size = stream.reading.allocatedSize()
    #expect(size == allocator.bytesInUse)
    #expect(Double(size) / Double(count) <= 27, "\(Double(size) / Double(count))")
  }

  @Test func `A pending entry costs at most fifty bytes`() {
    let allocator = Allocator.create()
    let stream = WritableStream.make(allocator)
    defer { StreamTests.free(stream, allocator) }
    let name = Array("g".utf8)
    guard let group = stream.addGroup(name.rawSpan, lastID: .zero, entriesRead: -1) else {
      return
    }
    let consumer = group.addConsumer(name.rawSpan, seenTime: 0)
    for index in 1...10_000 {
      group.deliver(StreamID(UInt64(index), 0), to: consumer, time: 0, count: 1)
    }
    #expect(allocator.bytesInUse <= 500_000, "\(allocator.bytesInUse)")
    for index in 1...10_000 { #expect(group.acknowledge(StreamID(UInt64(index), 0))) }
    #expect(allocator.bytesInUse < 1000)
  }

  private static func free(_ stream: WritableStream, _ allocator: Allocator) {
    var budget = Int.max
    #expect(stream.free(budget: &budget))
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }
}
