// SPDX-License-Identifier: Apache-2.0
import EventLoop
import Testing

/// What a crash leaves.
@Suite struct SimulatedCrashTests {
  private static let seeds: ClosedRange<UInt64> = 1...300

  /// What is left of a file over all seeds.
  private func outcomes(
    _ style: SimulatedCrash = .drawn, of path: String = "log",
    _ change: (SimulatedDisk) throws -> Void
  ) rethrows -> Set<[UInt8]?> {
    var outcomes: Set<[UInt8]?> = []
    for seed in Self.seeds {
      let disk = SimulatedDisk(seed: seed)
      try change(disk)
      disk.crash(style)
      outcomes.insert(disk.content(of: path))
    }
    return outcomes
  }

  /// "log" with 1, 2, 3 synced and 4, 5 behind it.
  private func append(_ disk: SimulatedDisk) throws {
    disk.setContent([1, 2, 3], of: "log")
    let file = try disk.open("log", .append)
    try file.write([4])
    try file.write([5])
  }

  @Test(arguments: 1...200 as ClosedRange<UInt64>)
  func `an atomic write survives a crash at any operation whole, old or new`(seed: UInt64) throws {
    let old = Array("old content".utf8)
    let new = Array("new content, longer".utf8)
    // Open, write, sync, rename, sync of the directory.
    for number in 1...6 {
      let disk = SimulatedDisk(seed: seed)
      try disk.writeAtomically("dump.rdb", old)
      disk.die(inOperation: number)
      let isWritten = (try? disk.writeAtomically("dump.rdb", new)) != nil
      #expect(isWritten == (number == 6) && disk.isDead == (number < 6))
      disk.crash()
      let content = try disk.read("dump.rdb")
      #expect(content == new || (content == old && !isWritten), "seed \(seed), \(number)")
    }
  }

  @Test func `an ordered crash leaves a part from the front`() throws {
    #expect(try outcomes(.nothing, append) == [[1, 2, 3]])
    #expect(try outcomes(.everything, append) == [[1, 2, 3, 4, 5]])
    #expect(try outcomes(.prefix, append) == [[1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5]])
  }

  @Test func `a crash may leave the size without the bytes`() throws {
    let left = try outcomes(.sectors, append)
    #expect(left == [[1, 2, 3], [1, 2, 3, 0, 0], [1, 2, 3, 4, 5]])
  }

  @Test func `a crash may tear a write at any border of sectors and reorder them`() throws {
    let left = try outcomes(.sectors) { disk in
      disk.setContent([UInt8](repeating: 1, count: 1536), of: "log")
      let file = try disk.open("log", .append)
      try file.truncate(to: 0)
      try file.sync()
      try file.write([UInt8](repeating: 2, count: 1536))
    }
    // Each sector new or zero; the end behind the last one or at the full size.
    let tails = Set(
      left.map { bytes in (bytes ?? []).enumerated().filter { $0.offset % 512 == 0 } }
        .map { $0.map(\.element) })
    #expect(tails.contains([0, 2, 0]) && tails.contains([2, 2, 2]) && tails.contains([0, 0, 2]))
    #expect(left.allSatisfy { ($0 ?? []).allSatisfy { $0 != 1 } })
  }

  @Test func `overwritten and cut bytes come back if that was not synced`() throws {
    let left = try outcomes(.prefix) { disk in
      disk.setContent([1, 2, 3, 4], of: "log")
      let file = try disk.open("log", .create)
      try file.write([9, 9])
    }
    #expect(left == [[1, 2, 3, 4], [], [9], [9, 9]])
  }

  @Test func `a rename without syncs may lose the content`() throws {
    let left = try outcomes(of: "dump.rdb") { disk in
      disk.setContent([1, 1, 1], of: "dump.rdb")
      let file = try disk.open("temp", .create)
      try file.write([2, 2])
      try disk.rename("temp", to: "dump.rdb")
    }
    #expect(left == [[1, 1, 1], [], [2], [2, 2], [0, 0]])
  }

  @Test func `a name is durable when its directory is synced, not when its file is`() throws {
    func make(_ disk: SimulatedDisk) throws {
      let file = try disk.open("dir/new", .create)
      try file.write([7])
      try file.sync()
    }
    #expect(try outcomes(of: "dir/new", make) == [nil, [7]])
    let other = try outcomes(of: "dir/new") { disk in
      try make(disk)
      try disk.syncDirectory(".")
    }
    #expect(other == [nil, [7]])
    let synced = try outcomes(of: "dir/new") { disk in
      try make(disk)
      try disk.syncDirectory("dir")
    }
    #expect(synced == [[7]])
    let removed = try outcomes(of: "dir/new") { disk in
      try make(disk)
      try disk.syncDirectory("dir")
      try disk.remove("dir/new")
    }
    #expect(removed == [nil, [7]])
  }

