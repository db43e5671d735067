// SPDX-License-Identifier: Apache-2.0

import RESP
import Testing

@testable import memd

@Suite struct StringsCounterTests {
  @Test func `counters begin at zero and stop at the ends of 64 bits`() {
    let server = TestServer()
    #expect(server.run("INCR k") == 1)
    #expect(server.run("DECRBY k 5") == -4)
    #expect(server.run("SET k 9223372036854775806") == .ok)
    #expect(server.run("INCR k") == .integer(.max))
    let overflow = Reply.error("ERR increment or decrement would overflow")
    #expect(server.run("INCR k") == overflow)
    #expect(server.run("DECRBY k -1") == overflow)
    #expect(
      server.run("DECRBY k -9223372036854775808") == .error("ERR decrement would overflow"))
    #expect(server.run("INCRBY k -9223372036854775808") == -1)
    #expect(server.run("DECRBY k 9223372036854775807") == .integer(.min))
    #expect(server.run("DECR k") == overflow)
    server.run("SET k abc")
    #expect(server.run("INCR k") == .error("ERR value is not an integer or out of range"))
    #expect(server.run("OBJECT ENCODING k") == "embstr")
  }

  @Test func `an integer that was put together as text is counted as one`() {
    let server = TestServer()
    server.run("SET k 1 EX 100")
    server.run("APPEND k 0")
    #expect(server.run("OBJECT ENCODING k") == "raw")
    #expect(server.run("INCR k") == 11)
    #expect(server.run("OBJECT ENCODING k") == "int")
    #expect(server.run("TTL k") == 100)
  }

  @Test func `floating-point sums have seventeen digits and no trailing zeros`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    server.run("SET k 10.50 EX 100")
    #expect(server.run("INCRBYFLOAT k 0.1") == "10.6")
    #expect(server.run("INCRBYFLOAT k -5.6") == "5")
    #expect(server.run("OBJECT ENCODING k") == "embstr")
    #expect(server.run("INCRBYFLOAT k 3.0e3") == "3005")
    #expect(server.run("INCRBYFLOAT k abc") == .error("ERR value is not a valid float"))
    #expect(
      server.run("INCRBYFLOAT k inf")
        == .error("ERR increment would produce NaN or Infinity"))
    #expect(server.run("TTL k") == 100)
    #expect(witness.stream().dropFirst().first == "SET k 10.6 KEEPTTL")
    #expect(witness.events().last == "incrbyfloat k")
  }

  @Test func `INCREX adds within bounds and says what it has added`() {
    let server = TestServer()
    #expect(server.run("INCREX k") == [1, 1])
    #expect(server.run("INCREX k BYINT 5 UBOUND 5") == [1, 0])
    #expect(server.run("INCREX k BYINT 5 UBOUND 5 SATURATE") == [5, 4])
    #expect(server.run("INCREX k LBOUND 0 BYINT -9 SATURATE") == [0, -5])
    #expect(server.run("INCREX fresh BYINT 9 UBOUND 5") == [0, 0])
    #expect(server.run("EXISTS fresh") == 0)
    server.run("SET k 9223372036854775800")
    #expect(server.run("INCREX k BYINT 9") == [.integer(9_223_372_036_854_775_800), 0])
    #expect(server.run("INCREX k BYINT 9 SATURATE") == [.integer(.max), 7])
    #expect(
      server.run("INCREX k BYINT 1 UBOUND -9223372036854775808 SATURATE")
        == .error("ERR increment or decrement would overflow"))
    #expect(
      server.run("INCREX k LBOUND 5 UBOUND 4")
        == .error("ERR LBOUND can't be greater than UBOUND"))
    #expect(server.run("INCREX k BYINT 1 BYFLOAT 1") == .error("ERR syntax error"))
    #expect(server.run("INCREX k ENX") == .error("ERR ENX flag requires an expiration"))
    #expect(server.run("INCREX k PERSIST ENX") == .error("ERR syntax error"))
  }

  @Test func `INCREX counts floating-point numbers too`() {
    let server = TestServer()
    server.run("SET k 1.5")
    #expect(server.run("INCREX k BYFLOAT 0.25") == ["1.75", "0.25"])
    #expect(server.run("INCREX k BYFLOAT 5 UBOUND 3.5") == ["1.75", "0"])
    #expect(server.run("INCREX k BYFLOAT 5 UBOUND 3.5 SATURATE") == ["3.5", "1.75"])
    #expect(
      server.run("INCREX k BYFLOAT inf")
        == .error("ERR value or increment would produce Infinity"))
    #expect(
      server.run("INCREX k BYINT 1") == .error("ERR value is not an integer or out of range"))
    server.server.clients.all.first?.version = .resp3
    #expect(server.run("INCREX k BYFLOAT 1") == [.double("4.5"), .double("1")])
  }

  @Test func `INCREX changes the deadline as told and sends a SET`() {
    let server = TestServer()
    let witness = StringsWitness(server)
    let start = server.milliseconds
    server.run("INCREX k EX 10")
    server.run("INCREX k PX 5 ENX")
    server.run("INCREX k BYFLOAT 0.5 PERSIST")
    server.run("SET k 3")
    server.run("INCREX k PX 5000 ENX")
    server.run("INCREX k PXAT 1 ENX")
    #expect(server.run("INCREX k PXAT 1") == [6, 1])
    #expect(server.run("EXISTS k") == 0)
    #expect(
      witness.stream() == [
        "SET k 1 PXAT \(start + 10_000)", "SET k 2 KEEPTTL", "SET k 2.5", "SET k 3",
        "SET k 4 PXAT \(start + 5000)", "SET k 5 KEEPTTL", "UNLINK k",
      ])
    #expect(
      witness.events() == [
        "incrby k", "expire k", "incrby k", "incrbyfloat k", "persist k", "set k", "incrby k",
        "expire k", "incrby k", "del k",
      ])
  }
}
