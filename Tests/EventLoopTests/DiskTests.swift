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

  @Test func `directories of paths`() {
    #expect(Disk.directory(of: "dump.rdb") == ".")
    #expect(Disk.directory(of: "/dump.rdb") == "/")
    #expect(Disk.directory(of: "/a/b/c") == "/a/b")
  }
}

@Suite struct SimulatedDiskTests {
  @Test(arguments: 1...200 as ClosedRange<UInt64>)
  func `an atomic write survives a crash at any moment whole, old or new`(seed: UInt64) throws {
    let disk = SimulatedDisk(seed: seed)
    let old = Array("old content".utf8)
    let new = Array("new content, longer".utf8)
    try disk.writeAtomically("dump.rdb", old)
    // Every fault stops the write at another place.
    switch seed % 4 {
    case 0: disk.faults.failsSync = true
    case 1: disk.faults.capacityByteCount = old.count + 5
    case 2: disk.faults.failsRename = true
    default: break
    }
    let isWritten = (try? disk.writeAtomically("dump.rdb", new)) != nil
    disk.crash()
    disk.faults = SimulatedDiskFaults()
    #expect(try disk.read("dump.rdb") == (isWritten ? new : old), "seed \(seed)")
  }

  @Test func `a rename without syncs may lose the content`() throws {
    var outcomes: Set<Int> = []
    for seed in 1...200 as ClosedRange<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      try disk.writeAtomically("dump.rdb", [1, 1, 1])
      let file = try disk.open("temp", .create)
      try file.write([2, 2])
      try disk.rename("temp", to: "dump.rdb")
      disk.crash()
      let content = try #require(disk.content(of: "dump.rdb"))
      outcomes.insert(content.count)
    }
    #expect(outcomes == [0, 1, 2, 3])
  }

  @Test func `a crash keeps synced bytes and a part of the others`() throws {
    var lengths: Set<Int> = []
    for seed in 1...100 as ClosedRange<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      let file = try disk.open("log", .append)
      try file.write([1, 2, 3])
      try file.sync()
      try file.write([4, 5])
      disk.crash()
      let content = try #require(disk.content(of: "log"))
      #expect(content == Array([1, 2, 3, 4, 5].prefix(content.count)), "seed \(seed)")
      lengths.insert(content.count)
    }
    #expect(lengths == [3, 4, 5])
  }

  @Test func `a full disk takes what fits`() throws {
    let disk = SimulatedDisk()
    disk.faults.capacityByteCount = 3
    let file = try disk.open("log", .append)
    let error = #expect(throws: DiskError.self) { try file.write([1, 2, 3, 4]) }
    #expect(error?.cause == .noSpace)
    #expect(disk.content(of: "log") == [1, 2, 3])
  }

  @Test func `a slow disk moves the clock and a failing sync is told`() throws {
    let clock = SimulatedClock()
    let disk = SimulatedDisk(clock: clock)
    disk.faults.delayNanoseconds = 1_000_000
    let file = try disk.open("log", .append)
    try file.write([1])
    try file.sync()
    #expect(clock.monotonicNanoseconds() == 2_000_000)
    disk.faults.failsSync = true
    #expect(throws: DiskError.self) { try file.sync() }
  }

  @Test func `names are sorted and per directory`() throws {
    let disk = SimulatedDisk()
    for path in ["b", "a", "dir/y", "dir/x"] { try disk.append(to: path, [0]) }
    #expect(try disk.names(inDirectory: ".") == ["a", "b"])
    #expect(try disk.names(inDirectory: "dir") == ["x", "y"])
    #expect(disk.isDirectory("dir") && !disk.isDirectory("a"))
  }
}
