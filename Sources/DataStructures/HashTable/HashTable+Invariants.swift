// SPDX-License-Identifier: Apache-2.0

/// Figures about the shape of a table, for DEBUG HTSTATS.
public struct HashTableStatistics: Sendable {
  /// Element counts of chains are told apart up to this one.
  public static var longestCounted: Int { 50 }

  /// Number of chains by their number of elements; the last counter is for all longer ones.
  public var chainsByLength: [Int]
  /// Number of elements in the longest chain.
  public var longestChain: Int

  /// Figures of a table without buckets.
  @usableFromInline
  init() {
    chainsByLength = [Int](repeating: 0, count: HashTableStatistics.longestCounted + 1)
    longestChain = 0
  }

  /// Counts one chain.
  @usableFromInline
  mutating func add(chainOf length: Int) {
    longestChain = max(longestChain, length)
    chainsByLength[min(length, HashTableStatistics.longestCounted)] += 1
  }
}

extension HashTable {
  /// Counts the chains by length.
  ///
  /// - Complexity: O(n); a command for debugging only.
  @inlinable
  public func statistics() -> HashTableStatistics {
    var result = HashTableStatistics()
    for index in 0..<buckets.count {
      var length = 0
      HashTable.forEach(inChainOf: bucket(at: index)) { _ in length += 1 }
      result.add(chainOf: length)
    }
    return result
  }

  /// Stops the process if the table contradicts its own rules; for tests.
  ///
  /// - Parameter mayBeOverfull: resizing was disabled for a while; catching up takes insertions.
  /// - Complexity: O(n).
  @inlinable
  public func checkInvariants(mayBeOverfull: Bool = false) {
    var elements = 0
    var children = 0
    for index in 0..<buckets.count {
      let head = bucket(at: index)
      var bucket = head
      var length = 0
      while true {
        let used = bucket.usedCount
        let isHead = bucket.address == head.address
        precondition(isHead == (bucket.epoch != 0), "chains have an epoch, children have none")
        check(bucket, ofChain: index)
        length += used
        guard bucket.isChained else { break }
        precondition(used == Bucket.slotCount - 1, "a bucket with a child has one slot for it")
        bucket = bucket.child
        children += 1
        precondition(bucket.usedCount >= 2, "a child has at least two elements")
      }
      precondition(length <= chainBound, "the bound on chains holds")
      elements += length
    }
    precondition(elements == elementCount, "count is the number of elements")
    precondition(children == childCount, "childBucketCount is the number of children")
    precondition(elementCount == 0 || buckets.count > 0, "elements need a bucket")
    precondition(chainBoundOfSweep <= chainBound, "the bounds are ordered")
    let level = levelBucketCount
    precondition(buckets.count == 0 || (level <= buckets.count && buckets.count < 2 * level))
    if resizingEnabled && !mayBeOverfull {
      precondition(
        4 * elementCount <= HashTable.quadrupleCapacity(buckets.count), "not overfull")
    }
  }

  /// Checks the tags of one bucket, and that its elements belong to chain `index`.
  @inlinable
  func check(_ bucket: Bucket, ofChain index: Int) {
    let header = bucket.header
    let used = Bucket.usedCount(header)
    for slot in 0..<Bucket.slotCount {
      let tag = Bucket.tag(header, slot)
      guard slot < used else {
        precondition(tag == 0, "unused slots have no tag and come last")
        continue
      }
      let hash = Element(word: bucket[slot]).hash(seed)
      precondition(tag == Bucket.tag(hash), "a tag is made of its element's hash")
      precondition(buckets.index(hash) == index, "each element is where look-ups expect it")
    }
  }
}
