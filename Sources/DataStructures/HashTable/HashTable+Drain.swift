// SPDX-License-Identifier: Apache-2.0

extension HashTable {
  /// Takes out up to about `limit` elements and hands them to `visit`; true when none is left.
  ///
  /// Empties the table in slices, bucket by bucket from the end, buckets' memory included. From the
  /// first call until one returns true nothing but `drain` and `count` may be used: the remaining
  /// elements are not where look-ups expect them. Afterwards the table is like a new one.
  ///
  /// - Complexity: O(limit); an empty bucket counts like an element.
  @inlinable
  public mutating func drain(upTo limit: Int, visit: (Element) -> Void) -> Bool {
    var budget = limit
    while buckets.count > 0 {
      guard budget > 0 else { return false }
      let head = bucket(at: buckets.count &- 1)
      budget &-= 1
      willChange(head)
      HashTable.forEach(inChainOf: head) { element in
        visit(element)
        elementCount &-= 1
        budget &-= 1
      }
      childCount &-= HashTable.freeChildren(of: head, to: buckets.allocator)
      buckets.removeLast()
    }
    assert(elementCount == 0 && childCount == 0)
    chainBound = Bucket.slotCount
    chainBoundOfSweep = Bucket.slotCount
    sweepStart = 1
    return true
  }

  /// Takes out all elements at once; their entries must have been freed or belong to others.
  @inlinable
  public mutating func removeAll() {
    assert(Element.bucketKind == nil, "elements that are gone can't be announced")
    _ = drain(upTo: .max) { _ in }
  }
}
