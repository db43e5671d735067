// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A sorted set beside the plainest thing that behaves the same: a sorted array.
final class SortedModel {
  struct Item: Equatable {
    var score: Double
    var member: [UInt8]

    static func precedes(_ left: Item, _ right: Item) -> Bool {
      if left.score != right.score { return left.score < right.score }
      return left.member.lexicographicallyPrecedes(right.member)
    }
  }

  static let seed = HashSeed(k0: 17, k1: 4)

  let allocator: Allocator
  var set: SortedSet
  var items: [Item] = []
  var scores: [[UInt8]: Double] = [:]

  init(in allocator: Allocator) {
    self.allocator = allocator
    set = SortedSet(allocator: allocator, seed: SortedModel.seed)
  }

  static func hash(_ member: [UInt8]) -> UInt64 { SipHash13.hash(member.octets, seed) }

  func find(_ member: [UInt8]) -> SortedSetElement? {
    set.find(member.octets, hash: SortedModel.hash(member))
  }

  /// Index of the first item that is not before `item`.
  func index(of item: Item) -> Int {
    var (low, high) = (0, items.count)
    while low < high {
      let middle = (low + high) / 2
      if Item.precedes(items[middle], item) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// ZADD: adds the member or gives it the score.
  func put(_ member: [UInt8], _ score: Double) {
    if let element = find(member) {
      let old = Item(score: scores[member] ?? .nan, member: member)
      items.remove(at: index(of: old))
      set.update(element, to: score)
    } else {
      set.insert(member.octets, hash: SortedModel.hash(member), score: score)
    }
    let item = Item(score: score, member: member)
    items.insert(item, at: index(of: item))
    scores[member] = score
  }

  /// ZREM; true if both agree.
  func remove(_ member: [UInt8]) -> Bool {
    let removed = set.remove(member.octets, hash: SortedModel.hash(member))
    guard let score = scores.removeValue(forKey: member) else { return !removed }
    items.remove(at: index(of: Item(score: score, member: member)))
    return removed
  }

  /// ZREMRANGEBYRANK; true if the visitor got what the model removed.
  func remove(_ ranks: Range<Int>) -> Bool {
    var visited: [Item] = []
    set.removeRange(ranks) { visited.append(Item(score: $1, member: $0.copied)) }
    let inside = ranks.clamped(to: items.indices)
    for item in items[inside] { scores[item.member] = nil }
    let expected = Array(items[inside])
    items.removeSubrange(inside)
    return visited == expected
  }

  /// All elements in order, forwards.
  var forwards: [Item] { read(from: 0, isReversed: false) }

  /// All elements in order, backwards.
  var backwards: [Item] { read(from: set.count - 1, isReversed: true) }

  private func read(from rank: Int, isReversed: Bool) -> [Item] {
    var cursor = SortedSetCursor(set, from: rank, count: set.count, isReversed: isReversed)
    var result: [Item] = []
    while let element = cursor?.next() {
      result.append(Item(score: element.score, member: element.member.copied))
    }
    return result
  }
}

extension [UInt8] {
  /// The digits of a number as a member.
  static func member(_ number: Int) -> [UInt8] { Array("m\(number)".utf8) }
}
