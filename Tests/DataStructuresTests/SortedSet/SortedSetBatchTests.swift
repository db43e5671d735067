// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

struct SortedSetBatchTests {
  /// What the members of a batch look like.
  enum Shape: CaseIterable {
    case ascending, descending, random, fewScores, longMembers, mixed
  }

  private func make(
    _ shape: Shape, _ number: Int, _ generator: inout RandomGenerator
  ) -> SortedModel.Item {
    let member = [UInt8].member(100_000 + number)
    switch shape {
    case .ascending: return SortedModel.Item(score: Double(number), member: member)
    case .descending: return SortedModel.Item(score: -Double(number), member: member)
    case .random:
      return SortedModel.Item(score: Double(generator.next(below: 1 << 40)) / 7, member: member)
    case .fewScores:
      let score = [-0.0, 0.0, 1, -.infinity, .infinity][generator.next(below: 5)]
      return SortedModel.Item(score: score, member: member)
    case .longMembers:
      let rest = [UInt8](repeating: 7, count: 90 + generator.next(below: 60))
      return SortedModel.Item(score: Double(number % 7), member: member + rest)
    case .mixed:
      let rest = [UInt8](repeating: 7, count: generator.next(below: 30))
      return SortedModel.Item(score: Double(generator.next(below: 1000)), member: member + rest)
    }
  }

  @Test(arguments: Shape.allCases, [1, 3, 64, 65, 200, 5000])
  func `a set of batches is the set of their members`(shape: Shape, count: Int) {
    let allocator = Allocator.create()
    do {
      var generator = RandomGenerator(seed: UInt64(count))
      let model = SortedModel(in: allocator)
      for part in 0..<3 {
        var batch = SortedSetBatch()
        for number in part * count..<(part + 1) * count {
          let item = make(shape, number, &generator)
          batch.append(
            item.member.octets, hash: SortedModel.hash(item.member), score: item.score)
          model.items.insert(item, at: model.index(of: item))
          model.scores[item.member] = item.score
        }
        let (areNew, left) = (model.set.insert(&batch), batch.count)
        #expect(areNew && left == 0)
        model.set.checkInvariants()
        #expect(model.forwards == model.items && model.backwards == model.items.reversed())
      }
      // What came at once can be changed like anything else.
      for item in model.items.shuffled(using: &generator).prefix(500) {
        #expect(model.find(item.member)?.score == item.score)
        if item.member.last ?? 0 & 1 == 0 {
          #expect(model.remove(item.member))
        } else {
          model.put(item.member, item.score.isFinite ? item.score + 3 : 0)
        }
      }
      model.set.checkInvariants()
      #expect(model.forwards == model.items)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test(arguments: [[1, 1], [1, 2, 1], Array(0..<200) + [150], Array(0..<64) + [0]])
  func `a member that is there already, or twice, is told, and the set stays whole`(
    numbers: [Int]
  ) {
    let allocator = Allocator.create()
    do {
      let model = SortedModel(in: allocator)
      var batch = SortedSetBatch()
      for (place, number) in numbers.enumerated() {
        let member = [UInt8].member(number)
        batch.append(member.octets, hash: SortedModel.hash(member), score: Double(place))
      }
      let areNew = model.set.insert(&batch)
      #expect(!areNew)
      model.set.checkInvariants()
      let member = [UInt8].member(1000)
      for score in [5000.0, -5000, 3] {
        batch.append(member.octets, hash: SortedModel.hash(member), score: score)
        _ = model.set.insert(&batch)
        model.set.checkInvariants()
      }
      #expect(model.find(member)?.score == 5000)
    }
    allocator.destroy()
  }

  @Test func `a set of one batch has leaves without holes`() {
    let allocator = Allocator.create()
    do {
      let model = SortedModel(in: allocator)
      var batch = SortedSetBatch()
      for number in 0..<6400 {
        let member = [UInt8].member(100_000 + number)
        batch.append(
          member.octets, hash: SortedModel.hash(member), score: Double((number * 7919) % 6400))
      }
      let areNew = model.set.insert(&batch)
      #expect(areNew)
      model.set.checkInvariants()
      // As in a set that has grown at one end.
      #expect(model.set.allocatedSize < 6400 * 27)
    }
    allocator.destroy()
  }
}
