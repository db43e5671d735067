// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct StringsRangeTests {
  @Test func `parts of a string are counted from either end and may lie outside`() {
    let server = TestServer()
    server.run(["SET", "k", "This is a string"])
    #expect(server.run("GETRANGE k 0 3") == "This")
    #expect(server.run("GETRANGE k -3 -1") == "ing")
    #expect(server.run("GETRANGE k 10 100") == "string")
    #expect(server.run("GETRANGE k 5 4") == "")
    #expect(server.run("GETRANGE k -9223372036854775808 9223372036854775807").text.count == 16)
    #expect(server.run("GETRANGE k 9223372036854775807 -9223372036854775808") == "")
    #expect(server.run("GETRANGE k -100 -200") == "")
    #expect(server.run("GETRANGE k -200 -100") == "T")
    #expect(server.run("GETRANGE missing 0 -1") == "")
    #expect(
      server.run("GETRANGE k a 1") == .error("ERR value is not an integer or out of range"))
    server.run("SET k -123")
    #expect(server.run("SUBSTR k 1 2") == "12")
    #expect(server.run("STRLEN k") == 4)
  }

  @Test func `appending creates, turns integers into text, and stops at the limit`() {
    let server = TestServer { $0.protoMaxBulkLength = 1 << 20 }
    let witness = StringsWitness(server)
    #expect(server.run("APPEND k 12") == 2)
    #expect(server.run("OBJECT ENCODING k") == "int")
    #expect(server.run("APPEND k 3") == 3)
    #expect(server.run("OBJECT ENCODING k") == "raw")
    #expect(server.run("GET k") == "123")
    #expect(witness.events() == ["append k", "append k"])
    #expect(witness.stream() == ["APPEND k 12", "APPEND k 3"])
    let tooLong = Reply.error(
      "ERR string exceeds maximum allowed size (proto-max-bulk-len)")
    #expect(server.run("SETRANGE k 1048575 x") == 1_048_576)
    #expect(server.run("APPEND k x") == tooLong)
    #expect(server.run("SETRANGE k 1048576 x") == tooLong)
    #expect(server.run("SETRANGE k 9223372036854775807 x") == tooLong)
    #expect(server.run("SETRANGE new 9223372036854775807 x") == tooLong)
    #expect(server.run("SETRANGE k -1 x") == .error("ERR offset is out of range"))
    #expect(server.run("STRLEN k") == 1_048_576)
  }

  @Test func `a gap behind the old end is filled with zero bytes`() {
    let server = TestServer()
    for length in [0, 1, 40, 44, 200, 300, 5000] {
      let old = String(repeating: "x", count: length)
      server.run(["SET", "k", old])
      for gap in [3, 100, 700] {
        let count = server.run("STRLEN k").number ?? 0
        #expect(server.run("SETRANGE k \(count + gap) end") == .integer(count + gap + 3))
        let zeros = String(repeating: "\0", count: gap)
        #expect(server.run("GETRANGE k \(count) -1") == .bulk(zeros + "end"))
      }
      #expect(server.run("GETRANGE k 0 \(length - 1)").text.hasPrefix(old))
    }
  }

  @Test func `nothing is written by an empty value`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    #expect(server.run("SETRANGE k 10 \"\"") == 0)
    #expect(server.run("EXISTS k") == 0)
    server.run("SET k 12")
    #expect(server.run("SETRANGE k 1000000000 \"\"") == 2)
    #expect(server.run("OBJECT ENCODING k") == "int")
    #expect(witness.stream() == ["SET k 12"])
  }

  @Test func `bits are counted from the highest of the first byte`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    #expect(server.run("SETBIT k 1 1") == 0)
    #expect(server.run("SETBIT k 7 1") == 0)
    #expect(server.run("GET k") == "A")
    #expect(server.run("SETBIT k 7 1") == 1)
    #expect(server.run("GETBIT k 7") == 1)
    #expect(server.run("GETBIT k 6") == 0)
    #expect(server.run("GETBIT k 100") == 0)
    #expect(server.run("SETBIT k 23 0") == 0)
    #expect(server.run("STRLEN k") == 3)
    #expect(witness.events() == ["setbit k", "setbit k", "setbit k"])
    #expect(witness.stream().count == 3)
    let wrongOffset = Reply.error("ERR bit offset is not an integer or out of range")
    for offset in ["-1", "4294967296", "9223372036854775807", "-9223372036854775808", "x"] {
      #expect(server.run("SETBIT k \(offset) 1") == wrongOffset, "\(offset)")
      #expect(server.run("GETBIT k \(offset)") == wrongOffset, "\(offset)")
    }
    let wrongBit = Reply.error("ERR bit is not an integer or out of range")
    for bit in ["2", "-1", "x"] { #expect(server.run("SETBIT k 1 \(bit)") == wrongBit) }
    server.run("SET n 1")
    #expect(server.run("GETBIT n 3") == 1)
    #expect(server.run("SETBIT n 6 1") == 0)
    #expect(server.run("GET n") == "3")
    #expect(server.run("OBJECT ENCODING n") == "raw")
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `any sequence of changes leaves what a byte array holds`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    let server = TestServer(seed: seed)
    var model: [UInt8]?
    for step in 0..<400 {
      let length = random.next(below: 4) == 0 ? random.next(below: 600) : random.next(below: 12)
      let word = String(repeating: random.next(below: 3) == 0 ? "7" : "w", count: length)
      let offset = random.next(below: 900)
      switch random.next(below: 6) {
      case 0:
        server.run(["SET", "k", word])
        model = Array(word.utf8)
      case 1:
        server.run(["APPEND", "k", word])
        model = (model ?? []) + word.utf8
      case 2 where !word.isEmpty:
        server.run(["SETRANGE", "k", String(offset), word])
        var bytes = model ?? []
        while bytes.count < offset + length { bytes.append(0) }
        bytes.replaceSubrange(offset..<(offset + length), with: word.utf8)
        model = bytes
      case 3:
        server.run("SETBIT k \(offset * 8 + 7) 1")
        var bytes = model ?? []
        while bytes.count <= offset { bytes.append(0) }
        bytes[offset] |= 1
        model = bytes
      case 4:
        server.run(random.next(below: 2) == 0 ? "PEXPIRE k 100000" : "PERSIST k")
      default:
        if random.next(below: 8) == 0 {
          server.run("GETDEL k")
          model = nil
        }
      }
      let expected = model.map { Reply.bulk(String(decoding: $0, as: UTF8.self)) } ?? .null
      #expect(server.run("GET k") == expected, "seed \(seed), step \(step)")
      #expect(server.run("STRLEN k") == .integer(model?.count ?? 0), "seed \(seed), step \(step)")
    }
  }
}
