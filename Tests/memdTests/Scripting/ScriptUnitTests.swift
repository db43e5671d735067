// SPDX-License-Identifier: Apache-2.0

import EventLoop
import RESP
import Testing

@testable import memd

/// A script is an execution unit, as EXEC is.
@Suite(.enabled(if: Interpreter.isAvailable)) struct ScriptUnitTests {
  private func eval(_ server: TestServer, _ script: String) -> Reply {
    server.run(["EVAL", script, "0"])
  }

  /// What the script has followers do.
  private func effects(of script: String, _ server: TestServer = TestServer()) -> [String] {
    server.run("SET before 1")
    return server.stream { _ = eval(server, script) }
  }

  @Test func `what a script changes goes to followers as one transaction`() {
    #expect(
      effects(of: "redis.call('set', 'a', 1) redis.call('get', 'a') redis.call('incr', 'a')")
        == ["MULTI", "set a 1", "incr a", "EXEC"])
    #expect(effects(of: "redis.call('set', 'a', 1)") == ["set a 1"])
    #expect(effects(of: "return redis.call('get', 'a')") == [])
    #expect(effects(of: "redis.call('set', 'a', 1) error('late')") == ["set a 1"])
  }

  @Test func `set_repl keeps changes from followers`() {
    let server = TestServer(follows: false)
    #expect(
      effects(
        of: "redis.set_repl(0) redis.call('set', 'a', 1) redis.set_repl(3) redis.call('del', 'b')",
        server) == [])
    #expect(server.run("GET a") == "1")
    #expect(
      eval(server, "redis.set_repl(9)").text.hasPrefix("ERR Invalid replication flags."))
  }

  @Test func `time stands still in a script`() {
    let server = TestServer()
    server.clock.nanosecondsPerReading = 1_000_000
    server.run("SET k v PX 50")
    #expect(
      eval(
        server,
        """
        local t = redis.call('time')
        for i = 1, 100 do redis.call('ping') end
        local u = redis.call('time')
        return {t[1] == u[1] and t[2] == u[2], redis.call('exists', 'k')}
        """) == .array([1, 1]))
    #expect(server.run("EXISTS k") == 0)
  }

  @Test func `a client that waits for a key gets it when the script has ended`() {
    let server = TestServer()
    let waiting = server.connect()
    waiting.send(["BRPOPLPUSH", "q", "done", "0"])
    server.turn()
    #expect(
      eval(server, "redis.call('lpush', 'q', 'x') return redis.call('llen', 'q')") == 1)
    #expect(waiting.next() == "x")
    #expect(server.run("LRANGE done 0 -1") == .array(["x"]))
  }

  @Test func `a write in a script spoils a WATCH, and EVAL runs inside MULTI`() {
    let server = TestServer()
    let other = server.connect()
    server.run("WATCH k")
    other.run(["EVAL", "redis.call('set', 'k', 1)", "0"])
    server.run("MULTI")
    server.run("GET k")
    #expect(server.run("EXEC") == .nullArray)
    server.run("MULTI")
    server.run(["EVAL", "return redis.call('incr', 'k')", "0"])
    server.run("INCR k")
    #expect(server.run("EXEC") == .array([2, 3]))
  }

  @Test func `monitors see a script before what it calls`() {
    let server = TestServer()
    let monitor = server.connect()
    monitor.run("MONITOR")
    _ = eval(server, "return redis.call('get', 'k')")
    let lines = monitor.connection.receiveText().split(separator: "\r\n").map {
      $0.drop { $0 != "[" }
    }
    #expect(lines.count == 2)
    #expect(lines.first?.contains("\"EVAL\"") == true)
    #expect(lines.last == "[0 lua] \"get\" \"k\"")
  }

  @Test func `a caching client hears of keys that its scripts have read`() {
    let server = TestServer()
    server.speakVersion3()
    server.run("CLIENT TRACKING ON")
    _ = eval(server, "return redis.call('get', 'k')")
    let other = server.connect()
    other.run("SET k 1")
    #expect(server.client.next() == .push(["invalidate", .array(["k"])]))
  }

  @Test func `commands of scripts count, and so do their errors`() {
    let server = TestServer()
    _ = eval(server, "redis.call('set', 'k', 'x') return redis.pcall('incr', 'k').err")
    _ = eval(server, "return redis.call('incr', 'k')")
    _ = eval(server, "return redis.pcall('nosuch')")
    _ = eval(server, "error('mine')")
    let text = server.run("INFO commandstats errorstats").text
    #expect(text.contains("cmdstat_set:calls=1,"))
    #expect(text.contains("cmdstat_incr:calls=2,"))
    #expect(text.contains("rejected_calls=0,failed_calls=2"))
    #expect(text.contains("cmdstat_eval:calls=4,"))
    #expect(text.contains("errorstat_ERR:count=4"))
  }

  @Test func `rules hold for every command that a script calls, and the log says so`() {
    let server = TestServer()
    server.run("ACL SETUSER bob on nopass ~mine* +@all -incr")
    let bob = server.connect()
    bob.run("AUTH bob x")
    #expect(bob.run(["EVAL", "return redis.call('set', 'mine', 1)", "0"]) == .ok)
    #expect(
      bob.run(["EVAL", "return redis.pcall('incr', 'mine')", "0"])
        == .error("ERR The user executing the script can't run this command or subcommand"))
    #expect(bob.run(["EVAL", "return redis.pcall('get', 'yours')", "0"]).isError)
    #expect(bob.run(["EVAL", "return 1", "1", "yours"]).text.hasPrefix("NOPERM"))
    #expect(
      bob.run(
        [
          "EVAL", "return {redis.acl_check_cmd('incr', 'x'), redis.acl_check_cmd('get', 'mine')}",
          "0",
        ]
      ) == .array([nil, 1]))
    let log = server.run("ACL LOG").elements
    #expect(log.count == 3)
    #expect(log.dropFirst().first?.elements.contains("lua") == true)
  }

  @Test func `a script is stopped by full memory before it writes, and not in the midst`() {
    let server = TestServer { $0.maxMemory = 1 }
    let out = "OOM command not allowed when used memory > 'maxmemory'."
    #expect(eval(server, "return redis.pcall('set', 'k', 1)") == .error(out))
    #expect(eval(server, "redis.call('del', 'k') return redis.call('set', 'k', 1)") == .ok)
    #expect(eval(server, "#!lua flags=allow-oom\nreturn redis.call('set', 'k', 1)") == .ok)
    #expect(eval(server, "#!lua\nreturn 1") == .error(out))
    #expect(eval(server, "#!lua flags=no-writes\nreturn redis.call('get', 'k')") == "1")
  }

  @Test func `a paused server runs scripts that don't write`() {
    let server = TestServer()
    server.run("CLIENT PAUSE 1000 WRITE")
    #expect(eval(server, "#!lua flags=no-writes\nreturn 1") == 1)
    #expect(server.run(["EVAL_RO", "return 1", "0"]) == 1)
    let other = server.connect()
    other.send(["EVAL", "return 1", "0"])
    server.turn()
    #expect(other.next() == nil)
    server.run("CLIENT UNPAUSE")
    server.turn()
    #expect(other.next() == 1)
  }

  @Test func `an error that a script ends with is a failed call of its own, too`() {
    let server = TestServer()
    for (script, count) in [
      ("return redis.call('select', 99)", 1), ("return {redis.pcall('select', 99)}", 1),
      ("redis.pcall('select', 99)", 0), ("return {err = 'MY own'}", 1),
    ] {
      server.run("CONFIG RESETSTAT")
      _ = eval(server, script)
      let lines = server.run("INFO commandstats").text.split(whereSeparator: \.isNewline)
      let line = lines.first { $0.hasPrefix("cmdstat_eval:") } ?? ""
      #expect(line.hasSuffix("failed_calls=\(count)"), "\(script) \(line)")
      #expect(server.info("total_error_replies") == "1")
    }
  }

  @Test func `a script gets the elements of a set in order from SORT that doesn't sort`() {
    let server = TestServer()
    server.run("SADD s b zz a c aa")
    #expect(
      eval(server, "return redis.call('sort', 's', 'by', 'nosort')")
        == .array(["a", "aa", "b", "c", "zz"]))
  }

  @Test func `scripts may call DEBUG if they are let`() {
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    let script = "return redis.call('debug', 'protocol', 'integer')"
    #expect(eval(server, script).text.hasPrefix("ERR This Redis command is not allowed"))
    server.run("DEBUG SET-DISABLE-DENY-SCRIPTS 1")
    #expect(eval(server, script) == 12345)
    #expect(
      eval(server, "return redis.pcall('replconf', 'ack', 1)").text
        .hasPrefix("ERR This Redis command is not allowed"))
    server.run("DEBUG SET-DISABLE-DENY-SCRIPTS 0")
    #expect(eval(server, script).text.hasPrefix("ERR This Redis command is not allowed"))
  }
}
