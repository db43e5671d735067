// SPDX-License-Identifier: Apache-2.0

extension SkipNode {
  /// Number of entries with a score below `score`; all lines of scores are read at once.
  @inlinable @inline(__always)
  func countBelow(_ score: Double) -> Int {
    let used = count
    let scores = unsafe scores
    // The last score of each eight first, then within eight: no branch depends on a score.
    var probe = 7
    var result = 0
    while probe < used {
      if unsafe scores[probe] < score { result &+= 8 }
      probe &+= 8
    }
    var slot = result
    let end = min(slot &+ 8, used)
    while slot < end {
      if unsafe scores[slot] < score { result &+= 1 }
      slot &+= 1
    }
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
    var end = start
    while end < count, unsafe scores[end] == score {
      // A few are compared one after the other: let their loading overlap.
      if end &- start < 4 { element(end).prefetch() }
      end &+= 1
    }
    var low = start
    while low < end {
      let middle = (low &+ end) &>> 1
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
