// SPDX-License-Identifier: Apache-2.0

import RESP
import Testing

@testable import memd

@Suite(.enabled(if: Interpreter.isAvailable)) struct SandboxTests {
  private func eval(_ script: String) -> Reply { TestServer().run(["EVAL", script, "0"]) }

  @Test(arguments: [
    "x = 1", "redis.call = nil", "KEYS = {}", "_G.x = 1", "getmetatable(_G).__index = nil",
    "getmetatable('').__index = nil", "string.upper = nil", "cjson.encode = nil",
    "redis.x = 1", "math.random = nil", "setmetatable(_G, {})", "rawset(redis, 'a', 1)",
    "rawset(_G, 'a', 1)", "table.insert(redis, 1)", "rawset(string, 1, 1)",
    "setmetatable(redis, {})", "setmetatable(getmetatable(''), {})",
  ])
  func `nothing that scripts share can be changed`(script: String) {
    #expect(eval(script).text.contains("Attempt to modify a readonly table"))
  }

  @Test(arguments: [
    "io", "require", "dofile", "loadfile", "print", "package", "debug", "module", "newproxy",
    "getfenv", "setfenv", "nosuch",
  ])
  func `what reaches out of the interpreter is not there`(name: String) {
    let error = "Script attempted to access nonexistent global variable '\(name)'"
    #expect(eval("return \(name)").text.contains(error))
    #expect(eval("return _G.\(name)").text.contains(error))
  }

  @Test(arguments: ["table.remove(redis)", "table.sort(redis)", "table.remove(_G)"])
  func `of what has no elements none is removed`(call: String) {
    #expect(eval("\(call) return 'same'") == "same")
  }

  @Test func `of os there is the clock alone`() {
    #expect(eval("return type(os.clock())") == "number")
    #expect(eval("local n = '' for k in pairs(os) do n = n .. k end return n") == "clock")
  }

  @Test(arguments: [
    "return loadstring(string.dump(function() return 1 end))",
    """
    local s = string.dump(function() return 1 end)
    return load(function() local part = s s = nil return part end)
    """,
    "return loadstring('\\27Lua')",
  ])
  func `compiled code can't be loaded`(script: String) { #expect(eval(script) == nil) }

  @Test func `shared tables can be read in every way`() {
    #expect(eval("return rawget(redis, 'LOG_WARNING')") == 3)
    #expect(eval("return next(redis) ~= nil") == 1)
    #expect(eval("local n = 0 for k, v in pairs(redis) do n = n + 1 end return n > 20") == 1)
    #expect(eval("return _G._G == _G and _G.redis == redis") == 1)
    #expect(eval("return getmetatable('').__index.rep('x', 3) .. ('y'):rep(2)") == "xxxyy")
    #expect(eval("local n = 0 table.foreach(redis, function() n = n + 1 end) return n > 20") == 1)
  }

  @Test(arguments: [
    "unpack({1}, 2^31, 4)", "unpack({1}, -2147483640, 2147483640)", "unpack({1}, 1, 1e8)",
    "unpack({1}, -2^31, -1)",
  ])
  func `unpack refuses more values than the stack can hold`(call: String) {
    #expect(eval("return \(call)").text.contains("too many results to unpack"))
  }

  @Test func `unpack takes what Lua's does`() {
    #expect(eval("return {unpack({1, 2, 3})}") == .array([1, 2, 3]))
    #expect(eval("return {unpack({1, 2, 3}, 2)}") == .array([2, 3]))
    #expect(eval("return {unpack({1, 2, 3}, '2', 2)}") == .array([2]))
    #expect(eval("return {unpack({1, 2, 3}, 3, 2)}") == .array([]))
    #expect(eval("return {unpack({1, 2, 3}, 2^32 + 2)}") == .array([2, 3]))
    #expect(eval("return unpack(5)").text.contains("bad argument #1 to 'unpack'"))
  }

  @Test func `nothing is repeated in no time`() {
    #expect(eval("return string.rep('', 2^31 - 1)") == "")
    #expect(eval("return ('ab'):rep(2) .. ('ab'):rep(-1) .. string.rep(1, 2)") == "abab11")
    #expect(eval("return string.rep('')").text.contains("bad argument #2 to 'rep'"))
  }

  @Test func `inserting far below a table is refused instead of taking minutes`() {
    #expect(eval("table.insert({1}, 2^31, 'x')").text.contains("position out of bounds"))
    #expect(eval("local t = {1} table.insert(t, 0, 'x') return {t[0], t[2]}") == .array(["x", 1]))
  }

  @Test func `a script can't leave anything behind for the next one`() {
    let server = TestServer()
    _ = server.run(["EVAL", "rawset(KEYS, 'x', 1)", "0"])
    #expect(server.run(["EVAL", "return KEYS.x", "0"]) == nil)
    _ = server.run(["EVAL", "pcall(rawset, redis, 'x', 1) pcall(table.insert, redis, 1)", "0"])
    #expect(server.run(["EVAL", "return {redis.x, redis[1], #redis}", "0"]) == .array([]))
  }

  @Test func `math random is drawn as Redis draws it`() {
    let server = TestServer()
    #expect(
      server.run(["EVAL", "return {math.random(1000000), math.random(1000000)}", "0"])
        == .array([396465, 840486]))
    #expect(server.run(["EVAL", "math.randomseed(1) return math.random(1000)", "0"]) == 42)
  }

  @Test func `a pattern that would need too much of the stack is refused`() {
    #expect(
      eval("return string.find(('a'):rep(20000), ('a?'):rep(20000))").text.contains(
        "pattern too complex"))
    #expect(eval("return string.find('aaa', ('a?'):rep(20000))") == 1)
  }

  @Test(arguments: [
    "local t = {} while true do t[#t + 1] = {} end", "return string.rep('x', 100000000)",
    "local s = 'x' while true do s = s .. s end",
    "return #redis.call('getrange', 'big', 0, -1)",
    "local t = {} for i = 1, 1000000 do t[i] = redis.call('get', 'big') .. i end",
  ])
  func `a script gets no more memory than it may have, and the server lives on`(script: String) {
    let server = TestServer { $0.luaMemoryLimit = 4 << 20 }
    server.run(["SETRANGE", "big", "8000000", "x"])
    #expect(server.run(["EVAL", script, "0"]).text.contains("not enough memory"))
    #expect(server.run(["EVAL", "return 1", "0"]) == 1)
    let used = server.server.scripting.interpreterByteCount
    #expect(used < 4 << 20, "\(used)")
  }
}
