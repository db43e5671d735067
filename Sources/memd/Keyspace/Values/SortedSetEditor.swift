// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Changes the sorted set of one key; for one handler, in which nothing else changes the keyspace.
struct SortedSetEditor {
  /// What becomes of a member that is to be added.
  enum Outcome {
    case added, updated
    /// The member has that score already.
    case same
    /// The conditions forbid it.
    case refused
    /// The sum is not a number.
    case notANumber
  }

  /// The set's entry, which moves while it is edited.
  private(set) var entry: WritableEntry
  private let hash: UInt64
  private let database: BorrowedDatabase
  /// The score of the member that `add` was called for last.
  private(set) var score = 0.0

  /// - Parameter hash: the hash of the entry's key.
  init(_ entry: WritableEntry, hash: UInt64, in database: Database) {
    self.entry = entry
    self.hash = hash
    self.database = BorrowedDatabase(database)
  }

  /// The set as it is now.
  var value: SortedSetValue { SortedSetValue(entry) }

  /// The large form, to be changed.
  @inline(__always)
  private var large: WritableBox<SortedSet> { entry.box(of: SortedSet.self) }

  // MARK: - Adding

  /// Adds a member or gives it another score, as far as `conditions` allow; `score` tells the
  /// result. A score is never NaN.
  ///
  /// - Parameter memberHash: the hash of the member, 0 if nobody has computed it.
  @inline(__always)
  mutating func add(
    _ member: RawSpan, memberHash: UInt64 = 0, _ score: Double, _ conditions: AddConditions
  ) -> Outcome {
    value.isLarge
      ? addLarge(member, memberHash, score, conditions) : addPacked(member, score, conditions)
  }

  private mutating func addLarge(
    _ member: RawSpan, _ hash: UInt64, _ score: Double, _ conditions: AddConditions
  ) -> Outcome {
    let set = large
    let hash = hash == 0 ? SipHash13.hash(member, database.seed) : hash
    guard let element = set.pointee.find(member, hash: hash) else {
      if conditions.contains(.onlyPresent) { return .refused }
      set.pointee.insert(member, hash: hash, score: score)
      self.score = score
      return .added
    }
    let old = element.score
    let outcome = decide(old, score, conditions)
    if outcome == .updated { set.pointee.update(element, to: self.score) }
    return outcome
  }

  private mutating func addPacked(
    _ member: RawSpan, _ score: Double, _ conditions: AddConditions
  ) -> Outcome {
    let packed = value.packed
    guard let position = packed.find(member) else {
      if conditions.contains(.onlyPresent) { return .refused }
      if fits(member, packed) {
        insert(member, score, at: packed.place(of: member, score))
      } else {
        enlarge()
        let hash = SipHash13.hash(member, database.seed)
        large.pointee.insert(member, hash: hash, score: score)
      }
      self.score = score
      return .added
    }
    let outcome = decide(packed.score(at: position), score, conditions)
    if outcome == .updated { move(member, at: position, packed) }
    return outcome
  }

  /// What becomes of a member that is there with the score `old`; sets `score`.
  private mutating func decide(
    _ old: Double, _ new: Double, _ conditions: AddConditions
  ) -> Outcome {
    if conditions.contains(.onlyAbsent) { return .refused }
    var new = new
    if conditions.contains(.increment) {
      new += old
      if new.isNaN { return .notANumber }
    }
    if conditions.contains(.onlyGreater), new <= old { return .refused }
    if conditions.contains(.onlyLess), new >= old { return .refused }
    score = new
    return new == old ? .same : .updated
  }

  // MARK: - The packed form

  /// True if a packed set may have one more member, which is this one.
  private func fits(_ member: RawSpan, _ packed: PackedSortedSet) -> Bool {
    let (count, added) = (packed.count, member.byteCount)
    let byteCount = packed.listpack.byteCount
    return database.use {
      count < $0.limits.zsetMaxListpackEntries && added <= $0.limits.zsetMaxListpackValue
        && $0.limits.packs(byteCount, adding: added)
    }
  }

