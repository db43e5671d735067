// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Sorted sets: members and scores one by one, the scores as text or in binary, or packed.

extension RDBReader {
  /// Reads a sorted set.
  func sortedSet(
    _ kind: RDBFormat.ValueKind, key: RawSpan, hasDeadline: Bool, _ database: Database,
    _ scratch: inout ByteBuffer
  ) throws(RDBError) -> ValueOutcome {
    // In a block from the start: it is too large to be handed around by value.
    let set = WritableBox(
      SortedSet(allocator: database.allocator, seed: database.seed),
      allocator: database.allocator)
    var batch = SortedSetBatch()
    do throws(RDBError) {
      switch kind {
      case .sortedSetZiplist: try addZiplist(to: &batch, database.seed, &scratch)
      case .sortedSetListpack: try addListpack(to: &batch, database.seed, &scratch)
      default:
        for _ in 0..<(try length()) {
          try string(into: &scratch)
          let score = kind == .sortedSet ? try double() : try scoreText()
          try add(scratch.bytes, score, to: &batch, database.seed)
          if batch.count == SortedSetBatch.countMax { try store(&batch, in: set) }
        }
      }
      try store(&batch, in: set)
    } catch {
      set.discard(database.allocator)
      throw error
    }
    if set.pointee.count == 0 {
      set.discard(database.allocator)
      return .empty
    }
    return .entry(
      DetachedEntry.makeSortedSet(key: key, set, hasDeadline: hasDeadline, in: database))
  }

  private func add(
    _ member: RawSpan, _ score: Double, to batch: inout SortedSetBatch, _ seed: HashSeed
  ) throws(RDBError) {
    try checkTextLength(member.byteCount)
    if score.isNaN { throw malformed("score") }
    batch.append(member, hash: SipHash13.hash(member, seed), score: score)
  }

  private func store(
    _ batch: inout SortedSetBatch, in set: WritableBox<SortedSet>
  ) throws(RDBError) {
    guard set.pointee.insert(&batch) else { throw duplicate("zset fields") }
  }

  /// A score as text behind its length; lengths from 253 on stand for what is no number.
  private func scoreText() throws(RDBError) -> Double {
    let count = try byte()
    switch count {
    case 253: return .nan
    case 254: return .infinity
    case 255: return -.infinity
    default:
      var text = ByteBuffer()
      try bytes(Int(count), to: &text)
      guard let score = DoubleText.parse(text.bytes) else { throw malformed("score") }
      return score
    }
  }

  private func addZiplist(
    to batch: inout SortedSetBatch, _ seed: HashSeed, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    var member = ByteBuffer()
    var isMember = true
    try ziplist(&scratch) { text throws(RDBError) in
      if isMember {
        member.removeAll()
        member.append(text)
      } else {
        guard let score = DoubleText.parse(text) else { throw malformed("score") }
        try add(member.bytes, score, to: &batch, seed)
      }
      isMember.toggle()
    }
    if !isMember { throw broken("ziplist") }
  }

  private func addListpack(
    to batch: inout SortedSetBatch, _ seed: HashSeed, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    try string(into: &scratch)
    let listpack = try listpack(scratch.bytes)
    guard listpack.count.isMultiple(of: 2) else { throw broken("listpack") }
    var memberScratch = DecimalScratch()
    var position = listpack.first
    while let current = position, let place = listpack.next(current) {
      let score: Double
      if let integer = listpack.integer(at: place) {
        score = Double(integer)
      } else if let number = DoubleText.parse(listpack.bytes(at: place)) {
        score = number
      } else {
        throw malformed("score")
      }
      try add(listpack.text(at: current, &memberScratch), score, to: &batch, seed)
      position = listpack.next(place)
    }
  }
}

extension DetachedEntry {
  /// Makes the entry of a sorted set with at least one member, packed if it is small enough.
  static func makeSortedSet(
    key: RawSpan, _ set: WritableBox<SortedSet>, hasDeadline: Bool, in database: Database
  ) -> DetachedEntry {
    let allocator = database.allocator
    guard let block = set.pointee.packed(database.limits, allocator) else {
      return make(
        key: key, type: .sortedSet, encoding: Entry.CollectionEncoding.skipList.rawValue,
        word: set.word, hasDeadline: hasDeadline,
        allocator: allocator)
    }
    let entry = make(
      key: key, type: .sortedSet, packed: block.listpack.allBytes, as: .packed,
      hasDeadline: hasDeadline, allocator: allocator)
    block.free()
    set.discard(allocator)
    return entry
  }
}

extension WritableBox where Value == SortedSet {
  /// Frees a set that belongs to nobody, with its members.
  fileprivate func discard(_ allocator: Allocator) {
    var budget = Int.max
    _ = pointee.drain(budget: &budget)
    free(allocator)
  }
}

extension SortedSet {
  /// Members and scores as a listpack; nil if it would be over the limits.
  fileprivate borrowing func packed(
    _ limits: EncodingLimits, _ allocator: Allocator
  ) -> ListpackBlock? {
    guard count <= limits.zsetMaxListpackEntries else { return nil }
    var block = ListpackBlock(allocator: allocator)
    var isSmall = true
    forEach { element in
      let member = element.member
      isSmall =
        isSmall && member.byteCount <= limits.zsetMaxListpackValue
        && limits.packs(block.listpack.byteCount, adding: member.byteCount)
      var text = ScoreText()
      if isSmall { block.append(member, text.writePacked(element.score)) }
    }
    if isSmall { return block }
    block.free()
    return nil
  }
}

extension RDBWriter {
  /// Appends a sorted set.
  func sortedSet(_ value: SortedSetValue) {
    guard value.isLarge else { return string(value.entry.packedBytes) }
    length(value.count)
    value.large.pointee.forEach { element in
      string(element.member)
      double(element.score)
    }
  }
}
