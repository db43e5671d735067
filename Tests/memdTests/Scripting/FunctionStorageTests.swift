// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP
import Testing

@testable import memd

/// Each byte as the character of that number.
private func latin1(_ bytes: [UInt8]) -> String {
  bytes.map { String(Unicode.Scalar($0)) }.joined()
}

/// Functions in snapshots and logs.
@Suite(.enabled(if: Interpreter.isAvailable)) struct FunctionStorageTests: LogServer {
  fileprivate static let code =
    "#!lua name=lib\nredis.register_function('f', function() return 1 end)"

  private func plainServer() -> TestServer {
    let server = TestServer(follows: false) {
      $0.enableDebugCommand = .yes
      $0.rdbCompression = false
    }
    server.keepLog()
    return server
  }

  /// A server that starts with a snapshot.
  private func started(with snapshot: [UInt8]) -> TestServer {
    let server = plainServer()
    server.disk.setContent(snapshot, of: "dump.rdb")
    server.server.loadAtStart {}
    server.settle()
    return server
  }

  private func snapshot(of server: TestServer) -> [UInt8] {
    server.disk.content(of: "dump.rdb") ?? []
  }

  // MARK: - Snapshots

  @Test func `functions are there after a restart, in front of the keys of the file`() {
    let server = plainServer()
    server.register("f", "return 1")
    server.register("g", "return 2", in: "m")
    server.run("SET k v")
    #expect(server.run("SAVE") == .ok)
    let file = snapshot(of: server)
    let text = latin1(file)
    #expect(text.hasPrefix("REDIS0010"))
    // Opcode and length in two bytes, library by library, then the database.
    let parts = text.split(separator: "#!lua name=")
    #expect(parts.count == 3 && parts[0].dropLast(2).last == "\u{F5}")
    #expect(parts[1].hasPrefix("lib\n") && parts[2].hasPrefix("m\n"))
    #expect(parts[2].contains("end)\u{FE}\0"))
    let other = started(with: file)
    #expect(other.libraries == ["lib[f]", "m[g]"])
    #expect(other.run("FCALL g 0") == 2)
    #expect(other.run("GET k") == "v")
    #expect(other.functionDump == server.functionDump)
  }

  @Test func `FLUSHALL leaves functions, and DEBUG RELOAD brings them back`() {
    let server = plainServer()
    server.register("f", "return 1")
    server.run("FLUSHALL")
    #expect(server.run("FCALL f 0") == 1)
    #expect(server.run("DEBUG RELOAD") == .ok)
    #expect(server.run("FCALL f 0") == 1)
    server.register("g", "return 2", in: "m")
    #expect(server.run("DEBUG RELOAD NOSAVE") == .ok)
    #expect(server.libraries == ["lib[f]"])
    server.register("g", "return 2", in: "m")
    #expect(server.run("DEBUG RELOAD NOSAVE NOFLUSH MERGE") == .ok)
    #expect(server.libraries == ["m[g]", "lib[f]"])
    #expect(server.run("DEBUG RELOAD NOSAVE NOFLUSH").text.hasPrefix("ERR Error trying to load"))
    #expect(server.logText.contains("Library lib already exists"))
    #expect(server.libraries == ["m[g]", "lib[f]"])
  }

  /// A snapshot with libraries of this code.
  private func file(with libraries: [String], opcode: UInt8 = 245) -> [UInt8] {
    var bytes = Array("REDIS0010".utf8)
    for code in libraries {
      let count = code.utf8.count
      bytes += [opcode, 0x40 | UInt8(count >> 8), UInt8(count & 0xFF)] + Array(code.utf8)
    }
    bytes.append(255)
    let sum = CRC64.of(bytes.rawSpan)
    return bytes + (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64(8 * $0)) }
  }

  @Test(arguments: [
    (["#!lua name=a\nx = "], "Error compiling function: user_function:2: unexpected symbol near"),
    (["#!lua name=a\n"], "No functions registered"),
    (["nothing"], "Missing library metadata"),
    (["#!js name=a\nx"], "Engine 'js' not found"),
    ([String](repeating: FunctionStorageTests.code, count: 2), "Library 'lib' already exists"),
    (
      [FunctionStorageTests.code, FunctionStorageTests.code.replacing("lib", with: "m")],
      "Function f already exists"
    ),
  ])
  func `a library that can't be loaded ends the start`(libraries: [String], reason: String) {
    let server = started(with: file(with: libraries))
    #expect(server.server.exitCode == 1)
    #expect(server.logText.contains("Failed loading a library of functions: \(reason)"))
    #expect(server.logText.contains(", at offset "))
  }

  @Test func `the check of a file counts libraries, and finds what is none`() {
    func check(_ bytes: [UInt8]) -> (String, Int32) {
      let server = plainServer()
      server.disk.setContent(bytes, of: "x.rdb")
      var text = ""
      let code = RDBCheck.run(path: "x.rdb", disk: server.disk, clock: server.clock) {
        text += $0 + "\n"
      }
      return (text, code)
    }
    let (text, code) = check(file(with: [Self.code]))
    #expect(code == 0)
    #expect(text.contains("] Library of functions 'lib'\n"))
    #expect(text.contains("[info] 1 libraries of functions\n"))
    let (error, failure) = check(file(with: ["nothing"]))
    #expect(failure == 1)
    #expect(error.contains("Failed loading a library of functions: Missing library metadata"))
    let (old, _) = check(file(with: [Self.code], opcode: 246))
    #expect(old.contains("Malformed functions of a release candidate of Redis 7.0"))
  }

  @Test func `a snapshot holds the libraries of its moment, whatever happens meanwhile`() {
    let server = plainServer()
    server.register("before", "return 1", in: "a")
    server.register("deleted", "return 2", in: "b")
    server.run("DEBUG POPULATE 3000")
    server.run("BGSAVE")
    #expect(server.server.persistence.backgroundSave?.isCutComplete == false)
    server.register("after", "return 3", in: "c")
    server.run("FUNCTION DELETE b")
    server.register("changed", "return 4", in: "a")
    server.settle()
    #expect(server.libraries == ["c[after]", "a[changed]"])
    let other = started(with: snapshot(of: server))
    #expect(other.libraries == ["a[before]", "b[deleted]"])
    #expect(other.run("DBSIZE") == 3000)
  }

  // MARK: - The log

  @Test(arguments: [true, false])
  func `functions are in the base of a log, and changes of them behind it`(isPreamble: Bool) {
    let server = makeServer(configure: {
      $0.aofUseRdbPreamble = isPreamble
      $0.rdbCompression = false
    })
    server.register("f", "return 1")
    server.register("gone", "return 2", in: "m")
    server.run("DEBUG POPULATE 3000")
    server.settle()
    server.run("BGREWRITEAOF")
    server.run("FUNCTION DELETE m")
    server.register("late", "return 3", in: "n")
    server.settle()
    let base = text(server, "appendonly.aof.2.base.\(isPreamble ? "rdb" : "aof")")
    #expect(base.contains("#!lua name=lib\n") && base.contains("#!lua name=m\n"))
    #expect(!base.contains("name=n"))
    #expect(base.contains("*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n") == !isPreamble)
    let other = restarted(server)
    #expect(other.libraries == ["lib[f]", "n[late]"])
    #expect(other.run("FCALL late 0") == 3)
    #expect(server.run("DEBUG LOADAOF") == .ok)
    #expect(server.libraries == ["lib[f]", "n[late]"])
  }

  @Test func `what is done to functions goes into the stream as it came`() {
    let server = TestServer()
    let load = "#!lua name=lib\nredis.register_function('f', function() end)"
    server.run("SET before 1")
    let payload = server.functionDump
    let commands = server.stream {
      server.run(["FUNCTION", "LOAD", "REPLACE", load])
      server.run(["FUNCTION", "LOAD", load])
      server.run("FUNCTION DELETE lib")
      server.run("FUNCTION DELETE lib")
      _ = server.restoreFunctions(payload, ["FLUSH"])
      server.run("FUNCTION FLUSH ASYNC")
    }
    #expect(commands.count == 4)
    #expect(commands[0] == "FUNCTION LOAD REPLACE \(load)")
    #expect(commands[1] == "FUNCTION DELETE lib")
    #expect(commands[2].hasPrefix("FUNCTION RESTORE") && commands[2].hasSuffix("FLUSH"))
    #expect(commands[3] == "FUNCTION FLUSH ASYNC")
  }
}

