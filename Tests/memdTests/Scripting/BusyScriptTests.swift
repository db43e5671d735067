// SPDX-License-Identifier: Apache-2.0

import RESP
import Testing

@testable import memd

@Suite(.enabled(if: Interpreter.isAvailable)) struct BusyScriptTests {
  /// A server in which the time passes while a script runs.
  private func server() -> TestServer {
    let server = TestServer { $0.busyReplyThreshold = 50 }
    server.clock.nanosecondsPerReading = 10_000_000
    return server
  }

  private let busy = Reply.error(
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.")

  @Test func `others hear BUSY while a script takes long, and SCRIPT KILL ends it`() {
    let server = server()
    let script = server.connect()
    let other = server.connect()
    let killer = server.connect()
    script.send(["EVAL", "while true do end", "0"])
    other.send(["PING"])
    other.send(["SET", "k", "1"])
    killer.send(["SCRIPT", "KILL"])
    server.turn()
    // Those who were in the same turn have waited for it.
    let text = script.next()?.text
    #expect(text.hasPrefix("ERR Script killed by user with SCRIPT KILL. script: "))
    #expect([other.next(), killer.next()].contains(busy) || killer.next() == nil)
    #expect(server.run("PING") == .status("PONG"))
    #expect(!server.server.gate.contains(.slowScript))
  }

  @Test func `a script that catches its end is ended all the same`() {
    let server = server()
    let killer = server.connect()
    server.client.send(["EVAL", "while true do pcall(function() while true do end end) end", "0"])
    killer.send(["SCRIPT", "KILL"])
    server.turn()
    #expect(server.client.next()?.text.hasPrefix("ERR Script killed by user") == true)
  }
}