  @Test func `names change in their own order, others in any`() throws {
    var states: Set<[String]> = []
    for seed in Self.seeds {
      let disk = SimulatedDisk(seed: seed)
      for path in ["a", "b"] { try disk.append(to: path, []) }
      try disk.rename("a", to: "c")
      disk.crash(.sectors)
      states.insert(disk.paths)
    }
    #expect(states == [[], ["a"], ["b"], ["a", "b"], ["c"], ["b", "c"]])
  }

  @Test func `what is in a directory goes with it`() throws {
    var states: Set<[String]> = []
    for seed in Self.seeds {
      let disk = SimulatedDisk(seed: seed)
      try disk.makeDirectory("dir")
      try disk.append(to: "dir/a", [])
      try disk.syncDirectory("dir")
      disk.crash()
      states.insert(disk.paths)
    }
    #expect(states == [[], ["dir", "dir/a"]])
  }

  @Test func `a failed sync loses what it was to write, though the next one succeeds`() throws {
    for forgets in [false, true] {
      let left = try outcomes { disk in
        try append(disk)
        disk.faults.failsSync = true
        disk.faults.failedSyncForgetsPages = forgets
        let file = try disk.open("log", .append)
        #expect(throws: DiskError.self) { try file.sync() }
        #expect(disk.content(of: "log") == (forgets ? [1, 2, 3] : [1, 2, 3, 4, 5]))
        disk.faults = SimulatedDiskFaults()
        try file.write([6])
        try file.sync()
      }
      #expect(left == (forgets ? [[1, 2, 3, 6]] : [[1, 2, 3, 0, 0, 6]]))
    }
  }

  @Test func `a lying sync keeps nothing, the end of a process everything`() throws {
    func write(_ disk: SimulatedDisk) throws {
      disk.faults.liesAboutSync = true
      try disk.writeAtomically("log", [1])
    }
    #expect(try outcomes(.nothing, write) == [nil])
    let disk = SimulatedDisk()
    try write(disk)
    let file = try disk.open("log", .append)
    disk.endProcess()
    #expect(disk.content(of: "log") == [1])
    #expect(throws: DiskError.self) { try file.write([2]) }
    disk.crash(.nothing)
    #expect(disk.content(of: "log") == nil)
  }

  @Test func `the same seed leaves the same`() throws {
    func left(_ seed: UInt64) throws -> [[UInt8]?] {
      let disk = SimulatedDisk(seed: seed)
      for number in 0..<20 {
        try disk.append(to: "file \(number % 5)", [UInt8](repeating: 7, count: 700))
        if number % 7 == 3 { try disk.rename("file 1", to: "other") }
      }
      disk.crash()
      return (["other"] + (0..<5).map { "file \($0)" }).map { disk.content(of: $0) }
    }
    for seed in Self.seeds { #expect(try left(seed) == left(seed)) }
    #expect(try left(1) != left(2) || left(2) != left(3))
  }
}

/// Failures of single operations.
@Suite struct SimulatedDiskTests {
  /// Creates, writes, syncs, reads, renames, removes.
  private func work(_ disk: SimulatedDisk) throws {
    try disk.makeDirectory("dir")
    try disk.writeAtomically("dir/a", [1, 2, 3])
    _ = try disk.read("dir/a")
    _ = try disk.byteCount(of: "dir/a")
    let file = try disk.open("dir/a", .append)
    try file.truncate(to: 1)
    try disk.remove("dir/a")
    _ = try disk.names(inDirectory: "dir")
  }

  @Test func `every operation can be made to fail, and only that one`() throws {
    let whole = SimulatedDisk()
    try work(whole)
    #expect(whole.operationCount > 12)
    for number in 1...whole.operationCount {
      let disk = SimulatedDisk()
      disk.fail(inOperation: number, with: .noSpace)
      let error = #expect(throws: DiskError.self, "operation \(number)") { try work(disk) }
      #expect(error?.cause == .noSpace)
      #expect(throws: Never.self) { try SimulatedDiskTests().work(disk) }
    }
  }

  @Test func `after its death a process changes nothing`() throws {
    let disk = SimulatedDisk()
    try disk.append(to: "a", [1])
    let file = try disk.open("a", .append)
    var deaths = 0
    disk.deathObserver = { deaths += 1 }
    disk.die(inOperation: 1)
    #expect(throws: DiskError.self) { try disk.remove("a") }
    #expect(throws: DiskError.self) { try disk.append(to: "b", [1]) }
    #expect(throws: DiskError.self) { try file.write([2]) }
    #expect(throws: DiskError.self) { try file.sync() }
    #expect(disk.isDead && deaths == 1 && disk.paths == ["a"])
    disk.endProcess()
    try disk.append(to: "b", [1])
    #expect(disk.paths == ["a", "b"])
  }

