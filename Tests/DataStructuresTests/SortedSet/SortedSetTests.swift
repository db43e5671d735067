// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

struct SortedSetTests {
  @Test(arguments: [(1 as Double, 39), (0.1, 43)])
  func `Random members of sixteen bytes take forty bytes`(unit: Double, byteCountMax: Int) {
    let allocator = Allocator.create()
    do {
      var generator = RandomGenerator(seed: 3)
      let model = SortedModel(in: allocator)
      let count = 20_000
      for number in 0..<count {
        let member = [UInt8]("member \(100_000_000 + number)".utf8)
        let score = Double(generator.next(below: count)) * unit
        model.set.insert(member.octets, hash: SortedModel.hash(member), score: score)
      }
      model.set.checkInvariants()
      #expect(model.set.allocatedSize < count * byteCountMax)
      #if !MEMD_MALLOC_ONLY
        #expect(allocator.bytesInUse - model.set.allocatedSize < 4096)
      #endif
      #expect(model.set.levelCount == 3)
    }
    allocator.destroy()
  }

  @Test(arguments: [1.0, -1.0, 0.0])
  func `What grows at one end leaves full nodes`(step: Double) {
    let allocator = Allocator.create()
    do {
      let model = SortedModel(in: allocator)
      for number in 0..<6400 {
        let member = [UInt8].member(100_000 + number)
        model.set.insert(
          member.octets, hash: SortedModel.hash(member), score: Double(number) * step)
      }
      model.set.checkInvariants()
      // 100 full leaves with 7 bytes of member, 7 to 9 around them, and 9 in the index.
      #expect(model.set.allocatedSize < 6400 * 27)
    }
    allocator.destroy()
  }