/// Functions of leaders and followers.
@Suite(.enabled(if: Interpreter.isAvailable)) struct FunctionFollowerTests {
  private typealias Staged = FollowerFaultTests.Staged
  private static let id = FollowerFaultTests.id

  private func line(_ library: String, _ function: String, _ result: Int) -> String {
    let code = "redis.register_function('\(function)', function() return \(result) end)"
    return "FUNCTION LOAD \"#!lua name=\(library)\\n\(code)\""
  }

  @Test func `a follower has its leader's functions and no others, by snapshot and by stream`() {
    let cluster = SimulatedCluster.followers(3, seed: 7)
    cluster.run(milliseconds: 20)
    #expect(cluster.ask(0, line("lib", "f", 1)) == "$3\r\nlib\r\n")
    #expect(cluster.ask(1, line("old", "g", 2)) == "$3\r\nold\r\n")
    for (number, leader) in [(1, 0), (2, 1)] {
      #expect(cluster.ask(number, "REPLICAOF node\(leader) 6379") == "+OK\r\n")
      cluster.run(milliseconds: 3000)
    }
    for number in 1...2 {
      #expect(cluster.ask(number, "FCALL_RO g 0") == "-ERR Function not found\r\n")
      #expect(
        cluster.ask(number, "FCALL f 0")
          == "-READONLY You can't write against a read only replica.\r\n")
      #expect(
        cluster.ask(number, line("x", "h", 1))
          == "-READONLY You can't write against a read only replica.\r\n")
    }
    #expect(cluster.ask(0, line("new", "late", 3)) == "$3\r\nnew\r\n")
    #expect(cluster.ask(0, "FUNCTION DELETE lib") == "+OK\r\n")
    cluster.run(milliseconds: 200)
    let list = cluster.ask(0, "FUNCTION LIST")
    for number in 1...2 {
      #expect(cluster.ask(number, "FUNCTION LIST") == list)
      #expect(cluster.ask(number, "FCALL f 0") == "-ERR Function not found\r\n")
    }
  }

  /// The snapshot of a server with a library, and so many keys.
  private func snapshot(_ function: String, keyCount: Int) -> [UInt8] {
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    server.load(
      "redis.register_function{function_name = '\(function)', flags = {'no-writes'},"
        + " callback = function() return redis.call('dbsize') end}", as: function)
    server.run("DEBUG POPULATE \(keyCount)")
    server.run("SAVE")
    return server.disk.content(of: "dump.rdb") ?? []
  }

  private func give(_ staged: Staged, _ snapshot: [UInt8], at offset: Int) {
    staged.say(
      Array("+FULLRESYNC \(Self.id) \(offset)\r\n$\(snapshot.count)\r\n".utf8) + snapshot)
  }

  /// A follower with the function `old` that receives a snapshot.
  private func stage(_ snapshot: [UInt8]) -> Staged {
    let staged = Staged { $0.loadingProcessEventsIntervalBytes = 1024 }
    staged.greet()
    give(staged, self.snapshot("old", keyCount: 2), at: 500)
    #expect(staged.listen().contains("ACK"))
    #expect(staged.server.run("FCALL old 0") == 2)
    staged.hangUp()
    staged.server.advance(milliseconds: 1000)
    #expect(staged.listen().contains("PING"))
    staged.say("+PONG\r\n")
    _ = staged.listen()
    staged.say("+OK\r\n+OK\r\n+OK\r\n")
    #expect(staged.listen().contains("PSYNC"))
    give(staged, snapshot, at: 1000)
    return staged
  }

  @Test func `the old functions serve until the new ones and their data are there`() {
    let staged = stage(snapshot("new", keyCount: 800))
    var turns = 0
    for _ in 0..<30 where staged.server.server.persistence.loading == nil { staged.server.turn() }
    while staged.server.server.persistence.loading != nil, turns < 2000 {
      let reply = staged.server.run("FCALL old 0")
      if staged.server.server.persistence.loading == nil { break }
      #expect(reply == 2)
      turns += 1
    }
    #expect(turns > 1, "it takes some turns")
    staged.server.settle()
    #expect(staged.server.run("FCALL new 0") == 800)
    #expect(staged.server.run("FCALL old 0") == .error("ERR Function not found"))
  }

  @Test func `a snapshot that is damaged at its end leaves the old functions`() {
    var damaged = snapshot("new", keyCount: 800)
    damaged[damaged.count - 1] ^= 1
    let staged = stage(damaged)
    staged.server.settle(limit: 2000)
    #expect(staged.server.logText.contains("RDB CRC error"))
    #expect(staged.server.run("FCALL old 0") == 2)
    #expect(staged.server.run("FCALL new 0") == .error("ERR Function not found"))
  }

  @Test(arguments: ["functions", "\"\""])
  func `a follower may ask for functions alone, or for nothing`(filter: String) {
    let server = TestServer(follows: false)
    server.register("f", "return 1")
    server.run("SET k v")
    let follower = server.connect()
    follower.run("REPLCONF capa eof")
    follower.run("REPLCONF rdb-filter-only \(filter)")
    follower.send(["SYNC"])
    server.settle(limit: 20)
    let text = latin1(follower.connection.receive())
    #expect(text.contains("\r\nREDIS0010"))
    #expect(text.contains("#!lua name=lib\n") == (filter == "functions"))
    #expect(!text.contains("\u{FE}\0"))
  }
}
