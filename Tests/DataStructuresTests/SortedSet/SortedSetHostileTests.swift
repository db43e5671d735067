// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

/// Every kind of score with every kind of member, through everything that changes a set.
struct SortedSetHostileTests {
  @Test(arguments: HostileScores.allCases, HostileMembers.allCases)
  func `Whatever is put in stays in order, counted and announced`(
    scores: HostileScores, members: HostileMembers
  ) {
    let allocator = Allocator.create()
    let other = Allocator.create()
    let seed = UInt64(members.make(9).count) &* 31 &+ 5
    do {
      let hostile = HostileModel(scores, members, seed: seed, in: allocator)
      let context = "\(scores) \(members)"
      run(hostile, [.put], 220, "\(context) growing")
      run(hostile, [.put, .append, .append], 80, "\(context) appending")
      run(hostile, [.put, .remove, .compact], 160, "\(context) changing")
      copy(hostile, to: other, context)
      run(hostile, [.remove, .remove, .removeLast, .compact], 140, "\(context) thinning")
      // Leaves that have become sparse meet scores of another kind.
      for (index, next) in HostileScores.allCases.enumerated() where index % 3 == seed % 3 {
        let name = "\(context) now \(next)"
        let changed = HostileModel(next, members, seed: seed, taking: hostile)
        run(changed, [.put, .remove, .remove, .compact], 70, "\(name) thinning")
        run(changed, [.put, .put, .remove, .append], 70, "\(name) growing")
      }
      run(hostile, Array(HostileModel.Change.allCases), 120, "\(context) anything")
      run(hostile, [.removeRange, .remove, .removeLast], 90, "\(context) going")
      drain(hostile, context)
    }
    #expect(allocator.bytesInUse == 0 && other.bytesInUse == 0)
    allocator.destroy()
    other.destroy()
  }

  /// Changes the set while a walk takes it as it was before.
  private func run(
    _ hostile: HostileModel, _ changes: [HostileModel.Change], _ number: Int, _ context: String
  ) {
    let before = hostile.model.items
    let walk = LeafWalk(hostile.model.allocator)
    for step in 0..<number {
      hostile.apply(changes[hostile.generator.next(below: changes.count)])
      if step % 9 == 0 { walk.step(&hostile.model.set) }
      if step % 100 == 99 { hostile.model.set.checkInvariants() }
    }
    // Not in the macro, which would print thousands of members.
    let isWhole = walk.finish(&hostile.model.set) == before
    #expect(isWhole, "\(context): the walk")
    hostile.check(context)
  }

  /// A copy has the same members, and can be dropped in the middle of draining.
  private func copy(_ hostile: HostileModel, to other: Allocator, _ context: String) {
    let model = SortedModel(in: other)
    model.set = hostile.model.set.copy(in: other, seed: SortedModel.seed)
    model.set.checkInvariants()
    let isSame = model.forwards == hostile.model.items
    #expect(isSame, "\(context): the copy")
    for _ in 0..<hostile.generator.next(below: 4) {
      var budget = hostile.generator.next(below: 100)
      _ = model.set.drain(budget: &budget)
    }
  }

  /// Empties the set in slices; it can be used again.
  private func drain(_ hostile: HostileModel, _ context: String) {
    for _ in 0..<80 { hostile.apply(.put) }
    hostile.check("\(context) before draining")
    var isDrained = false
    while !isDrained {
      var budget = hostile.generator.next(below: 50)
      isDrained = hostile.model.set.drain(budget: &budget)
    }
    #expect(hostile.model.allocator.bytesInUse == 0, "\(context): drained")
    hostile.model.items = []
    hostile.model.scores = [:]
    for _ in 0..<40 { hostile.apply(.put) }
    hostile.check("\(context) after draining")
  }

  @Test func `A member of 64 MB among short ones is moved, found, copied and removed`() {
    let allocator = Allocator.create()
    let size = 64 << 20
    do {
      let model = SortedModel(in: allocator)
      for number in 0..<200 { model.put(.member(number), Double(number)) }
      let expected = model.items
      var member = [UInt8](repeating: 7, count: size)
      let hash = SortedModel.hash(member)
      var element = model.set.insert(member.octets, hash: hash, score: 100)
      for score in [-1, 1e300, 3] {
        model.set.update(element, to: score)
        element = model.set.find(member.octets, hash: hash) ?? element
        #expect(element.score == score && element.memberByteCount == size)
      }
      let (rank, bytes) = (model.set.rank(of: element), model.set.allocatedSize)
      // Behind "m3", as its bytes are lower.
      #expect(rank == 3 && bytes > size && bytes < size + (64 << 10))
      member[size - 1] = 8
      let other = model.set.find(member.octets, hash: hash)
      #expect(other == nil)
      member[size - 1] = 7
      var copy = model.set.copy(in: allocator, seed: SortedModel.seed)
      copy.checkInvariants()
      let isRemoved = model.set.remove(member.octets, hash: hash)
      #expect(isRemoved && model.forwards == expected)
      var budget = 200
      _ = copy.drain(budget: &budget)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }
}
