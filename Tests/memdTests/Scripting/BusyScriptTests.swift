// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// Scripts that take longer than `busy-reply-threshold`.
@Suite(.enabled(if: Interpreter.isAvailable)) struct BusyScriptTests {
  /// A server in which the time passes while a script runs.
  private func makeServer() -> TestServer {
    let server = TestServer { $0.busyReplyThreshold = 50 }
    server.clock.nanosecondsPerReading = 10_000_000
    return server
  }

  private let busy =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."

  @Test(arguments: [
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "while true do redis.pcall('GET', 'k') end",
    "local function f() return pcall(f) or f() end while true do f() end",
  ])
  func `others hear BUSY while a script takes long, and SCRIPT KILL ends it`(script: String) {
    let server = makeServer()
    let caller = server.connect()
    let early = server.connect()
    let other = server.connect()
    let killer = server.connect()
    // Served before the script or while it runs, as it comes.
    early.send(["PING"])
    caller.send(["EVAL", script, "0"])
    caller.send(["PING"])
    other.send(["PING"])
    other.send(["SET", "k", "1"])
    killer.send(["SCRIPT", "KILL"])
    server.turn()
    #expect(early.next() != nil)
    let text = caller.next()?.text ?? ""
    #expect(text.hasPrefix("ERR Script killed by user with SCRIPT KILL... script: "), "\(text)")
    #expect(caller.next() == .status("PONG"))
    #expect(other.next()?.text == busy)
    #expect(other.next()?.text == busy)
    #expect(killer.next() == .status("OK"))
    #expect(server.run("PING") == .status("PONG"))
    #expect(!server.server.gate.contains(.slowScript))
  }

  @Test func `a script that has written is not killed, and ends by itself`() {
    let server = makeServer()
    let caller = server.connect()
    let killer = server.connect()
    caller.send([
      "EVAL", "redis.call('SET', 'k', 1) local n = 0 for i = 1, 3e6 do n = n + 1 end return n", "0",
    ])
    killer.send(["SCRIPT", "KILL"])
    server.turn()
    #expect(caller.next() == .integer(3_000_000))
    #expect(killer.next()?.text.hasPrefix("UNKILLABLE Sorry the script already") == true)
    #expect(server.run("GET k") == "1")
  }

  @Test func `within a transaction it is the same`() {
    let server = makeServer()
    let caller = server.connect()
    let killer = server.connect()
    for words in [["MULTI"], ["EVAL", "while true do end", "0"], ["EXEC"]] { caller.send(words) }
    killer.send(["SCRIPT", "KILL"])
    server.turn()
    #expect(killer.next() == .status("OK"))
    #expect(caller.next() == .status("OK"))
    #expect(caller.next() == .status("QUEUED"))
    #expect(caller.next()?.elements.first?.text.hasPrefix("ERR Script killed by user") == true)
  }

  @Test(arguments: [
    "string.find(('a'):rep(3000), ('.-'):rep(12) .. 'b')",
    "string.match(('a'):rep(3000), '(.-)' .. ('.-'):rep(12) .. '%1b')",
    "string.gsub(('a'):rep(3000), ('a*'):rep(12) .. 'b', '')",
    "string.gmatch(('(a'):rep(3000), ('.-'):rep(12) .. '%b()b')()",
  ])
  func `SCRIPT KILL ends a pattern that goes back and forth`(call: String) {
    let server = TestServer { $0.busyReplyThreshold = 50 }
    server.clock.nanosecondsPerReading = 10_000_000
    let clients = (0..<2).map { _ in server.connect() }
    clients[0].send(["EVAL", "return \(call)", "0"])
    clients[1].send(["SCRIPT", "KILL"])
    server.turn()
    #expect(clients[0].next()?.text.hasPrefix("ERR Script killed by user") == true)
    #expect(clients[1].next() == .ok)
  }

  @Test(arguments: [
    "for i = 1, 500 do local t = s .. i end",
    "coroutine.wrap(function() for i = 1, 500 do local t = s .. i end end)()",
    "for i = 1, 500 do local t = s:upper() end",
    "for i = 1, 50 do local t = ('xy'):rep(1000000) end",
    "for i = 1, 50 do pcall(function() local t = ('xy'):rep(1000000) end) end",
  ])
  func `SCRIPT KILL ends a script of which few instructions take long`(loop: String) {
    let server = makeServer()
    let clients = (0..<2).map { _ in server.connect() }
    clients[0].send(["EVAL", "local s = ('x'):rep(2000000) \(loop) return 'over'", "0"])
    clients[1].send(["SCRIPT", "KILL"])
    server.turn()
    #expect(clients[0].next()?.text.hasPrefix("ERR Script killed by user") == true)
    #expect(clients[1].next() == .ok)
  }

  @Test(arguments: [
    "xpcall(function() while true do end end, function() while true do end end)",
    "xpcall(function() local x = nil + 1 end, function() while true do end end)",
    "while true do xpcall(function() while true do end end, function() return 1 end) end",
  ])
  func `SCRIPT KILL ends a script whose error handlers never end`(loop: String) {
    let server = makeServer()
    let clients = (0..<2).map { _ in server.connect() }
    clients[0].send(["EVAL", "\(loop)\nreturn 'over'", "0"])
    clients[1].send(["SCRIPT", "KILL"])
    server.turn()
    #expect(clients[0].next()?.text.hasPrefix("ERR Script killed by user") == true)
    #expect(clients[1].next() == .ok)
  }
}
