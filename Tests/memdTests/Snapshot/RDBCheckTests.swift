// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct RDBCheckTests {
  /// What is printed about the file of a server's disk, and the exit code.
  private func check(_ server: TestServer, path: String = "dump.rdb") -> (String, Int32) {
    var text = ""
    let code = RDBCheck.run(path: path, disk: server.disk, clock: server.clock) {
      text += $0 + "\n"
    }
    return (text, code)
  }

  private static let damage = "--- RDB ERROR DETECTED ---\n[offset "

  private func filled() -> TestServer {
    let server = TestServer { $0.enableDebugCommand = .yes }
    server.run("SET text hello")
    server.run("SET volatile x PX 100000")
    server.run("SET short x PX 1000")
    server.run("SELECT 3")
    server.run("RPUSH list a b c")
    server.run("RPUSH queue a")
    server.run("SADD set 1 2 3 4")
    server.run("ZADD ranks 1 a 2 b")
    server.run("HSET a-hash-with-a-name-longer-than-all-others f v")
    server.run("XADD stream 1-1 f v")
    server.run("SAVE")
    server.advance(milliseconds: 5000)
    return server
  }

  @Test func `a snapshot is described`() {
    let server = filled()
    let (text, code) = check(server)
    #expect(code == 0)
    let bytes = server.disk.content(of: "dump.rdb") ?? []
    for line in [
      "[offset 0] Checking RDB file dump.rdb\n", "] AUX FIELD redis-ver = '7.4.0'\n",
      "] Selecting DB ID 0\n", "] Selecting DB ID 3\n", "[offset \(bytes.count)] Checksum OK\n",
      "[offset \(bytes.count)] \\o/ RDB looks OK! \\o/\n", "[info] RDB version 10\n",
      "[info] 9 keys read\n", "[info] 2 expires\n", "[info] 1 already expired\n",
      "[info] db 0: 3 keys, 2 expires, 1 already expired, 10 bytes of values\n",
      "[info] db 0: string: 3 keys, 10 bytes\n", "[info] db 3: 6 keys, 0 expires, ",
      "[info] db 3: list: 2 keys, ", "[info] db 3: set: 1 keys, ", "[info] db 3: zset: 1 keys, ",
      "[info] db 3: hash: 1 keys, ", "[info] db 3: stream: 1 keys, ",
      "[info] longest key: 41 bytes, 'a-hash-with-a-name-longer-than-all-others' in db 3\n",
      "[info] largest string: 6 bytes, 'text' in db 0\n", " bytes, 3 elements, 'list' in db 3\n",
      " bytes, 4 elements, 'set' in db 3\n", " bytes, 2 elements, 'ranks' in db 3\n",
      " bytes, 1 elements, 'a-hash-with-a-name-longer-than-all-others' in db 3\n",
      "[info] largest stream: ",
    ] {
      #expect(text.contains(line), "\(line)\(text)")
    }
  }

  @Test func `every cut and every changed byte of a snapshot is an error`() {
    let server = filled()
    let bytes = server.disk.content(of: "dump.rdb") ?? []
    for count in 0..<bytes.count {
      server.disk.setContent(Array(bytes.prefix(count)), of: "cut.rdb")
      let (text, code) = check(server, path: "cut.rdb")
      #expect(code == 1 && text.contains(Self.damage), "\(count) \(text)")
    }
    for place in bytes.indices {
      var changed = bytes
      changed[place] ^= 0x40
      server.disk.setContent(changed, of: "changed.rdb")
      let (text, code) = check(server, path: "changed.rdb")
      #expect(code == 1 && text.contains(Self.damage), "\(place) \(text)")
    }
  }

  @Test func `an error in a value names key, type and place`() {
    let server = TestServer()
    server.run("SET first 1")
    server.run("SAVE")
    // Read from the front: a string, then a list whose bytes end.
    var bytes = server.disk.content(of: "dump.rdb") ?? []
    bytes.removeLast(9)
    bytes += [1, 3] + Array("bad".utf8) + [5, 1]
    server.disk.setContent(bytes, of: "dump.rdb")
    let (text, code) = check(server)
    #expect(code == 1)
    #expect(
      text.contains(
        """
        --- RDB ERROR DETECTED ---
        [offset \(bytes.count)] Unexpected end of the RDB data
        [additional info] Reading key 'bad'
        [additional info] Reading type 1 (list)
        [info] RDB version 10
        [info] 1 keys read

        """))
  }

  @Test func `texts of a file can't write anything else on a terminal`() {
    let server = TestServer()
    server.run(["SET", "\u{1b}[31m\n\"" + String(repeating: "k", count: 200), "x"])
    server.run("SAVE")
    let (text, code) = check(server)
    #expect(code == 0)
    #expect(text.contains("'\\x1b[31m\\n\\\"kkk") && text.contains("kkk'... in db 0"))
    #expect(text.contains("longest key: 207 bytes"))
    #expect(!text.utf8.contains(0x1b))
  }

  @Test func `what is no snapshot is an error, and so is nothing`() {
    let server = TestServer()
    let (missing, missingCode) = check(server)
    #expect(missingCode == 1 && missing.hasPrefix("Cannot open file dump.rdb: open dump.rdb: "))
    server.disk.setContent(Array("*1\r\n$4\r\nPING\r\n".utf8), of: "dump.rdb")
    let (text, code) = check(server)
    #expect(code == 1)
    #expect(text.contains("[offset 9] Wrong signature trying to load DB from file\n"))
  }

  @Test func `a checksum may be missing, and a log may follow`() {
    let server = TestServer { $0.rdbChecksum = false }
    server.run("SET a 1")
    server.run("SAVE")
    let bytes = server.disk.content(of: "dump.rdb") ?? []
    server.disk.setContent(bytes + [1, 2, 3], of: "dump.rdb")
    let (text, code) = check(server)
    #expect(code == 0)
    #expect(text.contains("RDB file was saved with checksum disabled: no check performed.\n"))
    #expect(text.contains("[info] 3 bytes behind the end"))
  }

  @Test func `databases that the server doesn't have are counted, too`() {
    let server = TestServer()
    var bytes = Array("REDIS0003".utf8)
    for _ in 0..<2 {
      for low in UInt8.min...UInt8.max {
        for high in UInt8(0)..<5 {
          // SELECTDB with a length of four bytes, then a string.
          bytes += [254, 0x80, 0, 1, high, low, 0, 1, 0x6B, 1, 0x76]
        }
      }
    }
    server.disk.setContent(bytes + [255], of: "dump.rdb")
    let (text, code) = check(server)
    #expect(code == 0)
    #expect(text.contains("[info] 2560 keys read\n"))
    #expect(text.contains("[info] db 65536: string: 2 keys, 4 bytes\n"))
    #expect(text.contains("There is no checksum in a file of this version\n"))
  }

  @Test func `the command line asks for a check`() {
    #expect(Invocation(["--check-rdb", "a.rdb"]) == .checkRDB(path: "a.rdb"))
    for words: [ByteText] in [["--check-rdb"], ["--check-rdb", "a", "b"], ["--check-rdb", "\0"]] {
      guard case .refused = Invocation(words) else {
        Issue.record("\(words)")
        continue
      }
    }
  }
}
