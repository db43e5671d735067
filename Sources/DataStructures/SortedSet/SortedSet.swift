// SPDX-License-Identifier: Apache-2.0

// Sorted sets: members with scores, found by member and by order.
//
// A hash table leads from the member to its element, and a skip list keeps the elements in order of
// (score, member bytes). The skip list is unrolled: a node of the bottom level is a sorted
// array of up to 64 elements, and a node of the levels above is an array of up to 64 links to nodes
// of the level below. Each link carries the first score behind it and the number of elements behind
// it. So one node answers what a classic skip list asks of a dozen, and a rank is the sum of
// the counts that the way passes by.
//
//   level 2    [ a        d        g ]                                     <- top
//                |        |        |
//   level 1    [ a b c ]<>[ d e f ]<>[ g h ]
//                | | |      | | |      | |
//   level 0    [..]<>[..]<>[..]<>[..]<>[..]<>[..]<>[..]<>[..]               <> next and previous
//
// Towers are not drawn by lot. Promotion is deterministic, as in the array form of the skip lists
// of Munro, Papadakis and Sedgewick (1992): each node has one link in the level above, and the gap
// between two promoted ones is the array. (As they say themselves, that is a B-tree seen from
// its side.) Searches go right within a node and then down; what moves sideways goes through
// the neighbours: a full node first gives entries to the one behind or before it, and only when
// both are full, two nodes become three. That keeps random insertions at four fifths full, while
// nodes that grow at an end of the list are left full. A node that became sparse joins a neighbour.
//
// What a newcomer gets wrong: the key of a link (score and word) is always that of the first
// element behind it. Whoever changes a node's first entry must call `updateKey`, since the word in
// a key is followed when scores tie, and it must not lead to a freed element.

/// Members ordered by score and bytes, with ranks.
///
/// Scores are never NaN; 0.0 and -0.0 are equal. Functions with a `hash` want the member's hash
/// under the set's seed. Positions and elements are valid until the set changes next.
///
/// - Complexity: finding by member is O(1), what concerns order O(log n). About 60 bytes per member
///   of 16 bytes.
@safe
public struct SortedSet: ~Copyable {
  /// Where elements and nodes live.
  public let allocator: Allocator
  /// From members to elements.
  @usableFromInline var table: HashTable<SortedSetElement>
  /// The only node of the highest level; nil if the set is empty.
  @usableFromInline var top: SkipNode?
  /// The first node of the bottom level.
  @usableFromInline var head: SkipNode?
  /// The last node of the bottom level.
  @usableFromInline var tail: SkipNode?
  /// Bytes that elements and nodes occupy.
  @usableFromInline var blockBytes: Int

  /// An empty set, which owns no memory; `seed` is the secret that members are hashed with.
  public init(allocator: Allocator, seed: HashSeed) {
    self.allocator = allocator
    table = HashTable(allocator: allocator, seed: seed)
    top = nil
    head = nil
    tail = nil
    blockBytes = 0
  }

  // Gives everything back at once; large sets are drained in slices before.
  deinit { release() }
}

// MARK: - Figures

extension SortedSet {
  /// Number of members.
  @inlinable public var count: Int { table.count }

  /// Whether there is no member.
  @inlinable public var isEmpty: Bool { table.count == 0 }

  /// The secret that members are hashed with.
  @inlinable public var seed: HashSeed { table.seed }

  /// Bytes that the members, the list and the table occupy.
  ///
  /// - Complexity: O(1).
  @inlinable public var allocatedSize: Int { blockBytes &+ table.bucketBytes }

  /// Number of levels of the list; 0 if it is empty.
  public var levelCount: Int { top.map { $0.level + 1 } ?? 0 }
}

// MARK: - Finding

extension SortedSet {
  /// The element of a member.
  ///
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func find(_ member: RawSpan, hash: UInt64) -> SortedSetElement? {
    table.find(member, hash: hash)
  }

  /// First pass of a batch of look-ups: starts loading the bucket.
  @inlinable @inline(__always) @discardableResult
  public func prefetchBucket(_ hash: UInt64) -> BucketHint { table.prefetchBucket(hash) }

  /// Second pass of a batch of look-ups: starts loading the element.
  @inlinable @inline(__always)
  public func prefetchEntries(_ hash: UInt64) {
    HashTable<SortedSetElement>.prefetchEntries(hash, in: table.prefetchBucket(hash))
  }

  /// A member drawn at random, each with the same probability; nil if the set is empty.
  @inlinable
  public func random(using generator: inout RandomGenerator) -> SortedSetElement? {
    table.random(using: &generator)
  }

  /// One step of a scan in no particular order, with the guarantees of the table's `scan`.
  @inlinable
  public func scan(_ cursor: UInt64, visit: (SortedSetElement) -> Void) -> UInt64 {
    table.scan(cursor, visit: visit)
  }

  /// Shape of the table, for DEBUG HTSTATS-KEY.
  public func tableStatistics() -> HashTableStatistics { table.statistics() }
}
