// SPDX-License-Identifier: Apache-2.0

// The table of keys, and of the members of big hashes, sets and sorted sets.
//
// It grows by linear hashing (Litwin, 1980): one bucket is split for every 6.75 elements that come
// and merged for every 6.75 that go (5.75 where references have seven bytes). That is all the
// rehashing there is: no second table, no pause, memory in proportion to the elements, and an
// element has one place at any time.
//
// With B buckets and the level L such that 2^L <= B < 2^(L+1), an element's bucket has the number
// `hash & (2^(L+1) - 1)`, without the highest of those bits if there is no such bucket yet:
//
//      0            B - 2^L            2^L              B             2^(L+1)
//      +---------------+----------------+---------------+ - - - - - - - +
//      | already split |  not yet split | their halves  |  to come      |
//      +---------------+----------------+---------------+ - - - - - - - +
//
// Buckets live in segments, segment s with the buckets 2^s ..< 2^(s+1) (segment 0 has bucket 0,
// too), so that growing adds memory and copies nothing but, once, bucket 0. A full bucket gets a
// child. Compaction moves small segments, and children.
//
// A bucket keeps six bytes per element, an address; seven for elements that keep something beside
// it. The width is a constant of the element's type, so that nothing of it is left to decide where
// the table is specialised. `Bucket.swift` has the drawing.
//
// What a newcomer gets wrong: the table owns its buckets but not the elements' entries; whoever
// drops a table drains it first. And a `Location` dies with the next insertion or removal.

/// A hash table of words with incremental growth, SCAN cursors and fair sampling.
///
/// - Complexity: look-up, insertion and removal are O(1); each touches one bucket, or two for about
///   a tenth of the elements, and the entry. Memory: about 11 bytes per element, 13 with references
///   of seven bytes.
@safe
public struct HashTable<Element: HashTableElement>: ~Copyable {
  /// Where an element is stored; valid until the next insertion or removal.
  @safe
  public struct Location {
    /// The bucket from which the element was found, the start of a chain.
    @usableFromInline let head: Bucket
    /// The slot of the element, in that bucket or one below.
    @usableFromInline let place: BucketPlace<Element>

    @inlinable @inline(__always)
    init(head: Bucket, place: BucketPlace<Element>) {
      self.head = head
      self.place = place
    }
  }

  @usableFromInline typealias Bucket = DataStructures.Bucket<Element>

  /// The buckets that are nobody's child.
  @usableFromInline var buckets: BucketArray
  /// The secret that the elements' keys are hashed with.
  public let seed: HashSeed
  /// Number of elements.
  @usableFromInline var elementCount: Int
  /// Number of child buckets.
  @usableFromInline var childCount: Int
  /// No chain has more elements than this; at least as many as a bucket has slots.
  @usableFromInline var chainBound: Int
  /// The longest chain that arose since the bucket count was last another power of two.
  @usableFromInline var chainBoundOfSweep: Int
  /// The last power of two that the bucket count was.
  @usableFromInline var sweepStart: Int
  /// Whether the table splits and merges buckets as its count changes.
  public var resizingEnabled: Bool
  /// Whether the table merges buckets as elements go.
  ///
  /// A walk from the first bucket to the last that must meet every element once stops merging for
  /// the time being: it would carry elements from buckets ahead to one behind. Splits may go on,
  /// since they only carry them ahead. Afterwards each removal merges a few.
  public var mergingEnabled: Bool

  /// An empty table, which has no bucket before the first insertion.
  @inlinable
  public init(allocator: Allocator, seed: HashSeed) {
    buckets = BucketArray(allocator: allocator)
    self.seed = seed
    elementCount = 0
    childCount = 0
    chainBound = Bucket.slotCount
    chainBoundOfSweep = Bucket.slotCount
    sweepStart = 1
    resizingEnabled = true
    mergingEnabled = true
  }

  @inlinable
  deinit {
    var remaining = childCount
    var index = 0
    while remaining > 0 && index < buckets.count {
      remaining &-= HashTable.freeChildren(of: bucket(at: index), to: buckets.allocator)
      index &+= 1
    }
  }
}

// MARK: - Buckets

extension HashTable {
  /// The bucket with a number below `bucketCount`.
  @inlinable @inline(__always)
  func bucket(at index: Int) -> Bucket { Bucket(at: buckets.address(of: index)) }

  /// The bucket where elements with this hash belong; there must be a bucket.
  @inlinable @inline(__always)
  func bucket(_ hash: UInt64) -> Bucket { bucket(at: buckets.index(hash)) }

  /// Four times the number of elements that so many buckets are meant for.
  @inlinable @inline(__always)
  static func quadrupleCapacity(_ bucketCount: Int) -> Int {
    bucketCount &* Bucket.quarterFill
  }
}

// MARK: - Figures

extension HashTable {
  /// Where the buckets' memory comes from.
  @inlinable public var allocator: Allocator { buckets.allocator }

  /// Number of elements.
  @inlinable public var count: Int { elementCount }

  /// Whether there is no element.
  @inlinable public var isEmpty: Bool { elementCount == 0 }

  /// Number of buckets without counting children; 0 before the first insertion.
  @inlinable public var bucketCount: Int { buckets.count }

  /// Number of buckets that hang below a full one.
  @inlinable public var childBucketCount: Int { childCount }

  /// The largest power of two not above the bucket count: 2^L in the drawing above.
  @inlinable public var levelBucketCount: Int {
    buckets.count == 0 ? 0 : Int(truncatingIfNeeded: buckets.mask &>> 1) &+ 1
  }

  /// Bytes of all buckets, children included.
  @inlinable public var bucketBytes: Int {
    (buckets.count + childCount) * Bucket.byteCount
  }
}
