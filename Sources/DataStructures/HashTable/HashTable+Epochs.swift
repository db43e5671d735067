// SPDX-License-Identifier: Apache-2.0

/// A bucket with its children: the words of the elements. Valid until the table changes.
@safe
public struct BucketChain {
  /// Where the chain begins; buckets but the first stay where they are while the table grows.
  public let address: UInt
  /// Whether references have six bytes; else seven.
  @usableFromInline let isNarrow: Bool

  @inlinable
  init<Width>(_ head: Bucket<Width>) {
    address = head.address
    isNarrow = Width.referenceByteCount == 6
  }

  /// The epoch in which the chain was made or last announced.
  public var epoch: UInt8 {
    isNarrow ? Bucket<SixBytes>(at: address).epoch : Bucket<SevenBytes>(at: address).epoch
  }

  /// Visits the words of the elements.
  public func forEach(_ visit: (UInt64) -> Void) {
    if isNarrow {
      Bucket<SixBytes>(at: address).forEachInChain(visit)
    } else {
      Bucket<SevenBytes>(at: address).forEachInChain(visit)
    }
  }
}

extension Bucket {
  /// Visits the words of the elements here and below.
  @inlinable @inline(__always)
  func forEachInChain(_ visit: (UInt64) -> Void) {
    var bucket = self
    while true {
      let header = bucket.header
      for slot in 0..<Bucket.usedCount(header) { visit(bucket[slot]) }
      guard header & Bucket.isChained != 0 else { return }
      bucket = bucket.child
    }
  }
}

extension HashTable {
  /// Must be called before the elements of a chain change or leave it.
  @inlinable @inline(__always)
  func willChange(_ head: Bucket) {
    guard let kind = Element.bucketKind else { return }
    if head.epoch != buckets.allocator.epoch {
      HashTable.announce(head, kind, buckets.allocator)
    }
  }

  /// Whether the elements of a chain may change.
  @inlinable
  func isAnnounced(_ head: Bucket) -> Bool {
    Element.bucketKind == nil || head.epoch == buckets.allocator.epoch
  }

  // A function of the bucket alone: as a method it would get a copy of the whole table.
  @inlinable @inline(never)
  static func announce(_ head: Bucket, _ kind: BucketKind, _ allocator: Allocator) {
    head.epoch = allocator.announce(.bucket(kind, BucketChain(head)))
  }

  /// Must be called before the element at a place is changed in its own memory.
  @inlinable @inline(__always)
  public func willChange(at location: Location) { willChange(location.head) }

  /// The bucket with a number below `bucketCount`, with its children.
  @inlinable
  public func bucketChain(at index: Int) -> BucketChain { BucketChain(bucket(at: index)) }

  /// Starts loading a bucket.
  @inlinable @inline(__always)
  public func prefetchBucket(at index: Int) { Prefetch.line(at: buckets.address(of: index)) }

  /// Lets a bucket that a walk has taken carry the present number.
  @inlinable
  public func markTaken(_ chain: BucketChain) {
    Bucket(at: chain.address).epoch = buckets.allocator.epoch
  }

  /// Visits the buckets, each with its children.
  @inlinable
  public func forEachBucket(_ visit: (BucketChain) -> Void) {
    for index in 0..<buckets.count { visit(BucketChain(bucket(at: index))) }
  }
}
