// SPDX-License-Identifier: Apache-2.0

import EventLoop
import RESP
import Testing

@testable import memd

@Suite(.enabled(if: Interpreter.isAvailable)) struct ScriptTests {
  /// Runs a script, with the words behind it as EVAL takes them.
  private func eval(_ server: TestServer, _ script: String, _ rest: String...) -> Reply {
    server.run(["EVAL", script] + (rest.isEmpty ? ["0"] : rest))
  }

  @Test func `EVAL gives a script KEYS and ARGV, and replies with what it returns`() {
    let server = TestServer()
    #expect(
      eval(server, "return {KEYS[1], KEYS[2], ARGV[1], #ARGV}", "2", "a", "b", "x", "y")
        == .array(["a", "b", "x", 2]))
    #expect(eval(server, "return KEYS[3]", "2", "a", "b") == nil)
  }

  @Test(arguments: [
    ("return 3.99", Reply.integer(3)), ("return 'text'", "text"), ("return true", 1),
    ("return false", nil), ("return nil", nil), ("return {1, 2, nil, 4}", .array([1, 2])),
    ("return {ok = 'fine'}", .status("fine")), ("return {err = 'MY bad'}", .error("MY bad")),
    ("return {{1, {2}}, 'x'}", .array([.array([1, .array([2])]), "x"])),
    ("return setmetatable({}, {__index = {1, 2}})", .array([])),
    ("return 1e300", .integer(.min)), ("return 0/0", .integer(.min)),
    ("return {double = 1.5}", "1.5"), ("return {map = {a = 1}}", .array(["a", 1])),
    ("return {set = {a = true}}", .array(["a"])), ("return {big_number = '12'}", "12"),
    ("return {big_number = '1\\r\\n2'}", "1  2"),
    ("return {verbatim_string = {format = 'txt', string = 'hi'}}", "hi"),
  ])
  func `a returned value becomes a reply of its type`(script: String, reply: Reply) {
    #expect(eval(TestServer(), script) == reply)
  }

  @Test func `after setresp 3 replies and values have the types of RESP3`() {
    let server = TestServer()
    server.run("HSET h f v")
    server.run("ZADD z 1.5 m")
    server.speakVersion3()
    #expect(eval(server, "redis.setresp(3) return true") == .boolean(true))
    #expect(
      eval(server, "redis.setresp(3) return redis.call('hgetall', 'h').map.f") == "v")
    #expect(
      eval(server, "redis.setresp(3) return redis.call('zscore', 'z', 'm')") == .double("1.5"))
    #expect(eval(server, "redis.setresp(3) return type(redis.call('get', 'x'))") == "nil")
    #expect(eval(server, "return type(redis.call('get', 'x'))") == "boolean")
  }

  @Test func `a tree of tables that is too deep is refused where it gets too deep`() {
    let server = TestServer()
    let reply = server.client.exchange(
      "*3\r\n$4\r\nEVAL\r\n$42\r\nlocal a = {}; local b = {a}; a[1] = b; ret\r\n$1\r\n0\r\n")
    #expect(reply.hasPrefix("-ERR Error compiling script"))
    let script = "local t = {} for i = 1, 100000 do t = {t} end return t"
    server.client.send(["EVAL", script, "0"])
    server.turn()
    let text = server.client.connection.receiveText()
    #expect(text.hasPrefix("*1\r\n*1\r\n"))
    #expect(text.hasSuffix("*1\r\n-ERR reached lua stack limit\r\n"))
  }

  @Test func `redis call raises the errors that redis pcall returns`() {
    let server = TestServer()
    server.run("SET k text")
    let wrong = "WRONGTYPE Operation against a key holding the wrong kind of value"
    #expect(eval(server, "return redis.pcall('incr', 'k').err") == .bulk(notInteger))
    #expect(eval(server, "return redis.pcall('lpush', 'k', 1)") == .error(wrong))
    let digest = "b3e76b7ba2ebea9e1d70db0ee8c3ed18c1fdbd06"
    let raised = eval(server, "return redis.call('lpush', 'k', 1)")
    #expect(raised.text.hasPrefix("\(wrong) script: "))
    #expect(raised.text.hasSuffix(", on @user_script:1."))
    #expect(raised.text.count == digest.count + wrong.count + " script: , on @user_script:1.".count)
    #expect(
      eval(server, "local ok, e = pcall(redis.call, 'nosuch') return e")
        == "ERR Unknown Redis command called from script")
  }

  private var notInteger: String { "ERR value is not an integer or out of range" }

  @Test func `an error tells the line of the script, shebang included`() {
    let server = TestServer()
    let reply = eval(server, "#!lua flags=no-writes\nlocal x = 1\nerror('here')")
    #expect(reply.text.hasPrefix("ERR user_script:3: here script: "))
    #expect(reply.text.hasSuffix(", on @user_script:3."))
    #expect(eval(server, "error({err = 'MY own'})").text.hasPrefix("MY own script: "))
    #expect(eval(server, "error({})").text.hasPrefix("ERR unknown error script: "))
  }

  @Test func `numbers become arguments without losing digits`() {
    let server = TestServer()
    #expect(eval(server, "return redis.call('echo', 2^53)") == "9007199254740992")
    #expect(eval(server, "return redis.call('echo', 3.1)") == "3.1000000000000001")
    #expect(eval(server, "return redis.call('echo', -0.0)") == "-0")
    #expect(
      eval(server, "return redis.pcall('echo', {})")
        == .error("ERR Lua redis lib command arguments must be strings or integers"))
    #expect(
      eval(server, "return redis.pcall()")
        == .error("ERR Please specify at least one argument for this redis lib call"))
  }

  @Test func `SELECT holds for the script alone`() {
    let server = TestServer()
    #expect(eval(server, "redis.call('select', 3) redis.call('set', 'k', 1) return 1") == 1)
    #expect(server.run("DBSIZE") == 0)
    server.run("SELECT 3")
    #expect(eval(server, "return redis.call('get', 'k')") == "1")
  }

  @Test func `what must not run in a script doesn't, and what would wait doesn't wait`() {
    let server = TestServer()
    let refusal = Reply.error("ERR This Redis command is not allowed from script")
    for command in ["'multi'", "'subscribe', 'c'", "'eval', 'return 1', 0", "'shutdown'"] {
      #expect(eval(server, "return redis.pcall(\(command))") == refusal)
    }
    #expect(eval(server, "return redis.call('blpop', 'nolist', 0)") == nil)
    #expect(eval(server, "return redis.call('bzpopmin', 'none', 0)") == nil)
  }

  @Test func `the number of keys is checked`() {
    let server = TestServer()
    #expect(
      server.run(["EVAL", "return 1", "2", "a"])
        == .error("ERR Number of keys can't be greater than number of args"))
    #expect(
      server.run(["EVAL", "return 1", "-1"]) == .error("ERR Number of keys can't be negative"))
    #expect(server.run(["EVAL", "return 1", "x"]) == .error(notInteger))
  }

  @Test func `EVAL_RO and EVALSHA_RO refuse to write, and so does a script without writes`() {
    let server = TestServer()
    let refusal = Reply.error("ERR Write commands are not allowed from read-only scripts.")
    #expect(
      server.run(["EVAL_RO", "return redis.pcall('set', 'k', 1)", "0"]) == refusal)
    #expect(server.run(["EVAL_RO", "return redis.pcall('publish', 'c', 1)", "0"]) == refusal)
    #expect(eval(server, "#!lua flags=no-writes\nreturn redis.pcall('set', 'k', 1)") == refusal)
    #expect(
      server.run(["EVAL_RO", "#!lua\nreturn 1", "0"])
        == .error("ERR Can not execute a script with write flag using *_ro command."))
    let digest = server.run(["SCRIPT", "LOAD", "return redis.call('get', 'k')"])
    #expect(server.run(["EVALSHA_RO", digest.text, "0"]) == nil)
  }

  @Test(arguments: [
    ("#!lua", "ERR Invalid script shebang"),
    ("#!python\nreturn 1", "ERR Unexpected engine in script shebang: #!python"),
    ("#!lua flags=x\nreturn 1", "ERR Unexpected flag in script shebang: x"),
    ("#!lua a=b\nreturn 1", "ERR Unknown lua shebang option: a=b"),
    (
      "return +",
      "ERR Error compiling script (new function): user_script:1: unexpected symbol near '+'"
    ),
    (
      "\u{1b}Lua",
      "ERR Error compiling script (new function): user_script:1: unexpected symbol near 'char(27)'"
    ),
  ])
  func `a script that can't be compiled says why`(script: String, error: String) {
    #expect(eval(TestServer(), script) == .error(error))
  }

  @Test func `EVALSHA runs what SCRIPT LOAD or EVAL has brought`() {
    let server = TestServer()
    let digest = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
    let unknown = Reply.error("NOSCRIPT No matching script. Please use EVAL.")
    #expect(server.run("EVALSHA \(digest) 0") == unknown)
    #expect(server.run("EVALSHA short 0") == unknown)
    #expect(server.run(["SCRIPT", "LOAD", "return 1"]) == .bulk(digest))
    #expect(server.run("EVALSHA \(digest) 0") == 1)
    #expect(server.run("EVALSHA \(digest.uppercased()) 0") == 1)
    #expect(server.run("SCRIPT EXISTS \(digest) nosuch") == .array([1, 0]))
    #expect(server.run("SCRIPT SHOW \(digest)") == "return 1")
    #expect(server.run("SCRIPT FLUSH SYNC") == .ok)
    #expect(server.run("SCRIPT EXISTS \(digest)") == .array([0]))
    #expect(server.run("SCRIPT SHOW \(digest)") == unknown)
    #expect(server.run("EVALSHA \(digest) 0") == unknown)
    #expect(
      server.run("SCRIPT FLUSH x").text == "ERR SCRIPT FLUSH only support SYNC|ASYNC option")
    #expect(server.run("SCRIPT KILL").text == "NOTBUSY No scripts in execution right now.")
    #expect(server.run("SCRIPT HELP").elements.count == 13)
  }

  @Test func `of scripts that only EVAL knows the latest 500 stay`() {
    let server = TestServer()
    let kept = server.run(["SCRIPT", "LOAD", "return 'kept'"]).text
    let first = "return 'first'"
    #expect(eval(server, first) == "first")
    for index in 0..<499 { _ = eval(server, "return \(index)") }
    #expect(eval(server, first) == "first")
    _ = eval(server, "return 'one more'")
    #expect(server.server.scripting.evictedCount == 1)
    let digests = server.run(["EVAL", "return redis.sha1hex(ARGV[1])", "0", first]).text
    #expect(server.run("SCRIPT EXISTS \(kept) \(digests)") == .array([1, 1]))
    #expect(server.server.scripting.cache.count == 501)
    #expect(server.run("INFO").text.contains("number_of_cached_scripts:501"))
    #expect(server.run("INFO stats").text.contains("evicted_scripts:2"))
  }
}
