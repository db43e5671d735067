// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct RenamedCommandsTests {
  @Test func `A renamed command answers to its new name only`() {
    let server = TestServer(follows: false) {
      $0.renamedCommands = [
        ("GET", "fetch"), ("CONFIG", "a-very-long-name-for-config"), ("flushall", ""),
      ]
    }
    server.run("SET k v")
    #expect(server.run("FETCH k") == "v")
    #expect(server.run("GET k").text.hasPrefix("ERR unknown command 'GET'"))
    #expect(server.run("FLUSHALL").text.hasPrefix("ERR unknown command 'FLUSHALL'"))
    #expect(server.run("A-very-long-name-for-config GET port").elements.count == 2)
    #expect(server.run("COMMAND LIST").elements.contains("get"))
    #expect(!server.run("COMMAND LIST").elements.contains("flushall"))
  }

  @Test func `Access control knows renamed commands by their own names`() {
    let server = TestServer(follows: false) { $0.renamedCommands = [("get", "fetch")] }
    #expect(server.run("ACL SETUSER bob on nopass +get ~*") == .ok)
    #expect(server.run("ACL SETUSER bob +fetch").isError)
    let bob = server.connect()
    bob.run("AUTH bob x")
    #expect(bob.run("FETCH k") == nil)
    server.run("ACL SETUSER bob -get")
    #expect(
      bob.run("FETCH k") == .error("NOPERM this user has no permissions to run the 'get' command"))
  }

  @Test func `Names are exchanged in the order of the lines`() throws {
    let configuration = Configuration()
    try Directive.apply("rename-command", ["get", "x"], to: configuration)
    try Directive.apply("rename-command", ["x", "get"], to: configuration)
    #expect(throws: OptionError.self) {
      try Directive.apply("rename-command", ["x", "y"], to: configuration)
    }
    #expect(throws: OptionError.self) {
      try Directive.apply("rename-command", ["set", "GET"], to: configuration)
    }
    #expect(configuration.renamedCommands.count == 2)
  }
}
