// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// Where a snapshot of the leader is loaded: the table, and the figures it goes by.
@Suite struct SnapshotPlacementTests {
  private static let gigabyte = 1 << 30

  private struct Row: Sendable, CustomTestStringConvertible {
    var option = DisklessLoad.auto
    var same = true
    var new = 1
    var used = 1
    var limit = 0
    var free = 10
    let place: SnapshotPlacement.Place
    let reason: SnapshotPlacement.Reason

    var testDescription: String {
      "\(option.rawValue) same:\(same) new:\(new) used:\(used) of:\(limit) free:\(free)"
    }
  }

  private static let rows: [Row] = [
    Row(option: .disabled, place: .inPlace, reason: .option),
    Row(option: .onEmptyDatabase, place: .inPlace, reason: .option),
    Row(option: .flushBeforeLoad, place: .inPlace, reason: .option),
    Row(option: .swapDatabases, new: 100, limit: 1, free: 0, place: .beside, reason: .option),
    Row(option: .swapDatabases, same: false, free: 0, place: .besideHidden, reason: .option),
    Row(place: .beside, reason: .sameHistory),
    Row(same: false, place: .inPlace, reason: .otherHistory),
    // 60 % of what the system could still give.
    Row(new: 5, place: .beside, reason: .sameHistory),
    Row(new: 7, place: .inPlace, reason: .freeMemory),
    Row(free: 0, place: .inPlace, reason: .freeMemory),
    // Under a limit both have to fit.
    Row(new: 3, used: 2, limit: 5, place: .beside, reason: .sameHistory),
    Row(new: 4, used: 2, limit: 5, place: .inPlace, reason: .maxMemory),
    Row(new: 1, used: 9, limit: 5, place: .inPlace, reason: .maxMemory),
    Row(new: 7, used: 2, limit: 20, place: .inPlace, reason: .freeMemory),
  ]

  @Test(arguments: rows) private func `the place of a snapshot`(row: Row) {
    let placement = SnapshotPlacement.decide(
      SnapshotPlacement.Circumstances(
        option: row.option, isSameHistory: row.same, newData: row.new * Self.gigabyte,
        usedMemory: row.used * Self.gigabyte, maxMemory: row.limit * Self.gigabyte,
        availableMemory: row.free * Self.gigabyte))
    #expect(placement == SnapshotPlacement(place: row.place, reason: row.reason))
  }

  @Test func `no figure overflows`() {
    let huge = SnapshotPlacement.Circumstances(
      newData: .max, usedMemory: .max, maxMemory: 1, availableMemory: .max)
    #expect(SnapshotPlacement.decide(huge).reason == .maxMemory)
    #expect(SnapshotPlacement.decide(.init(newData: .max)).reason == .freeMemory)
    #expect(SnapshotPlacement.decide(.init(newData: 1 << 40)).place == .beside)
  }

  @Test func `the beginning of a snapshot tells its maker's memory and its keys`() {
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    server.run("DEBUG POPULATE 3000")
    server.run("SAVE")
    let rdb = server.disk.content(of: "dump.rdb") ?? []
    let beginning = SnapshotBeginning(Array(rdb.prefix(SnapshotBeginning.byteCountMax)))
    #expect(beginning.keyCount == 3000)
    #expect(beginning.usedMemory ?? 0 > 100_000)
    #expect(beginning.estimate(byteCount: 5, current: 1 << 40) == beginning.usedMemory)
    // Cut anywhere, and damaged anywhere, it tells less and nothing traps.
    for count in 0..<200 { _ = SnapshotBeginning(Array(rdb.prefix(count))) }
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<2000 {
      var bytes = Array(rdb.prefix(300))
      let place = Int(generator.number(in: 0...Int64(bytes.count - 1)))
      bytes[place] = UInt8(generator.number(in: 0...255))
      #expect(SnapshotBeginning(bytes).estimate(byteCount: 7, current: 0) >= 7)
    }
    let silent = SnapshotBeginning(Array("REDIS0010".utf8) + [0xFE, 0, 0xFB, 10, 0])
    #expect(silent.keyCount == 10)
    #expect(silent.estimate(byteCount: 5, current: 3) == 400)
    #expect(silent.estimate(byteCount: 5000, current: 3) == 5000)
    #expect(silent.estimate(byteCount: 5, current: 7000) == 7000)
  }

  @Test(arguments: [
    ("MemTotal: 9 kB\nMemAvailable:    100 kB\n", "max\n", "5\n", "", 102_400),
    ("MemAvailable: 100 kB\n", "60000\n", "20000\n", "anon 1\ninactive_file 5000\n", 45_000),
    ("MemAvailable: 10 kB\n", "60000\n", "20000\n", "", 10_240),
    ("MemAvailable: 100 kB\n", "60000\n", "70000\n", "", 0),
    ("", "", "", "", Int.max),
  ]) func `memory that is left`(
    machine: String, limit: String, current: String, group: String, expected: Int
  ) {
    let memory = AvailableMemory(machine: machine, limit: limit, current: current, group: group)
    #expect(memory.byteCount == expected)
    #expect(AvailableMemory.now.byteCount > 1 << 20)
  }
}
