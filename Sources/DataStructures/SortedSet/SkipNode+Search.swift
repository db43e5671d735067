// SPDX-License-Identifier: Apache-2.0

extension SkipNode {
  /// Number of entries with a score below `score`.
  ///
  /// No branch depends on a score, and all lines of scores are read at once. It costs 55
  /// instructions; as free slots hold infinity, neither loop has to ask for the count.
  @inlinable @inline(__always)
  func countBelow(_ score: Double) -> Int {
    let scores = unsafe scores
    // The last score of each eight first, then those before it.
    var start = 0
    for line in 0..<7 where unsafe scores[line &* 8 &+ 7] < score { start &+= 8 }
    let rest = unsafe scores + start
    var result = start
    for slot in 0..<8 where unsafe rest[slot] < score { result &+= 1 }
    return result
  }

  /// Number of entries that are before `member` with `score`, or are it.
  @inlinable @inline(__always)
  func countUpTo(_ score: Double, _ member: RawSpan) -> Int {
    let start = countBelow(score)
    guard start < count, unsafe scores[start] == score else { return start }
    return countUpTo(member, from: start)
  }

  /// As `countUpTo`; the entries from `start` on are the first with the same score.
  @inlinable @inline(never)
  func countUpTo(_ member: RawSpan, from start: Int) -> Int {
    let score = unsafe scores[start]
    var low = start
    var end = score == .infinity ? count : countBelow(score.nextUp)
    while low < end {
      let middle = (low &+ end) &>> 1
      // Members lie anywhere in memory: let the next comparison's loading overlap with this one.
      if low < middle { element((low &+ middle) &>> 1).prefetch() }
      if middle &+ 1 < end { element((middle &+ 1 &+ end) &>> 1).prefetch() }
      if member.precedes(element(middle).member) { end = middle } else { low = middle &+ 1 }
    }
    return low
  }

  /// Number of entries whose member is before `member` (or is it, if `inclusive`), scores aside.
  @inlinable
  func countBelow(_ member: RawSpan, inclusive: Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) &>> 1
      let other = element(middle)
      let isBelow = inclusive ? !member.precedes(other.member) : other.member.precedes(member)
      if isBelow { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// The slot of `element`, which must be in this node of the bottom level.
  @inlinable @inline(__always)
  func slot(of element: SortedSetElement, score: Double) -> Int {
    var slot = countBelow(score)
    while unsafe words[slot] != element.word {
      slot &+= 1
      assert(slot < count, "the element is not in its place")
    }
    return slot
  }

  /// The bottom node where `member` with `score` is or belongs; this is the top node.
  ///
  /// `change` is added to the counts of the links that the way follows.
  @inlinable @inline(__always)
  func bottom(for score: Double, _ member: RawSpan, adding change: Int) -> SkipNode {
    var node = self
    while node.level > 0 {
      let slot = max(node.countUpTo(score, member) &- 1, 0)
      unsafe node.counts[slot] &+= change
      node = node.target(slot)
      node.prefetchScores()
      if change != 0 { node.prefetchWords() }
    }
    return node
  }

  /// Sum of the counts of the links before slot `slot`.
  @inlinable @inline(__always)
  func elementCount(before slot: Int) -> Int {
    let counts = unsafe counts
    var sum = 0
    for index in 0..<slot { sum &+= unsafe counts[index] }
    return sum
  }

  /// Starts loading header and scores.
  @inlinable @inline(__always)
  func prefetchScores() {
    var offset: UInt = 0
    while offset < 544 {
      Prefetch.line(at: address &+ offset)
      offset &+= 64
    }
  }

  /// Starts loading the words.
  @inlinable @inline(__always)
  func prefetchWords() {
    var offset: UInt = 576
    while offset < 1056 {
      Prefetch.line(at: address &+ offset)
      offset &+= 64
    }
  }
}
