// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Glibc
import Testing

@testable import memd

/// Snapshots and payloads between memd and a real redis-server, both ways.
@Suite(.enabled(if: ReferenceServer.path != nil))
struct SnapshotCompatibilityTests {
  /// The content of a file; empty if there is none.
  private func read(_ path: String) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
      if count <= 0 { return bytes }
      bytes += chunk[..<count]
    }
  }

  private func write(_ bytes: [UInt8], to path: String) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    defer { close(descriptor) }
    #expect(unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
  }

  @Test func `redis-server loads what memd saves, and the reverse`() throws {
    let reference = try #require(ReferenceServer(["--enable-debug-command", "yes"]))
    let server = SnapshotTests.filled()
    // Deadlines lie in simulated time, which may be long ago.
    server.run("PERSIST volatile")
    #expect(server.run("SAVE") == .ok)
    write(server.disk.content(of: "dump.rdb") ?? [], to: reference.directory + "/dump.rdb")
    #expect(reference.run("DEBUG RELOAD NOSAVE") == .ok)
    #expect(reference.run("DEBUG DIGEST") == server.run("DEBUG DIGEST"))
    #expect(reference.run("SAVE") == .ok)
    server.disk.setContent(read(reference.directory + "/dump.rdb"), of: "dump.rdb")
    // With save rules it would empty the file, too.
    server.run("CONFIG SET save \"\"")
    server.run("FLUSHALL")
    #expect(server.run("DEBUG RELOAD NOSAVE") == .ok)
    #expect(reference.run("DEBUG DIGEST") == server.run("DEBUG DIGEST"))
  }

  @Test func `redis-server restores what memd dumps`() throws {
    let reference = try #require(ReferenceServer(["--enable-debug-command", "yes"]))
    let server = SnapshotTests.filled()
    for name in ["small", "text", "long", "number", "negative", "empty"] {
      let payload = server.dump(name)
      let words = ["RESTORE", name, "0"].map { Array($0.utf8) } + [payload]
      #expect(reference.run(octets: words) == .ok, "\(name)")
      #expect(reference.run("GET \(name)") == server.run("GET \(name)"))
    }
  }

  @Test func `collections go to redis-server and back, as files and as payloads`() throws {
    let reference = try #require(ReferenceServer(["--enable-debug-command", "yes"]))
    let server = CollectionSnapshotTests.filled()
    #expect(server.run("SAVE") == .ok)
    write(server.disk.content(of: "dump.rdb") ?? [], to: reference.directory + "/dump.rdb")
    #expect(reference.run("DEBUG RELOAD NOSAVE") == .ok)
    #expect(reference.run("DEBUG DIGEST") == server.run("DEBUG DIGEST"))
    for name in CollectionSnapshotTests.names {
      let words = ["RESTORE", name, "0"].map { Array($0.utf8) } + [server.dump(name)]
      #expect(reference.run(octets: words + [Array("REPLACE".utf8)]) == .ok, "\(name)")
    }
    #expect(reference.run("DEBUG DIGEST") == server.run("DEBUG DIGEST"))
    #expect(reference.run("SAVE") == .ok)
    server.disk.setContent(read(reference.directory + "/dump.rdb"), of: "dump.rdb")
    #expect(server.run("DEBUG RELOAD NOSAVE") == .ok)
    #expect(reference.run("DEBUG DIGEST") == server.run("DEBUG DIGEST"))
  }

  @Test func `streams of redis-server come through with groups and pending entries`() throws {
    let reference = try #require(ReferenceServer(["--enable-debug-command", "yes"]))
    for index in 1...250 { reference.run("XADD s \(index)-1 name value:\(index) n \(index)") }
    reference.run("XADD s 300-1 other field")
    reference.run("XDEL s 7-1 8-1 250-1")
    reference.run("XGROUP CREATE s g 3-1")
    reference.run("XGROUP CREATE s empty $")
    reference.run("XREADGROUP GROUP g alice COUNT 5 STREAMS s >")
    reference.run("XREADGROUP GROUP g bob COUNT 3 STREAMS s >")
    reference.run("XACK s g 4-1")
    #expect(reference.run("SAVE") == .ok)
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    server.disk.setContent(read(reference.directory + "/dump.rdb"), of: "dump.rdb")
    #expect(server.run("DEBUG RELOAD NOSAVE") == .ok)
    #expect(server.run("DEBUG DIGEST") == reference.run("DEBUG DIGEST"))
    let expected = reference.run("XINFO STREAM s FULL COUNT 300")
    #expect(server.run("SAVE") == .ok)
    write(server.disk.content(of: "dump.rdb") ?? [], to: reference.directory + "/dump.rdb")
    #expect(reference.run("DEBUG RELOAD NOSAVE") == .ok)
    #expect(reference.run("XINFO STREAM s FULL COUNT 300") == expected)
    let words = ["RESTORE", "s", "0"].map { Array($0.utf8) } + [server.dump("s")]
    #expect(reference.run(octets: words + [Array("REPLACE".utf8)]) == .ok)
    #expect(reference.run("XINFO STREAM s FULL COUNT 300") == expected)
  }
}
