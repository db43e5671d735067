// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// What errors repeat of a client's words, compared byte by byte with the reference server.
@Suite struct ErrorEchoTests {
  /// Requests in which `@` is replaced.
  static let requests = [
    "@", "@ @", "@ a @ b", "client @", "CoNfIg @", "acl cat @", "acl setuser u @",
    "acl setuser u +@", "acl setuser u (@", "acl setuser u >x @", "acl dryrun @ get",
    "acl dryrun default @", "acl dryrun limited get @", "config set @ 1", "config set maxmemory @",
    "config set PORT @", "config set maxmemory-policy @", "config set appendfsync @",
    "config set save @", "config set databases @",
    "config get @", "info @", "client no-evict @", "client kill type @", "client kill user @",
    "client list type @", "client kill addr @", "client kill @", "client reply @", "hello 3 @",
    "replconf @ 1", "object @", "expire key 1 @", "xinfo stream @",
    "xinfo consumers stream @", "xreadgroup group @ c streams stream >", "xpending stream @",
    "xgroup delconsumer stream @ c", "xclaim stream group c 0 1-1 @", "xgroup create @ g 0",
    "latency graph @", "latency history @", "latency reset @", "command getkeys @ x",
    "client tracking on bcast prefix @ prefix @", "xgroup create stream g2 0 @",
    "pubsub channels @ @ @", "acl genpass 1 @", "slowlog get 1 @", "select @", "set key value @",
    "geosearch key @", "zadd key @ a", "command docs @", "command list filterby pattern @",
    "command list filterby aclcat @", "hrandfield hash 1 @", "set key value ex @", "debug object @",
    "auth @", "auth @ @", "client setname @", "cluster @", "sort key @", "client unblock 1 @",
  ]

  static let words: [[UInt8]] = [
    Array("word".utf8), [0xff, 0xfe, 0x41], [0x61, 0x0d, 0x0a, 0x62], [0x61, 0, 0x62],
    [0x61, 0x0d, 0x0a], [0x0d, 0x0a, 0x61], [0x01, 0x1b, 0x7f], Array("e\u{301}\u{301}".utf8),
    [], [UInt8](repeating: 0x7a, count: 127), [UInt8](repeating: 0x79, count: 126),
  ]

  @Test(.enabled(if: ReferenceServer.path != nil))
  func `errors repeat what the reference server repeats`() throws {
    let reference = try #require(ReferenceServer(["--enable-debug-command", "yes"]))
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    for line in [
      "XADD stream 1-1 a b", "XGROUP CREATE stream group 0", "HSET hash a b", "SET key value",
      "ACL SETUSER limited on nopass +get ~a",
    ] {
      server.run(line)
      reference.run(line)
    }
    for request in Self.requests {
      for word in Self.words {
        let words = TestClient.words(request).map { part in
          Array(part.utf8).flatMap { $0 == UInt8(ascii: "@") ? word : [$0] }
        }
        let client = server.connect()
        let ours = client.exchange(octets: words)
        let theirs = reference.exchange(octets: words)
        let isSame = ours == theirs
        #expect(isSame, "\(request): \(Self.shown(ours)), not \(Self.shown(theirs))")
        client.connection.close()
        reference.run("RESET")
      }
    }
  }

  @Test func `of more than 128 bytes the beginning is repeated`() {
    let server = TestServer()
    let long = [UInt8](repeating: 0x78, count: 5000)
    let shown = String(repeating: "x", count: 128)
    func error(_ line: String) -> String {
      let words = TestClient.words(line).map { part in
        Array(part.utf8).flatMap { $0 == UInt8(ascii: "@") ? long : [$0] }
      }
      return String(decoding: server.client.exchange(octets: words), as: UTF8.self)
    }
    #expect(error("ACL DRYRUN @ GET") == "-ERR User '\(shown)' not found\r\n")
    #expect(error("CLIENT KILL USER @") == "-ERR No such user '\(shown)'\r\n")
    #expect(
      error("CONFIG SET @ 1")
        == "-ERR Unknown option or number of arguments for CONFIG SET - '\(shown)'\r\n")
    #expect(
      error("ACL SETUSER u @") == "-ERR Error in ACL SETUSER modifier '\(shown)': Syntax error\r\n")
  }

  @Test func `an error's first word is counted, as far as INFO can show it`() {
    let server = TestServer { $0.enableDebugCommand = .yes }
    server.run("DEBUG ERROR \"A:B# c\"")
    server.run(["DEBUG", "ERROR", String(repeating: "x", count: 31) + " y"])
    let text = server.run("INFO errorstats").text
    #expect(text.contains("errorstat_A_B_:count=1\r\n"))
    #expect(text.contains("errorstat_ERR:count=1\r\n") && !text.contains("xxx"))
  }

  private static func shown(_ reply: [UInt8]) -> String { String(decoding: reply, as: UTF8.self) }
}
