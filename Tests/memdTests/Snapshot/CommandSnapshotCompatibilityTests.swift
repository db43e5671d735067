// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Glibc
import Testing

@testable import memd

/// What a real redis-server makes of snapshots that consist of commands.
@Suite(.enabled(if: ReferenceServer.path != nil))
struct CommandSnapshotCompatibilityTests {
  private let disk = SystemDisk()

  /// Starts redis-server with an empty log.
  private func start() throws -> (ReferenceServer, directory: String) {
    let server = try #require(
      ReferenceServer([
        "--appendonly", "yes", "--enable-debug-command", "yes", "--appendfilename", "log",
      ]))
    return (server, server.directory + "/appendonlydir")
  }

  /// The reference removes its own files only.
  private func remove(_ directory: String) {
    for name in (try? disk.names(inDirectory: directory)) ?? [] {
      try? disk.remove(directory + "/" + name)
    }
    unsafe rmdir(directory)
  }

  /// Lets redis-server load a log of which these commands are the base.
  private func load(
    _ bytes: [UInt8], into reference: ReferenceServer, _ directory: String
  ) throws {
    try? disk.remove(directory + "/base")
    try disk.append(to: directory + "/base", bytes)
    try disk.remove(directory + "/log.manifest")
    try disk.append(
      to: directory + "/log.manifest", Array("file base seq 1 type b\n".utf8))
    #expect(reference.run("DEBUG LOADAOF") == .ok)
  }

  @Test func `redis-server executes what memd writes`() throws {
    let (reference, directory) = try start()
    defer { remove(directory) }
    for server in [SnapshotTests.filled(), CollectionSnapshotTests.filled()] {
      for index in 0..<600 { server.run("HSET hash:large field:\(index) \(index)") }
      server.run(["SET", "string:long", String(repeating: "0123456789", count: 300_000)])
      server.run("HSET hash:small a 1 b text")
      // Deadlines lie in simulated time, which may be long ago.
      server.run("PERSIST volatile")
      server.run("PEXPIREAT number 99999999999999")
      try load(CommandSnapshotTests.bytes(of: server), into: reference, directory)
      #expect(reference.run("DEBUG DIGEST") == server.run("DEBUG DIGEST"))
    }
    #expect(reference.run("PEXPIRETIME list:small") == -1)
    #expect(reference.run("XPENDING stream group").elements.first == 3)
  }

  @Test func `streams of redis-server come through with all that they know`() throws {
    let (reference, directory) = try start()
    defer { remove(directory) }
    // Redis has no XNACK.
    for lines in CommandSnapshotTests.streams where !lines.contains(where: { $0.contains("XNACK") })
    {
      reference.run("FLUSHALL")
      for line in lines { #expect(!reference.run(line).isError, "\(line)") }
      let digest = reference.run("DEBUG DIGEST")
      let expected = Self.known(reference.run("XINFO STREAM s FULL"))
      #expect(reference.run("SAVE") == .ok)
      let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
      server.disk.setContent(try disk.read(reference.directory + "/dump.rdb"), of: "dump.rdb")
      #expect(server.run("DEBUG RELOAD NOSAVE") == .ok)
      try load(CommandSnapshotTests.bytes(of: server), into: reference, directory)
      #expect(Self.known(reference.run("XINFO STREAM s FULL")) == expected, "\(lines)")
      #expect(reference.run("DEBUG DIGEST") == digest, "\(lines)")
    }
  }

  /// What XINFO STREAM tells, without what commands can't: how it is stored, and when consumers
  /// were seen.
  private static func known(_ reply: Reply) -> [String] {
    guard !reply.elements.isEmpty else { return ["\(reply)"] }
    var texts: [String] = []
    var skips = false
    for element in reply.elements {
      if skips {
        skips = false
        continue
      }
      skips = ["seen-time", "radix-tree-keys", "radix-tree-nodes"].contains(element.text)
      texts += known(element)
    }
    return ["["] + texts + ["]"]
  }
}