  @Test func `Members longer than the reference can tell keep their length in the block`() {
    let allocator = Allocator.create()
    do {
      let model = SortedModel(in: allocator)
      for length in [0, 1, 65_534, 65_535, 65_536, 200_000] {
        model.put([UInt8](repeating: 7, count: length), Double(-length))
        model.put([UInt8](repeating: 8, count: length + 1), 1)
      }
      model.set.checkInvariants()
      #expect(model.forwards == model.items)
      for length in [0, 65_534, 65_535, 200_000] {
        let element = model.find([UInt8](repeating: 7, count: length))
        #expect(element?.memberByteCount == length && element?.score == Double(-length))
        #expect(model.remove([UInt8](repeating: 7, count: length)))
      }
      #expect(model.find([UInt8](repeating: 7, count: 65_535)) == nil)
      model.set.checkInvariants()
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `Scores that creep up and down stay in order`() {
    let allocator = Allocator.create()
    do {
      var generator = RandomGenerator(seed: 12)
      let model = SortedModel(in: allocator)
      for number in 0..<700 { model.put(.member(number), Double(number)) }
      for step in 0..<3000 {
        let member = [UInt8].member(generator.next(below: 700))
        let change = Double(generator.next(below: 21) - 10)
        model.put(member, (model.scores[member] ?? 0) + change)
        if step % 300 == 0 { model.set.checkInvariants() }
      }
      model.set.checkInvariants()
      #expect(model.forwards == model.items)
    }
    allocator.destroy()
  }

  @Test func `The highest are taken from the end`() {
    let allocator = Allocator.create()
    do {
      let model = SortedModel(in: allocator)
      for number in 0..<500 { model.put(.member(number), Double(number % 40)) }
      for number in [1, 70, 0, 300, 1000] {
        var visited: [SortedModel.Item] = []
        model.set.removeLast(number) { member, score in
          visited.append(SortedModel.Item(score: score, member: member.copied))
        }
        let expected = model.items.suffix(number)
        #expect(visited == expected.reversed())
        model.items.removeLast(expected.count)
        model.set.checkInvariants()
        #expect(model.forwards == model.items)
      }
      let left = model.set.count
      #expect(left == 0)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test(arguments: [0, 1, 40, 700, 20_000])
  func `A copy has the same members and shares nothing`(count: Int) {
    let allocator = Allocator.create()
    let other = Allocator.create()
    do {
      var generator = RandomGenerator(seed: 8)
      let model = SortedModel(in: allocator)
      for number in 0..<count {
        let member = [UInt8].member(number)
        model.set.insert(
          member.octets, hash: SortedModel.hash(member), score: Double(generator.next(below: 300)))
      }
      let expected = model.forwards
      let copy = SortedModel(in: other)
      copy.set = model.set.copy(in: other, seed: SortedModel.seed)
      model.set.removeRange(0..<count)
      model.set.checkInvariants()
      copy.set.checkInvariants()
      #expect(copy.forwards == expected)
    }
    #expect(other.bytesInUse == 0)
    allocator.destroy()
    other.destroy()
  }

  @Test(arguments: [1, 63, 5000])
  func `Draining frees everything in slices`(count: Int) {
    let allocator = Allocator.create()
    do {
      let model = SortedModel(in: allocator)
      for number in 0..<count { model.put(.member(number), Double(number % 71)) }
      var slices = 0
      var isDrained = false
      while !isDrained && slices < 1000 {
        var budget = 100
        let isLast = model.set.drain(budget: &budget)
        isDrained = isLast
        #expect(budget > -100)
        slices += 1
      }
      // A leaf costs as much as eight members.
      #expect(isDrained && slices >= count / 500)
      #expect(allocator.bytesInUse == 0)
      model.items = []
      model.scores = [:]
      model.put(.member(1), 1)
      model.set.checkInvariants()
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `A set dropped in the middle of draining gives everything back`() {
    let allocator = Allocator.create()
    for budget in [0, 1, 500, 1999, 2100] {
      let model = SortedModel(in: allocator)
      for number in 0..<2000 { model.put(.member(number), Double(number)) }
      var left = budget
      _ = model.set.drain(budget: &left)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `Sampling and scanning reach every member`() {
    let allocator = Allocator.create()
    do {
      var generator = RandomGenerator(seed: 1)
      let model = SortedModel(in: allocator)
      let none = model.set.random(using: &generator)
      #expect(none == nil)
      for number in 0..<200 { model.put(.member(number), Double(number)) }
      var drawn = Set<[UInt8]>()
      for _ in 0..<4000 {
        if let element = model.set.random(using: &generator) { drawn.insert(element.member.copied) }
      }
      #expect(drawn.count == 200)
      var scanned = Set<[UInt8]>()
      var cursor: UInt64 = 0
      repeat {
        cursor = model.set.scan(cursor) { scanned.insert($0.member.copied) }
      } while cursor != 0
      #expect(scanned == drawn)
      var visited: [SortedModel.Item] = []
      model.set.forEach {
        visited.append(SortedModel.Item(score: $0.score, member: $0.member.copied))
      }
      #expect(visited == model.items)
    }
    allocator.destroy()
  }

  @Test func `Leaves move out of sparse slabs and stay where they are in the order`() {
    let allocator = Allocator.create()
    do {
      var generator = RandomGenerator(seed: 6)
      let model = SortedModel(in: allocator)
      for number in 0..<6000 {
        let member =
          [UInt8].member(number) + [UInt8](repeating: 65, count: number % 3 == 0 ? 180 : 0)
        model.put(member, Double(generator.next(below: 500)))
      }
      for item in model.items where generator.next(below: 8) > 0 {
        #expect(model.remove(item.member))
      }
      let before = allocator.slabBytes
      let numbers = numbersOfLeaves(model.set)
      var rounds = 0
      while rounds < 12, allocator.beginCompaction(threshold: 0.97) {
        var cursor: UInt64 = 0
        repeat { cursor = model.set.leaveSparseSlabs(cursor) } while cursor != 0
        allocator.endCompaction()
        rounds += 1
      }
      allocator.releaseStock()
      #if !MEMD_MALLOC_ONLY
        #expect(allocator.slabBytes < before * 6 / 10)
      #endif
      model.set.checkInvariants()
      #expect(model.forwards == model.items)
      #expect(numbersOfLeaves(model.set) == numbers)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  /// For each number the first member of the leaf that has it.
  private func numbersOfLeaves(_ set: borrowing SortedSet) -> [Int: [UInt8]] {
    var result: [Int: [UInt8]] = [:]
    set.forEachLeaf { leaf in
      leaf.forEach { if result[leaf.number] == nil { result[leaf.number] = $0.member.copied } }
    }
    return result
  }

  @Test func `A scan meets every member that stays while leaves split and join`() {
    let allocator = Allocator.create()
    do {
      var generator = RandomGenerator(seed: 5)
      let model = SortedModel(in: allocator)
      let staying = Set((0..<1500).map { [UInt8].member($0) })
      for member in staying.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        model.put(member, Double(generator.next(below: 1000)))
      }
      for round in 0..<6 {
        var met = Set<[UInt8]>()
        var cursor: UInt64 = 0
        var step = 0
        repeat {
          cursor = model.set.scan(cursor) { met.insert($0.member.copied) }
          step += 1
          for _ in 0..<40 {
            let other = [UInt8].member(2000 + generator.next(below: 6000))
            // Grows in one round and shrinks in the next; those that stay change their scores.
            if round % 2 == 0 {
              model.put(other, Double(generator.next(below: 1000)))
            } else {
              _ = model.remove(other)
            }
            let member = [UInt8].member(generator.next(below: 1500))
            model.put(member, Double(generator.next(below: 1000)))
          }
        } while cursor != 0 && step < 10_000
        #expect(cursor == 0 && met.isSuperset(of: staying))
      }
      model.set.checkInvariants()
    }
    allocator.destroy()
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `A walk over numbers that hears of changes meets every member once`(seed: UInt64) {
    let allocator = Allocator.create()
    let collector = LeafCollector()
    do {
      var generator = RandomGenerator(seed: seed)
      let model = SortedModel(in: allocator)
      for number in 0..<3000 { model.put(.member(number), Double(generator.next(below: 400))) }
      let expected = model.items
      // What carries an old number is told by its contents here, so numbers may come again.
      if allocator.freeEpochCount == 0 { allocator.noteWalkComplete() }
      allocator.advanceEpoch()
      allocator.blockObserver = collector
      var number = 0
      while number < model.set.leafNumberBound {
        if let leaf = model.set.leaf(number: number), leaf.epoch != allocator.epoch {
          collector.take(leaf)
          leaf.markTaken(allocator)
        }
        number += 1
        for _ in 0..<30 {
          let member = [UInt8].member(generator.next(below: 4000))
          switch generator.next(below: 4) {
          case 0: _ = model.remove(member)
          case 1:
            let start = generator.next(below: model.items.count + 1)
            #expect(model.remove(start..<start + generator.next(below: 4)))
          default: model.put(member, Double(generator.next(below: 400)))
          }
        }
      }
      allocator.blockObserver = nil
      let found = collector.items.sorted(by: SortedModel.Item.precedes)
      #expect(found == expected)
    }
    allocator.destroy()
  }

  @Test func `A copy of a leaf's bytes can be read as the leaf`() {
    let allocator = Allocator.create()
    do {
      var generator = RandomGenerator(seed: 9)
      let model = SortedModel(in: allocator)
      for number in 0..<500 {
        let tail = [UInt8](repeating: 9, count: number % 7 == 0 ? 200 : number % 3)
        model.put(.member(number) + tail, Double(generator.next(below: 90)) / 3)
      }
      var items: [SortedModel.Item] = []
      var longCount = 0
      model.set.forEachLeaf { leaf in
        let bytes = leaf.bytes.copied
        let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 8)
        for (offset, byte) in bytes.enumerated() {
          unsafe copy.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        }
        let image = unsafe SortedSetLeaf(image: copy)
        #expect(image.count == leaf.count && image.number == leaf.number)
        image.forEach {
          items.append(SortedModel.Item(score: $0.score, member: $0.member.copied))
        }
        image.forEachLongMember { member, _ in longCount += member.byteCount > 127 ? 1 : 1000 }
        unsafe copy.deallocate()
      }
      #expect(items.sorted(by: SortedModel.Item.precedes) == model.items)
      #expect(longCount == model.items.count { $0.member.count > 127 })
    }
    allocator.destroy()
  }
}

/// Keeps the members of leaves that are announced or taken.
private final class LeafCollector: BlockObserver {
  private(set) var items: [SortedModel.Item] = []

  func take(_ leaf: SortedSetLeaf) {
    leaf.forEach { items.append(SortedModel.Item(score: $0.score, member: $0.member.copied)) }
  }

  func willChange(_ block: ChangingBlock) {
    if case .sortedSetLeaf(let leaf) = block { take(leaf) }
  }
}
