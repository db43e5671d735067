// SPDX-License-Identifier: Apache-2.0

// Sorted sets: members with scores, found by member and by order.
//
// Members live in leaves, blocks of up to 64 members in order of (score, member bytes) that hold
// scores, hashes and bytes and refer to nothing outside. An index leads from a member's hash to
// its place (the number of its leaf and a slot there), and a directory from the number to the leaf.
//
//   index                  directory                      leaves
//   +----------------+     +---------------------+        +------------------------------+
//   | 12 tags        |     | address, shape of 0 |------> | header, order, scores,       |
//   | 12 x leaf,slot |---> | address, shape of 1 |---+    | hashes, member bytes         |
//   +----------------+     +---------------------+   |    +------------------------------+
//                                                    +--> ...
//
// Above the leaves stands an unrolled skip list. A node is an array of up to 64 links to nodes of
// the level below, or to leaves. Each link carries the first score behind it, the first bytes of
// its member and the number of members behind it. So one node answers what a classic skip list asks
// of a dozen, and a rank is the sum of the counts that the way passes by.
//
//   level 2    [ a        d        g ]                                     <- top
//                |        |        |
//   level 1    [ a b c ]<>[ d e f ]<>[ g h ]
//                | | |      | | |      | |
//   leaves     [..]<>[..]<>[..]<>[..]<>[..]<>[..]<>[..]<>[..]               <> next and previous
//
// Towers are not drawn by lot. Promotion is deterministic, as in the array form of the skip lists
// of Munro, Papadakis and Sedgewick (1992): each node has one link in the level above, and the gap
// between two promoted ones is the array. (As they say themselves, that is a B-tree seen from
// its side.)
//
// Leaves have blocks of variable size: room for a few members more than there are. So a full leaf
// simply splits in half, and half-full leaves cost little. What grows at an end of the list leaves
// full leaves. A leaf that became sparse joins a neighbor.
//
// What a newcomer gets wrong: a leaf is allocated anew when it grows, so whoever holds a `Leaf`
// looks it up again after `makeRoom`; and the key of a link is always that of the first member
// behind it, so whoever changes a leaf's first member must call `updateKey`.

/// Members ordered by score and bytes, with ranks.
///
/// Scores are never NaN; 0.0 and -0.0 are equal. Functions with a `hash` want the member's hash
/// under the set's seed. Positions and elements are valid until the set changes next.
///
/// - Complexity: finding by member is O(1), what concerns order O(log n). About 38 bytes per member
///   of 16 bytes with integers as scores, 41 with arbitrary ones.
@safe
public struct SortedSet: ~Copyable {
  /// Where leaves and nodes live.
  public let allocator: Allocator
  /// The secret that members are hashed with.
  public let seed: HashSeed
  /// From members to their places.
  var index: MemberIndex
  /// From the numbers of leaves to the leaves.
  var directory: LeafDirectory
  /// The only node of the highest level; nil if there is at most one leaf.
  var top: LinkNode?
  /// The number of the first leaf.
  var head: UInt32
  /// The number of the last leaf.
  var tail: UInt32
  /// Bytes that leaves, nodes and long members occupy.
  var blockBytes: Int

  /// An empty set, which owns no memory; `seed` is the secret that members are hashed with.
  public init(allocator: Allocator, seed: HashSeed) {
    self.allocator = allocator
    self.seed = seed
    index = MemberIndex(allocator: allocator)
    directory = LeafDirectory(allocator: allocator)
    top = nil
    head = Leaf.none
    tail = Leaf.none
    blockBytes = 0
  }

  // Gives everything back at once; large sets are drained in slices before.
  deinit { release() }
}

// MARK: - Figures

extension SortedSet {
  /// Number of members.
  public var count: Int { index.count }

  /// Whether there is no member.
  public var isEmpty: Bool { index.count == 0 }

  /// Bytes that the members, the list and the index occupy.
  ///
  /// - Complexity: O(1).
  public var allocatedSize: Int { blockBytes &+ index.byteCount &+ directory.byteCount }

  /// Number of levels of the list, leaves included; 0 if it is empty.
  public var levelCount: Int { isEmpty ? 0 : (top?.level ?? 0) + 1 }

