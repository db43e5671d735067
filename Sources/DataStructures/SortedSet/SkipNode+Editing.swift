// SPDX-License-Identifier: Apache-2.0

extension SkipNode {
  /// Puts an element, or the key of a link, into slot `slot`; the node must have room.
  @inlinable @inline(__always)
  func insert(score: Double, word: UInt64, at slot: Int) {
    let tail = count &- slot
    assert(tail >= 0 && count < SkipNode.slotCount)
    let (scores, words) = unsafe (scores, words)
    unsafe (scores + (slot &+ 1)).update(from: scores + slot, count: tail)
    unsafe (words + (slot &+ 1)).update(from: words + slot, count: tail)
    unsafe scores[slot] = score
    unsafe words[slot] = word
    count &+= 1
  }

  /// Puts a link to `node`, behind which no element is counted yet, into slot `slot`.
  func insertLink(to node: SkipNode, score: Double, word: UInt64, at slot: Int) {
    let tail = count - slot
    unsafe (targets + slot + 1).update(from: targets + slot, count: tail)
    unsafe (counts + slot + 1).update(from: counts + slot, count: tail)
    unsafe targets[slot] = node.address
    unsafe counts[slot] = 0
    insert(score: score, word: word, at: slot)
    node.parent = self
    node.hint = slot
  }

  /// Takes entries out.
  @usableFromInline
  func remove(_ slots: Range<Int>) {
    close(slots)
    count &-= slots.count
    clearScores(slots.count)
  }

  /// Marks the `number` slots behind the last entry as free.
  private func clearScores(_ number: Int) {
    for slot in count..<count &+ number { unsafe scores[slot] = .infinity }
  }

  /// Moves the entries behind `slots` over them.
  private func close(_ slots: Range<Int>) {
    let (gap, end) = (slots.lowerBound, slots.upperBound)
    let tail = count - end
    unsafe (scores + gap).update(from: scores + end, count: tail)
    unsafe (words + gap).update(from: words + end, count: tail)
    guard level > 0 else { return }
    unsafe (targets + gap).update(from: targets + end, count: tail)
    unsafe (counts + gap).update(from: counts + end, count: tail)
  }

  /// Moves the entries from `slot` on by `distance` slots.
  private func open(at slot: Int, by distance: Int) {
    let tail = count - slot
    unsafe (scores + slot + distance).update(from: scores + slot, count: tail)
    unsafe (words + slot + distance).update(from: words + slot, count: tail)
    guard level > 0 else { return }
    unsafe (targets + slot + distance).update(from: targets + slot, count: tail)
    unsafe (counts + slot + distance).update(from: counts + slot, count: tail)
  }

  /// Copies entries into free slots of `other` and returns how many elements are behind them.
  private func copy(_ slots: Range<Int>, to other: SkipNode, at target: Int) -> Int {
    let start = slots.lowerBound
    let number = slots.count
    unsafe (other.scores + target).update(from: scores + start, count: number)
    unsafe (other.words + target).update(from: words + start, count: number)
    guard level > 0 else { return number }
    unsafe (other.targets + target).update(from: targets + start, count: number)
    unsafe (other.counts + target).update(from: counts + start, count: number)
    var moved = 0
    for slot in target..<target + number {
      let child = SkipNode(at: unsafe other.targets[slot])
      child?.parent = other
      child?.hint = slot
      moved += unsafe other.counts[slot]
    }
    return moved
  }

  /// Moves the last `number` entries to the start of `other` and returns the elements behind them.
  func moveLast(_ number: Int, to other: SkipNode) -> Int {
    other.open(at: 0, by: number)
    let moved = copy(count - number..<count, to: other, at: 0)
    other.count += number
    count -= number
    clearScores(number)
    return moved
  }

  /// Moves the first `number` entries to the end of `other` and returns the elements behind them.
  func moveFirst(_ number: Int, to other: SkipNode) -> Int {
    let moved = copy(0..<number, to: other, at: other.count)
    other.count += number
    remove(0..<number)
    return moved
  }
}
