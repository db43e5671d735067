// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

@Suite struct HyperLogLogCommandTests {
  static let notSketch = Reply.error("WRONGTYPE Key is not a valid HyperLogLog string value.")
  static let corrupt = Reply.error("INVALIDOBJ Corrupted HLL object detected")

  @Test func `different elements are counted once`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    #expect(server.run("PFADD k") == 1)
    #expect(server.run("PFADD k") == 0)
    #expect(server.run("PFCOUNT k") == 0)
    #expect(server.run("PFADD k a b c a") == 1)
    #expect(server.run("PFADD k a c") == 0)
    #expect(server.run("PFCOUNT k") == 3)
    #expect(server.run("PFADD k \"\"") == 1)
    #expect(server.run("PFCOUNT k") == 4)
    #expect(server.run("OBJECT ENCODING k") == "raw")
    #expect(witness.events() == ["pfadd k", "pfadd k", "pfadd k"])
    // Counting is sent on where it renews the cache.
    #expect(
      witness.stream() == [
        "PFADD k", "PFCOUNT k", "PFADD k a b c a", "PFCOUNT k", "PFADD k ", "PFCOUNT k",
      ])
    server.run("PFCOUNT k")
    #expect(witness.stream() == [])
  }

  @Test func `changes count as many as registers changed`() {
    let server = TestServer()
    let before = server.server.effects.changeCount
    server.run("PFADD k a b c")
    #expect(server.server.effects.changeCount == before + 4)
  }

  @Test func `unions and merges`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    server.run("PFADD x a b c")
    server.run("PFADD y b c d")
    #expect(server.run("PFCOUNT x y missing") == 4)
    _ = witness.events()
    #expect(server.run("PFMERGE z x y missing") == .ok)
    #expect(witness.events() == ["pfadd z"])
    #expect(server.run("PFCOUNT z") == 4)
    #expect(server.run("PFDEBUG ENCODING z") == .status("sparse"))
    #expect(server.run("PFDEBUG TODENSE y") == 1)
    #expect(server.run("PFDEBUG TODENSE y") == 0)
    #expect(server.run("PFMERGE z y") == .ok)
    #expect(server.run("PFDEBUG ENCODING z") == .status("dense"))
    #expect(server.run("STRLEN z") == 12304)
    #expect(server.run("PFCOUNT z y") == 4)
    #expect(server.run("PFMERGE new") == .ok)
    #expect(server.run("PFCOUNT new") == 0)
    #expect(server.run("PFMERGE x") == .ok)
    #expect(server.run("PFCOUNT x") == 3)
  }

  @Test func `the limit for sparse sketches holds from the next change on`() {
    // Followers have limits of their own.
    let server = TestServer(follows: false)
    server.run("PFADD k a b c d e")
    #expect(server.run("PFDEBUG ENCODING k") == .status("sparse"))
    server.run("CONFIG SET hll-sparse-max-bytes 30")
    #expect(server.run("PFADD k a") == 0)
    #expect(server.run("PFDEBUG ENCODING k") == .status("sparse"))
    #expect(server.run("PFADD k more and other elements") == 1)
    #expect(server.run("PFDEBUG ENCODING k") == .status("dense"))
    #expect(server.run("PFCOUNT k") == 9)
  }

  @Test func `what is no sketch is refused and stays`() {
    let server = TestServer()
    server.run("SET text \"this is not a sketch at all\"")
    server.run("SET number 12")
    server.run("SET short HYLL")
    for key in ["text", "number", "short"] {
      for line in [
        "PFADD \(key) a", "PFCOUNT \(key)", "PFCOUNT \(key) x", "PFMERGE \(key)",
        "PFMERGE x \(key)", "PFDEBUG GETREG \(key)",
      ] {
        #expect(server.run(line) == Self.notSketch, "\(line)")
      }
    }
    #expect(server.run("EXISTS x") == 0)
    #expect(server.run("OBJECT ENCODING number") == "int")
  }

  @Test func `corrupt registers are reported, and followers stay equal`() {
    let server = TestServer()
    server.run("PFADD k a b c")
    server.run("APPEND k hello")
    server.run("PFADD l")
    server.run("SETRANGE l 16 \"\0\"")
    #expect(server.run("PFCOUNT k") == Self.corrupt)
    #expect(server.run("PFCOUNT k l") == Self.corrupt)
    #expect(server.run("PFMERGE m k") == Self.corrupt)
    #expect(server.run("PFDEBUG TODENSE k") == Self.corrupt)
    #expect(server.run("PFDEBUG GETREG k") == Self.corrupt)
    #expect(server.run("PFDEBUG DECODE l").text.hasPrefix("z:1 "))
    for number in 0..<100 {
      let reply = server.run("PFADD l \(number) \(number + 1000)")
      #expect(reply == Self.corrupt || reply.number != nil)
    }
    #expect(server.run("EXISTS m") == 0)
    // One request that adds some elements and then meets damage.
    server.run("CONFIG SET hll-sparse-max-bytes 300")
    server.run("PFADD c")
    server.run("SETBIT c 2000 1")
    let words = (0..<400).map { "m\($0)" }
    let stream = server.stream { #expect(server.run(["PFADD", "c"] + words) == Self.corrupt) }
    #expect(stream.count == 1)
    #expect(stream.first?.hasPrefix("PFADD c m0 ") ?? false)
    #expect(stream.first?.hasSuffix(" m399") == false)
  }

  @Test func `sketches are shown register by register and run by run`() {
    let server = TestServer()
    server.run("PFADD k a b c")
    #expect(server.run("PFDEBUG DECODE k") == "Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603")
    let registers = server.run("PFDEBUG GETREG k").elements
    #expect(registers.count == 16384)
    #expect(registers.filter { $0 != 0 }.count == 3)
    #expect(server.run("PFDEBUG DECODE k") == .error("ERR HLL encoding is not sparse"))
    #expect(server.run("PFDEBUG FOO k") == .error("ERR Unknown PFDEBUG subcommand 'FOO'"))
    #expect(
      server.run("PFDEBUG DECODE missing") == .error("ERR The specified key does not exist"))
    #expect(server.run("PFSELFTEST") == .ok)
  }
}
