// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

struct LeafSetTests {
  @Test(arguments: [1.0, -1.0, 0.0])
  func `What grows at one end leaves full nodes`(step: Double) {
    let allocator = Allocator.create()
    do {
      let model = LeafModel(in: allocator)
      for number in 0..<6400 {
        let member = [UInt8].member(100_000 + number)
        model.set.insert(
          member.octets, hash: LeafModel.hash(member), score: Double(number) * step)
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
      let model = LeafModel(in: allocator)
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
      let model = LeafModel(in: allocator)
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
      let model = LeafModel(in: allocator)
      for number in 0..<500 { model.put(.member(number), Double(number % 40)) }
      for number in [1, 70, 0, 300, 1000] {
        var visited: [LeafModel.Item] = []
        model.set.removeLast(number) { member, score in
          visited.append(LeafModel.Item(score: score, member: member.copied))
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
      let model = LeafModel(in: allocator)
      for number in 0..<count {
        let member = [UInt8].member(number)
        model.set.insert(
          member.octets, hash: LeafModel.hash(member), score: Double(generator.next(below: 300)))
      }
      let expected = model.forwards
      let copy = LeafModel(in: other)
      copy.set = model.set.copy(in: other, seed: LeafModel.seed)
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
      let model = LeafModel(in: allocator)
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
      #expect(isDrained && slices >= count / 200)
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
      let model = LeafModel(in: allocator)
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
      let model = LeafModel(in: allocator)
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
      var visited: [LeafModel.Item] = []
      model.set.forEach {
        visited.append(LeafModel.Item(score: $0.score, member: $0.member.copied))
      }
      #expect(visited == model.items)
    }
    allocator.destroy()
  }

  @Test func `Elements move out of sparse slabs and stay where they are in the order`() {
    let allocator = Allocator.create()
    do {
      var generator = RandomGenerator(seed: 6)
      let model = LeafModel(in: allocator)
      for number in 0..<6000 { model.put(.member(number), Double(generator.next(below: 500))) }
      for number in 0..<6000 where number % 8 != 0 { #expect(model.remove(.member(number))) }
      let before = allocator.slabBytes
      let isSparse = allocator.beginCompaction()
      #expect(isSparse)
      var cursor: UInt64 = 0
      repeat { cursor = model.set.leaveSparseSlabs(cursor) } while cursor != 0
      allocator.endCompaction()
      allocator.releaseStock()
      #expect(allocator.slabBytes < before / 2)
      model.set.checkInvariants()
      #expect(model.forwards == model.items)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }
}
