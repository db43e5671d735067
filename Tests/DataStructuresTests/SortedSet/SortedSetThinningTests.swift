// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

/// Large sets of which little is left.
struct SortedSetThinningTests {
  #if !MEMD_MALLOC_ONLY
    @Test func `Compaction leaves few holes in a set that lost nine members of ten`() {
      let allocator = Allocator.create()
      do {
        var generator = RandomGenerator(seed: 1)
        let model = SortedModel(in: allocator)
        fill(&model.set, 200_000, &generator)
        thin(&model.set, keeping: 20_000, &generator)
        var rounds = 0
        // As the server does it by default.
        while rounds < 8, allocator.beginCompaction(threshold: 100 / 110.0) {
          var cursor: UInt64 = 0
          repeat { cursor = model.set.leaveSparseSlabs(cursor) } while cursor != 0
          allocator.endCompaction()
          rounds += 1
        }
        allocator.releaseStock()
        model.set.checkInvariants()
        let resident = allocator.bytesInUse + allocator.slabBytesFree
        #expect(rounds < 4 && resident < allocator.bytesInUse * 11 / 10)
        #expect(model.set.allocatedSize < model.set.count * 52)
      }
      #expect(allocator.bytesInUse == 0)
      allocator.destroy()
    }
  #endif

  enum Thinning: CaseIterable {
    case random, low, high
  }

  @Test(arguments: Thinning.allCases)
  func `What stays of a large set takes no more than a few small ones`(_ thinning: Thinning) {
    let allocator = Allocator.create()
    do {
      var generator = RandomGenerator(seed: 2)
      let model = SortedModel(in: allocator)
      fill(&model.set, 120_000, &generator)
      let before = model.set.leafNumberBound
      let walk = LeafWalk(allocator)
      switch thinning {
      case .random:
        for left in stride(from: 119_900, through: 500, by: -100) {
          thin(&model.set, keeping: left, &generator)
          for _ in 0..<3 { walk.step(&model.set) }
        }
      case .low: model.set.removeRange(0..<model.set.count - 500)
      case .high: model.set.removeLast(model.set.count - 500)
      }
      model.set.checkInvariants()
      let taken = walk.finish(&model.set).count
      #expect(taken == 120_000)
      let (bound, size) = (model.set.leafNumberBound, model.set.allocatedSize)
      #expect(before > 2000 && bound < 100 && size < 500 * 80)
      // Numbers are given anew.
      fill(&model.set, 9_000, &generator)
      model.set.checkInvariants()
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `A walk over numbers meets leaves that get a lower one behind it`() {
    let allocator = Allocator.create()
    do {
      let model = SortedModel(in: allocator)
      // Full leaves in the order of their numbers, of which the last quarter stays.
      for number in 0..<20_000 {
        let member = [UInt8].member(number)
        model.set.append(member.octets, hash: SortedModel.hash(member), score: Double(number))
      }
      model.set.removeRange(0..<14_900)
      let before = model.forwards
      let bound = model.set.leafNumberBound
      let walk = LeafWalk(allocator)
      for _ in 0..<250 { walk.step(&model.set) }
      model.set.removeRange(0..<640)
      model.set.checkInvariants()
      let shorter = model.set.leafNumberBound
      #expect(bound > 300 && shorter < bound - 10)
      let isWhole = walk.finish(&model.set) == before
      #expect(isWhole)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  private static func member(_ number: Int, _ generation: Int) -> [UInt8] {
    Array("\(generation)member-\(100_000_000 + number)".utf8)
  }

  /// Adds members that were not in the set before.
  private func fill(_ set: inout SortedSet, _ number: Int, _ generator: inout RandomGenerator) {
    let generation = number % 7
    for number in 0..<number {
      let member = SortedSetThinningTests.member(number, generation)
      let score = Double(generator.next(below: 1_000_003))
      set.insert(member.octets, hash: SortedModel.hash(member), score: score)
    }
  }

  /// Removes random members.
  private func thin(
    _ set: inout SortedSet, keeping number: Int, _ generator: inout RandomGenerator
  ) {
    while set.count > number, let element = set.random(using: &generator) {
      let member = element.member.copied
      set.remove(member.octets, hash: SortedModel.hash(member))
    }
  }
}
