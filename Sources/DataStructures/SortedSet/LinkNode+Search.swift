// SPDX-License-Identifier: Apache-2.0

/// What a link knows of the first member behind it: its score and its first eight bytes, as a
/// number that is ordered like them.
struct LinkKey {
  let score: Double
  let prefix: UInt64

  @inline(__always)
  init(_ score: Double, _ prefix: UInt64) {
    self.score = score
    self.prefix = prefix
  }

  /// The key of a member.
  @inline(__always)
  init(_ score: Double, _ member: RawSpan) { self.init(score, LinkKey.prefix(member)) }

  /// The key of the first member of a leaf.
  init(_ leaf: Leaf) {
    let slot = leaf.slot(at: 0)
    self.init(leaf.score(slot), leaf.member(slot))
  }

  /// The first eight bytes of a member, zeros behind a short one.
  @inline(__always)
  static func prefix(_ member: RawSpan) -> UInt64 {
    member.octets(at: 0, count: min(member.byteCount, 8)).byteSwapped
  }
}

extension LinkNode {
  /// Number of links with a score below `score`.
  ///
  /// No branch depends on a score. As free slots hold infinity, nothing asks for the count.
  @inline(__always)
  func countBelow(_ score: Double) -> Int {
    let scores = unsafe scores
    // The last score of each eight first, then those before it.
    var start = 0
    if capacity == LinkNode.slotMax {
      for line in 0..<7 where unsafe scores[line &* 8 &+ 7] < score { start &+= 8 }
    } else {
      for line in 0..<(capacity &>> 3 &- 1) where unsafe scores[line &* 8 &+ 7] < score {
        start &+= 8
      }
    }
    let rest = unsafe scores + start
    var result = start
    for slot in 0..<8 where unsafe rest[slot] < score { result &+= 1 }
    return result
  }

  /// Number of links whose first member is before `member` with `score`, or is it.
  @inline(__always)
  func countUpTo(_ score: Double, _ member: RawSpan) -> Int {
    let start = countBelow(score)
    guard start < count, unsafe scores[start] == score else { return start }
    return countUpTo(member, from: start)
  }

  /// As `countUpTo`; the links from `start` on are the first with the same score.
  @inline(never)
  private func countUpTo(_ member: RawSpan, from start: Int) -> Int {
    let score = unsafe scores[start]
    let prefix = LinkKey.prefix(member)
    var low = start
    var end = score == .infinity ? count : countBelow(score.nextUp)
    while low < end {
      let middle = (low &+ end) &>> 1
      let other = unsafe prefixes[middle]
      let isBefore = prefix == other ? member.precedes(firstMember(middle)) : prefix < other
      if isBefore { end = middle } else { low = middle &+ 1 }
    }
    return low
  }

  /// Number of links whose first member is before `bound` (or is it, if `inclusive`), scores aside.
  func countBelow(_ bound: RawSpan, inclusive: Bool) -> Int {
    let prefix = LinkKey.prefix(bound)
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) &>> 1
      let other = unsafe prefixes[middle]
      let isBelow: Bool
      if prefix != other {
        isBelow = other < prefix
      } else {
        let member = firstMember(middle)
        isBelow = inclusive ? !bound.precedes(member) : member.precedes(bound)
      }
      if isBelow { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// The first member behind a link.
  @_lifetime(borrow self)
  private func firstMember(_ slot: Int) -> RawSpan {
    let leaf = firstLeaf(slot)
    let span = leaf.member(leaf.slot(at: 0))
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// The link behind which the member with this rank is; `rank` becomes the rank behind it.
  @inline(__always)
  func slot(ofRank rank: inout Int) -> Int {
    let counts = unsafe counts
    var slot = 0
    // Eight counts at a time while they all are before the rank.
    while slot &+ 8 <= count {
      var sum: UInt32 = 0
      for index in 0..<8 { sum &+= unsafe counts[slot &+ index] }
      if rank < Int(sum) { break }
      rank &-= Int(sum)
      slot &+= 8
    }
    while true {
      let number = unsafe Int(counts[slot])
      if rank < number { return slot }
      rank &-= number
      slot &+= 1
      assert(slot < self.count)
    }
  }

  /// Starts loading header and scores.
  @inline(__always)
  func prefetchScores() {
    var offset: UInt = 0
    while offset < 544 {
      Prefetch.line(at: address &+ offset)
      offset &+= 64
    }
  }
}
