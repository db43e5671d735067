// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct BitmapTests {
  @Test func `ones are counted in bytes or bits from either end`() {
    let server = TestServer()
    server.run("SET k foobar")
    #expect(server.run("BITCOUNT k") == 26)
    #expect(server.run("BITCOUNT k 0 0") == 4)
    #expect(server.run("BITCOUNT k 1 1 BYTE") == 6)
    #expect(server.run("BITCOUNT k 5 30 bit") == 17)
    #expect(server.run("BITCOUNT k -2") == 7)
    #expect(server.run("BITCOUNT k -6 -7") == 0)
    #expect(server.run("BITCOUNT k -100 -200") == 0)
    #expect(server.run("BITCOUNT k 0 9223372036854775807") == 26)
    #expect(server.run("BITCOUNT k -9223372036854775808 -9223372036854775808") == 4)
    #expect(server.run("BITCOUNT missing 0 -1") == 0)
    server.run("SET n 123")
    #expect(server.run("BITCOUNT n") == 10)
    #expect(server.run("BITCOUNT k 0 1 foo") == .error("ERR syntax error"))
    #expect(server.run("BITCOUNT k 0 1 bit x") == .error("ERR syntax error"))
    // The arguments are read before the key.
    #expect(
      server.run("BITCOUNT missing a b")
        == .error("ERR value is not an integer or out of range"))
  }

  @Test func `the first bit is searched inside of a range, zeros also behind the end`() {
    let server = TestServer()
    server.run(["SET", "ones", "\u{7f}"])
    server.run("SETBIT ones 0 1")
    server.run("SETBIT ones 15 1")
    server.run("SETBIT full 0 1")
    for bit in 1..<16 { server.run("SETBIT full \(bit) 1") }
    #expect(server.run("BITPOS ones 0") == 8)
    #expect(server.run("BITPOS ones 1 1") == 15)
    #expect(server.run("BITPOS ones 1 9 14 BIT") == -1)
    #expect(server.run("BITPOS full 0") == 16)
    #expect(server.run("BITPOS full 0 1") == 16)
    #expect(server.run("BITPOS full 0 0 -1") == -1)
    #expect(server.run("BITPOS full 0 2") == -1)
    #expect(server.run("BITPOS missing 0 5") == 0)
    #expect(server.run("BITPOS missing 1") == -1)
    #expect(server.run("BITPOS full 2") == .error("ERR The bit argument must be 1 or 0."))
    #expect(server.run("BITPOS full 1 0 1 x") == .error("ERR syntax error"))
  }

  @Test func `combinations replace the destination, whatever it was`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    server.run("MSET a abc b ab@ n 12")
    server.run("SET d something PX 100000")
    #expect(server.run("BITOP AND d a b missing") == 3)
    #expect(server.run("GET d") == "\0\0\0")
    #expect(server.run("TTL d") == -1)
    #expect(server.run("OBJECT ENCODING d") == "raw")
    #expect(server.run("BITOP or a a n") == 3)
    #expect(server.run("GET a") == "qrc")
    #expect(server.run("BITOP XOR d b b") == 3)
    #expect(server.run("BITOP NOT d d") == 3)
    #expect(server.run("BITCOUNT d") == 24)
    _ = witness.events()
    #expect(server.run("BITOP OR d missing missing") == 0)
    #expect(server.run("EXISTS d") == 0)
    #expect(server.run("BITOP OR d missing missing") == 0)
    #expect(witness.events() == ["del d"])
    #expect(server.run("BITOP NOT d a") == 3)
    #expect(witness.events() == ["set d"])
    #expect(witness.stream().last == "BITOP NOT d a")
    #expect(
      server.run("BITOP NOT d a b")
        == .error("ERR BITOP NOT must be called with a single source key."))
    #expect(server.run("BITOP nand d a b") == .error("ERR syntax error"))
    for name in ["DIFF", "DIFF1", "ANDOR"] {
      #expect(
        server.run("BITOP \(name) d a")
          == .error("ERR BITOP \(name) must be called with at least two source keys."))
    }
  }

  @Test func `newer combinations set what the first string, others, or exactly one have`() {
    let server = TestServer()
    // 0 1 2 3 4 5: first only, first and second, second only, all, third only, none.
    for (key, bits) in [("x", [0, 1, 3]), ("y", [1, 2, 3]), ("z", [3, 4])] {
      for bit in bits { server.run("SETBIT \(key) \(bit) 1") }
    }
    for (name, bits) in [
      ("DIFF", [0]), ("DIFF1", [2, 4]), ("ANDOR", [1, 3]), ("ONE", [0, 2, 4]),
    ] {
      #expect(server.run("BITOP \(name) d x y z") == 1)
      for bit in 0..<8 {
        let expected = bits.contains(bit) ? 1 : 0
        #expect(server.run("GETBIT d \(bit)") == .integer(expected), "\(name) \(bit)")
      }
    }
    #expect(server.run("BITOP ONE d x") == 1)
    #expect(server.run("BITCOUNT d") == 3)
  }

  @Test func `combining long strings goes window by window`() {
    let server = TestServer()
    server.run("SETBIT a 100000 1")
    server.run("SETBIT b 32768 1")
    server.run("SETBIT b 90001 1")
    #expect(server.run("BITOP OR d a b") == 12501)
    #expect(server.run("BITCOUNT d") == 3)
    #expect(server.run("BITPOS d 1 4097") == 90001)
    #expect(server.run("BITOP AND d a b") == 12501)
    #expect(server.run("BITCOUNT d") == 0)
    #expect(server.run("BITOP NOT d b") == 11251)
    #expect(server.run("BITCOUNT d") == .integer(11251 * 8 - 2))
  }

  @Test func `integers of any width are read, set and incremented`() {
    let server = TestServer()
    #expect(
      server.run("BITFIELD k SET u8 0 255 SET u8 8 100 GET u8 0 GET i8 0") == [0, 0, 255, -1])
    #expect(server.run("BITFIELD k INCRBY u8 #1 10 GET u16 0") == [110, 65390])
    #expect(server.run("BITFIELD k OVERFLOW SAT INCRBY u8 0 1 INCRBY i8 8 100") == [255, 127])
    #expect(server.run("BITFIELD k OVERFLOW FAIL INCRBY u8 0 1 GET u8 0") == [nil, 255])
    #expect(server.run("BITFIELD k GET i64 3 GET u63 1000000") == [-290482175965396992, 0])
    #expect(server.run("BITFIELD k") == [])
    #expect(server.run("BITFIELD_RO k GET u4 4") == [15])
    #expect(server.run("STRLEN k") == 2)
    #expect(
      server.run("BITFIELD_RO k SET u8 0 1")
        == .error("ERR BITFIELD_RO only supports the GET subcommand"))
    let wrongType = Reply.error(
      "ERR Invalid bitfield type. Use something like i16 u8. "
        + "Note that u64 is not supported but i64 is.")
    for type in ["u64", "i65", "i0", "x8", "8", "i", "\"\""] {
      #expect(server.run("BITFIELD k GET \(type) 0") == wrongType, "\(type)")
    }
    let wrongOffset = Reply.error("ERR bit offset is not an integer or out of range")
    for offset in ["-1", "x", "#-1", "#9223372036854775807", "4294967296", "9223372036854775807"] {
      #expect(server.run("BITFIELD k SET u8 \(offset) 1") == wrongOffset, "\(offset)")
    }
    #expect(server.run("BITFIELD k GET u8") == .error("ERR syntax error"))
    #expect(
      server.run("BITFIELD k OVERFLOW x") == .error("ERR Invalid OVERFLOW type specified"))
  }

  @Test func `only what changes bits is counted, told and sent on`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    let before = server.server.effects.changeCount
    server.run("BITFIELD k SET i5 0 0")
    #expect(witness.events() == ["setbit k"])
    server.run("BITFIELD k SET i5 0 0 GET u8 0")
    #expect(witness.events() == [])
    server.run("BITFIELD k SET i5 0 3 SET i5 0 3 INCRBY i5 0 1")
    #expect(server.server.effects.changeCount == before + 3)
    server.run("BITFIELD k OVERFLOW FAIL INCRBY u8 100 300")
    #expect(server.run("STRLEN k") == 14)
    #expect(
      witness.stream() == [
        "BITFIELD k SET i5 0 0", "BITFIELD k SET i5 0 3 SET i5 0 3 INCRBY i5 0 1",
        "BITFIELD k OVERFLOW FAIL INCRBY u8 100 300",
      ])
  }

  @Test func `commands on bits refuse other types`() {
    let server = TestServer()
    guard server.run("SADD s x") == 1 else { return }
    let wrong = Reply.error(
      "WRONGTYPE Operation against a key holding the wrong kind of value")
    for line in [
      "BITCOUNT s", "BITPOS s 1", "BITOP AND d s", "BITOP AND d missing s", "BITFIELD s",
      "BITFIELD s SET u8 0 1", "BITFIELD_RO s GET u8 0",
    ] {
      #expect(server.run(line) == wrong, "\(line)")
    }
  }
}
