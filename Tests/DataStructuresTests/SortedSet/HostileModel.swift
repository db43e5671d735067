// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

/// A sorted set under attack beside its model, and a walk over leaf numbers that watches it.
final class HostileModel {
  let model: SortedModel
  var generator: RandomGenerator
  let scores: HostileScores
  let members: HostileMembers
  private var compactionCursor: UInt64 = 0

  init(_ scores: HostileScores, _ members: HostileMembers, seed: UInt64, in allocator: Allocator) {
    model = SortedModel(in: allocator)
    generator = RandomGenerator(seed: seed)
    self.scores = scores
    self.members = members
  }

  /// The set of another one, which gets scores of another kind from now on.
  init(
    _ scores: HostileScores, _ members: HostileMembers, seed: UInt64, taking other: HostileModel
  ) {
    model = other.model
    generator = RandomGenerator(seed: seed)
    self.scores = scores
    self.members = members
  }

  /// A way to change the set.
  enum Change: CaseIterable {
    case put, append, remove, removeRange, removeLast, compact
  }

  func drawMember() -> [UInt8] {
    members.make(generator.next(below: HostileMembers.numberCount))
  }

  func apply(_ change: Change) {
    switch change {
    case .put: model.put(drawMember(), scores.draw(&generator))
    case .append: append(drawMember(), scores.draw(&generator))
    case .remove: #expect(model.remove(drawMember()))
    case .removeRange:
      let start = generator.next(below: max(model.items.count, 1))
      #expect(model.remove(start..<start + generator.next(below: 20)))
    case .removeLast: removeLast(generator.next(below: 5))
    case .compact: compactionStep()
    }
  }

  /// Appends a member with that score, or the highest one, if it then belongs to the end.
  private func append(_ member: [UInt8], _ score: Double) {
    guard model.find(member) == nil else { return }
    var item = SortedModel.Item(score: score, member: member)
    if let last = model.items.last {
      item.score = max(score, last.score)
      guard SortedModel.Item.precedes(last, item) else { return }
    }
    model.set.append(member.octets, hash: SortedModel.hash(member), score: item.score)
    model.items.append(item)
    model.scores[member] = item.score
  }

  private func removeLast(_ number: Int) {
    var visited: [SortedModel.Item] = []
    model.set.removeLast(number) {
      visited.append(SortedModel.Item(score: $1, member: $0.copied))
    }
    let expected = Array(model.items.suffix(number).reversed())
    #expect(visited == expected)
    for item in expected { model.scores[item.member] = nil }
    model.items.removeLast(expected.count)
  }

  private func compactionStep() {
    if compactionCursor == 0 {
      model.allocator.endCompaction()
      guard model.allocator.beginCompaction(threshold: 0.99) else { return }
    }
    compactionCursor = model.set.leaveSparseSlabs(compactionCursor)
    if compactionCursor == 0 { model.allocator.endCompaction() }
  }

  /// Compares everything that can be asked.
  func check(_ context: String) {
    model.set.checkInvariants()
    #expect(model.set.count == model.items.count, "\(context)")
    let forwards = model.forwards
    // Not in the macro, which would print all members.
    let isInOrder = forwards == model.items && model.backwards == forwards.reversed()
    #expect(isInOrder, "\(context)")
    // As scores, zeros are equal whatever their sign.
    let isExact = forwards.allSatisfy {
      $0.score.bitPattern == model.scores[$0.member]?.bitPattern
    }
    #expect(isExact, "\(context)")
    for _ in 0..<10 {
      checkBounds(scores.draw(&generator), context)
      let member = drawMember()
      #expect(model.find(member)?.score == model.scores[member], "\(context)")
      guard !model.items.isEmpty else { continue }
      checkRank(generator.next(below: model.items.count), context)
    }
    #if !MEMD_MALLOC_ONLY
      // What `allocatedSize` leaves out is the free end of the index.
      let difference = model.allocator.bytesInUse - model.set.allocatedSize
      #expect(difference >= 0 && difference < 4500, "\(context)")
    #endif
  }

  private func checkBounds(_ score: Double, _ context: String) {
    for bound in [score, score.nextUp, score.nextDown] {
      let below = model.items.prefix { $0.score < bound }.count
      let upTo = model.items.prefix { $0.score <= bound }.count
      #expect(model.set.lowerBound(score: bound, exclusive: false) == below, "\(context) \(bound)")
      #expect(model.set.lowerBound(score: bound, exclusive: true) == upTo, "\(context) \(bound)")
    }
  }

  private func checkRank(_ rank: Int, _ context: String) {
    let item = model.items[rank]
    guard let element = model.find(item.member), let position = model.set.position(rank: rank)
    else {
      Issue.record("\(context): rank \(rank) is missing")
      return
    }
    #expect(element.memberByteCount == item.member.count, "\(context)")
    #expect(model.set.rank(of: element) == rank, "\(context)")
    #expect(model.set.element(at: position) == element, "\(context)")
  }
}

/// Takes a set as it is when the walk begins, while it changes.
final class LeafWalk: BlockObserver {
  private let allocator: Allocator
  private(set) var items: [SortedModel.Item] = []
  private var number = 0

  init(_ allocator: Allocator) {
    self.allocator = allocator
    // What carries an old number is told by its contents here, so numbers may come again.
    if allocator.freeEpochCount == 0 { allocator.noteWalkComplete() }
    allocator.advanceEpoch()
    allocator.blockObserver = self
  }

  private func take(_ leaf: SortedSetLeaf) {
    leaf.forEach { items.append(SortedModel.Item(score: $0.score, member: $0.member.copied)) }
  }

  func willChange(_ block: ChangingBlock) {
    if case .sortedSetLeaf(let leaf) = block { take(leaf) }
  }

  /// Looks at the next number.
  func step(_ set: inout SortedSet) {
    guard number < set.leafNumberBound else { return }
    if let leaf = set.leaf(number: number), leaf.epoch != allocator.epoch {
      take(leaf)
      leaf.markTaken(allocator)
    }
    number += 1
  }

  /// Goes on to the end; what was found.
  func finish(_ set: inout SortedSet) -> [SortedModel.Item] {
    while number < set.leafNumberBound { step(&set) }
    allocator.blockObserver = nil
    return items.sorted(by: SortedModel.Item.precedes)
  }
}
