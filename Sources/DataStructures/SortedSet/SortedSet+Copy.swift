// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// A copy that shares nothing, in another allocator or the same; its nodes are full.
  ///
  /// - Complexity: O(n).
  public func copy(in allocator: Allocator, seed: HashSeed) -> SortedSet {
    var result = SortedSet(allocator: allocator, seed: seed)
    forEach { element in
      result.append(element.member, hash: element.hash(seed), score: element.score)
    }
    return result
  }

  /// Adds an absent member that belongs behind all others, without a search.
  ///
  /// - Complexity: O(1).
  @discardableResult
  public mutating func append(
    _ member: RawSpan, hash: UInt64, score: Double
  ) -> SortedSetElement {
    guard let tail, tail.score(tail.count - 1) == score else {
      return insert(member, hash: hash, score: score)
    }
    let element = SortedSetElement(member, score: score, in: allocator)
    unsafe blockBytes &+= allocator.allocatedSize(of: element.byteCount, at: element.block)
    table.insert(element, hash: hash)
    tail.adjustCounts(by: 1)
    place(element, score, in: tail, at: tail.count)
    return element
  }
}
