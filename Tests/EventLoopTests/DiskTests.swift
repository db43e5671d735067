// SPDX-License-Identifier: Apache-2.0
import EventLoop
import Glibc
import Testing

/// A directory of its own for a test.
private func temporaryDirectory() throws -> String {
  var template = Array("/tmp/memd-disk-XXXXXX".utf8CString)
  let path = unsafe template.withUnsafeMutableBufferPointer { buffer -> String? in
    guard let base = buffer.baseAddress, let made = unsafe mkdtemp(base) else { return nil }
    return unsafe String(cString: made)
  }
  return try #require(path)
}

@Suite final class SystemDiskTests {
  private let disk = SystemDisk()
  private let directory: String

  init() throws { directory = try temporaryDirectory() }

  deinit { removeAll(directory) }

  private func removeAll(_ path: String) {
    for name in (try? disk.names(inDirectory: path)) ?? [] {
      let inside = path + "/" + name
      if disk.isDirectory(inside) { removeAll(inside) } else { try? disk.remove(inside) }
    }
    unsafe rmdir(path)
  }

  @Test func `an atomic write replaces the content and leaves nothing else`() throws {
    let path = directory + "/dump.rdb"
    try disk.writeAtomically(path, Array("first, the longer one".utf8))
    try disk.writeAtomically(path, Array("second".utf8))
    #expect(try disk.read(path) == Array("second".utf8))
    #expect(try disk.names(inDirectory: directory) == ["dump.rdb"])
  }

  @Test func `an atomic write that fails leaves the old content`() throws {
    let path = directory + "/busy"
    // A directory that isn't empty can't be replaced by a file.
    try disk.makeDirectory(path)
    try disk.append(to: path + "/inside", [1])
    #expect(throws: DiskError.self) { try disk.writeAtomically(path, [2]) }
    #expect(try disk.names(inDirectory: directory) == ["busy"])
    #expect(try disk.read(path + "/inside") == [1])
  }

  @Test func `appending, truncating and sizes agree`() throws {
    let path = directory + "/log"
    try disk.append(to: path, Array("one".utf8))
    try disk.append(to: path, Array("two".utf8))
    #expect(try disk.byteCount(of: path) == 6)
    let file = try disk.open(path, .append)
    try file.truncate(to: 4)
    try file.write(Array("!".utf8))
    try file.sync()
    #expect(try file.byteCount() == 5)
    file.close()
    #expect(try disk.read(path) == Array("onet!".utf8))
    try disk.rename(path, to: path + "2")
    #expect(!disk.exists(path) && disk.exists(path + "2"))
    try disk.remove(path + "2")
    #expect(!disk.exists(path + "2"))
  }

  @Test func `large files are read whole, and files of proc too`() throws {
    let path = directory + "/large"
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try disk.append(to: path, bytes)
    #expect(try disk.read(path) == bytes)
    #expect(try disk.read("/proc/self/statm").isEmpty == false)
  }

  @Test func `a missing file is told with operation, path and cause`() {
    let error = #expect(throws: DiskError.self) { try disk.read("/nowhere/dump.rdb") }
    #expect(error?.isMissing == true)
    #expect(error?.description == "open /nowhere/dump.rdb: No such file or directory")
  }

  @Test func `a full device is an error and no end`() throws {
    let file = try disk.open("/dev/full", .append)
    let error = #expect(throws: DiskError.self) { try file.write([1]) }
    #expect(error?.cause == .noSpace)
  }

  @Test func `a claim tells who comes second, by name, and leaves nothing behind`() throws {
    let path = directory + "/dump.rdb"
    let first = try disk.claim(path)
    #expect(!first.isShared)
    try disk.writeAtomically(path, [1])
    #expect(try !disk.claim(directory + "/other.rdb").isShared)
    let second = try disk.claim(path)
    #expect(second.isShared)
    // A lock of the directory has nothing to do with it.
    try disk.lock(directory: directory).close()
    first.file.close()
    #expect(try disk.claim(path).isShared)
    second.file.close()
    #expect(try !disk.claim(path).isShared)
    #expect(try disk.names(inDirectory: directory) == ["dump.rdb"])
    #expect(throws: DiskError.self) { try disk.claim(directory + "/missing/dump.rdb") }
  }

  @Test func `directories of paths`() {
    #expect(Disk.directory(of: "dump.rdb") == ".")
    #expect(Disk.directory(of: "/dump.rdb") == "/")
    #expect(Disk.directory(of: "/a/b/c") == "/a/b")
  }
}
