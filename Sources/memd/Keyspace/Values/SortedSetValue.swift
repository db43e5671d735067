// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A view on an entry that holds a sorted set, packed or large.
///
/// Ranges are spoken of in ranks: a bound becomes the number of members before it, and a
/// `SortedSetWalk` goes from a rank on. So ranges by score, alphabet and rank are one thing.
struct SortedSetValue: CollectionValue {
  let entry: Entry

  init(_ entry: Entry) { self.entry = entry }

  /// True for the large form.
  @inline(__always)
  var isLarge: Bool {
    entry.header.encoding == Entry.CollectionEncoding.skipList.rawValue
  }

  /// The large form.
  @inline(__always)
  var large: Boxed<SortedSet> { entry.box(of: SortedSet.self) }

  /// The packed form.
  @inline(__always)
  var packed: PackedSortedSet { PackedSortedSet(entry.listpack) }

  /// Number of members.
  var count: Int { isLarge ? large.pointee.count : packed.count }

  /// Whether all members have the same score, so that they stand in the order of the alphabet.
  var hasEqualScores: Bool {
    var first = SortedSetWalk(self, from: 0, count: min(1, count))
    var last = SortedSetWalk(self, from: max(0, count - 1), count: min(1, count))
    return first.next()?.score == last.next()?.score
  }

  // MARK: - Members

  /// The score of a member; `seed` is the database's.
  @inline(__always)
  func score(of member: RawSpan, hash: UInt64 = 0, seed: HashSeed) -> Double? {
    if isLarge {
      let hash = hash == 0 ? SipHash13.hash(member, seed) : hash
      return large.pointee.find(member, hash: hash)?.score
    }
    let packed = self.packed
    guard let position = packed.find(member) else { return nil }
    return packed.score(at: position)
  }

  /// A member's score and the number of members before it.
  @inline(__always)
  func place(
    of member: RawSpan, hash: UInt64 = 0, seed: HashSeed
  ) -> (rank: Int, score: Double)? {
    if isLarge {
      let set = large
      let hash = hash == 0 ? SipHash13.hash(member, seed) : hash
      guard let element = set.pointee.find(member, hash: hash) else { return nil }
      return (set.pointee.rank(of: element), element.score)
    }
    let packed = self.packed
    guard let position = packed.find(member) else { return nil }
    return (packed.rank(of: position), packed.score(at: position))
  }

  /// A member drawn at random, each with the same chance.
  func random(using generator: inout RandomGenerator) -> ScoredMember? {
    if isLarge { return large.pointee.random(using: &generator).map { ScoredMember($0) } }
    let packed = self.packed
    let count = packed.count
    guard count > 0, let position = packed.position(rank: generator.next(below: count)) else {
      return nil
    }
    return ScoredMember(packed, at: position)
  }

  // MARK: - Ranges

  /// Number of members with a score below `score`, or not above it if `inclusive`.
  func countBelow(_ score: Double, inclusive: Bool) -> Int {
    isLarge
      ? large.pointee.lowerBound(score: score, exclusive: inclusive)
      : packed.countBelow(score, inclusive: inclusive)
  }

  /// Number of members of a large set that sort before `bound`, or also `bound` if `inclusive`;
  /// meaningful if all scores are equal.
  func countBelow(_ bound: RawSpan, inclusive: Bool) -> Int {
    large.pointee.lowerBound(member: bound, exclusive: inclusive)
  }

  // MARK: - CollectionValue

  static func free(_ value: UnlinkedValue, budget: inout Int, _ allocator: Allocator) -> Bool {
    let set = value.box(of: SortedSet.self)
    guard set.pointee.drain(budget: &budget) else { return false }
    set.free(allocator)
    return true
  }

  func copiedWord(_ allocator: Allocator, seed: HashSeed) -> UInt64 {
    WritableBox(large.pointee.copy(in: allocator, seed: seed), allocator: allocator).word
  }

  func allocatedSize(_ allocator: Allocator, samples: Int) -> Int {
    large.allocatedSize(allocator) + large.pointee.allocatedSize
  }

  static func leaveSparseSlabs(
    of entry: WritableEntry, _ cursor: UInt64, _ allocator: Allocator,
    visit: (_ hasMoved: Bool) -> Void
  ) -> UInt64 {
    entry.box(of: SortedSet.self).pointee.leaveSparseSlabs(cursor, visit: visit)
  }

  func mix(into digest: inout DatasetDigest) {
    var walk = SortedSetWalk(self, from: 0, count: count)
    while let member = walk.next() {
      var one = DatasetDigest()
      var scratch = DecimalScratch()
      one.mix(member.text(&scratch))
      var text = ScoreText()
      one.mix(text.write(member.score))
      digest.add(one)
    }
  }
}

extension UnlinkedValue {
  /// A sorted set that belongs to no key.
  init(_ set: WritableBox<SortedSet>) {
    self.init(
      type: .sortedSet, encoding: Entry.CollectionEncoding.skipList.rawValue, word: set.word)
  }
}
