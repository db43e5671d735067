// SPDX-License-Identifier: Apache-2.0

import EventLoop
import RESP
import Testing

@testable import memd

@Suite(.enabled(if: Interpreter.isAvailable)) struct FunctionTests {
  // MARK: - FCALL

  @Test func `FCALL hands keys and arguments to a function, whatever the case of its name`() {
    let server = TestServer()
    #expect(server.register("f", "return {keys, args}") == "lib")
    #expect(server.run("FCALL f 1 k a b") == .array([.array(["k"]), .array(["a", "b"])]))
    #expect(server.run("FCALL F 0") == .array([.array([]), .array([])]))
    #expect(server.run("FCALL g 0") == .error("ERR Function not found"))
    #expect(server.run("FCALL f x") == .error("ERR Bad number of keys provided"))
    #expect(
      server.run("FCALL f 1") == .error("ERR Number of keys can't be greater than number of args"))
    #expect(server.run("FCALL f -1") == .error("ERR Number of keys can't be negative"))
  }

  @Test func `a function keeps what its library has made`() {
    let server = TestServer()
    server.load(
      """
      local count = 0
      redis.register_function('next', function() count = count + 1 return count end)
      redis.register_function('last', function() return count end)
      """)
    #expect(server.run("FCALL next 0") == 1)
    #expect(server.run("FCALL next 0") == 2)
    #expect(server.run("FCALL last 0") == 2)
    server.run("SCRIPT FLUSH")
    #expect(server.run("FCALL next 0") == 3)
  }

  @Test(arguments: [
    (
      "return KEYS",
      """
      ERR user_function:2: Script attempted to access nonexistent global variable 'KEYS' \
      script: f, on @user_function:2.
      """
    ),
    ("error('no')", "ERR user_function:2: no script: f, on @user_function:2."),
    ("error({err = 'MY no'})", "MY no script: f, on @user_function:2."),
    (
      "return redis.call('nosuch')",
      "ERR Unknown Redis command called from script script: f, on @user_function:2."
    ),
    (
      "return redis.breakpoint()",
      """
      ERR user_function:2: attempt to call field 'breakpoint' (a nil value) \
      script: f, on @user_function:2.
      """
    ),
    (
      "redis.x = 1",
      "ERR user_function:2: Attempt to modify a readonly table script: f, on @user_function:2."
    ),
    (
      "return redis.call('fcall', 'f', 0)",
      "ERR This Redis command is not allowed from script script: f, on @user_function:2."
    ),
  ])
  func `the error of a function names it`(body: String, error: String) {
    let server = TestServer()
    server.register("f", body)
    #expect(server.run("FCALL f 0") == .error(error))
  }

  @Test func `flags say what a function may do`() {
    let server = TestServer()
    let write = "function(keys) return redis.pcall('set', keys[1], 1) end"
    server.load(
      """
      redis.register_function('writes', \(write))
      redis.register_function{
        function_name = 'reads', callback = \(write), flags = {'No-Writes'}, description = 'x'}
      """)
    #expect(server.run("FCALL writes 1 k") == .ok)
    let refusal = Reply.error("ERR Write commands are not allowed from read-only scripts.")
    #expect(server.run("FCALL reads 1 k") == refusal)
    #expect(server.run("FCALL_RO reads 1 k") == refusal)
    #expect(
      server.run("FCALL_RO writes 1 k")
        == .error("ERR Can not execute a script with write flag using *_ro command."))
    #expect(
      server.run("FUNCTION LIST").elements[0].elements[5]
        == .array([
          .array(["name", "writes", "description", nil, "flags", .array([])]),
          .array(["name", "reads", "description", "x", "flags", .array([.status("no-writes")])]),
        ]))
    server.run("CONFIG SET maxmemory 1")
    #expect(
      server.run("FCALL writes 1 k").text
        == "OOM command not allowed when used memory > 'maxmemory'.")
    #expect(server.run("FCALL reads 1 k") == refusal)
  }

  @Test func `what a function changes goes to followers as one transaction`() {
    let server = TestServer()
    server.register("f", "redis.call('set', 'a', 1) redis.call('incr', 'a')")
    server.run("SET before 1")
    #expect(server.stream { server.run("FCALL f 0") } == ["MULTI", "set a 1", "incr a", "EXEC"])
  }

  // MARK: - Loading

  @Test(arguments: [
    ("return 1", "Missing library metadata"),
    ("#!lua name=l", "Invalid library metadata"),
    ("#!lua name=l\0\nx", "Invalid library metadata"),
    ("#!lua \"name=l\nx", "Invalid library metadata"),
    ("#!lua\nx", "Library name was not given"),
    (
      "#!lua name=a-b\nx",
      """
      Library names can only contain letters, numbers, or underscores(_) and must be at least one \
      character long
      """
    ),
    (
      "#!lua name=l NAME=m\nx", "Invalid metadata value, name argument was given multiple times"
    ),
    ("#!lua name=l x=y\nx", "Invalid metadata value given: x=y"),
    ("#!js name=l\nx", "Engine 'js' not found"),
    ("#!lua name=l\n", "No functions registered"),
    (
      "#!lua name=l\nreturn +",
      "Error compiling function: user_function:2: unexpected symbol near '+'"
    ),
  ])
  func `a library that can't be loaded says why`(code: String, error: String) {
    #expect(TestServer().run(["FUNCTION", "LOAD", code]) == .error("ERR \(error)"))
  }

  @Test(arguments: [
    ("redis.call('ping')", "nonexistent global variable 'call'"),
    ("local x = tonumber(1)", "nonexistent global variable 'tonumber'"),
    ("local x = _G", "nonexistent global variable '_G'"),
    ("local x = redis.sha1hex", "nonexistent global variable 'sha1hex'"),
    ("x = 1", "Attempt to modify a readonly table"),
    ("redis.x = 1", "Attempt to modify a readonly table"),
    ("redis.log()", "ERR redis.log() requires two arguments or more."),
  ])
  func `while it is loaded a library sees little`(code: String, error: String) {
    let server = TestServer()
    let reply = server.load(code).text
    #expect(reply.hasPrefix("ERR Error registering functions: ERR "))
    #expect(reply.hasSuffix(error), "\(reply)")
    // Afterwards globals are as they were.
    server.register("f", "return tonumber('5')")
    #expect(server.run("FCALL f 0") == 5)
  }

  @Test(arguments: [
    ("", "wrong number of arguments to redis.register_function"),
    (
      "'f'",
      """
      calling redis.register_function with a single argument is only applicable to Lua table \
      (representing named arguments).
      """
    ),
    ("'f', 1", "second argument to redis.register_function must be a function"),
    ("{}, f", "first argument to redis.register_function must be a string"),
    ("{callback = f}", "redis.register_function must get a function name argument"),
    ("{function_name = 'f'}", "redis.register_function must get a callback argument"),
    (
      "{function_name = 'f', callback = 1}",
      "callback argument given to redis.register_function must be a function"
    ),
    ("{function_name = 'f', callback = f, flags = {'x'}}", "unknown flag given"),
    (
      "{function_name = 'f', callback = f, flags = 1}",
      """
      flags argument to redis.register_function must be a table representing function flags
      """
    ),
    ("{[1] = 1}", "unknown argument given to redis.register_function"),
    ("{[true] = 1}", "named argument key given to redis.register_function is not a string"),
  ])
  func `register_function says what is wrong with its arguments`(arguments: String, error: String) {
    let reply = TestServer().load("local f = function() end redis.register_function(\(arguments))")
    #expect(reply == .error("ERR Error registering functions: ERR \(error)"))
  }

  @Test func `what a library has kept of its loading is of no use to its functions`() {
    let server = TestServer()
    server.load(
      """
      local r = redis
      redis.register_function('call', function() return r.call('ping') end)
      redis.register_function('register', function() r.register_function('x', r.log) end)
      redis.register_function('change', function() getmetatable(r).__index = nil end)
      """)
    #expect(server.run("FCALL call 0").text.contains("nonexistent global variable 'call'"))
    #expect(
      server.run("FCALL register 0").text
        .contains("redis.register_function can only be called on FUNCTION LOAD command"))
    #expect(server.run("FCALL change 0").text.contains("Attempt to modify a readonly table"))
  }

  @Test func `a library that takes too long is not loaded`() {
    let server = TestServer()
    server.clock.nanosecondsPerReading = 10_000_000
    #expect(
      server.load("while true do end")
        == .error("ERR Error registering functions: ERR FUNCTION LOAD timeout"))
    #expect(server.register("f", "return 1") == "lib")
  }

  @Test func `LOAD REPLACE that fails leaves the library as it was`() {
    let server = TestServer()
    server.register("f", "return 1")
    server.register("other", "return 2", in: "m")
    let replies = [
      server.load("redis.register_function('f', function() return 9 end) x = 1", "REPLACE"),
      server.load("redis.register_function('Other', function() end)", "REPLACE"),
      server.load("redis.register_function('f', function() end)"),
      server.run(["FUNCTION", "LOAD", "NOW", "x"]),
    ]
    #expect(replies[0].text.hasSuffix("Attempt to modify a readonly table"))
    #expect(replies[1] == .error("ERR Function Other already exists"))
    #expect(replies[2] == .error("ERR Library 'lib' already exists"))
    #expect(replies[3] == .error("ERR Unknown option given: NOW"))
    #expect(server.run("FCALL f 0") == 1)
    #expect(server.libraries == ["lib[f]", "m[other]"])
    #expect(server.load("redis.register_function('g', function() end)", "REPLACE") == "lib")
    #expect(server.libraries == ["m[other]", "lib[g]"])
    #expect(server.run("FCALL f 0") == .error("ERR Function not found"))
  }

  // MARK: - The other subcommands

  @Test func `libraries are listed, deleted and flushed by their exact names`() {
    let server = TestServer()
    server.register("f", "return 1")
    server.register("g", "return 1", in: "Lib2")
    #expect(server.run("FUNCTION LIST LIBRARYNAME LIB").elements.count == 1)
    #expect(
      server.run("FUNCTION LIST WITHCODE LIBRARYNAME l*").elements.last?.elements.last?.text
        .hasPrefix("#!lua name=Lib2\n") == true)
    #expect(server.run("FUNCTION LIST x") == .error("ERR Unknown argument x"))
    #expect(server.run("FUNCTION DELETE LIB") == .error("ERR Library not found"))
    #expect(server.run("FUNCTION DELETE lib") == .ok)
    #expect(server.libraries == ["Lib2[g]"])
    #expect(
      server.run("FUNCTION FLUSH x")
        == .error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"))
    for mode in ["SYNC", "ASYNC"] {
      server.register("f", "return 1")
      #expect(server.run("FUNCTION FLUSH \(mode)") == .ok)
      server.settle()
      #expect(server.libraries == [])
      #expect(server.server.scripting.functionInterpreterByteCount == 0)
    }
    #expect(server.run("FUNCTION HELP").elements.count == 20)
  }

  @Test func `RESTORE loads all libraries of a payload or none`() {
    let server = TestServer()
    server.register("f", "return 1")
    server.register("g", "return 2", in: "m")
    let payload = server.functionDump
    func restore(_ policy: String...) -> Reply { server.restoreFunctions(payload, policy) }
    #expect(restore() == .error("ERR Library lib already exists"))
    #expect(restore("REPLACE") == .ok)
    server.run("FUNCTION DELETE m")
    server.register("G", "return 3", in: "n")
    #expect(restore("REPLACE") == .error("ERR Function g already exists"))
    #expect(server.libraries == ["lib[f]", "n[G]"])
    #expect(server.run("FCALL g 0") == 3)
    #expect(restore("FLUSH") == .ok)
    #expect(server.libraries == ["lib[f]", "m[g]"])
    #expect(server.run("FCALL g 0") == 2)
    let wrong = "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."
    #expect(restore("ALL") == .error(wrong))
    #expect(
      server.run("FUNCTION RESTORE x") == .error("ERR DUMP payload version or checksum are wrong"))
  }

  @Test func `memory of functions is counted, and given back`() {
    let server = TestServer(follows: false)
    #expect(server.info("number_of_libraries") == "0")
    #expect(server.info("used_memory_vm_functions") == "0")
    let before = server.server.evictableMemory
    server.load(
      """
      redis.register_function('a', function() end) redis.register_function('b', function() end)
      """)
    #expect(server.info("number_of_libraries") == "1")
    #expect(server.info("number_of_functions") == "2")
    let inside = server.server.scripting.functionInterpreterByteCount
    #expect(inside > 10_000)
    #expect(server.info("used_memory_vm_functions") == "\(inside)")
    let texts = server.info("used_memory_functions").flatMap { Int($0) } ?? 0
    #expect(texts > 100)
    #expect(server.server.evictableMemory >= before + inside + texts)
    for _ in 0..<200 { server.register("c", "return '\(String(repeating: "x", count: 1000))'") }
    #expect(server.server.scripting.functionInterpreterByteCount < inside + 200_000)
    server.run("FUNCTION FLUSH SYNC")
    #expect(server.info("used_memory_vm_functions") == "0")
  }

  @Test func `functions are limited in memory, and go on behind an error`() {
    let server = TestServer { $0.luaMemoryLimit = 1 << 20 }
    server.register("f", "local t = {} while true do t[#t + 1] = {} end")
    server.register("g", "return 1", in: "m")
    #expect(server.run("FCALL f 0").text.contains("not enough memory"))
    #expect(server.run("FCALL g 0") == 1)
    let greedy = "local t = {} local i = 0 while true do i = i + 1 t[i] = {} end"
    #expect(
      server.load(greedy, as: "n")
        == .error("ERR Error registering functions: ERR not enough memory"))
    #expect(server.run("FCALL g 0") == 1)
  }

  @Test func `settings of cjson in functions are not those of scripts`() {
    let server = TestServer()
    server.register("f", "cjson.encode_number_precision(3) return cjson.encode(1.23456)")
    #expect(server.run("FCALL f 0") == "1.23")
    #expect(server.run(["EVAL", "return cjson.encode(1.23456)", "0"]) == "1.23456")
  }

  // MARK: - Functions that take long

  @Test func `others hear of a function that takes long, and FUNCTION KILL ends it`() {
    let server = TestServer { $0.busyReplyThreshold = 50 }
    server.register("f", "while true do end")
    server.clock.nanosecondsPerReading = 10_000_000
    let clients = (0..<5).map { _ in server.connect() }
    clients[0].send(["FCALL", "f", "1", "key", "word"])
    clients[1].send(["PING"])
    clients[2].send(["SCRIPT", "KILL"])
    clients[3].send(["FUNCTION", "STATS"])
    clients[4].send(["FUNCTION", "KILL"])
    server.turn()
    #expect(
      clients[0].next()?.text
        == "ERR Script killed by user with FUNCTION KILL... script: f, on @user_function:2.")
    let busy = Reply.error(
      "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.")
    #expect(clients[1].next() == busy)
    #expect(clients[2].next() == busy)
    let stats = clients[3].next()?.elements[1].elements ?? []
    let words = Reply.array(["FCALL", "f", "1", "key", "word"])
    #expect(stats.prefix(4) == ["name", "f", "command", words])
    #expect((stats.last?.number ?? 0) >= 50)
    #expect(clients[4].next() == .ok)
    #expect(
      server.run("FUNCTION STATS")
        == .array([
          "running_script", nil, "engines",
          .array(["LUA", .array(["libraries_count", 1, "functions_count", 1])]),
        ]))
    #expect(server.run("FUNCTION KILL") == .error("NOTBUSY No scripts in execution right now."))
  }

  @Test func `a function can be ended in a coroutine that was made when nobody was to be asked`() {
    let server = TestServer { $0.busyReplyThreshold = 0 }
    server.load(
      """
      local kept
      redis.register_function('make', function()
        kept = coroutine.wrap(function() coroutine.yield() while true do end end)
        kept()
      end)
      redis.register_function('spin', function() kept() end)
      """)
    server.run("FCALL make 0")
    server.run("CONFIG SET busy-reply-threshold 50")
    server.clock.nanosecondsPerReading = 10_000_000
    let clients = (0..<2).map { _ in server.connect() }
    clients[0].send(["FCALL", "spin", "0"])
    clients[1].send(["FUNCTION", "KILL"])
    server.turn()
    #expect(clients[0].next()?.text.hasPrefix("ERR Script killed by user") == true)
    #expect(clients[1].next() == .ok)
  }

  @Test func `FUNCTION KILL and STATS don't concern scripts`() {
    let server = TestServer { $0.busyReplyThreshold = 50 }
    server.clock.nanosecondsPerReading = 10_000_000
    let clients = (0..<4).map { _ in server.connect() }
    clients[0].send(["EVAL", "while true do end", "0"])
    clients[1].send(["FUNCTION", "KILL"])
    clients[2].send(["FUNCTION", "STATS"])
    clients[3].send(["SCRIPT", "KILL"])
    server.turn()
    let busy = Reply.error(
      "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.")
    #expect(clients[1].next() == busy)
    #expect(clients[2].next() == busy)
    #expect(clients[3].next() == .ok)
  }
}