  @Test func `a write in which the process dies is done in part`() throws {
    var lengths: Set<Int> = []
    for seed in 1...100 as ClosedRange<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      disk.die(inOperation: 2)
      try? disk.append(to: "a", [1, 2, 3])
      disk.endProcess()
      lengths.insert(disk.content(of: "a")?.count ?? -1)
    }
    #expect(lengths == [0, 1, 2, 3])
  }

  @Test func `a full disk takes what fits`() throws {
    let disk = SimulatedDisk()
    disk.faults.capacityByteCount = 3
    let file = try disk.open("log", .append)
    let error = #expect(throws: DiskError.self) { try file.write([1, 2, 3, 4]) }
    #expect(error?.cause == .noSpace)
    #expect(disk.content(of: "log") == [1, 2, 3])
  }

  @Test func `short reads and writes move everything in the end`() throws {
    let disk = SimulatedDisk()
    disk.faults.writtenByteCountMax = 3
    disk.faults.readByteCountMax = 2
    let bytes = (0..<100).map { UInt8($0) }
    try disk.append(to: "a", bytes)
    #expect(try disk.read("a") == bytes)
    #expect(disk.operationCount > 80)
  }

  @Test func `a read-only disk can be read`() throws {
    let disk = SimulatedDisk()
    disk.setContent([1], of: "a")
    disk.faults.isReadOnly = true
    #expect(try disk.read("a") == [1])
    for attempt in [
      { try disk.append(to: "a", [2]) }, { try disk.remove("a") },
      { try disk.rename("a", to: "b") }, { try disk.makeDirectory("c") },
    ] as [() throws -> Void] {
      let error = #expect(throws: DiskError.self) { try attempt() }
      #expect(error?.cause == .readOnly)
    }
    disk.faults.failsRead = true
    #expect(throws: DiskError.self) { try disk.read("a") }
  }

  @Test func `a claim tells who comes second and ends with its file or its process`() throws {
    let disk = SimulatedDisk()
    let first = try disk.claim("dump.rdb")
    #expect(!first.isShared)
    #expect(try !disk.claim("other.rdb").isShared)
    let second = try disk.claim("dump.rdb")
    #expect(second.isShared)
    first.file.close()
    #expect(try disk.claim("dump.rdb").isShared)
    disk.endProcess()
    #expect(try !disk.claim("dump.rdb").isShared)
    #expect(throws: DiskError.self) { try disk.claim("missing/dump.rdb") }
  }

  @Test func `a slow disk moves the clock and a failing sync is told`() throws {
    let clock = SimulatedClock()
    let disk = SimulatedDisk(clock: clock)
    let file = try disk.open("log", .append)
    disk.faults.delayNanoseconds = 1_000_000
    disk.faults.syncDelayNanoseconds = 5_000_000...5_000_000
    try file.write([1])
    try file.sync()
    #expect(clock.monotonicNanoseconds() == 7_000_000)
    disk.faults.failsSync = true
    #expect(throws: DiskError.self) { try file.sync() }
  }

  @Test func `names are sorted and per directory`() throws {
    let disk = SimulatedDisk()
    for path in ["b", "a", "dir/y", "dir/x"] { try disk.append(to: path, [0]) }
    try disk.makeDirectory("c")
    #expect(try disk.names(inDirectory: ".") == ["a", "b", "c"])
    #expect(try disk.names(inDirectory: "dir") == ["x", "y"])
    #expect(disk.isDirectory("dir") && disk.isDirectory("c") && !disk.isDirectory("a"))
  }

  @Test func `links are followed, but renamed and removed themselves`() throws {
    let disk = SimulatedDisk()
    disk.setContent([1], of: "dir/a")
    disk.plantLink(at: "dir/link", to: "a")
    try disk.append(to: "dir/link", [2])
    #expect(disk.content(of: "dir/a") == [1, 2])
    try disk.append(to: "c", [3])
    try disk.rename("c", to: "dir/link")
    #expect(disk.content(of: "dir/a") == [1, 2] && disk.content(of: "dir/link") == [3])
    disk.plantLink(at: "b", to: "dir/a")
    try disk.remove("b")
    #expect(disk.paths == ["dir/a", "dir/link"])
    disk.plantLink(at: "y", to: "x")
    disk.plantLink(at: "x", to: "y")
    let error = #expect(throws: DiskError.self) { try disk.read("x") }
    #expect(error?.cause == .tooManyLinks)
  }
}
