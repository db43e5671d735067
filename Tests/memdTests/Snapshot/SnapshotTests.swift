// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct SnapshotTests {
  /// A server with strings of every form in two databases.
  static func filled(_ configure: (Configuration) -> Void = { _ in }) -> TestServer {
    let server = TestServer { configuration in
      configuration.enableDebugCommand = .yes
      configure(configuration)
    }
    server.run("SET small 1")
    server.run("SET text hello")
    server.run(["SET", "long", String(repeating: "abcabcabd", count: 100)])
    server.run("SET number 12345678901234")
    server.run("SET negative -70000")
    server.run("SET empty \"\"")
    server.run("SET volatile x PX 100000")
    server.run("SELECT 3")
    server.run("SET other 300")
    server.run("SELECT 0")
    return server
  }

  private func digest(_ server: TestServer) -> String { server.run("DEBUG DIGEST").text }

  @Test func `what SAVE has written is there after a restart`() {
    let first = Self.filled()
    for index in 0..<32 { first.run("SET key:\(index) \(index)") }
    #expect(first.run("SAVE") == .ok)
    #expect(first.run("LASTSAVE").number == Int(first.clock.wallMicroseconds() / 1_000_000))
    let second = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    second.keepLog()
    second.disk.setContent(first.disk.content(of: "dump.rdb") ?? [], of: "dump.rdb")
    // Reading the file takes longer than a slice: there is a turn in the middle.
    second.disk.faults.delayNanoseconds = 50_000_000
    var isReady = false
    second.server.loadAtStart { isReady = true }
    second.client.post("INFO persistence")
    #expect(second.run("GET text").text.contains("\r\nloading_total_bytes:"))
    #expect(second.client.next() == .error("LOADING Redis is loading the dataset in memory"))
    #expect(!isReady)
    second.settle()
    #expect(isReady)
    #expect(digest(second) == digest(first))
    #expect(second.run("PEXPIRETIME volatile") == first.run("PEXPIRETIME volatile"))
    #expect(second.logText.contains("Done loading RDB, keys loaded: 40, keys expired: 0."))
    #expect(second.logText.contains("DB loaded from disk"))
  }

  @Test func `without a file a server is ready at once`() {
    let server = TestServer()
    var isReady = false
    server.server.loadAtStart { isReady = true }
    #expect(isReady)
    #expect(server.run("GET a") == nil)
  }

  @Test func `a server that can't read its file ends, and leaves the file alone`() {
    let server = TestServer(follows: false)
    server.keepLog()
    let bytes = Array("REDIS0010 this is nothing".utf8)
    server.disk.setContent(bytes, of: "dump.rdb")
    server.server.loadAtStart { Issue.record("ready without data") }
    server.settle()
    #expect(server.server.isStopped)
    #expect(server.server.exitCode == 1)
    #expect(server.disk.content(of: "dump.rdb") == bytes)
    #expect(server.logText.contains("Unknown RDB encoding type 32, at offset 10"))
    #expect(server.logText.contains("Fatal error loading the DB"))
  }

  @Test func `what Redis Enterprise notes beside a key is passed over`() {
    let server = TestServer(follows: false)
    // The time of its last use in 14 bits, and its slot in 6 or 32.
    let noted: [UInt8] = [107, 0x40, 0x43, 121, 5, 0, 1, 0x61, 1, 0x62]
    let other: [UInt8] = [121, 0x80, 0, 0, 0x3F, 0xFF, 107, 9, 0, 1, 0x63, 1, 0x64]
    let end: [UInt8] = [0xFF] + [UInt8](repeating: 0, count: 8)
    server.disk.setContent(
      Array("REDIS0012".utf8) + [0xFE, 0] + noted + other + end, of: "dump.rdb")
    server.server.loadAtStart {}
    server.settle()
    #expect(server.run("MGET a c") == ["b", "d"])
  }

  @Test func `keys that are due when they are loaded stay away`() {
    let server = Self.filled()
    server.run("SAVE")
    server.disk.setContent(server.disk.content(of: "dump.rdb") ?? [], of: "dump.rdb")
    server.server.configuration.activeExpireEnabled = false
    server.clock.advance(milliseconds: 200_000)
    #expect(server.run("DEBUG RELOAD NOSAVE") == .ok)
    #expect(server.run("EXISTS volatile small") == 1)
    let info = server.run("INFO persistence").text
    #expect(info.contains("rdb_last_load_keys_expired:1\r\n"))
    #expect(info.contains("rdb_last_load_keys_loaded:7\r\n"))
  }

  @Test(arguments: [(true, true), (true, false), (false, true), (false, false)])
  func `DEBUG RELOAD brings everything back, compressed or not, with checksum or without`(
    compresses: Bool, hasChecksum: Bool
  ) {
    let server = Self.filled {
      $0.rdbCompression = compresses
      $0.rdbChecksum = hasChecksum
    }
    let before = digest(server)
    #expect(server.run("DEBUG RELOAD") == .ok)
    #expect(digest(server) == before)
    #expect(server.run("OBJECT ENCODING small") == "int")
    #expect(server.run("OBJECT ENCODING number") == "int")
    #expect(server.run("GET negative") == "-70000")
    let isShort = (server.disk.content(of: "dump.rdb") ?? []).count < 400
    #expect(isShort == compresses)
  }

  @Test func `DEBUG RELOAD keeps, merges or refuses as it is told`() {
    let server = Self.filled()
    server.run("SAVE")
    server.run("SET text changed")
    server.run("SET new 1")
    #expect(server.run("DEBUG RELOAD NOSAVE NOFLUSH MERGE") == .ok)
    #expect(server.run("MGET text new") == ["hello", "1"])
    #expect(
      server.run("DEBUG RELOAD NOSAVE NOFLUSH")
        == .error("ERR Error trying to load the RDB dump, check server logs."))
    #expect(server.run("DEBUG RELOAD NOSAVE") == .ok)
    #expect(server.run("EXISTS new") == 0)
    #expect(server.run("DEBUG RELOAD X").isError)
  }

  @Test func `a save that fails leaves the old file and no other`() {
    let server = Self.filled()
    server.run("SAVE")
    let old = server.disk.content(of: "dump.rdb")
    server.run("SET more 1")
    for fault in 0..<4 {
      server.disk.faults = SimulatedDiskFaults()
      switch fault {
      case 0: server.disk.faults.failsWrite = true
      case 1: server.disk.faults.failsSync = true
      case 2: server.disk.faults.failsRename = true
      default: server.disk.faults.capacityByteCount = server.disk.usedByteCount + 20
      }
      #expect(server.run("SAVE") == .error("ERR"))
      #expect(server.disk.content(of: "dump.rdb") == old)
      server.disk.faults = SimulatedDiskFaults()
      #expect((try? server.disk.names(inDirectory: ".")) == ["dump.rdb"], "fault \(fault)")
    }
    #expect(server.run("INFO persistence").text.contains("rdb_changes_since_last_save:1\r\n"))
    #expect(server.run("SAVE") == .ok)
    #expect(server.run("INFO persistence").text.contains("rdb_changes_since_last_save:0\r\n"))
    #expect(server.disk.content(of: "dump.rdb") != old)
  }

  @Test func `what interrupted saves have left behind goes at start, and nothing else`() {
    let server = TestServer()
    server.server.log.processID = 77
    server.disk.setContent([1], of: "/proc/42/stat")
    let kept = [
      "dump.rdb", "temp-.rdb", "temp-0.rdb", "temp-1x.rdb", "temp-007.rdb", "temp--5.rdb",
      "temp-5.rdb.bak", "mytemp-5.rdb", "temp-42.rdb", "temp-99999999999.rdb",
      "temp-sync-1.42.rdb", "temp-sync-x.5.rdb", "temp-sync-1.rdb", "temp-sync-1.5.6.rdb",
    ]
    let removed = ["temp-5.rdb", "temp-77.rdb", "temp-sync-1.5.rdb"]
    for name in kept + removed { server.disk.setContent([2], of: name) }
    server.server.removeLeftovers()
    for name in kept { #expect(server.disk.exists(name), "\(name)") }
    for name in removed { #expect(!server.disk.exists(name), "\(name)") }
  }

  @Test func `how recently or often keys were used is saved where a policy looks at it`() {
    for policy in ["allkeys-lru", "allkeys-lfu"] {
      let server = Self.filled()
      server.run("CONFIG SET maxmemory-policy \(policy)")
      server.run("SET used 1")
      if policy == "allkeys-lru" {
        server.advance(milliseconds: 50_000)
        server.run("DEBUG RELOAD")
        #expect((49...50).contains(server.run("OBJECT IDLETIME used").number ?? 0))
      } else {
        for _ in 0..<50 { server.run("GET used") }
        let counter = server.run("OBJECT FREQ used").number ?? 0
        #expect(counter > 5)
        server.run("DEBUG RELOAD")
        #expect(server.run("OBJECT FREQ used").number == counter)
      }
    }
  }

  @Test func `rules in a file add up, and an empty one clears them`() throws {
    func rules(_ lines: String...) throws -> ByteText {
      let configuration = Configuration()
      for line in lines {
        try Directive.apply("save", TestClient.words(line).map { ByteText($0) }, to: configuration)
      }
      return try #require(OptionTable.find("save")).option.read(configuration)
    }
    #expect(try rules() == "3600 1 300 100 60 10000")
    #expect(try rules("900 1", "300 10 60 1000") == "900 1 300 10 60 1000")
    #expect(try rules("900 1", "\"\"", "60 5") == "60 5")
    #expect(try rules("\"\"") == "")
    #expect(throws: OptionError.self) { try rules("900") }
    #expect(throws: OptionError.self) { try rules("0 1") }
  }

  @Test func `every byte of a small file may be wrong without harm`() {
    let server = Self.filled { $0.rdbChecksum = false }
    server.run("SAVE")
    let bytes = server.disk.content(of: "dump.rdb") ?? []
    #expect(bytes.count > 100)
    for index in bytes.indices {
      for flip in [UInt8(1), 0x80, 0xff] {
        var damaged = bytes
        damaged[index] ^= flip
        server.disk.setContent(damaged, of: "dump.rdb")
        _ = server.server.keyspace.flushAll(lazily: false)
        var isOver = false
        server.server.startLoading(RDBLoader.Options()) { _ in isOver = true }
        server.server.finishLoading()
        #expect(isOver, "byte \(index)")
      }
    }
    for count in 0..<bytes.count {
      server.disk.setContent(Array(bytes[..<count]), of: "dump.rdb")
      _ = server.server.keyspace.flushAll(lazily: false)
      var isLoaded = true
      server.server.startLoading(RDBLoader.Options()) { isLoaded = $0 }
      server.server.finishLoading()
      #expect(!isLoaded, "\(count) bytes")
    }
  }

  @Test func `a checksum that is wrong is found, and may be skipped`() {
    let server = Self.filled()
    server.keepLog()
    server.run("SAVE")
    var bytes = server.disk.content(of: "dump.rdb") ?? []
    bytes[bytes.count - 3] ^= 1
    server.disk.setContent(bytes, of: "dump.rdb")
    #expect(server.run("DEBUG RELOAD NOSAVE").isError)
    #expect(server.logText.contains("RDB CRC error"))
    #expect(server.run("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1") == .ok)
    #expect(server.run("DEBUG RELOAD NOSAVE") == .ok)
  }
}
