// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// Servers that save to the file to which another one saves.
@Suite struct DumpClaimTests {
  private let warning = "WARNING: another server saves to dump.rdb, too"

  private func makeServer(savesBy rules: [SaveRule] = []) -> TestServer {
    let server = TestServer { $0.saveRules = rules }
    server.keepLog()
    return server
  }

  private func warningCount(_ server: TestServer) -> Int {
    server.logText.split(separator: "\n").count { $0.contains(warning) }
  }

  @Test func `a server with save rules warns once, at start`() throws {
    let server = makeServer(savesBy: SaveRule.defaults)
    let other = try server.disk.claim("dump.rdb")
    server.server.updateDumpClaim()
    #expect(warningCount(server) == 1)
    #expect(server.run("SAVE") == .ok)
    #expect(server.run("CONFIG SET timeout 5") == .ok)
    #expect(warningCount(server) == 1)
    other.file.close()
  }

  @Test func `a server without save rules warns at its first save, of either kind`() throws {
    for command in ["SAVE", "BGSAVE"] {
      let server = makeServer()
      let other = try server.disk.claim("dump.rdb")
      server.server.updateDumpClaim()
      server.run("SET a 1")
      #expect(warningCount(server) == 0)
      server.run(command)
      server.settle()
      #expect(server.disk.exists("dump.rdb"))
      #expect(warningCount(server) == 1, "\(command)")
      other.file.close()
    }
  }

  @Test func `the first of two hears nothing, and whoever comes later does`() throws {
    let server = makeServer(savesBy: SaveRule.defaults)
    server.server.updateDumpClaim()
    #expect(server.run("SAVE") == .ok)
    #expect(warningCount(server) == 0)
    #expect(try server.disk.claim("dump.rdb").isShared)
  }

  @Test func `the claim follows the options`() throws {
    let server = makeServer()
    let other = try server.disk.claim("dump.rdb")
    server.run("CONFIG SET save \"60 1\"")
    #expect(warningCount(server) == 1)
    server.server.configuration.dbFilename = "other.rdb"
    server.run("CONFIG SET save \"60 2\"")
    #expect(warningCount(server) == 1)
    let third = try server.disk.claim("other.rdb")
    #expect(third.isShared)
    third.file.close()
    server.run("CONFIG SET save \"\"")
    #expect(try !server.disk.claim("other.rdb").isShared)
    other.file.close()
  }
}
