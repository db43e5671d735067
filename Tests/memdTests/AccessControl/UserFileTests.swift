// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Users in files: `aclfile`, and `user` lines of redis.conf.
@Suite struct UserFileTests {
  private func server(_ file: String) -> TestServer {
    let server = TestServer(follows: false) { $0.aclFile = "users.acl" }
    SimulatedFiles.write(file, to: "users.acl", on: server.disk)
    return server
  }

  @Test func `Users are loaded from the ACL file and saved to it`() throws {
    let server = server("user alice on nopass ~* +@all\n\nuser default on nopass ~* &* +@all\n")
    try server.server.loadUsersAtStart()
    #expect(server.run("ACL USERS") == ["alice", "default"])
    server.run("ACL SETUSER bob on nopass +get \"(+set ~a)\"")
    #expect(server.run("ACL SAVE") == .ok)
    server.run("ACL DELUSER alice bob")
    #expect(server.run("ACL LOAD") == .ok)
    #expect(server.run("ACL USERS") == ["alice", "bob", "default"])
    #expect(
      server.run("ACL LIST").elements[1]
        == .bulk(
          "user bob on nopass sanitize-payload resetchannels -@all +get"
            + " (~a resetchannels -@all +set)"))
  }

  @Test func `Without a default user in the file there is the usual one`() throws {
    let server = server("user bob on nopass +@all")
    server.run("ACL SETUSER default -flushall")
    #expect(server.run("ACL LOAD") == .ok)
    #expect(
      server.run("ACL LIST").elements[1] == "user default on nopass sanitize-payload ~* &* +@all")
  }

  @Test func `ACL LOAD disconnects clients of users that are gone, and no others`() {
    let server = server("user alice on nopass ~* +@all\nuser bob on nopass ~* +@all\n")
    server.run("ACL LOAD")
    let alice = server.connect()
    alice.run("AUTH alice x")
    let bob = server.connect()
    bob.run("AUTH bob x")
    SimulatedFiles.write("user alice on nopass ~a* +@all\n", to: "users.acl", on: server.disk)
    #expect(server.run("ACL LOAD") == .ok)
    server.turn()
    #expect(bob.isClosed)
    #expect(alice.run("SET a 1") == .ok)
    #expect(alice.run("SET b 1").text.hasPrefix("NOPERM "))
  }

  @Test func `A file with an error changes nothing, and all errors are told`() {
    let server = server(
      """
      user alice on nopass ~* +@all
      # no comments
      user bob +nope -@neither foo bar
      user alice on
      user carol (+get
      """)
    let text = server.run("ACL LOAD").text
    #expect(text.contains("users.acl:2 should start with user keyword followed by the username. "))
    #expect(text.contains("users.acl:3: Error in applying operation '+nope': Unknown command"))
    #expect(text.contains("users.acl:3: Error in applying operation '-@neither': Unknown command"))
    #expect(text.contains("users.acl:3: Syntax error. "))
    #expect(text.contains("WARNING: Duplicate user 'alice' found on line 4. "))
    #expect(text.contains("users.acl:5: Unmatched parenthesis in selector definition."))
    #expect(text.hasSuffix("no change to the previously active ACL rules was performed"))
    #expect(server.run("ACL USERS") == ["default"])
  }

  @Test func `Without a file there is nothing to load or save`() {
    let server = TestServer()
    #expect(server.run("ACL LOAD").text.contains("not configured to use an ACL file"))
    #expect(server.run("ACL SAVE").text.contains("not configured to use an ACL file"))
  }

  // MARK: - redis.conf

  private func read(_ text: String) throws -> Configuration {
    let configuration = Configuration()
    try ConfigurationReader(configuration, disk: SimulatedFiles.disk(["c": text])).read(path: "c")
    return configuration
  }

  @Test func `User lines of redis.conf make users at start, and CONFIG REWRITE keeps them`() throws
  {
    let configuration = try read("port 1\nuser bob on nopass +@all ~a \"~q\\\"\\xff\" (+get ~b)\n")
    let server = TestServer(follows: false) {
      $0.declaredUsers = configuration.declaredUsers
      $0.configFile = "c"
    }
    try server.server.loadUsersAtStart()
    let before = server.server.users.all.map(\.line)
    SimulatedFiles.write("user bob off\nhz 10\n", to: "c", on: server.disk)
    #expect(server.run("CONFIG REWRITE") == .ok)
    let text = SimulatedFiles.read("c", on: server.disk)
    #expect(text.hasPrefix("user bob on nopass"))
    let again = try read(text)
    #expect(again.declaredUsers.count == 2)
    let other = TestServer(follows: false) { $0.declaredUsers = again.declaredUsers }
    try other.server.loadUsersAtStart()
    #expect(other.server.users.all.map(\.line) == before)
  }

  @Test(arguments: [
    ("user bob foo", "Error in user declaration 'foo': Syntax error"),
    (
      "user bob\nuser bob",
      "Error in user declaration 'bob': Duplicate user found. A user can only"
        + " be defined once in config files"
    ),
    ("user bob (+get", "Unmatched parenthesis in acl selector starting at '(+get'."),
    ("user", "Bad directive or wrong number of arguments"),
  ])
  func `Wrong user lines stop the start`(lines: String, reason: String) {
    #expect {
      _ = try read(lines)
    } throws: { error in
      (error as? ConfigurationFailure)?.message.contains(reason) ?? false
    }
  }

  @Test func `Commands that don't exist are complained about at start`() throws {
    let configuration = try read("user bob +nope")
    let server = TestServer { $0.declaredUsers = configuration.declaredUsers }
    #expect {
      try server.server.loadUsersAtStart()
    } throws: { error in
      (error as? UserFileError)?.message.logText
        == "Error loading ACL rule '+nope' for the user named 'bob': Unknown command or category"
        + " name in ACL"
    }
  }

  @Test func `Users are declared in one place`() {
    let server = TestServer {
      $0.aclFile = "users.acl"
      $0.declaredUsers = [DeclaredUser(name: Array("bob".utf8), rules: [])]
    }
    #expect(throws: UserFileError.self) { try server.server.loadUsersAtStart() }
  }
}
