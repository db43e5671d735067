// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

@Suite struct AccessLogTests {
  private func fields(_ entry: Reply) -> [String: Reply] {
    let words = entry.elements
    var fields: [String: Reply] = [:]
    for index in stride(from: 0, to: words.count - 1, by: 2) {
      fields[words[index].text] = words[index + 1]
    }
    return fields
  }

  private func deniedServer() -> (TestServer, TestClient) {
    let server = TestServer()
    server.run("ACL SETUSER bob on >p +set ~a*")
    let bob = server.connect()
    bob.run("AUTH bob p")
    return (server, bob)
  }

  @Test func `Entries say who was denied what`() {
    let (server, bob) = deniedServer()
    bob.run("GET a")
    bob.run("SET b 1")
    bob.run("AUTH bob wrong")
    let entries = server.run("ACL LOG").elements.map(fields)
    #expect(entries.map { $0["reason"] } == ["auth", "key", "command"])
    #expect(entries.map { $0["object"] } == ["AUTH", "b", "get"])
    #expect(entries.map { $0["entry-id"] } == [2, 1, 0])
    #expect(entries.allSatisfy { $0["username"] == "bob" && $0["context"] == "toplevel" })
    #expect(entries[2]["client-info"]?.text.contains(" cmd=get user=bob ") == true)
    let statistics = server.server.statistics
    #expect(statistics.accessDeniedCommand == 1)
    #expect(statistics.accessDeniedKey == 1)
    #expect(statistics.accessDeniedAuthentication == 1)
  }

  @Test func `The same denial within a minute is counted, later it is another`() {
    let (server, bob) = deniedServer()
    bob.run("GET a")
    server.advance(milliseconds: 59_000)
    bob.run("GET a")
    var entries = server.run("ACL LOG").elements.map(fields)
    #expect(entries.count == 1)
    #expect(entries[0]["count"] == 2)
    #expect(
      entries[0]["timestamp-last-updated"]?.number
        == (entries[0]["timestamp-created"]?.number ?? 0) + 59_000)
    server.advance(milliseconds: 60_001)
    bob.run("GET a")
    entries = server.run("ACL LOG").elements.map(fields)
    #expect(entries.map { $0["count"] } == [1, 2])
    #expect(entries[1]["age-seconds"] == "60.000999999999998")
  }

  @Test func `The log is limited and can be emptied`() {
    let (server, bob) = deniedServer()
    server.run("CONFIG SET acllog-max-len 3")
    for index in 0..<5 { bob.run("SET b\(index) 1") }
    #expect(server.run("ACL LOG").elements.count == 3)
    #expect(server.run("ACL LOG 2").elements.count == 2)
    #expect(server.run("ACL LOG -1").elements.isEmpty)
    #expect(server.run("ACL LOG RESET") == .ok)
    #expect(server.run("ACL LOG").elements.isEmpty)
    server.run("CONFIG SET acllog-max-len 0")
    bob.run("GET a")
    #expect(server.run("ACL LOG").elements.isEmpty)
  }
}
