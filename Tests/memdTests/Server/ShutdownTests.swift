// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

@Suite struct ShutdownTests {
  @Test(arguments: ["SHUTDOWN", "SHUTDOWN NOSAVE", "SHUTDOWN NOW FORCE", "SHUTDOWN SAVE"])
  func `SHUTDOWN ends the loop without a reply, and nothing runs behind it`(line: String) {
    let server = TestServer()
    server.keepLog()
    let other = server.connect()
    for line in ["SET a 1", line, "SET b 1"] { server.client.post(line) }
    other.post("SET c 1")
    server.turn()
    #expect(server.server.isStopped)
    #expect(server.server.keyspace.keyCount == 1)
    #expect(server.logText.contains("# User requested shutdown..."))
    #expect(server.client.isClosed)
  }

  @Test func `SHUTDOWN is refused when the dataset can't be saved, unless forced`() {
    let server = TestServer()
    server.keepLog()
    server.disk.faults.failsRename = true
    #expect(
      server.run("SHUTDOWN") == .error("ERR Errors trying to SHUTDOWN. Check logs."))
    #expect(!server.server.isStopped)
    #expect(server.logText.contains("Error trying to save the DB, can't exit."))
    #expect(server.run("PING") == .status("PONG"))
    server.client.post("SHUTDOWN FORCE")
    server.turn()
    #expect(server.server.isStopped)
    #expect(server.logText.contains("Error trying to save the DB. Exit anyway."))
  }

  @Test(arguments: [
    ("SHUTDOWN", "3600 1", true), ("SHUTDOWN", "", false), ("SHUTDOWN SAVE", "", true),
    ("SHUTDOWN NOSAVE", "3600 1", false),
  ])
  func `SHUTDOWN saves if there are rules or it is told to`(
    line: String, rules: String, isSaved: Bool
  ) {
    let server = TestServer()
    server.run(["CONFIG", "SET", "save", rules])
    server.run("SET a 1")
    server.client.post(line)
    server.turn()
    #expect(server.server.isStopped)
    #expect((server.disk.content(of: "dump.rdb") != nil) == isSaved)
  }

  @Test func `SHUTDOWN refuses options that contradict each other`() {
    let server = TestServer()
    for line in ["SHUTDOWN SAVE NOSAVE", "SHUTDOWN ABORT NOW", "SHUTDOWN X"] {
      #expect(server.run(line) == .error("ERR syntax error"))
    }
    #expect(server.run("SHUTDOWN ABORT") == .error("ERR No shutdown in progress."))
    server.run("MULTI")
    #expect(
      server.run("SHUTDOWN") == .error("ERR Command not allowed inside a transaction"))
    #expect(server.run("EXEC").text.hasPrefix("EXECABORT"))
    #expect(!server.server.isStopped)
  }

  @Test func `SIGTERM and SIGINT end the loop, SIGHUP does not`() {
    for (number, ends) in [(Int32(15), true), (2, true), (1, false)] {
      let server = TestServer()
      server.keepLog()
      server.transport.watchSignals([1, 2, 15])
      server.transport.deliver(signal: number)
      server.turn()
      #expect(server.server.isStopped == ends)
    }
  }

  @Test func `a signal is refused when the dataset can't be saved, unless forced`() {
    let server = TestServer { $0.shutdownOnSigterm = [.save] }
    server.keepLog()
    server.disk.faults.failsSync = true
    server.transport.watchSignals([15])
    server.transport.deliver(signal: 15)
    server.turn()
    #expect(!server.server.isStopped)
    #expect(server.logText.contains("SIGTERM received but errors trying to shut down the server"))
    server.server.configuration.shutdownOnSigterm = [.save, .force]
    server.transport.deliver(signal: 15)
    server.turn()
    #expect(server.server.isStopped)
  }
}
