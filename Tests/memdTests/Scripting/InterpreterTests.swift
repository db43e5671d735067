// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP
import Testing

@testable import memd

/// What both interpreters share, and how a script finds its way from one request to the next.
@Suite(.enabled(if: Interpreter.isAvailable)) struct InterpreterTests {
  private func eval(_ server: TestServer, _ script: String, _ rest: String...) -> Reply {
    server.run(["EVAL", script] + (rest.isEmpty ? ["0"] : rest))
  }

  // MARK: - Memory

  /// Lua that needs so many kilobytes, and returns their number.
  private func needing(_ kilobytes: Int) -> String {
    "local t = {} for i = 1, \(kilobytes) do t[i] = ('x'):rep(1000) .. i end return #t"
  }

  @Test func `what functions keep is missing to scripts, until they are flushed`() {
    let server = TestServer { $0.luaMemoryLimit = 8 << 20 }
    #expect(eval(server, needing(5000)) == 5000)
    server.load(
      "local k redis.register_function('f', function() k = {} for i = 1, 4000 do"
        + " k[i] = ('y'):rep(1000) .. i end end)")
    server.run("FCALL f 0")
    #expect(eval(server, needing(5000)).text.contains("not enough memory"))
    #expect(eval(server, needing(1000)) == 1000)
    let total = server.info("used_memory_vm_total").flatMap { Int($0) } ?? 0
    #expect(total > 4 << 20 && total <= 8 << 20, "\(total)")
    server.run("FUNCTION FLUSH")
    #expect(eval(server, needing(5000)) == 5000)
  }

  @Test func `what scripts have left as garbage is not missing to functions`() {
    let server = TestServer { $0.luaMemoryLimit = 8 << 20 }
    server.register("f", needing(5000))
    for _ in 0..<4 {
      #expect(eval(server, needing(5000)) == 5000)
      #expect(server.run("FCALL f 0") == 5000)
    }
  }

  @Test func `a limit that is set while interpreters are there holds for the next script`() {
    let server = TestServer()
    #expect(eval(server, needing(3000)) == 3000)
    server.run("CONFIG SET lua-memory-limit 1mb")
    #expect(eval(server, needing(3000)).text.contains("not enough memory"))
    server.run("CONFIG SET lua-memory-limit 0")
    #expect(eval(server, needing(3000)) == 3000)
  }

  // MARK: - Chance

  @Test func `math random goes on where it was, whoever asks`() {
    let draw = "return math.random(1000000)"
    let server = TestServer()
    server.register("f", draw)
    let first = [eval(server, draw), server.run("FCALL f 0")]
    server.run("SCRIPT FLUSH SYNC")
    let drawn = first + [eval(server, draw)]
    let other = TestServer()
    #expect(drawn == (0..<3).map { _ in eval(other, draw) })
  }

  // MARK: - Finding a script

  @Test func `a digest finds its script in either case, until that is flushed`() {
    let server = TestServer()
    let digest = server.run(["SCRIPT", "LOAD", "return 5"]).text
    let missing = Reply.error("NOSCRIPT No matching script. Please use EVAL.")
    for name in [digest, digest.uppercased()] {
      for _ in 0..<2 { #expect(server.run(["EVALSHA", name, "0"]) == 5) }
    }
    server.run("SCRIPT FLUSH")
    for name in [digest, digest.uppercased()] {
      #expect(server.run(["EVALSHA", name, "0"]) == missing)
    }
    #expect(server.run(["EVALSHA", String(repeating: "g", count: 40), "0"]) == missing)
  }

  @Test func `a script that had to go for others isn't found by its digest any more`() {
    let server = TestServer(follows: false)
    #expect(eval(server, "return 'first'") == "first")
    let digest = server.run(["EVAL", "return redis.sha1hex(\"return 'first'\")", "0"]).text
    #expect(server.run(["EVALSHA", digest, "0"]) == "first")
    for number in 0..<ScriptCache.evictableCountMax { _ = eval(server, "return \(number)") }
    #expect(server.run(["EVALSHA", digest, "0"]).text.hasPrefix("NOSCRIPT"))
  }

  // MARK: - KEYS and ARGV

  @Test(arguments: [
    "return _G['AR' .. 'GV'][1]",
    "return load(coroutine.wrap(function() coroutine.yield('return AR' .. 'GV[1]') end))()",
    "return loadstring('return AR' .. 'GV')()[1]", "local t = ARGV return t[1]",
  ])
  func `a script finds its own arguments, however it looks for them`(script: String) {
    let server = TestServer()
    #expect(eval(server, "return ARGV[1]", "0", "earlier") == "earlier")
    #expect(eval(server, script, "0", "own") == "own")
  }

  @Test func `only the globals that a script could look at are made for it`() {
    func seen(_ text: String) -> GlobalsOfRequest {
      let bytes = Array(text.utf8)
      return GlobalsOfRequest(seenBy: bytes.rawSpan)
    }
    #expect(seen("return 1") == [])
    #expect(seen("return KEYS") == .keys)
    #expect(seen("ARGV") == .arguments)
    #expect(seen("KEY") == [] && seen("") == [])
    for name in ["_G", "load", "loadstring"] {
      #expect(seen("return \(name)") == [.keys, .arguments])
    }
  }

  // MARK: - As Redis does it

  @Test(arguments: [
    ("#!lua a\"b\"\nreturn 1", Reply.error("ERR Unknown lua shebang option: ab")),
    ("#!lua \"flags=no-writes\"\nreturn 1", 1), ("#!lua flags=allow\"-oom\"\nreturn 1", 1),
    ("#!\"lua\"\nreturn 1", 1),
    ("#!lua \"flags=no-writes\nreturn 1", .error("ERR Invalid engine in script shebang")),
    ("#!lua 'a'b\nreturn 1", .error("ERR Invalid engine in script shebang")),
    ("#!lua\0x\nreturn 1", .error("ERR Invalid script shebang")),
    ("#!LUA\nreturn 1", .error("ERR Unexpected engine in script shebang: #!LUA")),
    (
      "#!lua\u{0B}flags=no-writes\nreturn 1",
      .error("ERR Unexpected engine in script shebang: #!lua\u{0B}flags=no-writes")
    ),
  ])
  func `the first line is split as words of redis conf are`(script: String, reply: Reply) {
    #expect(eval(TestServer(), script) == reply)
  }

  @Test(arguments: [
    ("{[2^32+1] = 1, [2] = 2}", "[null,2]"), ("{[2^40] = 1}", "{\"1099511627776\":1}"),
    ("{[1/0] = 1}", "{\"inf\":1}"), ("{[2^31] = 1}", "{\"2147483648\":1}"),
    ("{[2^32+3] = 1, [1] = 5}", "[5]"),
  ])
  func `an index that is no int of C is the lowest one`(table: String, text: String) {
    #expect(
      eval(
        TestServer(),
        "cjson.encode_invalid_numbers(true) return cjson.encode(\(table))"
      ).text == text)
  }

  @Test(arguments: [
    ("{__newindex = function() error('x') end}", "ERR user_script:1: x"),
    ("{__index = {err = 'MY above'}}", "MY above"),
    ("{__index = function(t, k) return 'v' .. k end}", "verr"),
    ("{__index = function() error('y') end}", "ERR user_script:1: y"),
  ])
  func `the metatable of an error is asked`(metatable: String, start: String) {
    let server = TestServer()
    let reply = eval(server, "error(setmetatable({}, \(metatable)))")
    #expect(reply.text.hasPrefix(start + " script: "), "\(reply)")
    let caught = eval(
      server,
      "local _, e = pcall(error, setmetatable({}, {__index = {err = 'MY above'}})) return e")
    #expect(caught == "MY above")
  }

  @Test func `error handlers of scripts do what Lua's do`() {
    let server = TestServer()
    for (script, text) in [
      ("local _, e = xpcall(function() error({1}) end, function(e) return e[1] + 1 end)", "2"),
      ("local _, e = xpcall(error, function(e, f) return type(e) .. type(f) end)", "nilnil"),
      ("local _, e = xpcall(function() error('x', 0) end, nil)", "error in error handling"),
      ("local _, e = xpcall(function() return 7 end, function() end)", "7"),
    ] {
      #expect(eval(server, "\(script) return tostring(e)").text == text, "\(script)")
    }
  }

  @Test(arguments: [
    "collectgarbage('stop')", "collectgarbage('setpause', 2147483647)",
    "collectgarbage('setstepmul', 1)",
  ])
  func `a collector that a script has stopped works for the next one`(script: String) {
    let server = TestServer()
    _ = eval(server, script)
    for _ in 0..<400 {
      _ = eval(server, "local t = {} for i = 1, 1000 do t[i] = {i} end return 1")
    }
    #expect(server.server.scripting.allInterpretersByteCount < 4 << 20)
  }
}
