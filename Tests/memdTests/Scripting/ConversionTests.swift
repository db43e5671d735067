// SPDX-License-Identifier: Apache-2.0

import EventLoop
import RESP
import Testing

@testable import memd

/// Values that grow, or never end, on their way between Lua and the server; and functions of Lua's
/// that work without an instruction of the script's.
@Suite(.enabled(if: Interpreter.isAvailable)) struct ConversionTests {
  /// A server in which the time passes while a script runs.
  private func makeServer() -> TestServer {
    let server = TestServer { $0.busyReplyThreshold = 50 }
    server.clock.nanosecondsPerReading = 10_000_000
    return server
  }

  /// Sends a script, and others' commands behind it: what they hear.
  private func kill(_ script: String) -> (script: String, other: String, next: Reply?) {
    let server = makeServer()
    let clients = (0..<3).map { _ in server.connect() }
    clients[0].send(["EVAL", script, "0"])
    clients[0].send(["PING"])
    clients[1].send(["GET", "k"])
    clients[2].send(["SCRIPT", "KILL"])
    server.turn()
    return (
      clients[0].next()?.text ?? "", clients[1].next()?.text ?? "", clients[0].next()
    )
  }

  @Test(arguments: [
    "local t = {map = {}} t.map[t] = t return t", "local t = {} t[1] = t t[2] = t return t",
    "local t = {} for i = 1, 60 do t = {t, t} end return t",
    "local t = {} for i = 1, 60 do t = {set = {[t] = 1, [{t}] = 1}} end return t",
  ])
  func `SCRIPT KILL ends a reply that doubles with every level`(script: String) {
    let (reply, other, next) = kill(script)
    #expect(reply == "ERR Script killed by user with SCRIPT KILL...")
    #expect(other.hasPrefix("BUSY"))
    #expect(next == .status("PONG"))
  }

  @Test func `FUNCTION KILL ends such a reply, too, and what was written before stays`() {
    let server = makeServer()
    server.register("f", "local t = {} t[1] = t t[2] = t return t")
    let caller = server.connect()
    let killer = server.connect()
    let queued = [["ECHO", "before"], ["FCALL", "f", "0"], ["ECHO", "behind"]]
    for words in [["MULTI"]] + queued + [["EXEC"]] { caller.send(words) }
    killer.send(["FUNCTION", "KILL"])
    server.turn()
    for _ in 0..<4 { _ = caller.next() }
    let elements = caller.next()?.elements ?? []
    #expect(elements.map(\.text).first == "before" && elements.map(\.text).last == "behind")
    #expect(elements[1].text == "ERR Script killed by user with FUNCTION KILL...")
  }

  @Test func `a reply is no longer than what scripts may use, and is refused as a whole`() {
    let server = TestServer { $0.luaMemoryLimit = 8 << 20 }
    let long = "local s, t = ('x'):rep(1000000), {} for i = 1, 9 do t[i] = s end return t"
    let error = server.run(["EVAL", long, "0"])
    #expect(error.text == "ERR reply of the script exceeds lua-memory-limit of \(8 << 20)")
    for field in [
      "ok = s", "err = s", "big_number = s", "verbatim_string = {format = 'txt', string = s}",
    ] {
      let many =
        "local s, t = ('x'):rep(1000000), {} for i = 1, 9 do t[i] = {\(field)} end return t"
      #expect(server.run(["EVAL", many, "0"]).text.contains("exceeds lua-memory-limit"))
    }
    let endless = server.run(["EVAL", "local t = {} t[1] = t t[2] = t return t", "0"])
    #expect(endless.text == "ERR reply of the script exceeds lua-memory-limit of \(8 << 20)")
    let fits = "local t = {} for i = 1, 100000 do t[i] = i end return t"
    #expect(server.run(["EVAL", fits, "0"]).elements.count == 100_000)
  }

  @Test func `a reply from a weak table is whole or an error`() {
    let server = TestServer()
    for count in stride(from: 100, through: 4000, by: 300) {
      let script = """
        local t, s = setmetatable({}, {__mode = 'k'}), {}
        for i = 1, \(count) do t[{}] = {i, {i}} s[i] = 'text' .. i end
        return {map = t}
        """
      let reply = server.run(["EVAL", script, "0"])
      #expect(reply.elements.count % 2 == 0 || reply.text.hasPrefix("ERR table has lost"))
      #expect(server.run("PING") == .status("PONG"))
    }
  }

  private static let wide = """
    local t = {} for i = 1, 9 do local s = {} for j = 1, 99 do s[j] = t end t = s end
    """

  @Test(arguments: [
    "local t = {} for i = 1, 60 do t = {t, t} end return cjson.encode(t)",
    "local t = {} for i = 1, 60 do t = {a = t, b = t} end return cjson.encode(t)",
    "\(wide) return cmsgpack.pack(t)",
    "return cjson.decode('[' .. ('[],'):rep(1000000) .. '1]')",
    "return cmsgpack.unpack('\\221\\0\\1\\255\\255' .. ('\\144'):rep(131071))",
    "local t = {} for i = 1, 30000 do t[i] = i % 2 end table.sort(t)",
    "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, rawequal)",
    "return load(collectgarbage)", "return load(gcinfo)",
    "return (('count'):rep(1000):gsub('count', collectgarbage))",
    "return loadstring(('x = 1 '):rep(100000))",
    "return ('x'):rep(20):find('[' .. ('y'):rep(100000) .. ']b')",
    "return ('x'):rep(1000):find('(x*)%1b')", "return ('x'):rep(50):gsub('(z*)', ('%1'):rep(9000))",
    "return ('x'):rep(1000):gsub('x', string.len)",
  ])
  func `SCRIPT KILL ends what a single call does`(script: String) {
    let (reply, other, next) = kill("\(script)\n")
    #expect(reply.hasPrefix("ERR Script killed by user with SCRIPT KILL..."), "\(reply)")
    #expect(other.hasPrefix("BUSY"))
    #expect(next == .status("PONG"))
  }

  @Test(arguments: [
    "local t = {} for i = 1, 60 do t = {t, t} end return cjson.encode(t)",
    "return cjson.encode(('\\0'):rep(3000000))", "\(wide) return cmsgpack.pack(t)",
    """
    local s, t = ('x'):rep(100000), {} for i = 1, 200 do t[i] = s end
    return cmsgpack.pack(unpack(t))
    """,
    """
    local s, t = ('x'):rep(100000), {} for i = 1, 200 do t[i] = s end
    return struct.pack(('s'):rep(200), unpack(t))
    """,
    "return cmsgpack.unpack('\\221\\0\\15\\255\\255' .. ('\\144'):rep(1048575))",
    "return cjson.decode('[' .. ('[],'):rep(1000000) .. '1]')",
    """
    redis.call('SETRANGE', 'k', 0, ('x'):rep(100)) local k, n = {}, {}
    for i = 1, 7000 do k[i] = 'k' end for i = 1, 100 do n[i] = redis.call('MGET', unpack(k)) end
    return 1
    """,
  ])
  func `what is made of little is counted against lua-memory-limit`(script: String) {
    let server = TestServer { $0.luaMemoryLimit = 8 << 20 }
    let reply = server.run(["EVAL", script, "0"])
    #expect(reply.text.contains("not enough memory"), "\(reply.text.prefix(100))")
    #expect(server.server.scripting.allInterpretersByteCount < 9 << 20)
    let caught = server.run(["EVAL", "return pcall(function() \(script) end)", "0"])
    #expect(caught == nil)
    #expect(server.run(["EVAL", "return cjson.encode({1, {2}})", "0"]) == "[1,[2]]")
  }

  @Test func `the words of a command are no longer than a request may be`() {
    let server = TestServer { $0.luaMemoryLimit = 8 << 20 }
    let script = """
      local s, t = ('x'):rep(1000000), {} for i = 1, 9 do t[i] = s end
      return redis.call('ECHO', unpack(t))
      """
    let error = "ERR arguments of a command exceed what a script may use"
    #expect(server.run(["EVAL", script, "0"]).text.hasPrefix(error))
  }

  @Test func `what redis log writes has a length`() {
    let server = TestServer()
    let script = """
      local s, t = ('x'):rep(50000), {} for i = 1, 100 do t[i] = s end
      redis.log(redis.LOG_WARNING, unpack(t)) return 1
      """
    #expect(server.run(["EVAL", script, "0"]) == 1)
  }

  @Test(arguments: [
    ("{5, 3, 1, 4, 2}", "nil", "1 2 3 4 5"), ("{'b', 'c', 'a'}", "nil", "a b c"),
    ("{1, 2, 3, 4, 5, 6}", "function(a, b) return a > b end", "6 5 4 3 2 1"),
    ("{2, 1}", "nil", "1 2"), ("{}", "nil", ""),
  ])
  func `table sort puts in order`(table: String, function: String, expected: String) {
    let server = TestServer()
    let script = "local t = \(table) table.sort(t, \(function)) return table.concat(t, ' ')"
    #expect(server.run(["EVAL", script, "0"]).text == expected)
  }

  @Test(arguments: [
    ("table.sort({3, 'x', 1})", "attempt to compare"), ("table.sort(1)", "table expected"),
    ("table.sort({}, 1)", "function expected"),
    (
      "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() return true end)",
      "invalid order function for sorting"
    ),
  ])
  func `table sort refuses what has no order`(script: String, error: String) {
    #expect(TestServer().run(["EVAL", script, "0"]).text.contains(error))
  }

  @Test func `long texts are compiled as short ones are`() {
    let server = TestServer()
    let code = "local s = ('x = 1 '):rep(30000)"
    #expect(
      server.run(["EVAL", "\(code) return loadstring('local x ' .. s .. 'return x')()", "0"]) == 1)
    let script = "\(code) return select(2, loadstring(s .. '(', 'name'))"
    #expect(server.run(["EVAL", script, "0"]).text.contains("near '<eof>'"))
  }
}
