// SPDX-License-Identifier: Apache-2.0

extension Leaf {
  /// Number of members with a key below `key`.
  ///
  /// No branch depends on a score.
  @inline(__always)
  func countBelow(_ key: UInt64) -> Int {
    let count = count
    let base = baseKey
    guard key > base, count > 0 else { return 0 }
    let (shift, width) = (UInt64(shift), width)
    // Stored scores below the limit are below the key.
    var limit = (key &- base) &>> shift
    if limit &<< shift != key &- base { limit &+= 1 }
    let mask = scoreMask
    if limit > mask { return count }
    let (order, scores) = unsafe (order, scores)
    @inline(__always)
    func isBelow(_ index: Int) -> Int {
      let slot = unsafe Int(order[index])
      let stored = unsafe scores.loadUnaligned(fromByteOffset: slot &* width, as: UInt64.self)
      return stored & mask < limit ? 1 : 0
    }
    // The last of each eight first, then those before it: the loads of a loop don't wait for each
    // other, as those of a binary search would.
    var start = 0
    var index = 7
    while index < count {
      start &+= isBelow(index) &<< 3
      index &+= 8
    }
    var result = start
    index = start
    let end = min(start &+ 8, count)
    while index < end {
      result &+= isBelow(index)
      index &+= 1
    }
    return result
  }

  /// Number of members before `member` with `score`, or equal to it.
  @inline(__always)
  func countUpTo(_ score: Double, _ member: RawSpan) -> Int {
    let start = countBelow(ScoreKey.lowest(score))
    guard start < count, key(slot(at: start)) <= ScoreKey.highest(score) else { return start }
    return countUpTo(score, member, from: start)
  }

  /// As `countUpTo`; the members from `start` on are the first with that score.
  @inline(never)
  private func countUpTo(_ score: Double, _ member: RawSpan, from start: Int) -> Int {
    var low = start
    var end = countBelow(ScoreKey.highest(score) &+ 1)
    while low < end {
      let middle = (low &+ end) &>> 1
      if member.precedes(self.member(slot(at: middle))) { end = middle } else { low = middle &+ 1 }
    }
    return low
  }

  /// Number of members before `bound` (or equal to it, if `inclusive`), scores aside.
  func countBelow(_ bound: RawSpan, inclusive: Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) &>> 1
      let member = member(slot(at: middle))
      let isBelow = inclusive ? !bound.precedes(member) : member.precedes(bound)
      if isBelow { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// The place in the order of the member in a slot, which must be taken.
  @inline(__always)
  func index(of slot: Int) -> Int {
    let pattern = UInt64(slot) &* 0x0101_0101_0101_0101
    let order = unsafe base + Leaf.headerByteCount
    var index = 0
    while true {
      // What is left behind the last place may be the same number, but the first is the one.
      let difference =
        unsafe order.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ pattern
      let zeros = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
      if zeros != 0 { return index &+ zeros.trailingZeroBitCount &>> 3 }
      index &+= 8
      assert(index < Leaf.slotMax)
    }
  }

  /// Starts loading what a search by score reads.
  @inline(__always)
  func prefetchScores() {
    Prefetch.line(at: address)
    Prefetch.line(at: address &+ 64)
    Prefetch.line(at: address &+ 128)
    Prefetch.line(at: address &+ 192)
    Prefetch.line(at: address &+ 256)
  }
}
