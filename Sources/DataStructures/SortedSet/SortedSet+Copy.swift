// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// A copy that shares nothing, in another allocator or the same; its leaves are full.
  ///
  /// - Complexity: that of n times `append`.
  public func copy(in allocator: Allocator, seed: HashSeed) -> SortedSet {
    var result = SortedSet(allocator: allocator, seed: seed)
    forEach { element in
      result.append(element.member, hash: element.hash(seed), score: element.score)
    }
    return result
  }
}
