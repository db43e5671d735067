// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Glibc
import Testing

@testable import memd

/// The log of a real redis-server, and what it makes of memd's.
@Suite(.enabled(if: ReferenceServer.path != nil))
struct LogCompatibilityTests {
  private let disk = SystemDisk()

  private func start() throws -> (ReferenceServer, directory: String) {
    let server = try #require(
      ReferenceServer([
        "--appendonly", "yes", "--aof-timestamp-enabled", "yes", "--enable-debug-command", "yes",
        "--appendfilename", "it is a log", "--appendfsync", "always",
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

  @Test func `the files of redis-server are read`() throws {
    let (reference, directory) = try start()
    defer { remove(directory) }
    reference.run("SET a 1")
    reference.run("MULTI")
    reference.run("RPUSH l x \"\" z")
    reference.run("SADD s 1 2")
    reference.run("EXEC")
    reference.run("SETEX volatile 1000 x")
    let naming = try LogNaming(Array("it is a log".utf8).rawSpan)
    let bytes = try disk.read(directory + "/" + naming.manifest.text)
    let manifest = try LogManifest(parsing: bytes)
    #expect(manifest.text.bytes == bytes)
    // The same log, begun by memd.
    var own = LogManifest()
    _ = own.addBase(naming, .rdb)
    let file = own.addIncrement(naming)
    #expect(own == manifest)
    let reading = LogReading(try disk.read(directory + "/" + file.name.text))
    #expect(reading.ending == .whole)
    #expect(
      reading.commands.prefix(6) == [
        "SELECT 0", "SET a 1", "MULTI", "RPUSH l x  z", "SADD s 1 2", "EXEC",
      ])
    #expect(reading.commands.count == 7)
    guard case .timestamp? = reading.events.first else {
      Issue.record("no timestamp")
      return
    }
  }

  @Test func `redis-server reads what memd writes, annotations and all`() throws {
    let (reference, directory) = try start()
    defer { remove(directory) }
    let naming = try LogNaming(Array("it is a log".utf8).rawSpan)
    try disk.append(
      to: directory + "/" + naming.increment(1).text, LogText.sample().bytes)
    #expect(reference.run("DEBUG LOADAOF") == .ok)
    #expect(reference.run("STRLEN zeros") == 3)
    #expect(reference.run("LLEN list") == 2)
    #expect(reference.run("GET n").text == "1")
    #expect(reference.run("EXISTS key") == 0)
  }
}
