// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Glibc
import Testing

@testable import memd

// Whoever may write into the server's directory must not lead its files elsewhere: a link that waits
// under the name of a temporary file is removed, not followed.

@Suite struct PlantedLinkTests {
  private func withDirectory(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/memd-links-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> String? in
      guard let base = buffer.baseAddress, let path = unsafe mkdtemp(base) else { return nil }
      return unsafe String(cString: path)
    }
    let path = try #require(made)
    defer {
      for name in (try? SystemDisk().names(inDirectory: path)) ?? [] {
        try? SystemDisk().remove(path + "/" + name)
      }
      unsafe rmdir(path)
    }
    try body(path)
  }

  private func writeAtomically(_ path: String) throws {
    try SystemDisk().writeAtomically(path, Array("new".utf8))
  }

  private func writeSnapshot(_ path: String) throws {
    let file = try SnapshotFile(disk: SystemDisk(), temporary: path)
    try file.write(Array("new".utf8).rawSpan)
    file.close()
  }

  private func writeProcessID(_ path: String) throws {
    let configuration = Configuration()
    configuration.pidFile = path
    ProcessIDFile(configuration)?.write(to: SystemDisk(), log: Log())
  }

  @Test(arguments: ["snapshot", "list of users", "number of the process"], [false, true])
  func `a planted link is not followed`(_ kind: String, _ dangles: Bool) throws {
    try withDirectory { directory in
      let disk = SystemDisk()
      let victim = directory + "/victim"
      if !dangles { try disk.append(to: victim, Array("precious".utf8)) }
      let name = directory + "/file"
      let temporary = kind == "list of users" ? name + ".tmp" : name
      #expect(unsafe symlink(victim, temporary) == 0)
      switch kind {
      case "snapshot": try writeSnapshot(name)
      case "list of users": try writeAtomically(name)
      default: try writeProcessID(name)
      }
      #expect(disk.exists(victim) == !dangles)
      if !dangles { #expect(try disk.read(victim) == Array("precious".utf8)) }
      var status = stat()
      #expect(unsafe lstat(name, &status) == 0 && status.st_mode & S_IFMT == S_IFREG)
    }
  }

  @Test func `no file that a server writes follows a planted link`() throws {
    let server = TestServer(follows: false) {
      $0.aclFile = "users.acl"
      $0.configFile = "memd.conf"
      $0.saveRules = [SaveRule(seconds: 900, changes: 1)]
    }
    server.disk.setContent([], of: "users.acl")
    server.disk.setContent([], of: "memd.conf")
    let process = server.server.log.processID
    let follower = server.connect()
    let number = follower.run("CLIENT ID").number ?? 0
    for name in [
      "temp-\(process).rdb", "temp-sync-\(number).\(process).rdb", "users.acl.tmp", "memd.conf.tmp",
    ] {
      server.disk.setContent(Array("precious".utf8), of: "victim of " + name)
      server.disk.plantLink(at: name, to: "victim of " + name)
    }
    server.run("SET k v")
    #expect(server.run("SAVE") == .ok)
    #expect(server.run("ACL SAVE") == .ok)
    #expect(server.run("CONFIG REWRITE") == .ok)
    follower.post("SYNC")
    server.settle(limit: 20)
    #expect(follower.connection.receiveText().hasPrefix("$"))
    #expect(server.run("FLUSHALL") == .ok)
    for name in try server.disk.names(inDirectory: ".") where name.hasPrefix("victim") {
      #expect(server.disk.content(of: name) == Array("precious".utf8), "\(name)")
    }
    #expect(server.disk.content(of: "dump.rdb")?.starts(with: Array("REDIS".utf8)) == true)
  }

  @Test func `a file that is left of a crash is replaced, and who reads the old one goes on`()
    throws
  {
    try withDirectory { directory in
      let path = directory + "/temp-1.rdb"
      try SystemDisk().append(to: path, Array("old".utf8))
      let reader = try SystemDisk().open(path, .read)
      try writeSnapshot(path)
      #expect(try SystemDisk().read(path) == Array("new".utf8))
      var bytes = [UInt8](repeating: 0, count: 10)
      #expect(try reader.read(into: &bytes, from: 0) == 3)
      #expect(bytes.prefix(3) == Array("old".utf8)[...])
    }
  }
}
