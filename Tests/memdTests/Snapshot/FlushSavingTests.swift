// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct FlushSavingTests {
  private func changes(_ server: TestServer) -> String {
    let info = server.run("INFO persistence").text
    return String(
      info.split(separator: "\r\n").first { $0.hasPrefix("rdb_changes_since_last_save:") } ?? "")
  }

  /// The keys that a server finds which starts from the same disk.
  private func keysAfterCrash(_ server: TestServer) -> [String] {
    guard let bytes = server.disk.content(of: "dump.rdb") else { return ["no file"] }
    let other = TestServer(follows: false)
    other.disk.setContent(bytes, of: "dump.rdb")
    other.server.loadAtStart {}
    other.settle(limit: 100)
    return other.run("KEYS *").elements.map(\.text).sorted()
  }

  @Test(arguments: ["FLUSHALL", "FLUSHALL ASYNC", "FLUSHALL SYNC"])
  func `with save rules FLUSHALL empties the file as well`(_ line: String) {
    let server = TestServer { $0.saveRules = [SaveRule(seconds: 900, changes: 1)] }
    server.run("SET a 1")
    #expect(server.run("SAVE") == .ok)
    server.run("SET b 1")
    #expect(keysAfterCrash(server) == ["a"])
    #expect(server.run(line) == .ok)
    #expect(keysAfterCrash(server) == [])
    #expect(changes(server) == "rdb_changes_since_last_save:0")
  }

  @Test func `without save rules FLUSHALL leaves the file alone`() {
    let server = TestServer { $0.saveRules = [] }
    server.run("SET a 1")
    server.run("SAVE")
    server.run("FLUSHALL")
    #expect(keysAfterCrash(server) == ["a"])
    #expect(changes(server) == "rdb_changes_since_last_save:1")
  }

  @Test func `FLUSHDB is a change like any other`() {
    let server = TestServer { $0.saveRules = [SaveRule(seconds: 900, changes: 1)] }
    server.run("SET a 1")
    server.run("SET b 1")
    server.run("SAVE")
    server.run("FLUSHDB")
    #expect(keysAfterCrash(server) == ["a", "b"])
    #expect(changes(server) == "rdb_changes_since_last_save:2")
  }

  @Test func `within a transaction the file holds what was there when FLUSHALL ran`() {
    let server = TestServer { $0.saveRules = [SaveRule(seconds: 900, changes: 1)] }
    for line in ["SET a 1", "SAVE", "MULTI", "SET x 1", "FLUSHALL", "SET y 1"] { server.run(line) }
    #expect(server.run("EXEC") == [.ok, .ok, .ok])
    #expect(keysAfterCrash(server) == [])
    #expect(changes(server) == "rdb_changes_since_last_save:1")
    #expect(server.run("KEYS *") == ["y"])
  }

  @Test func `a disk that fails is in the log, and FLUSHALL goes on`() {
    let server = TestServer { $0.saveRules = [SaveRule(seconds: 900, changes: 1)] }
    server.run("SET a 1")
    server.keepLog()
    server.disk.faults.failsRename = true
    #expect(server.run("FLUSHALL") == .ok)
    server.disk.faults.failsRename = false
    #expect(server.logText.contains("Write error while saving DB to the disk(rename)"))
    #expect(server.run("DBSIZE") == 0)
    #expect(changes(server) != "rdb_changes_since_last_save:0")
  }

  @Test(arguments: ["FLUSHALL x", "FLUSHALL SYNC ASYNC"])
  func `a refused FLUSHALL saves nothing`(_ line: String) {
    let server = TestServer { $0.saveRules = [SaveRule(seconds: 900, changes: 1)] }
    server.run("SET a 1")
    #expect(server.run(line) == .error("ERR syntax error"))
    #expect(server.disk.content(of: "dump.rdb") == nil)
  }
}
