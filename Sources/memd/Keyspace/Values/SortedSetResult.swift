// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A sorted set that a command puts together, to be replied or stored.
final class SortedSetResult {
  /// In a block of its own, which becomes the key's value if the set is stored as it is.
  private let box: WritableBox<SortedSet>
  private var isStored = false
  private let allocator: Allocator
  private let unlinked: UnlinkedData
  private let seed: HashSeed
  /// Length of the longest member.
  private var longestMember = 0
  /// Length of all members.
  private var memberBytes = 0

  init(_ database: Database) {
    allocator = database.allocator
    unlinked = database.unlinked
    seed = database.seed
    box = WritableBox(SortedSet(allocator: allocator, seed: seed), allocator: allocator)
  }

  // What nobody has taken is freed in slices, if there is much of it.
  deinit { if !isStored { unlinked.discard(UnlinkedValue(box)) } }

  private var set: SortedSet {
    _read { yield box.pointee }
    _modify { yield &box.pointee }
  }

  var count: Int { box.pointee.count }

  /// Adds a member, which must be absent.
  func insert(_ member: RawSpan, _ score: Double) {
    insert(member, hash: SipHash13.hash(member, seed), score)
  }

  /// Adds a member, which must be absent; `hash` is its hash.
  func insert(_ member: RawSpan, hash: UInt64, _ score: Double) {
    longestMember = max(longestMember, member.byteCount)
    memberBytes += member.byteCount
    set.insert(member, hash: hash, score: score)
  }

  /// Adds a member or, if it is there, combines both scores.
  func merge(_ member: RawSpan, _ score: Double, _ aggregate: Aggregate) {
    let hash = SipHash13.hash(member, seed)
    guard let element = set.find(member, hash: hash) else {
      return insert(member, hash: hash, score)
    }
    let sum = aggregate.combine(element.score, score)
    if sum != element.score { set.update(element, to: sum) }
  }

  /// True if the member has been added.
  func contains(_ member: RawSpan) -> Bool {
    set.find(member, hash: SipHash13.hash(member, seed)) != nil
  }

  /// Visits the members in order.
  func forEach(_ visit: (SortedSetElement) -> Void) { set.forEach(visit) }

  /// Stores the set under a key, whatever was there; nothing may be stored of an empty set.
  ///
  /// - Returns: the number of members.
  func store(_ key: Key, in database: Database) -> Int {
    let count = self.count
    assert(count > 0)
    let limits = database.limits
    if count <= limits.zsetMaxListpackEntries, longestMember <= limits.zsetMaxListpackValue,
      limits.packs(memberBytes, adding: count * 40)
    {
      storePacked(key, in: database)
    } else {
      isStored = true
      database.overwrite(
        key,
        with: DetachedEntry.make(
          key: key.bytes, type: .sortedSet,
          encoding: Entry.CollectionEncoding.skipList.rawValue, word: box.word,
          hasDeadline: false, allocator: allocator))
    }
    return count
  }

  private func storePacked(_ key: Key, in database: Database) {
    var block = ListpackBlock(allocator: allocator)
    set.forEach { element in
      var text = ScoreText()
      block.append(element.member, text.writePacked(element.score))
    }
    let entry = DetachedEntry.make(
      key: key.bytes, type: .sortedSet, packed: block.listpack.allBytes, as: .packed,
      hasDeadline: false, allocator: allocator)
    block.free()
    database.overwrite(key, with: entry)
  }
}

/// How the scores of a member in several inputs become one (AGGREGATE).
enum Aggregate {
  case sum, minimum, maximum
  /// Scores don't matter: the weights of the inputs that have the member are added.
  case count

  /// What an input with this weight contributes for a member with this score; may be NaN.
  @inline(__always)
  func contribution(_ score: Double, weight: Double) -> Double {
    self == .count ? weight : score * weight
  }

  /// Both contributions as one.
  @inline(__always)
  func combine(_ left: Double, _ right: Double) -> Double {
    switch self {
    case .sum, .count:
      let sum = left + right
      // Opposite infinities cancel out.
      return sum.isNaN ? 0 : sum
    // NaN, which is zero times infinity, loses every comparison.
    case .minimum: return right < left ? right : left
    case .maximum: return right > left ? right : left
    }
  }
}
