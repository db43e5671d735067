// SPDX-License-Identifier: Apache-2.0

import RESP
import Testing

@testable import memd

@Suite struct KeyCommandsTests {
  @Test(arguments: ["DEL", "UNLINK"])
  func `deleting counts the keys that existed, each once`(_ command: String) {
    let server = TestServer()
    server.run("SET a 1")
    server.run("SET b 2")
    let events = server.recordEvents()
    let stream = server.stream { #expect(server.run("\(command) a missing b a") == 2) }
    #expect(events.take() == ["0 del a", "0 del b"])
    #expect(stream == ["\(command) a missing b a"])
    #expect(server.run("DBSIZE") == 0)
  }

  @Test func `deleting nothing is no change and is not sent on`() {
    let server = TestServer()
    let before = server.changeCount
    let stream = server.stream { #expect(server.run("DEL missing") == 0) }
    #expect(stream == [])
    #expect(server.changeCount == before)
  }

  @Test func `a due key that is deleted counts as missing and expires`() {
    let server = TestServer { $0.activeExpireEnabled = false }
    server.run("SET a 1")
    server.run("PEXPIRE a 10")
    server.advance(milliseconds: 11)
    let events = server.recordEvents()
    let stream = server.stream { #expect(server.run("DEL a") == 0) }
    #expect(events.take() == ["0 expired a"])
    #expect(stream == ["UNLINK a"])
  }

  @Test func `EXISTS and TOUCH count a key as often as it is named`() {
    let server = TestServer()
    server.run("SET a 1")
    #expect(server.run("EXISTS a b a") == 2)
    #expect(server.run("TOUCH a b a") == 2)
  }

  @Test func `a key that is missed is announced, but not to OBJECT`() {
    let server = TestServer()
    let events = server.recordEvents()
    for command in ["EXISTS m", "TYPE m", "TTL m", "TOUCH m", "GET m"] { server.run(command) }
    #expect(events.take() == Array(repeating: "0 keymiss m", count: 5))
    server.run("OBJECT ENCODING m")
    server.run("DEL m")
    server.run("RENAME m n")
    #expect(events.take() == [])
  }

  @Test func `TYPE names the type or says none`() {
    let server = TestServer()
    server.run("SET a 1")
    #expect(server.run("TYPE a") == .status("string"))
    #expect(server.run("TYPE b") == .status("none"))
  }

  @Test func `TOUCH dates the access, EXISTS and TYPE and TTL do not`() {
    let server = TestServer()
    server.run("SET a 1")
    server.advance(milliseconds: 5100)
    for command in ["EXISTS a", "TYPE a", "TTL a", "OBJECT ENCODING a"] { server.run(command) }
    #expect(server.run("OBJECT IDLETIME a") == 5)
    server.run("TOUCH a")
    #expect(server.run("OBJECT IDLETIME a") == 0)
  }

  @Test func `in RESP3 what is missing is the protocol's null`() {
    let server = TestServer()
    for client in server.server.clients.all { client.version = .resp3 }
    #expect(server.client.exchange("OBJECT ENCODING m\r\n") == "_\r\n")
    #expect(server.client.exchange("RANDOMKEY\r\n") == "_\r\n")
    #expect(server.client.exchange("SCAN 0\r\n") == "*2\r\n$1\r\n0\r\n*0\r\n")
    #expect(server.client.exchange("KEYS *\r\n") == "*0\r\n")
  }

  // MARK: - OBJECT

  @Test func `OBJECT ENCODING says how a string is stored`() {
    let server = TestServer()
    for (value, encoding) in [
      ("12345", "int"), ("-7", "int"), ("01", "embstr"), ("9223372036854775808", "embstr"),
      (String(repeating: "x", count: 44), "embstr"), (String(repeating: "x", count: 45), "raw"),
      (String(repeating: "x", count: 5000), "raw"),
    ] {
      server.run(["SET", "k", value])
      #expect(server.run("OBJECT ENCODING k") == .bulk(encoding), "\(value.prefix(20))")
    }
    #expect(server.run("OBJECT ENCODING missing") == nil)
  }

  @Test func `OBJECT REFCOUNT shows shared integers unless accesses matter`() {
    let server = TestServer()
    server.run("SET small 9999")
    server.run("SET large 10000")
    server.run("SET text abc")
    #expect(server.run("OBJECT REFCOUNT small") == 2_147_483_647)
    #expect(server.run("OBJECT REFCOUNT large") == 1)
    #expect(server.run("OBJECT REFCOUNT text") == 1)
    let limited = TestServer(configure: {
      $0.maxMemory = 1 << 30
      $0.maxMemoryPolicy = .allKeysLRU
    })
    limited.run("SET small 9999")
    #expect(limited.run("OBJECT REFCOUNT small") == 1)
  }

  @Test func `FREQ needs an LFU policy, IDLETIME one without`() {
    let server = TestServer()
    server.run("SET k v")
    #expect(server.run("OBJECT IDLETIME k") == 0)
    #expect(
      server.run("OBJECT FREQ k").text.hasPrefix("ERR An LFU maxmemory policy is not selected"))
    let counting = TestServer(configure: { $0.maxMemoryPolicy = .allKeysLFU })
    counting.run("SET k v")
    #expect(counting.run("OBJECT FREQ k") == 5)
    #expect(
      counting.run("OBJECT IDLETIME k").text.hasPrefix("ERR An LFU maxmemory policy is selected"))
    #expect(counting.run("OBJECT FREQ missing") == nil)
  }

  @Test func `OBJECT explains itself and refuses what it doesn't know`() {
    let server = TestServer()
    #expect(server.run("OBJECT HELP").elements.count == 13)
    #expect(
      server.run("OBJECT FOO") == .error("ERR unknown subcommand 'FOO'. Try OBJECT HELP."))
    #expect(
      server.run("OBJECT ENCODING")
        == .error("ERR wrong number of arguments for 'object|encoding' command"))
  }
}
