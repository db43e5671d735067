// SPDX-License-Identifier: Apache-2.0

extension HashTable {
  /// An element, each with the same probability; nil if the table is empty.
  ///
  /// A bucket and a position in its chain are drawn until there is an element at that position.
  /// As positions are drawn up to a bound on the longest chain, full and nearly empty buckets'
  /// elements have the same chance.
  ///
  /// - Complexity: O(1) expected: about four draws.
  @inlinable
  public func random(using generator: inout RandomGenerator) -> Element? {
    guard elementCount != 0 else { return nil }
    var bucket = self.bucket(at: generator.next(below: buckets.count))
    while true {
      // The next candidate's line is loaded while this one is looked at.
      let next = self.bucket(at: generator.next(below: buckets.count))
      Prefetch.line(at: next.address)
      let position = generator.next(below: chainBound)
      if let element = HashTable.element(position, inChainOf: bucket) { return element }
      bucket = next
    }
  }

  /// The element at a position of a chain, nil if the chain is shorter.
  @inlinable
  static func element(_ position: Int, inChainOf head: Bucket) -> Element? {
    var bucket = head
    var slot = position
    while true {
      let header = bucket.header
      if slot < Bucket.usedCount(header) { return Element(word: bucket[slot]) }
      guard header & Bucket.isChained != 0 else { return nil }
      slot &-= Bucket.slotCount &- 1
      bucket = bucket.child
    }
  }
}