  /// Shape of the index, for DEBUG HTSTATS-KEY.
  public func tableStatistics() -> HashTableStatistics {
    var result = HashTableStatistics()
    for number in 0..<index.buckets.count {
      var length = 0
      index.forEach(inChainOf: index.bucket(at: number)) { _ in length += 1 }
      result.add(chainOf: length)
    }
    return result
  }
}

// MARK: - Finding

extension SortedSet {
  /// The element of a member.
  ///
  /// - Complexity: O(1).
  @inline(__always)
  public func find(_ member: RawSpan, hash: UInt64) -> SortedSetElement? {
    guard index.count > 0 else { return nil }
    let bucket = index.bucket(hash)
    // Nearly always the first member with the tag is the one.
    var matches = bucket.matches(IndexBucket.tag(hash))
    if let slot = matches.next() {
      let reference = bucket[slot]
      let word = directory[reference.leaf]
      if word.hasShortMembers(member.byteCount) {
        // What the caller will read is loaded beside what is compared.
        Prefetch.line(at: word.address)
        Prefetch.line(at: word.scoreAddress(reference.slot))
        if word.holds(member, in: reference.slot) {
          return SortedSetElement(address: word.address, slot: reference.slot)
        }
      }
    }
    return search(bucket, member, IndexBucket.tag(hash))
  }

  /// Looks at all members of a chain that have the tag.
  @inline(never)
  private func search(_ head: IndexBucket, _ member: RawSpan, _ tag: UInt8) -> SortedSetElement? {
    let code = MemberCode(memberByteCount: member.byteCount)
    var bucket = head
    while true {
      var matches = bucket.matches(tag)
      while let slot = matches.next() {
        let element = element(bucket[slot])
        prefetch(bucket[slot])
        if element.leaf.holds(member, code, in: element.slot) { return element }
      }
      guard let child = bucket.child else { return nil }
      bucket = child
    }
  }

  /// First pass of a batch of look-ups: starts loading the bucket.
  @discardableResult
  public func prefetchBucket(_ hash: UInt64) -> BucketHint {
    BucketHint(address: index.prefetch(hash))
  }

  /// Second pass of a batch of look-ups: starts loading what `find` reads of the leaf.
  public func prefetchEntries(_ hash: UInt64) {
    guard index.count > 0 else { return }
    let bucket = index.bucket(hash)
    var matches = bucket.matches(IndexBucket.tag(hash))
    if matches.isEmpty, let child = bucket.child { return Prefetch.line(at: child.address) }
    while let slot = matches.next() { prefetch(bucket[slot]) }
  }

  /// Third pass, for members without a match so far: the same for the child bucket.
  public func prefetchChildEntries(_ hash: UInt64) {
    guard index.count > 0 else { return }
    let tag = IndexBucket.tag(hash)
    let bucket = index.bucket(hash)
    guard let child = bucket.child, bucket.matches(tag).isEmpty else { return }
    var matches = child.matches(tag)
    while let slot = matches.next() { prefetch(child[slot]) }
  }

  /// Starts loading header, score and bytes of a member.
  @inline(__always)
  func prefetch(_ reference: MemberReference) {
    let word = directory[reference.leaf]
    Prefetch.line(at: word.address)
    Prefetch.line(at: word.scoreAddress(reference.slot))
    Prefetch.line(at: word.memberAddress(reference.slot))
  }

  /// The element at a place.
  @inline(__always)
  func element(_ reference: MemberReference) -> SortedSetElement {
    SortedSetElement(address: directory[reference.leaf].address, slot: reference.slot)
  }

  /// A member drawn at random, each with the same probability; nil if the set is empty.
  ///
  /// - Complexity: O(log n).
  public func random(using generator: inout RandomGenerator) -> SortedSetElement? {
    guard count > 0 else { return nil }
    return position(rank: generator.next(below: count)).map { element(at: $0) }
  }

  /// One step of a scan in no particular order: an element that is in the set during the whole scan
  /// is visited at least once, one that comes or goes meanwhile may be.
  ///
  /// A scan starts with cursor 0 and is complete when 0 is returned. Any cursor is accepted.
  /// `visit` must not change the set.
  ///
  /// - Complexity: O(1): 9 to 18 members on average.
  public func scan(_ cursor: UInt64, visit: (SortedSetElement) -> Void) -> UInt64 {
    let next = index.scan(cursor) { visit(element($0)) }
    if next != 0 { index.forEach(inChainOf: index.bucket(at: Int(next))) { prefetch($0) } }
    return next
  }
}