  private mutating func insert(_ member: RawSpan, _ score: Double, at position: Int) {
    var text = ScoreText()
    var bytes = PackedValue(entry, hash: hash, in: database)
    bytes.insert(member, text.writePacked(score), at: position)
    entry = bytes.entry
  }

  /// Gives the pair at `position` the score that was decided on.
  private mutating func move(_ member: RawSpan, at position: Int, _ packed: PackedSortedSet) {
    var bytes = PackedValue(entry, hash: hash, in: database)
    if packed.keepsPlace(position, member: member, score: score),
      let place = packed.listpack.next(position)
    {
      var text = ScoreText()
      bytes.replace(at: place, with: text.writePacked(score))
      entry = bytes.entry
    } else {
      bytes.remove(at: position, count: 2)
      entry = bytes.entry
      insert(member, score, at: value.packed.place(of: member, score))
    }
  }

  /// Turns the packed form into the large one.
  private mutating func enlarge() {
    let (entry, hash) = (entry, hash)
    let box = makeLarge(without: 0..<0)
    self.entry = database.use { $0.convert(entry, hash: hash, to: .skipList, word: box.word) }
  }

  /// A large set of the same members without those that have these ranks.
  private func makeLarge(without ranks: Range<Int>) -> WritableBox<SortedSet> {
    database.use { database in
      let seed = database.seed
      var set = SortedSet(allocator: database.allocator, seed: seed)
      for kept in [0..<ranks.lowerBound, ranks.upperBound..<value.count] {
        var walk = SortedSetWalk(value, from: kept.lowerBound, count: kept.count)
        while let member = walk.next() {
          var scratch = DecimalScratch()
          let text = member.text(&scratch)
          set.append(text, hash: SipHash13.hash(text, seed), score: member.score)
        }
      }
      return WritableBox(set, allocator: database.allocator)
    }
  }

  // MARK: - Removing

  /// Removes a member; false if it is absent.
  ///
  /// - Parameter memberHash: the hash of the member, 0 if nobody has computed it.
  mutating func remove(_ member: RawSpan, memberHash: UInt64 = 0) -> Bool {
    if value.isLarge {
      let hash = memberHash == 0 ? SipHash13.hash(member, database.seed) : memberHash
      return large.pointee.remove(member, hash: hash)
    }
    guard let position = value.packed.find(member) else { return false }
    var bytes = PackedValue(entry, hash: hash, in: database)
    bytes.remove(at: position, count: 2)
    entry = bytes.entry
    return true
  }

  /// Up to so many members it is not worth it to think of another way.
  private static let removedOneByOneMax = 1000

  /// Puts the few members that stay into a new set; the old one is freed in slices.
  private mutating func keepOnly(outside ranks: Range<Int>) {
    let old = large
    entry.valueWord = makeLarge(without: ranks).word
    database.use { $0.unlinked.discard(UnlinkedValue(old)) }
  }

  /// Removes the members with these ranks, which must exist.
  mutating func remove(_ ranks: Range<Int>) {
    if value.isLarge {
      let left = value.count - ranks.count
      // A leaderboard that is cut to its best hundred shouldn't pay for the other millions.
      if ranks.count > SortedSetEditor.removedOneByOneMax, left < ranks.count / 2 {
        return keepOnly(outside: ranks)
      }
      return large.pointee.removeRange(ranks)
    }
    guard let position = value.packed.position(rank: ranks.lowerBound) else { return }
    var bytes = PackedValue(entry, hash: hash, in: database)
    bytes.remove(at: position, count: ranks.count * 2)
    entry = bytes.entry
  }
}

/// What ZADD's options demand of a member.
struct AddConditions: OptionSet {
  let rawValue: UInt8

  /// NX
  static let onlyAbsent = AddConditions(rawValue: 1 << 0)
  /// XX
  static let onlyPresent = AddConditions(rawValue: 1 << 1)
  /// GT
  static let onlyGreater = AddConditions(rawValue: 1 << 2)
  /// LT
  static let onlyLess = AddConditions(rawValue: 1 << 3)
  /// INCR: the score is added to the old one.
  static let increment = AddConditions(rawValue: 1 << 4)
}
