// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite struct FirstCommandsTests {
  @Test func `a value that was set is returned, and an integer comes back as its text`() {
    let server = TestServer()
    #expect(server.run("SET k hello") == .ok)
    #expect(server.run("GET k") == "hello")
    #expect(server.run("SET k 42") == .ok)
    #expect(server.run("GET k") == "42")
    #expect(server.run("GET missing") == nil)
  }

  @Test func `an unknown command is named with its first arguments`() {
    let server = TestServer()
    #expect(
      server.run("FOO bar baz")
        == .error("ERR unknown command 'FOO', with args beginning with: 'bar' 'baz' "))
  }

  @Test func `a pipeline of many requests is answered in order`() {
    let server = TestServer()
    for index in 0..<200 { server.client.send(["SET", "key:\(index)", "value:\(index)"]) }
    for index in 0..<200 { server.client.send(["GET", "key:\(index)"]) }
    server.turn()
    for _ in 0..<200 { #expect(server.client.next() == .ok) }
    for index in 0..<200 { #expect(server.client.next() == .bulk("value:\(index)")) }
  }
}
