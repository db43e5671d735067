// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import DataStructures

/// Every change of a block is announced before it happens, in random runs with many epochs, most of
/// which begin before all blocks of the one before were announced.
struct EpochTests {
  @Test func `Numbers of epochs go from 1 to 127 and begin anew`() {
    let allocator = Allocator.create()
    var seen: [UInt8] = []
    for _ in 0..<254 {
      seen.append(allocator.epoch)
      allocator.noteWalkComplete()
      allocator.advanceEpoch()
    }
    #expect(seen == Array(1...127) + Array(1...127))
    allocator.noteWalkComplete()
    for free in stride(from: 126, to: 0, by: -1) {
      #expect(allocator.freeEpochCount == free)
      allocator.advanceEpoch()
    }
    #expect(allocator.freeEpochCount == 0)
    allocator.destroy()
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `Changes of list nodes are announced`(seed: UInt64) {
    let allocator = Allocator.create()
    let shadow = BlockShadow(allocator)
    do {
      var run = ListRun(allocator, seed: seed)
      for step in 0..<1500 {
        if run.random.next(below: 60) == 0 { shadow.begin(run.blocks) }
        run.step()
        shadow.check(run.blocks, "seed \(seed) step \(step)")
        guard shadow.failures.isEmpty else { break }
      }
      shadow.begin(run.blocks)
      while !run.drain() { shadow.check(run.blocks, "seed \(seed) at the end") }
      shadow.check([], "seed \(seed) behind the end")
    }
    #expect(shadow.failures == [])
    #expect(shadow.announcedCount > 100)
    allocator.destroy()
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `Changes of sorted set nodes are announced`(seed: UInt64) {
    let allocator = Allocator.create()
    let shadow = BlockShadow(allocator)
    do {
      var run = SortedSetRun(allocator, seed: seed)
      for step in 0..<4000 {
        if run.random.next(below: 60) == 0 { shadow.begin(blocks(run.set)) }
        run.step(step)
        guard step % 4 == 0 else { continue }
        shadow.check(blocks(run.set), "seed \(seed) step \(step)")
        guard shadow.failures.isEmpty else { break }
      }
      run.set.checkInvariants()
      shadow.begin(blocks(run.set))
      var budget = Int.max
      let isDrained = run.set.drain(budget: &budget)
      #expect(isDrained)
      shadow.check([], "seed \(seed) behind the end")
    }
    #expect(shadow.failures == [])
    #expect(shadow.announcedCount > 100)
    allocator.destroy()
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `Changes of buckets are announced`(seed: UInt64) {
    let allocator = Allocator.create()
    let shadow = BlockShadow(allocator)
    do {
      var run = BucketRun(allocator, seed: seed)
      for step in 0..<4000 {
        if run.random.next(below: 60) == 0 { shadow.begin(blocks(run.table)) }
        run.step(step)
        guard step % 4 == 0 else { continue }
        shadow.check(blocks(run.table), "seed \(seed) step \(step)")
        guard shadow.failures.isEmpty else { break }
      }
      run.table.checkInvariants()
      shadow.begin(blocks(run.table))
      let isDrained = run.table.drain(upTo: .max) { $0.free(allocator) }
      #expect(isDrained)
      shadow.check([], "seed \(seed) behind the end")
    }
    #expect(shadow.failures == [])
    #expect(shadow.announcedCount > 100)
    allocator.destroy()
  }

  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func `Changes of blocks, groups and producers of streams are announced`(seed: UInt64) {
    let allocator = Allocator.create()
    let shadow = BlockShadow(allocator)
    var run = StreamRun(allocator, seed: seed)
    for step in 0..<1500 {
      if run.random.next(below: 60) == 0 { shadow.begin(run.blocks) }
      run.step()
      shadow.check(run.blocks, "seed \(seed) step \(step)")
      guard shadow.failures.isEmpty else { break }
    }
    run.stream.reading.checkInvariants()
    shadow.begin(run.blocks)
    run.free()
    shadow.check([], "seed \(seed) behind the end")
    #expect(shadow.failures == [])
    #expect(shadow.announcedCount > 100)
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `A table with merging frozen only splits, and catches up afterwards`() {
    let allocator = Allocator.create()
    do {
      let table = NumberTable(in: allocator)
      for word in 0..<2000 as Range<UInt64> { table.insert(word) }
      let most = table.table.bucketCount
      table.table.mergingEnabled = false
      for word in 0..<1900 as Range<UInt64> { _ = table.remove(word) }
      #expect(table.table.bucketCount == most)
      table.table.checkInvariants()
      for word in 2000..<6000 as Range<UInt64> { table.insert(word) }
      #expect(table.table.bucketCount > most)
      for word in 2000..<5950 as Range<UInt64> { _ = table.remove(word) }
      let frozen = table.table.bucketCount
      table.table.mergingEnabled = true
      for word in 1900..<1990 as Range<UInt64> { _ = table.remove(word) }
      table.table.checkInvariants()
      #expect(table.table.bucketCount <= frozen - 4 * 90)
      table.table.removeAll()
    }
    allocator.destroy()
  }
}
